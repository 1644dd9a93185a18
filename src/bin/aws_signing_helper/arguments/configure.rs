//! The command line of `configure`.

use std::ffi::OsString;

use clap::Args;

use super::boolean;
use super::call::CacheFlags;
use super::call::CallFlags;

#[derive(Debug, Args)]
pub(crate) struct Configure {
    #[command(flatten)]
    pub(crate) process: ProcessFlags,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
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
