//! The commands: typed values to library values to output.

use std::fmt;
use std::io;
use std::io::Write;
use std::str::FromStr;
use std::time::Instant;

use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use rolesanywhere::Client;
use rolesanywhere::Credentials;
use rolesanywhere::IdentitySource;
use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::Region;
use rolesanywhere::arn::RegionError;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session;
use rolesanywhere::create_session::ClientSettings;
use rolesanywhere::create_session::Event;
use rolesanywhere::create_session::Failure;
use rolesanywhere::create_session::RetryVariableError;
use rolesanywhere::create_session::endpoint::Endpoint;
use rolesanywhere::create_session::endpoint::EndpointError;
use rolesanywhere::create_session::hint::Asked;
use rolesanywhere::create_session::hint::hint;
use rolesanywhere::create_session::proxy::Proxy;
use rolesanywhere::create_session::proxy::ProxyError;
use rolesanywhere::create_session::proxy::is_configured;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::create_session::transport::TransportError;
use rolesanywhere::create_session::trust_roots::TrustRoots;
use rolesanywhere::credentials::CredentialsError;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::output;

use crate::arguments;
use crate::arguments::CredentialProcess;
use crate::arguments::IdentityFlags;
use crate::arguments::SessionFlags;
use crate::debug;
use crate::report;

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
    let source = identity_source(arguments.identity).map_err(|error| error.with_strays(&strays))?;
    let identity = source.open().map_err(RunError::Identity)?;
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
    let with_proxy = arguments.network.with_proxy == Some(true);
    let proxy = match with_proxy {
        true => Proxy::on_the_way_to(&endpoint, environment).map_err(RunError::Proxy)?,
        false => None,
    };
    let is_proxy_unused = !with_proxy && is_configured(&endpoint, environment);
    let client = Client::new(ClientSettings {
        endpoint,
        region,
        trust_roots: match arguments.network.no_verify_ssl {
            Some(true) => TrustRoots::Unverified,
            Some(false) | None => TrustRoots::resolve(environment),
        },
        proxy,
        attempts_max: create_session::attempts_max(environment).map_err(RunError::Retry)?,
        time_max: ClientSettings::TIME_MAX,
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

/// Writes to stdout. Whoever closed it has read enough.
pub(crate) fn print(bytes: &[u8]) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
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

fn identity_source(flags: IdentityFlags) -> Result<IdentitySource, RunError> {
    let unsupported = &flags.unsupported;
    for (flag, is_given) in [
        ("cert-selector", unsupported.cert_selector.is_some()),
        ("system-store-name", unsupported.system_store_name.is_some()),
        (
            "use-latest-expiring-certificate",
            unsupported.use_latest_expiring_certificate == Some(true),
        ),
        ("tpm-key-password", unsupported.tpm_key_password.is_some()),
        ("pkcs8-password", unsupported.pkcs8_password.is_some()),
    ] {
        if is_given {
            return Err(RunError::Unsupported {
                what: format!("--{flag}"),
            });
        }
    }
    let certificate = flags
        .certificate
        .filter(|path| !path.as_os_str().is_empty())
        .ok_or_else(|| RunError::missing("certificate", "certificate"))?;
    let private_key = flags
        .private_key
        .filter(|path| !path.as_os_str().is_empty());
    for path in private_key.iter().chain([&certificate]) {
        let text = path.to_string_lossy();
        for scheme in ["pkcs11:", "handle:"] {
            if text.starts_with(scheme) {
                return Err(RunError::Unsupported {
                    what: format!("an identity in {scheme}"),
                });
            }
        }
    }
    Ok(IdentitySource::Files {
        certificate,
        private_key,
        intermediates: flags
            .intermediates
            .filter(|path| !path.as_os_str().is_empty()),
    })
}

/// Uniform in 0..1. Without randomness everybody waits the same, which is no failure.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The command line is wrong, or asks for help.
    Usage(clap::Error),
    /// A variable's value is wrong.
    Variable {
        variable: String,
        source: clap::Error,
    },
    /// Two flags exclude each other.
    Exclusive {
        one: &'static str,
        other: &'static str,
    },
    /// A flag is missing.
    Missing {
        what: &'static str,
        flag: &'static str,
        strays: Vec<String>,
    },
    /// What is asked for is not in this version.
    Unsupported { what: String },
    /// An ARN is none.
    Arn {
        what: &'static str,
        flag: &'static str,
        text: String,
        source: ArnError,
    },
    /// The regions of trust anchor and profile differ.
    RegionsDiffer {
        trust_anchor: String,
        profile: String,
    },
    /// `--region` is none.
    Region(RegionError),
    /// There is no region at all.
    RegionMissing,
    /// Certificate, chain or key.
    Identity(IdentityError),
    /// The endpoint.
    Endpoint(EndpointError),
    /// The proxy.
    Proxy(ProxyError),
    /// A variable that steers attempts.
    Retry(RetryVariableError),
    /// TLS or the HTTP client.
    Transport(TransportError),
    /// The operating system gives no event loop.
    Runtime(io::Error),
    /// The call.
    CreateSession {
        failure: Box<Failure>,
        hint: Option<String>,
    },
    /// The answer.
    Credentials(CredentialsError),
    /// stdout.
    Output(io::Error),
}

impl RunError {
    fn missing(what: &'static str, flag: &'static str) -> Self {
        Self::Missing {
            what,
            flag,
            strays: Vec::new(),
        }
    }

    /// Stray words explain a missing flag: an escaped line break in a configuration file makes them.
    fn with_strays(self, words: &[std::ffi::OsString]) -> Self {
        match self {
            Self::Missing { what, flag, .. } => Self::Missing {
                what,
                flag,
                strays: words
                    .iter()
                    .map(|word| word.to_string_lossy().into_owned())
                    .collect(),
            },
            other => other,
        }
    }

    /// What to do about it, where more can be said than the error does.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::CreateSession { hint, .. } => hint.clone(),
            Self::Missing { strays, .. } if !strays.is_empty() => Some(
                "everything has to be on one line; a backslash at the end of a line in a \
                 configuration file ends the command there"
                    .to_owned(),
            ),
            Self::Unsupported { .. } => {
                Some("use --certificate and --private-key with PEM files".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => f.write_str(usage_message(error).trim_end()),
            Self::Variable { variable, source } => {
                let message = usage_message(source);
                let message = message.lines().next().unwrap_or_default();
                write!(f, "environment variable {variable}: {message}")
            }
            Self::Exclusive { one, other } => {
                write!(f, "--{one} and --{other} cannot be used together")
            }
            Self::Missing { what, flag, strays } => {
                write!(f, "no {what} is given; --{flag} is missing")?;
                match strays.as_slice() {
                    [] => Ok(()),
                    strays => write!(f, ", and these words belong to no flag: {strays:?}"),
                }
            }
            Self::Unsupported { what } => write!(f, "{what} is not supported by this version"),
            Self::Arn {
                what, flag, text, ..
            } => write!(f, "cannot use the {what} {text:?} of --{flag}"),
            Self::RegionsDiffer {
                trust_anchor,
                profile,
            } => write!(
                f,
                "trust anchor and profile regions don't match: {trust_anchor} and {profile}"
            ),
            Self::Region(_) => f.write_str("cannot use the --region"),
            Self::RegionMissing => {
                f.write_str("the trust anchor's arn names no region; give one with --region")
            }
            Self::Identity(error) => error.fmt(f),
            Self::Endpoint(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Retry(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Runtime(_) => f.write_str("cannot start the event loop"),
            Self::CreateSession { failure, .. } => failure.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::Output(_) => f.write_str("cannot write to stdout"),
        }
    }
}

/// clap's message without its own prefix.
fn usage_message(error: &clap::Error) -> String {
    let message = error.to_string();
    message
        .strip_prefix("error: ")
        .map(str::to_owned)
        .unwrap_or(message)
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Arn { source, .. } => Some(source),
            Self::Region(source) => Some(source),
            Self::Runtime(source) | Self::Output(source) => Some(source),
            Self::Identity(error) => error.source(),
            Self::Endpoint(error) => error.source(),
            Self::Proxy(error) => error.source(),
            Self::Retry(error) => error.source(),
            Self::Transport(error) => error.source(),
            Self::CreateSession { failure, .. } => failure.source(),
            Self::Credentials(error) => error.source(),
            Self::Usage(_)
            | Self::Variable { .. }
            | Self::Exclusive { .. }
            | Self::Missing { .. }
            | Self::Unsupported { .. }
            | Self::RegionsDiffer { .. }
            | Self::RegionMissing => None,
        }
    }
}

/// What the reference helper asks for where nothing is given.
const SESSION_DURATION_SECONDS: i32 = 3600;
