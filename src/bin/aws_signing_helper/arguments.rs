//! What was typed: flags as they are, nothing read, nothing judged but their form.
//!
//! The form is the reference helper's: `--flag value` and `--flag=value`, booleans alone or with
//! `=true`, the last of a repeated flag, and stray words that are put up with. No flag has a default of
//! clap's: it would count as given where a variable's value is parsed.

use std::ffi::OsString;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Arg;
use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use rolesanywhere::output::endpoint::host_name::HostName;
use rolesanywhere::secret::Secret;

/// Temporary AWS credentials from an X.509 certificate and its private key, by IAM Roles Anywhere.
#[derive(Debug, Parser)]
#[command(
    name = "aws_signing_helper",
    disable_help_subcommand = true,
    max_term_width = 100,
    args_override_self = true,
    after_help = "Exit status: 0 done, 1 failed (a wrong command line included)."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

// `defer`: only the flags of the command that is run are defined, which is a good part of what a cached
// call takes. What is flattened must have no documentation then: clap would show it as the command's.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Prints one session's credentials as JSON, for `credential_process` in ~/.aws/config.
    ///
    /// Asks CreateSession for a session, signing the request with the private key, and prints
    /// {"Version":1,"AccessKeyId":..,"SecretAccessKey":..,"SessionToken":..,"Expiration":..} on
    /// stdout. Nothing is printed on stderr unless it fails or --debug is given.
    #[command(after_help = CREDENTIAL_PROCESS_AFTER_HELP, args_override_self = true)]
    CredentialProcess(Box<CredentialProcess>),
    /// Serves credentials to every program on this machine that an AWS SDK is part of.
    ///
    /// A local endpoint in place of EC2's instance metadata service (IMDSv2). Credentials are renewed
    /// in the background long before they expire, until it is stopped.
    #[command(after_help = CALL_AFTER_HELP, args_override_self = true)]
    Serve(Box<Serve>),
    /// Keeps a profile of the shared credentials file supplied, for programs that know nothing else.
    ///
    /// Writes credentials into the profile and renews them long before they expire, until it is
    /// stopped. Everything else in the file is kept, byte for byte.
    #[command(after_help = CALL_AFTER_HELP, args_override_self = true)]
    Update(Box<Update>),
    /// Signs a fixed text with the private key, to show that certificate and key work.
    #[command(after_help = VARIABLES_AFTER_HELP, args_override_self = true)]
    SignString(Box<SignString>),
    /// Prints what there is to know about a certificate.
    ///
    /// Prints {"keyType":..,"certificateData":..,"serialNumber":..,"supportedAlgorithms":[..]} on
    /// stdout, with the certificate in base64 and the serial number in decimal.
    #[command(after_help = VARIABLES_AFTER_HELP, args_override_self = true)]
    ReadCertificateData(Box<ReadCertificateData>),
    /// Sees to the cache of credential-process --cache.
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Prints the completion script of a shell.
    ///
    /// For bash, in the current shell: source <(aws_signing_helper completion bash)
    Completion {
        /// The shell; without one, this help.
        #[arg(value_enum)]
        shell: Option<CompletionShell>,
        #[command(flatten)]
        strays: Strays,
    },
    /// Prints the version.
    #[command(args_override_self = true)]
    Version(Strays),
    /// Prints this help, or that of a command.
    Help {
        /// A command.
        #[arg(value_name = "COMMAND")]
        topic: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Removes all credentials from the cache.
    #[command(after_help = VARIABLES_AFTER_HELP, args_override_self = true)]
    Clear(CacheFolderFlag),
}

// Words that belong to no flag.
#[derive(Debug, Args)]
pub(crate) struct Strays {
    #[arg(hide = true, value_name = "IGNORED")]
    pub(crate) strays: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct CredentialProcess {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) endpoint: EndpointFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogFlags {
    /// Format of the log on stderr: text, or json with one object per line [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    // Text for people.
    Text,
    // JSON objects for programs.
    Json,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Endpoint")]
pub(crate) struct EndpointFlags {
    /// Port to listen at; 0 takes a free one [default: 9911].
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) port: Option<u16>,
    /// Hops that answers may go (IP TTL), 1 to 255 [default: 64, and 1 at a link-local address].
    #[arg(long, value_name = "HOPS", allow_hyphen_values = true,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hop_limit: Option<u8>,
    /// Address to listen at: another loopback address, 169.254.169.254, 169.254.170.2 or
    /// fd00:ec2::254 [default: 127.0.0.1 and ::1].
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) bind_address: Option<IpAddr>,
    /// Another name that programs may call the endpoint by, as host.docker.internal, on any port; may
    /// be repeated, or hold several with commas between them.
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) allow_host: Vec<HostName>,
    /// Serves as the endpoint of an ECS container instead, to programs that show a token:
    /// AWS_CONTAINER_CREDENTIALS_FULL_URI.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) container_credentials: Option<bool>,
    /// File with that token, made if it is not there [default: the token in
    /// AWS_CONTAINER_AUTHORIZATION_TOKEN].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) authorization_token_file: Option<PathBuf>,
    /// Address and port of /healthz, /readyz and /metrics, without credentials; it may be reached from
    /// elsewhere.
    #[arg(long, value_name = "ADDRESS:PORT", allow_hyphen_values = true)]
    pub(crate) status_address: Option<SocketAddr>,
    /// Asks /readyz at --status-address of one that runs, and ends.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) healthcheck: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) file: FileFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Credentials file")]
