//! Flags of `trust-policy`.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use rolesanywhere::policy::names::AnchorArn;
use rolesanywhere::policy::names::ExactRoleArn;
use rolesanywhere::policy::session_tags::TagName;

use super::boolean;

#[derive(Debug, Args)]
pub(crate) struct TrustPolicy {
    /// Certificate: a file, env:NAME, fd:N or - (stdin).
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Trust anchor of the certificate's CA.
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) trust_anchor_arn: Option<AnchorArn>,
    /// Attribute that a certificate needs the value of; repeatable [default: x509Subject/CN].
    ///
    /// Attribute whose value a certificate needs to have, as this one: x509Subject/CN, x509Issuer/O,
    /// x509SAN/DNS, x509SAN/URI, x509SAN/Name/CN and so on. Repeat the flag, or separate attributes by
    /// commas [default: x509Subject/CN].
    #[arg(
        long,
        value_name = "ATTRIBUTE",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) condition: Vec<TagName>,
    /// Format to print [default: json].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<PolicyFormat>,
    /// Role to be: its name and path in a template [default: a generated name].
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub(crate) role_arn: Option<ExactRoleArn>,
    /// Certificates of the CA: the template makes trust anchor and profile too.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) trust_anchor_certificate: Option<PathBuf>,
    /// Print the session tags of the certificate instead.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) explain: Option<bool>,
    /// With --explain: trust policy that lets the certificate in, or not.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) policy: Option<PathBuf>,
}

/// A form in which a trust policy is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    Json,
    Terraform,
    Cloudformation,
}
