//! The flags of a CreateSession call, and of its log and cache.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;

use super::boolean;
use super::identity::IdentityFlags;
use super::role_chain::RoleChainFlags;

// The flags of a CreateSession call.
#[derive(Debug, Args)]
pub(crate) struct CallFlags {
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    #[command(flatten)]
    pub(crate) session: SessionFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    #[command(flatten)]
    pub(crate) role_chain: RoleChainFlags,
}

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

// Of the commands that call CreateSession.
#[derive(Debug, Args)]
pub(crate) struct DebugFlag {
    /// Print what is signed, sent and received on stderr, with timings; never secrets.
    #[arg(long, help_heading = "Log", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
}
