//! The command line as typed: nothing is read from files, only the form of flags is checked.
//!
//! The form is the reference helper's: `--flag value` and `--flag=value`, booleans alone or with
//! `=true`, the last of a repeated flag, and stray words that are ignored. No flag has a clap default:
//! it would count as given while a variable's value is parsed.

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
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;

/// Get temporary AWS credentials for an X.509 certificate from IAM Roles Anywhere.
#[derive(Debug, Parser)]
#[command(
    name = "aws_signing_helper",
    // Whatever the file is called: on Windows it ends with .exe.
    bin_name = "aws_signing_helper",
    disable_help_subcommand = true,
    max_term_width = 100,
    args_override_self = true,
    after_help = "Exit status: 0 success, 1 failure (including a wrong command line)."
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
    /// Print credentials as JSON, for `credential_process` in ~/.aws/config.
    ///
    /// Call CreateSession, sign the request with the private key, and print
    /// {"Version":1,"AccessKeyId":..,"SecretAccessKey":..,"SessionToken":..,"Expiration":..} on
    /// stdout. On success, stderr stays empty unless --debug is given.
    #[command(after_long_help = CREDENTIAL_PROCESS_AFTER_HELP, args_override_self = true)]
    CredentialProcess(Box<CredentialProcess>),
    /// Serve credentials to all programs on this machine that use an AWS SDK.
    ///
    /// Run a local endpoint in place of EC2's instance metadata service (IMDSv2), and renew the
    /// credentials in the background until stopped.
    #[command(after_long_help = SERVE_AFTER_HELP, args_override_self = true)]
    Serve(Box<Serve>),
    /// Keep a profile of the shared credentials file up to date.
    ///
    /// Write credentials into the profile and renew them until stopped. Keep the rest of the file as
    /// it is, byte for byte.
    #[command(after_long_help = UPDATE_AFTER_HELP, args_override_self = true)]
    Update(Box<Update>),
    /// Run a command with credentials in its environment.
    ///
    /// Run a command with credentials: in variables, or renewed in the background behind a local
    /// endpoint that only the command can use.
    #[command(after_long_help = EXEC_AFTER_HELP, args_override_self = true)]
    Exec(Box<Exec>),
    /// Print credentials in the form of a shell, file or CI system.
    ///
    /// Print credentials as commands of a shell, as lines of a file, or as the commands by which a CI
    /// system sets variables and masks them.
    #[command(after_long_help = EXPORT_AFTER_HELP, args_override_self = true)]
    Export(Box<Export>),
    /// Write a profile of ~/.aws/config that runs `credential-process`.
    ///
    /// Write credential_process = ..., with the flags given here, into a profile of the shared config
    /// file. Keep the rest of the file as it is, byte for byte.
    #[command(after_long_help = CONFIGURE_AFTER_HELP, args_override_self = true)]
    Configure(Box<Configure>),
    /// Sign a fixed string, to check that certificate and private key work.
    #[command(after_long_help = SIGN_STRING_AFTER_HELP, args_override_self = true)]
    SignString(Box<SignString>),
    /// Print a certificate's key type, serial number and algorithms as JSON.
    ///
    /// Print {"keyType":..,"certificateData":..,"serialNumber":..,"supportedAlgorithms":[..]} on
    /// stdout, with the certificate in base64 and the serial number in decimal.
    #[command(after_long_help = READ_CERTIFICATE_DATA_AFTER_HELP, args_override_self = true)]
    ReadCertificateData(Box<ReadCertificateData>),
    /// Manage the credential cache.
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Print a shell's completion script.
    ///
    /// For bash, in the current shell: source <(aws_signing_helper completion bash)
    Completion {
        /// Shell. Without one, print this help.
        #[arg(value_enum)]
        shell: Option<CompletionShell>,
        #[command(flatten)]
        strays: Strays,
    },
    /// Print the version.
    #[command(args_override_self = true)]
    Version(Strays),
    /// Print this help, or the help of a command.
    Help {
        /// Command.
        #[arg(value_name = "COMMAND")]
        topic: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Remove all credentials from the cache.
    #[command(after_long_help = CACHE_CLEAR_AFTER_HELP, args_override_self = true)]
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
    /// Format of the log on stderr [default: text].
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
    /// Port to listen on; 0 picks a free one [default: 9911].
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) port: Option<u16>,
    /// IP TTL of responses, 1 to 255 [default: 64; 1 on a link-local address].
    #[arg(long, value_name = "HOPS", allow_hyphen_values = true,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hop_limit: Option<u8>,
    /// Address to listen on [default: 127.0.0.1 and ::1].
    ///
    /// A loopback address, 169.254.169.254, 169.254.170.2 or fd00:ec2::254 [default: 127.0.0.1 and
    /// ::1].
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) bind_address: Option<IpAddr>,
    /// Accept this host name in requests too; repeatable.
    ///
    /// Accept this host name in requests too, on any port, for example host.docker.internal. Repeat
    /// the flag, or separate names by commas.
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) allow_host: Vec<HostName>,
    /// Serve as an ECS container endpoint instead, with an authorization token.
    ///
    /// Serve as an ECS container endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI) instead of IMDS.
    /// Clients must send an authorization token.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) container_credentials: Option<bool>,
    /// File with the authorization token; created if it does not exist.
    ///
    /// File with the authorization token; created with a random token if it does not exist [default:
    /// use the token in AWS_CONTAINER_AUTHORIZATION_TOKEN].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) authorization_token_file: Option<PathBuf>,
    /// Serve /healthz, /readyz and /metrics, but no credentials, on this address.
    #[arg(long, value_name = "ADDRESS:PORT", allow_hyphen_values = true)]
    pub(crate) status_address: Option<SocketAddr>,
    /// Query /readyz of a running `serve` at --status-address and exit.
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
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) via: ViaFlag,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    /// Command to run, and its arguments.
    #[arg(last = true, value_name = "COMMAND", help_heading = "Command")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Command")]
