//! [`Pkcs12Error`]: why a PKCS#12 file was not read.

use std::fmt;

use pkcs8::ObjectIdentifier;

use super::BAGS_MAX;

/// Why a PKCS#12 file was not read. What is in it is not told: it may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// It is no PKCS#12 file, or a damaged one.
    Malformed,
    /// Its MAC is not the one that the password gives: the password is wrong, or the file damaged.
    Password,
    /// A part of it does not decrypt with the password. In a file without a MAC this is how a wrong
    /// password shows; in one with, that part has a password of its own.
    Undecryptable,
    /// It is protected in a way that is not supported.
    Algorithm {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// Deriving its keys would take too long.
    WorkFactor {
        /// What the derivation asks for with which the limit was passed.
        iterations: u64,
    },
    /// It holds more than anybody's identity.
    BagCount,
}

impl Pkcs12Error {
    /// With the names that people meet, and the dotted form of all others.
    pub(super) fn algorithm(oid: ObjectIdentifier) -> Self {
        let oid = oid.to_string();
        let name = match oid.as_str() {
            "1.2.840.113549.1.7.2" => "signed data",
            "1.2.840.113549.1.7.3" => "enveloped data",
            "1.2.840.113549.1.12.1.1" => "pbeWithSHA1And128BitRC4",
            "1.2.840.113549.1.12.1.2" => "pbeWithSHA1And40BitRC4",
            "1.2.840.113549.2.5" => "MD5",
            "1.3.6.1.4.1.11591.4.11" => "scrypt",
            "2.16.840.1.101.3.4.1.6" => "AES-128-GCM",
            "2.16.840.1.101.3.4.1.46" => "AES-256-GCM",
            other => other,
        };
        Self::Algorithm {
            algorithm: name.to_owned(),
        }
    }
}

impl fmt::Display for Pkcs12Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed PKCS#12 file"),
            Self::Password => f.write_str("the password is wrong, or the file is damaged"),
            Self::Undecryptable => f.write_str("a part of it does not decrypt with the password"),
            Self::Algorithm { algorithm } => write!(
                f,
                "it is protected with {algorithm}, which is not supported"
            ),
            Self::WorkFactor { iterations } => write!(
                f,
                "its key derivation demands {iterations} iterations, and all of it more work than \
                 is done for one file"
            ),
            Self::BagCount => write!(f, "it holds more than {BAGS_MAX} certificates and keys"),
        }
    }
}

impl std::error::Error for Pkcs12Error {}
