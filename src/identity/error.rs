//! [`IdentityError`]: why an identity could not be read, with the file at fault.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::file::FileError;
use crate::identity::certificate::CertificateError;
use crate::identity::chain::CHAIN_LENGTH_MAX;
use crate::identity::files::decryption::error::DecryptionError;
use crate::identity::files::pem::PemBlock;
use crate::identity::files::pem::PemError;
use crate::identity::files::pkcs12::error::Pkcs12Error;
use crate::identity::files::private_key::PrivateKeyError;
use crate::identity::files::tss2_key::Tss2KeyError;
use crate::identity::os_store::error::StoreError;
use crate::identity::pkcs11::error::Pkcs11Error;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::secrets::Purpose;
use crate::identity::secrets::SecretError;
use crate::identity::tpm::TpmError;
use crate::text::Printable;
use crate::text::ShownName;

/// Why an identity could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file could not be read.
    File(FileError),
    /// A file begins as PEM and is not.
    Pem {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: PemError,
    },
    /// A file does not hold what it was named for.
    Missing {
        /// Kind of it.
        what: Missing,
        /// The file.
        path: PathBuf,
        /// The labels of the first blocks in it; none if it is not PEM.
        found: Vec<String>,
    },
    /// The certificate cannot be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: CertificateError,
    },
    /// The private key is of a format that is not read.
    PrivateKeyLabel {
        /// The file.
        path: PathBuf,
        /// The block's label.
        label: String,
    },
    /// A password is needed and not given.
    PasswordMissing {
        /// Purpose.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
    },
    /// The password could not be had.
    Password {
        /// The file that it opens.
        path: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// The private key could not be decrypted.
    Decryption {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DecryptionError,
    },
    /// The private key cannot be used.
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: PrivateKeyError,
    },
    /// A PKCS#12 file could not be read.
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Pkcs12Error,
    },
    /// A PKCS#12 file stands where PEM is read.
    Pkcs12Misplaced {
        /// Kind of content that was expected.
        what: Missing,
        /// The file.
        path: PathBuf,
    },
    /// Something is given beside a PKCS#12 file, which holds it too.
    Pkcs12NotAlone {
        /// The file.
        path: PathBuf,
        /// Flag that was given too.
        beside: &'static str,
    },
    /// No private key in a PKCS#12 file is that of a certificate in it.
    Pkcs12Incomplete {
        /// The file.
        path: PathBuf,
        /// Number of certificates in it.
        certificates: usize,
        /// Number of private keys in it.
        private_keys: usize,
    },
    /// A PKCS#12 file holds several identities.
    Pkcs12Ambiguous {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and private key are not each other's.
    KeyDoesNotMatchCertificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The kind of key the certificate is for.
        certificate_key: KeyAlgorithm,
        /// The key's file.
        private_key: PathBuf,
        /// Kind of the key.
        private_key_algorithm: KeyAlgorithm,
    },
    /// The file with the chain holds something else.
    ChainBlock {
        /// The file.
        path: PathBuf,
        /// The label of the block that is not a certificate.
        label: String,
    },
    /// A certificate of the chain is malformed.
    Chain {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: CertificateError,
    },
    /// The chain is longer than any chain.
    ChainTooLong {
        /// The file.
        path: PathBuf,
        /// Number of certificates in it.
        count: usize,
    },
    /// A key file of a TPM cannot be used.
    Tss2Key {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: Tss2KeyError,
    },
    /// A key in a TPM cannot be used.
    Tpm {
        /// The key's file, or its name.
        path: PathBuf,
        /// Why.
        source: TpmError,
    },
    /// A token gave no certificate or key.
    Pkcs11 {
        /// The URI, without a PIN.
        uri: PathBuf,
        /// Why.
        source: Box<Pkcs11Error>,
    },
    /// A certificate store gave no identity.
    Store {
        /// Name of the store.
        store: PathBuf,
        /// Why.
        source: StoreError,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Pem { path, .. } => write!(f, "cannot read {} as PEM", ShownName::of(path)),
            Self::Missing { what, path, found } => {
                write!(f, "no {what} in {}", ShownName::of(path))?;
                match found.as_slice() {
                    [] => f.write_str(": nothing in it is PEM, DER or PKCS#12"),
                    labels => write!(f, ": it holds {}", labels.join(", ")),
                }
            }
            Self::Certificate { path, .. } => {
                write!(f, "cannot use the certificate in {}", ShownName::of(path))
            }
            Self::PrivateKeyLabel { path, label } => write!(
                f,
                "the private key in {} is of a format that is not supported: {label:?}",
                ShownName::of(path)
            ),
            Self::PasswordMissing { purpose, path } => match purpose {
                Purpose::PrivateKey => write!(
                    f,
                    "the private key in {} is encrypted, and there is no password for it",
                    ShownName::of(path)
                ),
                Purpose::Pkcs12 => write!(
                    f,
                    "the PKCS#12 file {} is encrypted, and the empty password does not open it",
                    ShownName::of(path)
                ),
                Purpose::TpmKey => write!(
                    f,
                    "unable to read your TPM key password: there is none for {}",
                    ShownName::of(path)
                ),
                Purpose::UserPin(_) | Purpose::KeyPin(_) => {
                    write!(f, "there is no PIN for {}", ShownName::of(path))
                }
            },
            Self::Password { path, .. } => {
                write!(f, "cannot get the password of {}", ShownName::of(path))
            }
            Self::Pkcs12 { path, .. } => {
                write!(f, "cannot read the PKCS#12 file {}", ShownName::of(path))
            }
            Self::Pkcs12Misplaced { what, path } => write!(
                f,
                "no {what} is read from {}: it is a PKCS#12 file, which can only be the \
                 certificate, alone",
                ShownName::of(path)
            ),
            Self::Pkcs12NotAlone { path, beside } => write!(
                f,
                "the {beside} cannot be given with {}: the PKCS#12 file has to contain it",
                ShownName::of(path)
            ),
            Self::Pkcs12Incomplete {
                path,
                certificates,
                private_keys,
            } => write!(
                f,
                "no private key in the PKCS#12 file {} is that of a certificate in it: it holds \
                 {private_keys} private keys and {certificates} certificates",
                ShownName::of(path)
            ),
            Self::Pkcs12Ambiguous { path } => write!(
                f,
                "the PKCS#12 file {} holds several private keys with certificates; export the one \
                 that is meant",
                ShownName::of(path)
            ),
            Self::Decryption { path, .. } => {
                write!(
                    f,
                    "cannot decrypt the private key in {}",
                    ShownName::of(path)
                )
            }
            Self::PrivateKey { path, .. } | Self::Tss2Key { path, .. } => {
                write!(f, "cannot use the private key in {}", ShownName::of(path))
            }
            Self::Tpm { path, .. } => {
                write!(f, "cannot use the TPM key {}", ShownName::of(path))
            }
            Self::KeyDoesNotMatchCertificate {
                certificate,
                certificate_key,
                private_key,
                private_key_algorithm,
            } => write!(
                f,
                "the private key in {} ({private_key_algorithm}) is not the key of the certificate \
                 in {} ({certificate_key})",
                ShownName::of(private_key),
                ShownName::of(certificate)
            ),
            Self::ChainBlock { path, label } => write!(
                f,
                "invalid certificate chain: {} holds a block {label:?}",
                ShownName::of(path)
            ),
            Self::Chain { path, .. } => {
                write!(f, "invalid certificate chain in {}", ShownName::of(path))
            }
            Self::ChainTooLong { path, count } => write!(
                f,
                "invalid certificate chain: {} holds {count} intermediates; up to \
                 {CHAIN_LENGTH_MAX} are sent, and the service takes five",
                ShownName::of(path)
            ),
            Self::Pkcs11 { uri, .. } => {
                let uri = uri.to_string_lossy();
                write!(f, "cannot use {}", Printable::new(&uri, URI_CHARACTERS_MAX))
            }
            Self::Store { store, .. } => write!(f, "cannot use {}", ShownName::of(store)),
        }
    }
}