pub(crate) struct ViaFlag {
    /// How the command gets credentials: once in variables, or renewed from an endpoint [default:
    /// environment].
    #[arg(long, value_enum, value_name = "WAY", hide_possible_values = true)]
    pub(crate) via: Option<Via>,
}

/// How a command gets credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    Environment,
    Endpoint,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) form: FormFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
pub(crate) struct Configure {
    #[command(flatten)]
    pub(crate) process: ProcessFlags,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
    #[command(flatten)]
    pub(crate) strays: Strays,
    // The flags of `process`, as they were given.
    #[arg(skip)]
    pub(crate) given: Vec<Given>,
}

/// A flag and its value, as they were given.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// Without the hyphens.
    pub(crate) flag: String,
    pub(crate) value: OsString,
    /// Whether the flag may stand alone; a value is behind an equals sign.
    pub(crate) is_boolean: bool,
    /// Whether the value names a file or folder.
    pub(crate) is_path: bool,
}

// The flags that `configure` writes into the config file.
#[derive(Debug, Args)]
pub(crate) struct ProcessFlags {
    #[command(flatten)]
    pub(crate) call: CallFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Config file")]
pub(crate) struct ConfigFlags {
    /// Profile to write [default: default].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) profile: Option<String>,
    /// Write paths as they are typed instead of absolute ones.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) relative: Option<bool>,
    /// Print the profile instead of writing it.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) print: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Format")]
pub(crate) struct FormFlags {
    /// Format to print [default: shell].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// Profile of --format credentials-file [default: default].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) profile: Option<String>,
}

/// A form in which credentials are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Shell,
    Fish,
    Powershell,
    Cmd,
    Dotenv,
    AzureDevops,
    GithubActions,
    Gitlab,
    Jenkins,
    Teamcity,
    CredentialsFile,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Credentials file")]
pub(crate) struct FileFlags {
    /// Profile to write [default: default].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) profile: Option<String>,
    /// Write once and exit.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) once: Option<bool>,
    /// File to write [default: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Write into the existing file instead of replacing it.
    ///
    /// Write into the existing file instead of replacing it, for containers that mount the file itself
    /// and not its directory.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) in_place: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct SignString {
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    /// Digest; ML-DSA ignores it [default: SHA256].
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) digest: Option<DigestFlag>,
    /// Output format: quoted hexadecimal, hexadecimal or raw bytes [default: json].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatFlag>,
    /// Print details on stderr; never secrets.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
    #[command(flatten)]
    pub(crate) strays: Strays,
}

#[derive(Debug, Args)]
pub(crate) struct ReadCertificateData {
    /// Certificate: a file, env:NAME, fd:N or - (stdin).
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Not supported by this version: select a certificate of the operating system's store.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub(crate) cert_selector: Option<OsString>,
    /// Not supported by this version: name of the store on Windows.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) system_store_name: Option<OsString>,
    /// Not supported by this version: PKCS#11 module of a hardware token.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<OsString>,
    /// Accepted, without effect.
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

/// Encoding of a signature.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatFlag {
    Json,
    Text,
    Bin,
}

// The flags of a CreateSession call.
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
    /// Print what is signed, sent and received on stderr, with timings; never secrets.
    #[arg(long, help_heading = "Log", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFlags {
    /// Share credentials with other runs that have the same flags.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) cache: Option<bool>,
    #[command(flatten)]
    pub(crate) folder: CacheFolderFlag,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFolderFlag {
    /// Cache folder, private to this user [default: aws_signing_helper in the user's cache folder].
    #[arg(long, value_name = "FOLDER", allow_hyphen_values = true)]
    pub(crate) cache_dir: Option<PathBuf>,
}

impl CacheFolderFlag {
    /// True if a folder was named.
    pub(crate) fn is_given(&self) -> bool {
        let path = self.cache_dir.as_ref();
        path.is_some_and(|path| !path.as_os_str().is_empty())
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityFlags {
    /// Certificate: a file, env:NAME, fd:N or - (stdin).
    ///
    /// Certificate as PEM or DER. Further certificates in it are its chain; it may contain the private
    /// key. Or a PKCS#12 file with all of them. Instead of a file, this flag and the next two accept
    /// env:NAME (a variable), fd:N (an open descriptor) and - (stdin).
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Private key: a file, env:NAME, fd:N or - (stdin).
    ///
    /// Private key as PEM or DER: PKCS#8, PKCS#1 or SEC 1; RSA, EC on P-256, P-384 or P-521, or
    /// ML-DSA. Without this flag, read the key from --certificate.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) private_key: Option<PathBuf>,
    /// Intermediate certificates: a file, env:NAME, fd:N or - (stdin).
    ///
    /// Intermediate certificates as PEM, DER or PKCS#7, sent in this order.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) intermediates: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passwords: PasswordFlags,
    #[command(flatten)]
    pub(crate) unsupported: UnsupportedFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Password of an encrypted private key. Other users of this machine can see it: prefer
    /// --pkcs8-password-file, the variable or the prompt.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs8_password: Option<Password>,
    /// File with the password of an encrypted private key.
    ///
    /// File with the password of an encrypted private key. A line break at its end is ignored.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs8_password_file: Option<PathBuf>,
    /// Password of a PKCS#12 file. Other users of this machine can see it: prefer
    /// --pkcs12-password-file, the variable or the prompt.
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
// that what they exclude is reported and their use gets a clear answer. Passwords are not kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Not supported by this version")]
pub(crate) struct UnsupportedFlags {
    /// Select a certificate of the operating system's store by subject, issuer or serial number.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub(crate) cert_selector: Option<OsString>,
    /// Name of the store on Windows.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) system_store_name: Option<OsString>,
    /// If several certificates match, use the one that expires last.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) use_latest_expiring_certificate: Option<bool>,
    /// PKCS#11 module of a hardware token.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<OsString>,
    /// Use the token's user PIN for the key too.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) reuse_pin: Option<bool>,
    /// Password of a key in a TPM.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = unread)]
    pub(crate) tpm_key_password: Option<Unread>,
    /// The TPM key has no password.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) no_tpm_key_password: Option<bool>,
}

/// A value that is not used.
#[derive(Debug, Clone)]
pub(crate) struct Unread;

#[derive(Debug, Args)]
#[command(next_help_heading = "Session")]
pub(crate) struct SessionFlags {
    /// Trust anchor of the certificate's CA.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) trust_anchor_arn: Option<String>,
    /// Profile that lists the role.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) profile_arn: Option<String>,
    /// Role to get credentials for.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) role_arn: Option<String>,
    /// Session duration, 900 to 43200 [default: 3600].
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) session_duration: Option<i32>,
    /// Role session name [default: the certificate's serial number].
    ///
    /// Role session name, 2 to 64 characters. The profile must accept custom names [default: the
    /// certificate's serial number].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) role_session_name: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkFlags {
    /// Region to call and to sign for [default: the trust anchor's].
    #[arg(long, value_name = "REGION", allow_hyphen_values = true)]
    pub(crate) region: Option<String>,
    /// URL to call instead of the region's endpoint.
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub(crate) endpoint: Option<String>,
    /// Do not verify the server's TLS certificate (testing only).
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) no_verify_ssl: Option<bool>,
    /// Use the proxy of HTTPS_PROXY or HTTP_PROXY, except for hosts in NO_PROXY.
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
        with_shell(command)
            .mut_subcommands(|command| command.mut_args(with_variable))
            .mut_args(with_variable)
    })
}