pub(crate) struct FileFlags {
    /// Profile to write [default: default].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) profile: Option<String>,
    /// Writes once and ends.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) once: Option<bool>,
    /// File to write [default: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Writes the file in place, for readers that mount the file itself and not its directory.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) in_place: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct SignString {
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    /// Digest to sign with; ML-DSA has its own [default: SHA256].
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) digest: Option<DigestFlag>,
    /// Form of the signature: quoted hexadecimal, hexadecimal, or raw bytes [default: json].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatFlag>,
    /// Shows on stderr what is done; never a secret.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
pub(crate) struct ReadCertificateData {
    /// PEM file with the certificate; or env:NAME, fd:N or - in place of one.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Not supported by this version: certificates of the operating system's store.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub(crate) cert_selector: Option<OsString>,
    /// Not supported by this version: name of that store on Windows.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) system_store_name: Option<OsString>,
    /// Not supported by this version: PKCS#11 module of a hardware token.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<OsString>,
    /// Without effect.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

/// A shell for which there is a completion script.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// A digest, in the reference helper's spelling.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DigestFlag {
    #[value(name = "SHA256")]
    Sha256,
    #[value(name = "SHA384")]
    Sha384,
    #[value(name = "SHA512")]
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatFlag {
    Json,
    Text,
    Bin,
}

// What one call of CreateSession needs.
#[derive(Debug, Args)]
pub(crate) struct CallFlags {
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    #[command(flatten)]
    pub(crate) session: SessionFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
}

// Of the commands that call CreateSession.
#[derive(Debug, Args)]
pub(crate) struct DebugFlag {
    /// Shows on stderr what is signed, sent and answered, and how long it took; never a secret.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFlags {
    /// Keeps the credentials for other runs with the same flags, and answers from there.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) cache: Option<bool>,
    #[command(flatten)]
    pub(crate) folder: CacheFolderFlag,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFolderFlag {
    /// Folder in which they are kept, which nobody else may be able to use [default:
    /// aws_signing_helper in the user's folder for caches].
    #[arg(long, value_name = "FOLDER", allow_hyphen_values = true)]
    pub(crate) cache_dir: Option<PathBuf>,
}

impl CacheFolderFlag {
    /// Whether somebody named a folder.
    pub(crate) fn is_given(&self) -> bool {
        let path = self.cache_dir.as_ref();
        path.is_some_and(|path| !path.as_os_str().is_empty())
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityFlags {
    /// PEM file with the certificate; further certificates in it are its chain, and the private key
    /// may be in it too. Or a PKCS#12 file with all of them. In place of a file, here and in the two
    /// flags below: env:NAME for a variable's value, fd:N for a descriptor, - for standard input.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the private key: PKCS#8, PKCS#1 or SEC 1; RSA, EC on P-256, P-384 or P-521, or
    /// ML-DSA. Without it the key is looked for in --certificate.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) private_key: Option<PathBuf>,
    /// PEM file with the intermediate certificates, sent as they stand there.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) intermediates: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passwords: PasswordFlags,
    #[command(flatten)]
    pub(crate) unsupported: UnsupportedFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Password of an encrypted private key. Other users of the machine can see it on the command
    /// line: better give --pkcs8-password-file, the variable, or type it when asked.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs8_password: Option<Password>,
    /// File with the password of an encrypted private key; a line break at its end is left out.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs8_password_file: Option<PathBuf>,
    /// Password of a PKCS#12 file; the same holds.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs12_password: Option<Password>,
    /// File with the password of a PKCS#12 file.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs12_password_file: Option<PathBuf>,
}

/// A password; shared, since clap wants to copy what it parses.
#[derive(Debug, Clone)]
pub(crate) struct Password(pub(crate) Arc<Secret<String>>);

// Flags of the reference helper for identities that this version does not read. They are known, so
// that what they exclude is told and their use gets a clear answer. Passwords are not kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Known, but not supported by this version")]
pub(crate) struct UnsupportedFlags {
    /// Certificate of the operating system's store, by subject, issuer or serial number.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub(crate) cert_selector: Option<OsString>,
    /// Name of that store on Windows.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) system_store_name: Option<OsString>,
    /// Of several certificates in that store, the one that expires last.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) use_latest_expiring_certificate: Option<bool>,
    /// PKCS#11 module of a hardware token.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<OsString>,
    /// Gives a token's user PIN for the key as well.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) reuse_pin: Option<bool>,
    /// Password of a key in a TPM.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = unread)]
    pub(crate) tpm_key_password: Option<Unread>,
    /// Says that a key in a TPM has no password.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) no_tpm_key_password: Option<bool>,
}

/// A value that nobody needs.
#[derive(Debug, Clone)]
pub(crate) struct Unread;

#[derive(Debug, Args)]
#[command(next_help_heading = "Session")]
pub(crate) struct SessionFlags {
    /// Trust anchor that vouches for the certificate.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) trust_anchor_arn: Option<String>,
    /// Profile that allows the role.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) profile_arn: Option<String>,
    /// Role of the session.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) role_arn: Option<String>,
    /// Seconds that the session is to last, 900 to 43200 [default: 3600].
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) session_duration: Option<i32>,
    /// Name of the session, 2 to 64 characters; the profile has to accept it [default: the
    /// certificate's serial number].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) role_session_name: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkFlags {
    /// Region to sign for and to call [default: the trust anchor's].
    #[arg(long, value_name = "REGION", allow_hyphen_values = true)]
    pub(crate) region: Option<String>,
    /// URL to call instead of the region's, http or https.
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub(crate) endpoint: Option<String>,
    /// Believes any server: for tests only.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) no_verify_ssl: Option<bool>,
    /// Goes through the proxy that HTTPS_PROXY or HTTP_PROXY names, except for what NO_PROXY lists.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) with_proxy: Option<bool>,
}

/// The whole command line, with the variables named in each flag's help.
pub(crate) fn command() -> clap::Command {
    let mut command = Arguments::command();
    // So that all flags are there.
    command.build();
    command.mut_subcommands(|command| {
        command
            .mut_subcommands(|command| command.mut_args(with_variable))
            .mut_args(with_variable)
    })
}

fn with_variable(argument: Arg) -> Arg {
    match variable(&argument) {
        Some(name) => {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let help = help.trim_end_matches('.');
            argument.help(format!("{help} [env: {name}]"))
        }
        None => argument,
    }
}

/// The variable of a flag; words without one have none, nor has `--help`.
pub(crate) fn variable(argument: &Arg) -> Option<String> {
    let flag = argument.get_long().filter(|flag| *flag != "help")?;
    let flag = flag.to_ascii_uppercase().replace('-', "_");
    Some(format!("{VARIABLE_PREFIX}{flag}"))
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes a parser of this form")]
fn password(text: &str) -> Result<Password, String> {
    Ok(Password(Arc::new(Secret::new(text.to_owned()))))
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes a parser of this form")]
fn unread(_text: &str) -> Result<Unread, String> {
    Ok(Unread)
}

/// What the reference helper takes for a boolean (Go's `strconv.ParseBool`).
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("true or false is expected".to_owned()),
    }
}

/// What the names of all these variables begin with.
pub(crate) const VARIABLE_PREFIX: &str = "AWS_SIGNING_HELPER_";

const VARIABLES_AFTER_HELP: &str = "\
Any flag may come from the environment variable shown with it instead; a flag that is typed wins, an
empty variable counts as none.

Exit status: 0 done, 1 failed (a wrong command line included).";

const CALL_AFTER_HELP: &str = "\
Any flag may come from the environment variable shown with it instead; a flag that is typed wins, an
empty variable counts as none.

Also honoured: AWS_ENDPOINT_URL_ROLESANYWHERE, AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE, SSL_CERT_FILE, AWS_MAX_ATTEMPTS,
AWS_RETRY_MODE. The shared AWS config file is not read.

Exit status: 0 done, 1 failed (a wrong command line included).";

const CREDENTIAL_PROCESS_AFTER_HELP: &str = "\
Any flag may come from the environment variable shown with it instead; a flag that is typed wins, an
empty variable counts as none.

Also honoured: AWS_ENDPOINT_URL_ROLESANYWHERE, AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE, SSL_CERT_FILE, AWS_MAX_ATTEMPTS,
AWS_RETRY_MODE. The shared AWS config file is not read.

Exit status: 0 done, 1 failed (a wrong command line included).

Example, on one line of ~/.aws/config:
  credential_process = aws_signing_helper credential-process --certificate certificate.crt
    --private-key private.key --trust-anchor-arn ARN --profile-arn ARN --role-arn ARN";
