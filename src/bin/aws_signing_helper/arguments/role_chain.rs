//! The flags of roles that are assumed from the session.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Debug, Args)]
#[command(next_help_heading = "Role chaining")]
pub(crate) struct RoleChainFlags {
    /// Role to assume with the session; repeatable, each with the role before.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) assume_role: Vec<String>,
    /// Session name of the last role [default: that of the session].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) assume_role_session_name: Option<String>,
    /// Session duration of the last role, 900 to 3600 [default: 3600].
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) assume_role_duration: Option<i32>,
    /// External id that the last role's trust policy asks for.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) external_id: Option<String>,
    /// Policy that narrows the last role's permissions: a file, or JSON.
    ///
    /// Policy that narrows the last role's permissions: the path of a file, env:NAME, fd:N, - (stdin), or
    /// the JSON itself. It is read once, when the command starts.
    #[arg(long, value_name = "FILE|JSON", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) session_policy: Option<String>,
    /// Managed policy that narrows the last role's permissions; repeatable.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) session_policy_arn: Vec<String>,
    /// Session tag of the last role; repeatable.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) tag: Vec<String>,
    /// Key of a --tag to set with the first role, for later ones to inherit; repeatable.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) transitive_tag: Vec<String>,
    /// URL of STS to call instead of the region's endpoint.
    #[arg(long, value_name = "URL", allow_hyphen_values = true, value_parser = not_empty())]
    pub(crate) sts_endpoint: Option<String>,
}

/// An empty value, of a variable that a script lacks, would give more rights than are meant.
fn not_empty() -> NonEmptyStringValueParser {
    NonEmptyStringValueParser::new()
}

/// True if a value of `--session-policy` is the policy itself.
pub(crate) fn is_inline_policy(value: &str) -> bool {
    without_mark(value).trim_start().starts_with('{')
}

/// Without a byte order mark, which editors of Windows put in front.
pub(crate) fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}
