//! The command line of `doctor`.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use super::boolean;
use super::call::CacheFlags;
use super::call::CallFlags;
use super::call::DebugFlag;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) checks: ChecksFlags,
    #[command(flatten)]
    pub(crate) call: CallFlags,
    // Taken, so that a command line of `credential-process` can be checked as it is.
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) debug: DebugFlag,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
pub(crate) struct ChecksFlags {
    /// Format of the report [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<DoctorFormat>,
    /// Check only what needs no network.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) offline: Option<bool>,
    /// Ask STS who the credentials are.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) identity: Option<bool>,
    /// Exit with 3 if a certificate ends within this time: 14d, 12h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = days_or_hours)]
    pub(crate) expires_within: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    Text,
    Json,
}

/// `14d` or `12h`.
fn days_or_hours(text: &str) -> Result<Duration, String> {
    let parse = |suffix, hours: u32| {
        let number: u32 = text.strip_suffix(suffix)?.parse().ok()?;
        let seconds = u64::from(number.checked_mul(hours)?) * SECONDS_PER_HOUR;
        Some(Duration::from_secs(seconds))
    };
    parse('d', 24)
        .or_else(|| parse('h', 1))
        .ok_or_else(|| "days or hours are expected, such as 14d or 12h".to_owned())
}

const SECONDS_PER_HOUR: u64 = 3600;
