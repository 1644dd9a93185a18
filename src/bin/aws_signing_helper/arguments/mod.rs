//! The command line as typed: nothing is read from files, only the form of flags is checked.
//!
//! The form is the reference helper's: `--flag value` and `--flag=value`, booleans alone or with
//! `=true`, the last of a repeated flag, and stray words that are ignored. No flag has a clap default:
//! it would count as given while a variable's value is parsed.

mod after_help;
pub(crate) mod call;
pub(crate) mod configure;
pub(crate) mod credential_process;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod export;
pub(crate) mod identity;
pub(crate) mod read_certificate_data;
pub(crate) mod role_chain;
pub(crate) mod serve;
pub(crate) mod session_policy;
pub(crate) mod sign_string;
pub(crate) mod trust_policy;
pub(crate) mod update;

use std::ffi::OsString;

use clap::Arg;
use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use rolesanywhere::platform;

use self::after_help::CACHE_CLEAR_AFTER_HELP;
use self::after_help::CONFIGURE_AFTER_HELP;
use self::after_help::CREDENTIAL_PROCESS_AFTER_HELP;
use self::after_help::DOCTOR_AFTER_HELP;
use self::after_help::EXEC_AFTER_HELP;
use self::after_help::EXPORT_AFTER_HELP;
use self::after_help::READ_CERTIFICATE_DATA_AFTER_HELP;
use self::after_help::SERVE_AFTER_HELP;
use self::after_help::SESSION_POLICY_AFTER_HELP;
use self::after_help::SIGN_STRING_AFTER_HELP;
use self::after_help::TRUST_POLICY_AFTER_HELP;
use self::after_help::UPDATE_AFTER_HELP;
use self::call::CacheFolderFlag;
use self::configure::Configure;
use self::credential_process::CredentialProcess;
use self::doctor::Doctor;
use self::exec::Exec;
use self::export::Export;
use self::read_certificate_data::ReadCertificateData;
use self::serve::Serve;
use self::session_policy::SessionPolicyCase;
use self::sign_string::SignString;
use self::trust_policy::TrustPolicy;
use self::update::Update;

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
    /// Print the trust policy that lets a certificate assume a role.
    ///
    /// Print the trust policy of a role, which lets IAM Roles Anywhere assume it for certificates of one
    /// trust anchor with the attributes of this certificate. Or, with --trust-anchor-certificate, a
    /// template of trust anchor, profile and role. No call is made.
    #[command(after_long_help = TRUST_POLICY_AFTER_HELP, args_override_self = true)]
    TrustPolicy(Box<TrustPolicy>),
    /// Print a session policy for a use case, with the least that it needs.
    ///
    /// Print an IAM policy that narrows a session to one use case. A session has what both its role's
    /// policies and this one allow. No call is made.
    #[command(
        after_long_help = SESSION_POLICY_AFTER_HELP,
        subcommand_value_name = "CASE",
        subcommand_help_heading = "Cases",
        disable_help_subcommand = true
    )]
    SessionPolicy {
        #[command(subcommand)]
        case: SessionPolicyCase,
    },
    /// Check every step of a call, and say what is wrong.
    ///
    /// Check certificate, private key, ARNs, network, clock and the services' answers, one line each
    /// (ok, warn, fail or skip), with what was seen and what to do.
    #[command(after_long_help = DOCTOR_AFTER_HELP, args_override_self = true)]
    Doctor(Box<Doctor>),
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
    Version(VersionFlags),
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
pub(crate) struct VersionFlags {
    /// Print what this build was made for and can do too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) verbose: Option<bool>,
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

/// The whole command line, with the variables named in each flag's help.
pub(crate) fn command() -> clap::Command {
    let mut command = Arguments::command();
    // So that all flags are there.
    command.build();
    command.mut_subcommands(|command| {
        with_shell(command)
            .mut_subcommands(|command| with_shell(command).mut_args(with_variable))
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
