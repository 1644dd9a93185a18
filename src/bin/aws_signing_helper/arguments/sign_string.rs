//! The command line of `sign-string`.

use clap::Args;
use clap::ValueEnum;

use super::Strays;
use super::boolean;
use super::identity::IdentityFlags;

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
