//! The command line of `exec`.

use std::ffi::OsString;

use clap::Args;
use clap::ValueEnum;

use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;
use super::call::LogFlags;

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
