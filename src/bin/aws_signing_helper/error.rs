//! [`RunError`]: why a command failed, and what to do about it.

use std::error::Error;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::RegionError;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::endpoint::EndpointError;
use rolesanywhere::aws_call::proxy::ProxyError;
use rolesanywhere::aws_call::retry::RetryVariableError;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::os_store::error::StoreError;
use rolesanywhere::identity::pkcs11::error::Pin;
use rolesanywhere::identity::pkcs11::error::Pkcs11Error;
use rolesanywhere::identity::pkcs11::uri::Pkcs11UriError;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::selector::SelectorError;
use rolesanywhere::identity::signer::SignatureError;
use rolesanywhere::identity::tpm::TpmError;
use rolesanywhere::output::config_file::command_line::CommandLineError;
use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::profile_name::ProfileNameError;
use rolesanywhere::output::endpoint::address::AddressError;
use rolesanywhere::output::endpoint::healthcheck::HealthcheckError;
use rolesanywhere::output::endpoint::token_file::AuthorizationTokenError;
use rolesanywhere::output::export::ExportError;
use rolesanywhere::policy::authorities::NotAnAuthority;
use rolesanywhere::policy::session_policy;
use rolesanywhere::policy::trust_policy::TagAbsent;
use rolesanywhere::policy::verdict::PolicyError;
use rolesanywhere::session::SessionError;
use rolesanywhere::text::Printable;
use rolesanywhere::text::ShownName;
use rolesanywhere::text::pin_value::holds_pin;