/// With examples for the shell of this system.
fn with_shell(command: clap::Command) -> clap::Command {
    match command.get_after_long_help().map(ToString::to_string) {
        Some(text) => command.after_long_help(platform::for_shell(&text)),
        None => command,
    }
}

fn with_variable(argument: Arg) -> Arg {
    match variable(&argument) {
        Some(name) => {
            let long = argument.get_long_help().or_else(|| argument.get_help());
            let long = long.map(ToString::to_string).unwrap_or_default();
            // The first paragraph is the short help.
            let long = long.split_once("\n\n").map_or(&*long, |(_, rest)| rest);
            let long = format!("{} [env: {name}]", long.trim_end_matches('.'));
            argument.long_help(long)
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

/// The booleans that the reference helper accepts (Go's `strconv.ParseBool`).
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("true or false is expected".to_owned()),
    }
}

/// Prefix of all these variables.
pub(crate) const VARIABLE_PREFIX: &str = "AWS_SIGNING_HELPER_";

macro_rules! after_help {
    ($($more:expr),*; $example:expr) => {
        concat!(
            "\
Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

",
            $($more,)*
            "Exit status: 0 success, 1 failure (including a wrong command line).

Example:
",
            $example
        )
    };
}

macro_rules! variables_of_calls {
    () => {
        "\
Also used: AWS_ENDPOINT_URL_ROLESANYWHERE, AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE, SSL_CERT_FILE, AWS_MAX_ATTEMPTS,
AWS_RETRY_MODE. The shared AWS config file is not read.

"
    };
}

macro_rules! identity_and_arns {
    () => {
        "--certificate certificate.crt \\
      --private-key private.key --trust-anchor-arn $TRUSTANCHORARN \\
      --profile-arn $PROFILEARN --role-arn $ROLEARN"
    };
}

const CREDENTIAL_PROCESS_AFTER_HELP: &str = after_help!(variables_of_calls!(); concat!(
    "  aws_signing_helper credential-process ", identity_and_arns!(), "

In ~/.aws/config, on one line:
  credential_process = aws_signing_helper credential-process --certificate ..."
));
const SERVE_AFTER_HELP: &str = after_help!(variables_of_calls!(); concat!(
    "  aws_signing_helper serve ", identity_and_arns!(), "

In another terminal:
  export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911/
  aws sts get-caller-identity"
));
const UPDATE_AFTER_HELP: &str = after_help!(variables_of_calls!(); concat!(
    "  aws_signing_helper update --profile backup ", identity_and_arns!()
));
const EXEC_AFTER_HELP: &str = concat!(
    "\
--via environment sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and
AWS_CREDENTIAL_EXPIRATION. --via endpoint sets AWS_CONTAINER_CREDENTIALS_FULL_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN. Both set AWS_REGION and AWS_DEFAULT_REGION if they are not set.

Removed from the command's environment: AWS_PROFILE, AWS_DEFAULT_PROFILE, AWS_SECURITY_TOKEN,
AWS_SIGNING_HELPER_*PASSWORD* and the variables of env:NAME. With --via endpoint also
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION,
AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE; AWS_SHARED_CREDENTIALS_FILE becomes an empty file if the
[default] profile of the credentials file would win.

Each flag can be set by the environment variable shown with it. A flag on the command line wins; an
empty variable counts as unset.

",
    variables_of_calls!(),
    "Exit status: that of the command, 128 and its number for a signal; 127 if the command is not found,
126 if it cannot be run, 1 if there are no credentials (including a wrong command line).

Example:
  aws_signing_helper exec ",
    identity_and_arns!(),
    " -- aws sts get-caller-identity"
);
const EXPORT_AFTER_HELP: &str = after_help!(
    "Exported: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION,
AWS_REGION and AWS_DEFAULT_REGION. github-actions prints masks and appends the variables to the
file that GITHUB_ENV names. A value that the format cannot carry is an error.

",
    variables_of_calls!();
    concat!("  eval \"$(aws_signing_helper export ", identity_and_arns!(), ")\"
  aws sts get-caller-identity")
);
const CONFIGURE_AFTER_HELP: &str = after_help!(
    "The file is that of AWS_CONFIG_FILE, else ~/.aws/config. With --region, the profile gets region = ...
too. Passwords are not written: name a file with --pkcs8-password-file or --pkcs12-password-file.

";
    concat!("  aws_signing_helper configure --profile ci ", identity_and_arns!(), "
  aws sts get-caller-identity --profile ci")
);
const SIGN_STRING_AFTER_HELP: &str = after_help!(; "\
  aws_signing_helper sign-string --certificate certificate.crt --private-key private.key");
const READ_CERTIFICATE_DATA_AFTER_HELP: &str = after_help!(; "\
  aws_signing_helper read-certificate-data --certificate certificate.crt");
const CACHE_CLEAR_AFTER_HELP: &str = after_help!(; "  aws_signing_helper cache clear");
