//! [`Pkcs12Error`]: why a PKCS#12 file was not read.

use std::fmt;

use crate::identity::files::ber::Malformed;
use crate::identity::files::decryption::error::DecryptionError;

/// Why a PKCS#12 file was not read. Its content is not shown: it may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// It is not a PKCS#12 file, or a damaged one.
    Malformed,
    /// Its MAC is not the one that the password gives: the password is wrong, or the file damaged.
    Password,
    /// A part of it does not decrypt with the password. In a file without a MAC, this means a wrong
    /// password; in a file with a MAC, this part has another password.
    Undecryptable,
    /// It is protected in a way that is not supported, or that takes too long.
    Protection(DecryptionError),
    /// It holds more entries than any identity.
    BagCount,
}

impl fmt::Display for Pkcs12Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed PKCS#12 file"),
            Self::Password => f.write_str("the password is wrong, or the file is damaged"),
            Self::Undecryptable => f.write_str("a part of it does not decrypt with the password"),
            Self::Protection(error) => error.fmt(f),
            Self::BagCount => write!(f, "it holds more than {BAGS_MAX} certificates and keys"),
        }
    }
}

impl std::error::Error for Pkcs12Error {}

impl From<Malformed> for Pkcs12Error {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<DecryptionError> for Pkcs12Error {
    fn from(error: DecryptionError) -> Self {
        match error {
            DecryptionError::Malformed => Self::Malformed,
            DecryptionError::Password => Self::Undecryptable,
            DecryptionError::Algorithm { .. } | DecryptionError::WorkFactor { .. } => {
                Self::Protection(error)
            }
        }
    }
}

/// Bags in one file. A bundle of all public authorities has 150.
pub(super) const BAGS_MAX: usize = 1000;
