//! The command line of `update`.

use std::path::PathBuf;

use clap::Args;

use super::Strays;
use super::boolean;
use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;
use super::call::LogFlags;

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
