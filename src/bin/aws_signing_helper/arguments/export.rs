//! The command line of `export`.

use clap::Args;
use clap::ValueEnum;

use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;

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
