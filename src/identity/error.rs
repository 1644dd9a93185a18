//! [`IdentityError`]: why an identity could not be read, with the file at fault.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::file::FileError;
use crate::identity::certificate::CertificateError;
use crate::identity::chain::CHAIN_LENGTH_MAX;
use crate::identity::encrypted_key::DecryptionError;
use crate::identity::password::PasswordError;
use crate::identity::pem::PemBlock;
use crate::identity::pem::PemError;
use crate::identity::private_key::PrivateKeyError;
use crate::identity::public_key::KeyAlgorithm;

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
        /// What is wrong with it.
        source: PemError,
    },
    /// A file does not hold what it was named for.
    Missing {
        /// What that is.
        what: Missing,
        /// The file.
        path: PathBuf,
        /// The labels of the first blocks in it; none if it is not PEM.
        found: Vec<String>,
    },
    /// The certificate is none to work with.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The private key is of a format that is not read.
    PrivateKeyLabel {
        /// The file.
        path: PathBuf,
        /// The block's label.
        label: String,
    },
    /// The private key is encrypted, and there is no password.
    PasswordMissing {
        /// The file.
        path: PathBuf,
    },
    /// The password could not be had.
    Password(PasswordError),
    /// The private key could not be decrypted.
    Decryption {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DecryptionError,
    },
    /// The private key is none to work with.
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PrivateKeyError,
    },
    /// Certificate and private key are not each other's.
    KeyDoesNotMatchCertificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The kind of key the certificate is for.
        certificate_key: KeyAlgorithm,
        /// The key's file.
        private_key: PathBuf,
        /// The kind of key that lies there.
        private_key_algorithm: KeyAlgorithm,
    },
    /// The file with the chain holds something else.
    ChainBlock {
        /// The file.
        path: PathBuf,
        /// The label of the block that is no certificate.
        label: String,
    },
    /// A certificate of the chain is none.
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The chain is longer than any chain.
    ChainTooLong {
        /// The file.
        path: PathBuf,
        /// How many certificates it holds.
        count: usize,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Pem { path, .. } => write!(f, "cannot read {} as PEM", path.display()),
            Self::Missing { what, path, found } => {
                write!(f, "no {what} in {}", path.display())?;
                match found.as_slice() {
                    [] => f.write_str(
                        ": nothing in it is PEM (DER and PKCS#12 are not supported by this version)",
                    ),
                    labels => write!(f, ": it holds {}", labels.join(", ")),
                }
            }
            Self::Certificate { path, .. } => {
                write!(f, "cannot use the certificate in {}", path.display())
            }
            Self::PrivateKeyLabel { path, label } => write!(
                f,
                "the private key in {} is of a format that is not supported: {label:?}",
                path.display()
            ),
            Self::PasswordMissing { path } => write!(
                f,
                "the private key in {} is encrypted, and there is no password for it",
                path.display()
            ),
            Self::Password(_) => f.write_str("cannot get the private key's password"),
            Self::Decryption { path, .. } => {
                write!(f, "cannot decrypt the private key in {}", path.display())
            }
            Self::PrivateKey { path, .. } => {
                write!(f, "cannot use the private key in {}", path.display())
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
                private_key.display(),
                certificate.display()
            ),
            Self::ChainBlock { path, label } => write!(
                f,
                "invalid certificate chain: {} holds a block {label:?}",
                path.display()
            ),
            Self::Chain { path, .. } => {
                write!(f, "invalid certificate chain in {}", path.display())
            }
            Self::ChainTooLong { path, count } => write!(
                f,
                "invalid certificate chain: {} holds {count} intermediates; up to \
                 {CHAIN_LENGTH_MAX} are sent, and the service takes five",
                path.display()
            ),
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
            Self::Password(source) => Some(source),
            Self::Decryption { source, .. } => Some(source),
            Self::Missing { .. }
            | Self::PrivateKeyLabel { .. }
            | Self::PasswordMissing { .. }
            | Self::KeyDoesNotMatchCertificate { .. }
            | Self::ChainBlock { .. }
            | Self::ChainTooLong { .. } => None,
        }
    }
}

/// What a file can lack.
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
    /// What is wrong with a file that lacks something: its first bad block, else that it holds
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