impl std::error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Pem { source, .. } => Some(source),
            Self::Certificate { source, .. } | Self::Chain { source, .. } => Some(source),
            Self::PrivateKey { source, .. } => Some(source),
            Self::Password { source, .. } => Some(source),
            Self::Pkcs12 { source, .. } => Some(source),
            Self::Tss2Key { source, .. } => Some(source),
            Self::Tpm { source, .. } => Some(source),
            Self::Decryption { source, .. } => Some(source),
            Self::Pkcs11 { source, .. } => Some(source.as_ref()),
            Self::Store { source, .. } => Some(source),
            Self::Missing { .. }
            | Self::PrivateKeyLabel { .. }
            | Self::PasswordMissing { .. }
            | Self::Pkcs12Misplaced { .. }
            | Self::Pkcs12NotAlone { .. }
            | Self::Pkcs12Incomplete { .. }
            | Self::Pkcs12Ambiguous { .. }
            | Self::KeyDoesNotMatchCertificate { .. }
            | Self::ChainBlock { .. }
            | Self::ChainTooLong { .. } => None,
        }
    }
}

/// Content that a file can lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A certificate.
    Certificate,
    /// A private key.
    PrivateKey,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "private key",
        })
    }
}

impl IdentityError {
    /// Error for a file that lacks something: its first bad block, else that it holds
    /// other things.
    pub(crate) fn missing(
        what: Missing,
        path: &Path,
        blocks: &[Result<PemBlock, PemError>],
    ) -> Self {
        let path = path.to_owned();
        match blocks.iter().find_map(|block| block.as_ref().err()) {
            Some(source) => Self::Pem {
                path,
                source: source.clone(),
            },
            None => Self::Missing {
                what,
                path,
                found: blocks
                    .iter()
                    .flatten()
                    .take(FOUND_LABELS_MAX)
                    .map(|block| block.label.clone())
                    .collect(),
            },
        }
    }
}

/// Enough to recognise a file by.
const FOUND_LABELS_MAX: usize = 8;

/// As many as a URI with all attributes takes.
const URI_CHARACTERS_MAX: usize = 400;
