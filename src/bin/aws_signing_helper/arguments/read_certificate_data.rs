//! The command line of `read-certificate-data`.

use std::path::PathBuf;

use clap::Args;

use super::Strays;
use super::boolean;
use super::identity::PinFlags;
use super::identity::StoreFlags;

#[derive(Debug, Args)]
pub(crate) struct ReadCertificateData {
    /// Certificate: a file, a pkcs11: URI, env:NAME, fd:N or - (stdin).
    ///
    /// Certificate, printed as JSON: a file, env:NAME, fd:N or - (stdin). Or a pkcs11: URI: all
    /// certificates that match are listed.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// PKCS#11 module of a hardware token [default: PKCS11_MODULE_PATH, else p11-kit's proxy].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pins: PinFlags,
    /// Log the calls of a hardware token to stderr.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) debug: Option<bool>,
    #[command(flatten)]
    pub(crate) strays: Strays,
}
