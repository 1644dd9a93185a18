//! `configure`: a profile of the config file that runs `credential-process`.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::pkcs11::TokenPlace;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::output::config_file;
use rolesanywhere::output::config_file::ProfileSettings;
use rolesanywhere::output::config_file::command_line;
use rolesanywhere::output::config_file::command_line::CommandLineError;
use rolesanywhere::output::credentials_file::location;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::output::credentials_file::profile_source;
use rolesanywhere::platform;
use rolesanywhere::text::ShownName;
use rolesanywhere::text::pin_value::holds_pin;

use crate::arguments::call::CallFlags;
use crate::arguments::configure::Configure;
use crate::arguments::configure::Given;
use crate::arguments::identity::IdentityFlags;
use crate::certificate_store::certificate_path;
use crate::certificate_store::store_place;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::inputs::LaterInput;
use crate::inputs::profile;
use crate::inputs::refuse_shared_streams;
use crate::report;
use crate::report::print;
use crate::role_chain;
use crate::session::DURATION_SECONDS;
use crate::session::region;
use crate::session::request;

/// `configure`.
pub(crate) fn run(arguments: Configure, environment: &Environment) -> Result<ExitCode, RunError> {
    let profile = profile(arguments.config.profile)?;
    if !profile.is_identifier() {
        let name = profile.as_str().to_owned();
        return Err(RunError::ProfileNotFound { name });
    }
    let is_relative = arguments.config.relative == Some(true);
    let typed_region = arguments.process.call.network.region.clone();
    let typed_region = typed_region.filter(|region| !region.is_empty());
    let is_region_needed = check(arguments.process.call, environment)?;
    let mut words = vec![
        program(is_relative, environment)?,
        "credential-process".into(),
    ];
    for given in arguments.given {
        if given.flag != "region" || is_region_needed {
            words.extend(as_words(given, is_relative, environment)?);
        }
    }
    let words: Vec<String> = words.into_iter().map(text).collect::<Result<_, _>>()?;
    let command = command_line::quoted(&words, platform::QUOTES_LIKE_WINDOWS)
        .map_err(RunError::CommandLine)?;
    let settings = ProfileSettings {
        credential_process: &command,
        region: typed_region.as_deref(),
    };
    match arguments.config.print {
        Some(true) => print(config_file::edit(b"", &profile, settings).bytes.expose()),
        Some(false) | None => write(&profile, settings, environment),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Refuses what `credential-process` and CreateSession would refuse. Whether the command needs `--region`, as the
/// trust anchor's ARN has none: CreateSession takes no other than its.
fn check(flags: CallFlags, environment: &Environment) -> Result<bool, RunError> {
    refuse_shared_streams(&flags.inputs())?;
    let IdentityFlags {
        certificate,
        private_key,
        store,
        ..
    } = flags.identity;
    let places = [("certificate", &certificate), ("private-key", &private_key)];
    for (flag, path) in places {
        if let Some(path) = path {
            check_uri(flag, path, environment)?;
        }
    }
    if store_place(certificate.as_deref(), &store, false)?.is_none() {
        certificate_path(certificate)?;
    }
    for endpoint in [&flags.network.endpoint, &flags.role_chain.sts_endpoint] {
        let given = endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
        given
            .map(Endpoint::parse)
            .transpose()
            .map_err(RunError::Endpoint)?;
    }
    let request = request(&flags.session)?;
    if !DURATION_SECONDS.contains(&request.duration_seconds) {
        return Err(RunError::SessionDuration {
            seconds: request.duration_seconds,
        });
    }
    let base = &request.role_arn;
    role_chain::roles(flags.role_chain, base, environment, Instant::now())?;
    region(flags.network.region.as_deref(), &request)?;
    Ok(request.trust_anchor_arn.region().is_none())
}

/// Refuses a malformed URI, and one with a PIN, which would stand in the config file.
fn check_uri(flag: &'static str, path: &Path, environment: &Environment) -> Result<(), RunError> {
    let place = Inputs::new(environment, Instant::now()).token_place(flag, path)?;
    match place.filter(TokenPlace::holds_pin) {
        None => Ok(()),
        Some(place) => Err(RunError::PinWritten {
            flag,
            uri: place.name().to_string_lossy().into_owned(),
        }),
    }
}

fn write(
    profile: &ProfileName,
    settings: ProfileSettings<'_>,
    environment: &Environment,
) -> Result<(), RunError> {
    let path = location::locate_config(environment).map_err(RunError::CredentialsFile)?;
    let warnings =
        config_file::update(&path, profile, settings).map_err(RunError::CredentialsFile)?;
    for warning in warnings {
        warn(warning.to_string());
    }
    let mut winning = profile_source::credential_settings(&path, profile.as_str());
    winning.retain(|name| *name != "credential_process");
    if !winning.is_empty() {
        warn(format!(
            "the profile {} of {} has {}, which most SDKs prefer to credential_process: remove what is not \
             needed",
            profile.as_str(),
            ShownName::of(&path),
            winning.join(" and ")
        ));
    }
    if let Ok(path) = location::locate(None, environment)
        && !profile_source::credential_settings(&path, profile.as_str()).is_empty()
    {
        warn(format!(
            "the profile {} of {} has credentials, which win over this one",
            profile.as_str(),
            ShownName::of(&path)
        ));
    }
    Ok(())
}

fn warn(message: String) {
    report::log(&LogEvent::new(Level::Warning, "config_file", message));
}

/// This program, by a path that a later version of it has too: that of a link, if it was found by one.
fn program(is_relative: bool, environment: &Environment) -> Result<OsString, RunError> {
    let typed = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    if is_relative {
        return Ok(typed.into());
    }
    let has_folder = typed.components().count() > 1;
    let path = environment.raw("PATH").filter(|_| !has_folder);
    let found = path.and_then(|path| {
        let mut places = std::env::split_paths(path).map(|folder| folder.join(&typed));
        places.find(|place| place.is_file())
    });
    let path = match found {
        Some(found) => std::path::absolute(found),
        None if has_folder => std::path::absolute(typed),
        None => std::env::current_exe(),
    };
    path.map(OsString::from).map_err(RunError::Runtime)
}

fn text(word: OsString) -> Result<String, RunError> {
    word.into_string()
        .map_err(|word| refused(&word, "bytes that are not UTF-8"))
}

fn refused(word: &OsStr, what: &'static str) -> RunError {
    let word = word.to_string_lossy().into_owned();
    RunError::CommandLine(CommandLineError { word, what })
}

fn as_words(
    given: Given,
    is_relative: bool,
    environment: &Environment,
) -> Result<Vec<OsString>, RunError> {
    let flag = OsString::from(format!("--{}", given.flag));
    Ok(match given {
        Given {
            is_boolean: true,
            value,
            ..
        } if value == "true" => vec![flag],
        Given {
            is_boolean: true,
            value,
            ..
        } => {
            let mut word = flag;
            word.push("=");
            word.push(value);
            vec![word]
        }
        Given {
            is_path: true,
            value,
            ..
        } => vec![flag, later(&value, is_relative, environment)?],
        Given { value, .. } => vec![flag, value],
    })
}

/// A path as it is to be named from any folder.
fn later(
    name: &OsString,
    is_relative: bool,
    environment: &Environment,
) -> Result<OsString, RunError> {
    if holds_pin(&name.to_string_lossy()) {
        return Err(RunError::PinInName);
    }
    if ShownName::of(name).is_hidden() {
        return Err(refused(name, "the content of a file in place of its path"));
    }
    match LaterInput::of(Path::new(name)) {
        LaterInput::Gone => Err(RunError::ReadOnce { name: name.clone() }),
        LaterInput::Variable | LaterInput::Token => Ok(name.clone()),
        LaterInput::File if is_relative => Ok(name.clone()),
        LaterInput::File => {
            let path = PathBuf::from(name);
            let path = environment.expand_home(path.clone()).unwrap_or(path);
            let path = std::path::absolute(path).map_err(RunError::Runtime)?;
            Ok(path.into())
        }
    }
}
