//! The flags of a certificate and its private key: places, passwords, tokens and stores.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::ValueEnum;
use rolesanywhere::secret::Secret;

use super::boolean;

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityFlags {
    /// Certificate: a file, a pkcs11: URI, env:NAME, fd:N or - (stdin).
    ///
    /// Certificate as PEM or DER. Further certificates in it are its chain; it may contain the private
    /// key. Or a PKCS#12 file with all of them. Instead of a file, this flag and the next two accept
    /// env:NAME (a variable), fd:N (an open descriptor) and - (stdin). Or the pkcs11: URI of a
    /// certificate on a token, whose key is looked for beside it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Private key: a file, a pkcs11: URI, env:NAME, fd:N, - (stdin) or handle:HEX (TPM).
    ///
    /// Private key as PEM or DER: PKCS#8, PKCS#1 or SEC 1; RSA, EC on P-256, P-384 or P-521, or
    /// ML-DSA. Or a TSS2 PRIVATE KEY in PEM, or handle:0x81000101, which a TPM signs with; or the
    /// pkcs11: URI of a key on a token. Without this flag, read the key from --certificate.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) private_key: Option<PathBuf>,
    /// Intermediate certificates: a file, env:NAME, fd:N or - (stdin).
    ///
    /// Intermediate certificates as PEM, DER or PKCS#7, sent in this order.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) intermediates: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passwords: PasswordFlags,
    #[command(flatten)]
    pub(crate) token: TokenFlags,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "PKCS#11 tokens")]
pub(crate) struct TokenFlags {
    /// PKCS#11 module of a hardware token [default: PKCS11_MODULE_PATH, else p11-kit's proxy].
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_lib: Option<PathBuf>,
    /// Use the token's user PIN for a key that needs a PIN for each signature.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) reuse_pin: Option<bool>,
    /// If several certificates match, use the one that expires last.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) use_latest_expiring_certificate: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Password of an encrypted private key. Other users of this machine can see it: prefer
    /// --pkcs8-password-file, the variable or the prompt.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs8_password: Option<Password>,
    /// File with the password of an encrypted private key.
    ///
    /// File with the password of an encrypted private key. A line break at its end is ignored.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs8_password_file: Option<PathBuf>,
    /// Password of a PKCS#12 file. Other users of this machine can see it: prefer
    /// --pkcs12-password-file, the variable or the prompt.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs12_password: Option<Password>,
    /// File with the password of a PKCS#12 file.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs12_password_file: Option<PathBuf>,
    /// Password of a key in a TPM. Other users of this machine can see it: prefer
    /// --tpm-key-password-file, the variable or the prompt.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) tpm_key_password: Option<Password>,
    /// File with the password of a key in a TPM.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) tpm_key_password_file: Option<PathBuf>,
    /// The TPM key has no password.
    #[arg(long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) no_tpm_key_password: Option<bool>,
    #[command(flatten)]
    pub(crate) pins: PinFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PinFlags {
    /// User PIN of a token. Other users of this machine can see it: prefer --pkcs11-pin-file, the
    /// variable or the prompt.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, value_parser = password)]
    pub(crate) pkcs11_pin: Option<Password>,
    /// File with the user PIN of a token.
    ///
    /// File with the user PIN of a token. A line break at its end is ignored.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) pkcs11_pin_file: Option<PathBuf>,
}

/// A password; shared, since clap wants to copy what it parses.
#[derive(Debug, Clone)]
pub(crate) struct Password(pub(crate) Arc<Secret<String>>);

#[derive(Debug, Args)]
#[command(next_help_heading = "Certificate stores of Windows and macOS")]
pub(crate) struct StoreFlags {
    /// Select a certificate of the store by subject, issuer, serial number or thumbprint.
    ///
    /// Select a certificate of the store, in place of --certificate and --private-key:
    /// Key=x509Subject,Value=CN=NAME, and likewise x509Issuer, x509Serial and x509Thumbprint; or
    /// file://FILE with them as JSON.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub(crate) cert_selector: Option<OsString>,
    /// Name of the store on Windows [default: MY].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) system_store_name: Option<OsString>,
    /// Location of the store on Windows [default: CurrentUser, else LocalMachine].
    #[arg(long, value_enum, ignore_case = true, value_name = "LOCATION")]
    pub(crate) system_store_location: Option<LocationFlag>,
}

/// Location of a store.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LocationFlag {
    /// The user's own store.
    #[value(name = "CurrentUser")]
    CurrentUser,
    /// The machine's store.
    #[value(name = "LocalMachine")]
    LocalMachine,
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes a parser of this form")]
fn password(text: &str) -> Result<Password, String> {
    Ok(Password(Arc::new(Secret::new(text.to_owned()))))
}