use crate::hint::KEY_REPLACED;
use crate::session::DURATION_SECONDS;
use crate::usage::UsageError;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The command line is wrong, or asks for help.
    Usage(UsageError),
    /// A variable's value is wrong.
    Variable {
        variable: String,
        source: UsageError,
    },
    /// Two flags exclude each other.
    Exclusive {
        one: &'static str,
        other: &'static str,
    },
    /// Two flags name one stream.
    SharedStream {
        one: &'static str,
        other: &'static str,
        descriptor: u32,
    },
    /// A flag is missing.
    Missing {
        what: &'static str,
        flag: &'static str,
        strays: Vec<String>,
    },
    /// The selector is malformed.
    Selector(SelectorError),
    /// There is no certificate store.
    Store(StoreError),
    /// This version does not support it.
    Unsupported { what: String },
    /// An ARN is malformed.
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
    /// `--region` is malformed.
    Region(RegionError),
    /// No region is known.
    RegionMissing,
    /// The input that a flag names in place of a file does not exist.
    Input {
        flag: &'static str,
        name: String,
        why: String,
    },
    /// The URI of an object on a token is malformed.
    Pkcs11Uri {
        flag: &'static str,
        /// Without its PIN.
        uri: String,
        source: Pkcs11UriError,
    },
    /// Certificate, chain or key.
    Identity(IdentityError),
    /// Certificate, chain or key could not be read in time.
    IdentityTimedOut,
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
    /// Another process failed a moment ago.
    Cached {
        message: String,
        hint: Option<String>,
    },
    /// Another flag is missing for this one.
    Needs {
        flag: &'static str,
        needed: &'static str,
    },
    /// CreateSession takes no session of this length.
    SessionDuration { seconds: i32 },
    /// A flag of role chaining has a value of no use.
    RoleChain { flag: &'static str, why: String },
    /// The role has no name by which it could be offered.
    RoleName { arn: String },
    /// There is nothing to listen at.
    Address(AddressError),
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
    /// The cache to clear does not exist.
    CachePath,
    /// The cache was not cleared.
    CacheClear { path: PathBuf, source: io::Error },
    /// A password would stand in the config file.
    PasswordWritten {
        flag: String,
        file_flag: Option<String>,
    },
    /// A PIN would stand in the config file.
    PinWritten {
        flag: &'static str,
        /// Without the PIN.
        uri: String,
    },
    /// A name that holds a PIN would stand in the config file.
    PinInName,
    /// What can be read only once is of no use in the config file.
    ReadOnce { name: OsString },
    /// A profile's name that not all SDKs find in the config file.
    ProfileNotFound { name: String },
    /// A command line cannot stand in the config file.
    CommandLine(CommandLineError),
    /// A format cannot carry the credentials.
    Export(ExportError),
    /// The file of `GITHUB_ENV` cannot be written.
    EnvironmentFile { path: PathBuf, source: io::Error },
    /// The certificate lacks an attribute that a trust policy is to ask for.
    TagAbsent(TagAbsent),
    /// A trust anchor cannot have this certificate.
    NotAnAuthority {
        path: PathBuf,
        source: NotAnAuthority,
    },
    /// The policy to explain cannot be read.
    Policy { path: PathBuf, source: PolicyError },
    /// STS does not take the session policy.
    SessionPolicy(session_policy::TooLong),
    /// `exec` has nothing to run.
    CommandMissing,
    /// A command cannot be run.
    Command {
        /// Its name.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// No session came in time for a command.
    NoCredentials,
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
    pub(crate) fn with_strays(self, words: &[OsString]) -> Self {
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

    /// What was given in place of a file's name, and is not shown.
    fn hidden_name(&self) -> Option<&Path> {
        let path = match self {
            Self::Identity(IdentityError::File(error)) => error.path(),
            Self::Input { name, .. } => Path::new(name),
            _ => return None,
        };
        ShownName::of(path).is_hidden().then_some(path)
    }

    /// True if a token or TPM refused a PIN or password: each trial counts, and the last one locks it.
    pub(crate) fn is_refused_by_device(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let by_token = error
                .downcast_ref()
                .is_some_and(Pkcs11Error::is_secret_refused);
            let by_tpm = error
                .downcast_ref()
                .is_some_and(TpmError::is_secret_refused);
            if by_token || by_tpm {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// The exit status of a process that fails with it: for a command that cannot be run, that of shells.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Command { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ExitCode::from(NOT_FOUND)
            }
            Self::Command { .. } => ExitCode::from(NOT_EXECUTABLE),
            _ => ExitCode::FAILURE,
        }
    }

    /// The hint, if it adds something to the error.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Session { hint, .. } | Self::Cached { hint, .. } => hint.clone(),
            Self::Command { program, source }
                if source.kind() == io::ErrorKind::NotFound && is_file_named(program) =>
            {
                Some(INTERPRETER.to_owned())
            }
            Self::SharedStream { .. } => {
                Some("give one of them by a file, or by another descriptor: /dev/fd/N".to_owned())
            }
            Self::Missing { strays, .. } if !strays.is_empty() => Some(
                "keep the whole command on one line; in a configuration file, a backslash at the \
                 end of a line ends the command there"
                    .to_owned(),
            ),
            Self::Identity(IdentityError::PasswordMissing { purpose, .. }) => {
                let (flag, variable) = match purpose {
                    Purpose::PrivateKey => ("--pkcs8-password-file", "PKCS8_PASSWORD"),
                    Purpose::Pkcs12 => ("--pkcs12-password-file", "PKCS12_PASSWORD"),
                    Purpose::TpmKey => ("--tpm-key-password-file", "TPM_KEY_PASSWORD"),
                    Purpose::UserPin(_) | Purpose::KeyPin(_) => PIN,
                };
                let without = match purpose {
                    Purpose::TpmKey => "; if the key has none, give --no-tpm-key-password",
                    _ => "",
                };
                Some(format!(
                    "give {flag}, or AWS_SIGNING_HELPER_{variable} in the environment, or run it at \
                     a terminal{without}"
                ))
            }
            Self::Identity(IdentityError::Pkcs11 { source, .. }) => token_hint(source),
            Self::Identity(IdentityError::Tpm {
                source: TpmError::OtherKey { .. },
                ..
            }) => Some(KEY_REPLACED.to_owned()),
            Self::Unsupported { .. } | Self::Store(StoreError::Unsupported) => {
                Some("use --certificate and --private-key with PEM files".to_owned())
            }
            Self::PinInName => Some(NO_URI.to_owned()),
            error => match error.hidden_name() {
                Some(name) if holds_pin(&name.to_string_lossy()) => Some(NO_URI.to_owned()),
                Some(_) => Some(CONTENT.to_owned()),
                None => None,
            },
        }
    }
}

/// True if the name of a program is the path of a file, which is not looked for in `PATH`.
fn is_file_named(program: &OsStr) -> bool {
    let path = Path::new(program);
    path.components().count() > 1 && path.is_file()
}

