//! The commands: typed values to library values to output.

use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use clap_complete::Shell;
use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use rolesanywhere::Client;
use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::Region;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::ClientSettings;
use rolesanywhere::create_session::Event;
use rolesanywhere::create_session::endpoint::Endpoint;
use rolesanywhere::create_session::proxy::Proxy;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::create_session::retry;
use rolesanywhere::create_session::trust_roots::TrustRoots;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::output;

use crate::arguments;
use crate::arguments::CompletionShell;
use crate::arguments::CredentialProcess;
use crate::arguments::DigestFlag;
use crate::arguments::FormatFlag;
use crate::arguments::IdentityFlags;
use crate::arguments::ReadCertificateData;
use crate::arguments::SessionFlags;
use crate::arguments::SignString;
use crate::debug;
use crate::error::RunError;
use crate::hint::Asked;
use crate::hint::hint;
use crate::inputs::Inputs;
use crate::passwords::Passwords;
use crate::report;
use crate::report::print;

/// `credential-process`.
pub(crate) fn credential_process(
    arguments: CredentialProcess,
    environment: &Environment,
) -> Result<(), RunError> {
    let begin = Instant::now();
    let is_debug = arguments.debug == Some(true);
    let strays = arguments.strays.strays;
    let request = request(arguments.session).map_err(|error| error.with_strays(&strays))?;
    let region = region(arguments.network.region.as_deref(), &request)?;
    let identity =
        identity(arguments.identity, environment).map_err(|error| error.with_strays(&strays))?;
    if is_debug {
        let after = debug::milliseconds(begin.elapsed());
        report::line(&format!("debug: identity read after {after}"));
    }

    let endpoint = arguments
        .network
        .endpoint
        .filter(|endpoint| !endpoint.is_empty());
    let endpoint =
        Endpoint::resolve(endpoint.as_deref(), &region, environment).map_err(RunError::Endpoint)?;
    let on_the_way = Proxy::on_the_way_to(&endpoint, environment);
    let (proxy, is_proxy_unused) = match arguments.network.with_proxy {
        Some(true) => (on_the_way.map_err(RunError::Proxy)?, false),
        Some(false) | None => (None, matches!(on_the_way, Ok(Some(_)))),
    };
    let client = Client::new(ClientSettings {
        endpoint,
        region,
        trust_roots: match arguments.network.no_verify_ssl {
            Some(true) => TrustRoots::Unverified,
            Some(false) | None => TrustRoots::resolve(environment),
        },
        proxy,
        attempts_max: retry::attempts_max(environment).map_err(RunError::Retry)?,
        // The limit is the command's; reading files may have taken some of it.
        time_max: ClientSettings::TIME_MAX.saturating_sub(begin.elapsed()),
        attempt_limits: ClientSettings::ATTEMPT_LIMITS,
        clock: Clock::System,
        jitter,
    })
    .map_err(RunError::Transport)?;

    let watch = |event: Event<'_>| {
        if is_debug {
            report::line(&format!("debug: {}", debug::describe(&event)));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(RunError::Runtime)?;
    let outcome = runtime.block_on(client.create_session(&identity, &request, &watch));
    // A resolver that hangs would hold the end of the runtime back, and with it the exit.
    runtime.shutdown_background();

    let response = outcome.map_err(|failure| {
        let asked = Asked {
            identity: &identity,
            request: &request,
            is_proxy_unused,
            time: Clock::System.now(),
        };
        RunError::CreateSession {
            hint: hint(&failure, asked),
            failure: Box::new(failure),
        }
    })?;
    let credentials = Credentials::try_from(response).map_err(RunError::Credentials)?;
    let document = output::credential_process::document(&credentials);
    print(document.expose())
}

/// `sign-string`.
pub(crate) fn sign_string(
    arguments: SignString,
    environment: &Environment,
) -> Result<(), RunError> {
    let strays = arguments.strays.strays;
    let identity =
        identity(arguments.identity, environment).map_err(|error| error.with_strays(&strays))?;
    let signer = identity.signer();
    if arguments.debug == Some(true) {
        let algorithm = signer.public_key().algorithm;
        report::line(&format!("debug: signing the fixed text by {algorithm}"));
    }
    let digest = match arguments.digest {
        None | Some(DigestFlag::Sha256) => Digest::Sha256,
        Some(DigestFlag::Sha384) => Digest::Sha384,
        Some(DigestFlag::Sha512) => Digest::Sha512,
    };
    let signature = signer
        .sign(&output::sign_string::message(signer.public_key()), digest)
        .map_err(RunError::Signature)?;
    match arguments.format {
        None | Some(FormatFlag::Json) => {
            print(format!("\"{}\"", hex::encode(signature)).as_bytes())
        }
        Some(FormatFlag::Text) => print(hex::encode(signature).as_bytes()),
        Some(FormatFlag::Bin) => print(&signature),
    }
}

/// `read-certificate-data`.
pub(crate) fn read_certificate_data(
    arguments: ReadCertificateData,
    environment: &Environment,
) -> Result<(), RunError> {
    let selectors = [
        ("--cert-selector", arguments.cert_selector.is_some()),
        ("--system-store-name", arguments.system_store_name.is_some()),
    ];
    let path = certificate_path(arguments.certificate, selectors)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let input = Inputs::new(environment).input("certificate", path)?;
    let certificate = open_certificate(&input).map_err(RunError::Identity)?;
    print(&output::certificate_data::document(&certificate))
}

/// `completion`.
pub(crate) fn completion(shell: Option<CompletionShell>) -> Result<(), RunError> {
    let shell = match shell {
        None => return help(&["completion".to_owned()]),
        Some(CompletionShell::Bash) => Shell::Bash,
        Some(CompletionShell::Zsh) => Shell::Zsh,
        Some(CompletionShell::Fish) => Shell::Fish,
        Some(CompletionShell::Powershell) => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), report::NAME, &mut script);
    print(&script)
}

