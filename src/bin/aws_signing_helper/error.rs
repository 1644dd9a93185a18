//! [`RunError`]: why a command failed, and what to do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::RegionError;
use rolesanywhere::aws_call::endpoint::EndpointError;
use rolesanywhere::aws_call::proxy::ProxyError;
use rolesanywhere::aws_call::retry::RetryVariableError;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::signer::SignatureError;
use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::profile_name::ProfileNameError;
use rolesanywhere::output::serve::address::AddressError;
use rolesanywhere::output::serve::authorization_token::AuthorizationTokenError;
use rolesanywhere::output::serve::healthcheck::HealthcheckError;
use rolesanywhere::session::SessionError;

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
    /// What a flag names in place of a file is not there.
    Input {
        flag: &'static str,
        name: String,
        why: &'static str,
    },
    /// Certificate, chain or key.
    Identity(IdentityError),
    /// The endpoint.
    Endpoint(EndpointError),
    /// The proxy.
    Proxy(ProxyError),
    /// A variable that steers attempts.
    Retry(RetryVariableError),
    /// The operating system gives no event loop.
    Runtime(io::Error),
    /// The call.
    Session {
        error: Box<SessionError>,
        hint: Option<String>,
    },
    /// The cache says no.
    Cached(String),
    /// Another flag is missing for this one.
    Needs {
        flag: &'static str,
        needed: &'static str,
    },
    /// The role has no name by which it could be offered.
    RoleName { arn: String },
    /// There is nothing to listen at.
    Address(AddressError),
    /// There is no endpoint.
    Serve(io::Error),
    /// No token can be made.
    Randomness,
    /// The container endpoint has no token.
    AuthorizationMissing,
    /// The container endpoint's token cannot be used.
    Authorization(AuthorizationTokenError),
    /// There is nothing to listen at for probes.
    StatusAddress {
        address: SocketAddr,
        source: io::Error,
    },
    /// A socket that was handed over cannot be used.
    Activation(io::Error),
    /// The endpoint is not ready.
    Healthcheck(HealthcheckError),
    /// A profile cannot have this name.
    Profile {
        name: String,
        source: ProfileNameError,
    },
    /// The credentials file.
    CredentialsFile(CredentialsFileError),
    /// There is no cache to clear.
    CachePath,
    /// The cache was not cleared.
    CacheClear { path: PathBuf, source: io::Error },
    /// The private key.
    Signature(SignatureError),
    /// stdout.
    Output(io::Error),
}

impl RunError {
    pub(crate) fn missing(what: &'static str, flag: &'static str) -> Self {
        Self::Missing {
            what,
            flag,
            strays: Vec::new(),
        }
    }

    /// Stray words explain a missing flag: an escaped line break in a configuration file makes them.
    pub(crate) fn with_strays(self, words: &[std::ffi::OsString]) -> Self {
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
            Self::Session { hint, .. } => hint.clone(),
            Self::Missing { strays, .. } if !strays.is_empty() => Some(
                "everything has to be on one line; a backslash at the end of a line in a \
                 configuration file ends the command there"
                    .to_owned(),
            ),
            Self::Identity(IdentityError::PasswordMissing { purpose, .. }) => {
                let (flag, variable) = match purpose {
                    Purpose::PrivateKey => ("--pkcs8-password-file", "PKCS8_PASSWORD"),
                    Purpose::Pkcs12 => ("--pkcs12-password-file", "PKCS12_PASSWORD"),
                };
                Some(format!(
                    "give {flag}, or AWS_SIGNING_HELPER_{variable} in the environment, or run it at \
                     a terminal"
                ))
            }
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
            Self::Input { flag, name, why } => {
                write!(f, "cannot read --{flag} from {name}: {why}")
            }
            Self::Identity(error) => error.fmt(f),
            Self::Endpoint(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Retry(error) => error.fmt(f),
            Self::Runtime(_) => f.write_str("cannot start the event loop"),
            Self::Session { error, .. } => error.fmt(f),
            Self::Cached(message) => f.write_str(message),
            Self::Needs { flag, needed } => {
                write!(f, "--{flag} is of no use without --{needed}; add that, or leave both")
            }
            Self::RoleName { arn } => {
                write!(
                    f,
                    "the role arn {arn:?} names no role: arn:..:role/NAME is expected"
                )
            }
            Self::Address(error) => error.fmt(f),
            Self::Serve(_) => f.write_str("cannot start the endpoint"),
            Self::Randomness => f.write_str("the operating system gives no random numbers"),
            Self::AuthorizationMissing => f.write_str(
                "--container-credentials needs a token that programs have to show; name a file with \
                 --authorization-token-file, which is made if it is not there",
            ),
            Self::Authorization(error) => error.fmt(f),
            Self::StatusAddress { address, .. } => {
                write!(f, "cannot listen at the status address {address}")
            }
            Self::Activation(_) => {
                f.write_str("cannot use a socket of LISTEN_FDS: listening TCP sockets are expected")
            }
            Self::Healthcheck(error) => error.fmt(f),
            Self::Profile { name, .. } => write!(f, "cannot write the profile {name:?}"),
            Self::CredentialsFile(error) => error.fmt(f),
            Self::CachePath => {
                f.write_str("no variable says where the cache is; name its folder with --cache-dir")
            }
            Self::CacheClear { path, .. } => {
                write!(f, "cannot clear the cache in {}", path.display())
            }
            Self::Signature(error) => error.fmt(f),
            Self::Output(_) => f.write_str("cannot write to stdout"),
        }
    }
}

/// clap's message without its own prefix, and without its tip to write `--` in front of a flag that
/// does not exist: what follows it is ignored here.
fn usage_message(error: &clap::Error) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let lines = message
        .lines()
        .filter(|line| !line.trim_start().starts_with("tip: to pass"));
    let mut text = String::new();
    for line in lines {
        let is_second_empty_line = line.is_empty() && text.ends_with("\n\n");
        if !is_second_empty_line {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Arn { source, .. } => Some(source),
            Self::Region(source) => Some(source),
            Self::Runtime(source)
            | Self::Serve(source)
            | Self::Output(source)
            | Self::CacheClear { source, .. } => Some(source),
            Self::Address(error) => error.source(),
            Self::Authorization(error) => error.source(),
            Self::StatusAddress { source, .. } | Self::Activation(source) => Some(source),
            Self::Healthcheck(error) => error.source(),
            Self::Identity(error) => error.source(),
            Self::Profile { source, .. } => Some(source),
            Self::CredentialsFile(error) => error.source(),
            Self::Endpoint(error) => error.source(),
            Self::Proxy(error) => error.source(),
            Self::Retry(error) => error.source(),
            Self::Session { error, .. } => error.source(),
            Self::Signature(error) => error.source(),
            Self::Usage(_)
            | Self::Variable { .. }
            | Self::Exclusive { .. }
            | Self::Missing { .. }
            | Self::Unsupported { .. }
            | Self::Input { .. }
            | Self::Cached(_)
            | Self::CachePath
            | Self::Needs { .. }
            | Self::RoleName { .. }
            | Self::Randomness
            | Self::AuthorizationMissing
            | Self::RegionsDiffer { .. }
            | Self::RegionMissing => None,
        }
    }
}
