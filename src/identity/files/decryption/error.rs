//! [`DecryptionError`]: why something under a password was not decrypted.

use std::fmt;

use pkcs8::ObjectIdentifier;

use crate::identity::files::ber::Malformed;

/// Why a private key, or a part of a PKCS#12 file, was not decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptionError {
    /// It does not have the form that its label or type asks for.
    Malformed,
    /// It is protected in a way that is not supported.
    Algorithm {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// Deriving its key would take too long.
    WorkFactor {
        /// The derivation that exceeds the limit.
        derivation: String,
    },
    /// The password is wrong, or the data damaged: nothing in these formats says which.
    Password,
}

impl DecryptionError {
    /// With the names that people meet, and the dotted form of all others.
    pub(in crate::identity::files) fn algorithm(oid: ObjectIdentifier) -> Self {
        let oid = oid.to_string();
        let name = match oid.as_str() {
            "1.2.840.113549.1.5.1" => "pbeWithMD2AndDES-CBC",
            "1.2.840.113549.1.5.3" => "pbeWithMD5AndDES-CBC",
            "1.2.840.113549.1.5.4" => "pbeWithMD2AndRC2-CBC",
            "1.2.840.113549.1.5.6" => "pbeWithMD5AndRC2-CBC",
            "1.2.840.113549.1.5.10" => "pbeWithSHA1AndDES-CBC",
            "1.2.840.113549.1.5.11" => "pbeWithSHA1AndRC2-CBC",
            "1.2.840.113549.1.5.12" => "PBKDF2",
            "1.2.840.113549.1.7.2" => "signed data",
            "1.2.840.113549.1.7.3" => "enveloped data",
            "1.2.840.113549.1.12.1.1" => "pbeWithSHA1And128BitRC4",
            "1.2.840.113549.1.12.1.2" => "pbeWithSHA1And40BitRC4",
            "1.2.840.113549.2.2" => "MD2",
            "1.2.840.113549.2.5" => "MD5",
            "1.2.840.113549.2.6" => "hmacWithMD5",
            "1.2.840.113549.3.4" => "RC4",
            "1.2.840.113549.3.9" => "RC5-CBC",
            "1.3.6.1.4.1.11591.4.11" => "scrypt",
            "1.2.156.10197.1.104.2" => "SM4-CBC",
            "1.2.156.10197.1.401.2" => "hmacWithSM3",
            "1.2.392.200011.61.1.1.1.2" => "Camellia-128-CBC",
            "1.2.392.200011.61.1.1.1.4" => "Camellia-256-CBC",
            "1.2.643.7.1.1.4.1" => "hmacWithStreebog256",
            "1.2.643.7.1.1.4.2" => "hmacWithStreebog512",
            "2.16.840.1.101.3.4.1.3" => "AES-128-OFB",
            "2.16.840.1.101.3.4.1.6" => "AES-128-GCM",
            "2.16.840.1.101.3.4.1.46" => "AES-256-GCM",
            "2.16.840.1.101.3.4.2.13" => "hmacWithSHA3-224",
            "2.16.840.1.101.3.4.2.14" => "hmacWithSHA3-256",
            "2.16.840.1.101.3.4.2.15" => "hmacWithSHA3-384",
            "2.16.840.1.101.3.4.2.16" => "hmacWithSHA3-512",
            other => other,
        };
        Self::Algorithm {
            algorithm: name.to_owned(),
        }
    }
}

impl fmt::Display for DecryptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed encrypted private key"),
            Self::Algorithm { algorithm } => write!(
                f,
                "it is protected with {algorithm}, which is not supported"
            ),
            Self::WorkFactor { derivation } => write!(
                f,
                "its key derivation demands {derivation}, more work than the limit for one file"
            ),
            Self::Password => f.write_str("the password is wrong, or the file is damaged"),
        }
    }
}

impl std::error::Error for DecryptionError {}

impl From<Malformed> for DecryptionError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}