/// `version`.
pub(crate) fn version() -> Result<(), RunError> {
    print(concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes())
}

/// `help`, of the whole or of the command named; a command that does not exist gets the whole, as in
/// the reference helper. It is the very text of `--help`.
pub(crate) fn help(topic: &[String]) -> Result<(), RunError> {
    let command = arguments::command();
    let topic = topic
        .first()
        .and_then(|name| command.find_subcommand(name))
        .map(|command| command.get_name().to_owned());
    let line = [
        Some(report::NAME.to_owned()),
        topic,
        Some("--help".to_owned()),
    ];
    match command.try_get_matches_from(line.into_iter().flatten()) {
        Err(help) => Err(RunError::Usage(help)),
        Ok(_) => Ok(()),
    }
}

fn request(flags: SessionFlags) -> Result<CreateSessionRequest, RunError> {
    Ok(CreateSessionRequest {
        trust_anchor_arn: arn(
            "trust anchor arn",
            "trust-anchor-arn",
            flags.trust_anchor_arn,
        )?,
        profile_arn: arn("profile arn", "profile-arn", flags.profile_arn)?,
        role_arn: arn("role arn", "role-arn", flags.role_arn)?,
        duration_seconds: flags.session_duration.unwrap_or(SESSION_DURATION_SECONDS),
        role_session_name: flags.role_session_name,
    })
}

fn arn<A: FromStr<Err = ArnError>>(
    what: &'static str,
    flag: &'static str,
    text: Option<String>,
) -> Result<A, RunError> {
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or_else(|| RunError::missing(what, flag))?;
    text.parse().map_err(|source| RunError::Arn {
        what,
        flag,
        text,
        source,
    })
}

/// `--region`, else the trust anchor's. The profile's has to be the trust anchor's in any case.
fn region(flag: Option<&str>, request: &CreateSessionRequest) -> Result<Region, RunError> {
    let trust_anchor = request.trust_anchor_arn.region();
    let profile = request.profile_arn.region();
    if trust_anchor != profile {
        let name = |region: Option<&Region>| region.map_or("none", Region::as_str).to_owned();
        return Err(RunError::RegionsDiffer {
            trust_anchor: name(trust_anchor),
            profile: name(profile),
        });
    }
    match flag.filter(|flag| !flag.is_empty()) {
        Some(flag) => flag.parse().map_err(RunError::Region),
        None => trust_anchor.cloned().ok_or(RunError::RegionMissing),
    }
}

/// The identity of the flags. What they hold of it is dropped once it is read.
fn identity(flags: IdentityFlags, environment: &Environment) -> Result<Identity, RunError> {
    let unsupported = &flags.unsupported;
    let selectors = [
        ("--cert-selector", unsupported.cert_selector.is_some()),
        (
            "--system-store-name",
            unsupported.system_store_name.is_some(),
        ),
    ];
    let certificate = certificate_path(flags.certificate, selectors)?;
    let given = |path: &PathBuf| !path.as_os_str().is_empty();
    let private_key = flags.private_key.filter(given);
    if let Some(path) = &private_key {
        check_scheme(path)?;
    }
    let mut inputs = Inputs::new(environment);
    let source = IdentitySource::Files {
        certificate: inputs.input("certificate", certificate)?,
        private_key: private_key
            .map(|path| inputs.input("private-key", path))
            .transpose()?,
        intermediates: flags
            .intermediates
            .filter(given)
            .map(|path| inputs.input("intermediates", path))
            .transpose()?,
    };
    source
        .open(&Passwords::new(flags.passwords))
        .map_err(RunError::Identity)
}

/// The path of `--certificate`. Without one, `selectors` ask for a certificate out of an operating
/// system's store.
fn certificate_path(
    path: Option<PathBuf>,
    selectors: [(&str, bool); 2],
) -> Result<PathBuf, RunError> {
    let selector = selectors.into_iter().find(|(_, is_given)| *is_given);
    match (path.filter(|path| !path.as_os_str().is_empty()), selector) {
        (Some(path), _) => check_scheme(&path).map(|()| path),
        (None, Some((flag, _))) => Err(RunError::Unsupported {
            what: flag.to_owned(),
        }),
        (None, None) => Err(RunError::missing("certificate", "certificate")),
    }
}

/// Refuses what is no path but names a token or a TPM's key.
fn check_scheme(path: &Path) -> Result<(), RunError> {
    let text = path.to_string_lossy();
    match ["pkcs11:", "handle:"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme))
    {
        Some(scheme) => Err(RunError::Unsupported {
            what: format!("an identity in {scheme}"),
        }),
        None => Ok(()),
    }
}

/// Uniform in 0..1. Without randomness everybody waits the same, which is no failure.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// What the reference helper asks for where nothing is given.
const SESSION_DURATION_SECONDS: i32 = 3600;