/// What to do about a PIN that is missing.
fn token_hint(error: &Pkcs11Error) -> Option<String> {
    match error {
        Pkcs11Error::PinMissing { pin: Pin::User, .. } => Some(format!(
            "give {}, or AWS_SIGNING_HELPER_{} in the environment, or pin-source in the URI, or run it \
             at a terminal",
            PIN.0, PIN.1
        )),
        Pkcs11Error::PinMissing { pin: Pin::Key, .. } => Some(
            "the key needs a PIN for each signature: with --reuse-pin the user PIN is taken, else run \
             it at a terminal"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Enough to find the fault.
const URI_CHARACTERS_MAX: usize = 400;

/// The flag and the variable of a user PIN.
const PIN: (&str, &str) = ("--pkcs11-pin-file", "PKCS11_PIN");

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::Variable { variable, source } => {
                let message = source.first_line();
                write!(f, "environment variable {variable}: {message}")
            }
            Self::Exclusive { one, other } => {
                write!(f, "--{one} and --{other} cannot be used together")
            }
            Self::SharedStream {
                one,
                other,
                descriptor,
            } => {
                write!(f, "--{one} and --{other} both read ")?;
                match descriptor {
                    0 => f.write_str("standard input")?,
                    number => write!(f, "descriptor {number}")?,
                }
                f.write_str(", which can be read only once")
            }
            Self::Missing { what, flag, strays } => {
                write!(f, "no {what} is given; --{flag} is missing")?;
                match strays.as_slice() {
                    [] => Ok(()),
                    // One line of a key among them makes secrets of the others.
                    strays if strays.iter().any(|stray| ShownName::of(stray).is_hidden()) => {
                        f.write_str(", and some words belong to no flag")
                    }
                    strays => write!(f, ", and these words belong to no flag: {strays:?}"),
                }
            }
            Self::Selector(_) => f.write_str("cannot use --cert-selector"),
            Self::Store(error) => error.fmt(f),
            Self::Unsupported { what } => write!(f, "{what} is not supported by this version"),
            Self::Arn {
                what, flag, text, ..
            } => write!(
                f,
                "cannot use the {what} {:?} of --{flag}",
                ShownName::of(text)
            ),
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
                write!(
                    f,
                    "cannot read --{flag} from {}: {why}",
                    ShownName::of(name)
                )
            }
            Self::Pkcs11Uri { flag, uri, .. } => {
                let uri = Printable::new(uri, URI_CHARACTERS_MAX);
                write!(f, "--{flag} is a malformed pkcs11: URI: {uri}")
            }
            Self::Identity(error) => error.fmt(f),
            Self::IdentityTimedOut => write!(
                f,
                "the certificate and key could not be read within {} s; does their file system hang?",
                ClientSettings::TIME_MAX.as_secs()
            ),
            Self::Endpoint(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Retry(error) => error.fmt(f),
            Self::Runtime(_) => f.write_str("cannot start the event loop"),
            Self::Session { error, .. } => error.fmt(f),
            Self::Cached { message, .. } => f.write_str(message),
            Self::Needs { flag, needed } => {
                write!(f, "--{flag} needs --{needed}; add it, or remove both")
            }
            Self::SessionDuration { seconds } => write!(
                f,
                "cannot use --session-duration: a session lasts {} to {} s, not {seconds}",
                DURATION_SECONDS.start(),
                DURATION_SECONDS.end()
            ),
            Self::RoleChain { flag, why } => write!(f, "cannot use --{flag}: {why}"),
            Self::RoleName { arn } => {
                write!(
                    f,
                    "the role arn {:?} names no role: arn:..:role/NAME is expected",
                    ShownName::of(arn)
                )
            }
            Self::Address(error) => error.fmt(f),
            Self::Randomness => f.write_str("the operating system provides no random numbers"),
            Self::AuthorizationMissing => f.write_str(
                "--container-credentials needs a token for its clients; name a file with \
                 --authorization-token-file, which is created if it does not exist",
            ),
            Self::Authorization(error) => error.fmt(f),
            Self::StatusAddress { address, .. } => {
                write!(f, "cannot listen at the status address {address}")
            }
            Self::Activation(_) => {
                f.write_str("cannot use a socket of LISTEN_FDS: listening TCP sockets are expected")
            }
            Self::Healthcheck(error) => error.fmt(f),
            Self::Profile { name, .. } => {
                write!(f, "cannot write the profile {:?}", ShownName::of(name))
            }
            Self::CredentialsFile(error) => error.fmt(f),
            Self::CachePath => {
                f.write_str("no variable gives the cache folder; name it with --cache-dir")
            }
            Self::CacheClear { path, .. } => {
                write!(f, "cannot clear the cache in {}", ShownName::of(path))
            }
            Self::PasswordWritten { flag, file_flag } => {
                write!(f, "--{flag} is not written into the config file; ")?;
                match file_flag {
                    Some(file_flag) => write!(f, "name a file with --{file_flag}"),
                    None => f.write_str("set its variable where the command runs"),
                }
            }
            Self::PinWritten { flag, uri } => {
                let uri = Printable::new(uri, URI_CHARACTERS_MAX);
                write!(
                    f,
                    "the PIN of --{flag} {uri} is not written into the config file; name a file with \
                     --pkcs11-pin-file or pin-source"
                )
            }
            Self::PinInName => {
                f.write_str("a name that holds a PIN is not written into the config file")
            }
            Self::ReadOnce { name } => write!(
                f,
                "{} is not there any more when the profile is used; name a file, or env:NAME",
                ShownName::of(name)
            ),
            Self::ProfileNotFound { name } => write!(
                f,
                "cannot write the profile {:?}: not all SDKs find a name with more than letters, digits and \
                 -_./%@:+ in the config file",
                ShownName::of(name)
            ),
            Self::CommandLine(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
            Self::EnvironmentFile { path, .. } => {
                write!(
                    f,
                    "cannot append to the file of GITHUB_ENV, {}",
                    ShownName::of(path)
                )
            }
            Self::TagAbsent(error) => error.fmt(f),
            Self::NotAnAuthority { path, .. } => {
                write!(f, "cannot make a trust anchor of {}", ShownName::of(path))
            }
            Self::Policy { path, .. } => {
                write!(f, "cannot read the policy in {}", ShownName::of(path))
            }
            Self::SessionPolicy(error) => error.fmt(f),
            Self::CommandMissing => f.write_str(
                "no command is given; write it behind the flags: exec [FLAGS] -- COMMAND [ARGS]",
            ),
            Self::Command { program, .. } => write!(f, "cannot run {}", ShownName::of(program)),
            Self::NoCredentials => write!(
                f,
                "there were no credentials within {} s; the command was not started",
                ClientSettings::TIME_MAX.as_secs()
            ),
            Self::Signature(error) => error.fmt(f),
            Self::Output(_) => f.write_str("cannot write to stdout"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Arn { source, .. } => Some(source),
            Self::Region(source) => Some(source),
            Self::NotAnAuthority { source, .. } => Some(source),
            Self::Policy { source, .. } => Some(source),
            Self::Runtime(source)
            | Self::Output(source)
            | Self::CacheClear { source, .. }
            | Self::EnvironmentFile { source, .. }
            | Self::Command { source, .. } => Some(source),
            Self::Address(error) => error.source(),
            Self::Authorization(error) => error.source(),
            Self::StatusAddress { source, .. } | Self::Activation(source) => Some(source),
            Self::Healthcheck(error) => error.source(),
            Self::Identity(error) => error.source(),
            Self::Pkcs11Uri { source, .. } => Some(source),
            Self::Selector(source) => Some(source),
            Self::Store(error) => error.source(),
            Self::Profile { source, .. } => Some(source),
            Self::CredentialsFile(error) => error.source(),
            Self::Endpoint(error) => error.source(),
            Self::Proxy(error) => error.source(),
            Self::Retry(error) => error.source(),
            Self::Session { error, .. } => error.source(),
            Self::Signature(error) => error.source(),
            Self::Usage(_)
            | Self::IdentityTimedOut
            | Self::Variable { .. }
            | Self::Exclusive { .. }
            | Self::SharedStream { .. }
            | Self::Missing { .. }
            | Self::Unsupported { .. }
            | Self::Input { .. }
            | Self::Cached { .. }
            | Self::CachePath
            | Self::Export(_)
            | Self::PasswordWritten { .. }
            | Self::PinWritten { .. }
            | Self::PinInName
            | Self::ReadOnce { .. }
            | Self::ProfileNotFound { .. }
            | Self::CommandLine(_)
            | Self::SessionPolicy(_)
            | Self::TagAbsent(_)
            | Self::CommandMissing
            | Self::NoCredentials
            | Self::Needs { .. }
            | Self::SessionDuration { .. }
            | Self::RoleChain { .. }
            | Self::RoleName { .. }
            | Self::Randomness
            | Self::AuthorizationMissing
            | Self::RegionsDiffer { .. }
            | Self::RegionMissing => None,
        }
    }
}

/// POSIX, Shell Command Language, section 2.8.2: a command that is not found, and one that cannot be
/// executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

const INTERPRETER: &str = "the file is there; what runs it is not: see its first line (#!), which may end \
                           with a carriage return, or the system that it was built for";

const NO_URI: &str =
    "a uri begins with pkcs11:, in lower case and without quotes or spaces in front";
const CONTENT: &str = "the flag takes the path of a file; to pass the content itself, put it into a \
                       variable and give env:NAME";
