//! [`Authorization`]: the header that carries the signature.

use std::fmt;

use crate::identity::public_key::KeyAlgorithm;

/// The value of the `Authorization` header.
///
/// `Display` is the value as sent. Together with the request, it can be replayed for some minutes: keep
/// it out of logs. `Debug` omits the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Algorithm of the signature.
    pub algorithm: SignatureAlgorithm,
    /// The certificate's serial number in decimal, or the access key's id, and the credential scope, joined
    /// by `/`.
    pub credential: String,
    /// The names of the signed headers.
    pub signed_headers: String,
    /// The signature in lower-case hexadecimal.
    pub signature: String,
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            algorithm,
            credential,
            signed_headers,
            signature,
        } = self;
        write!(
            f,
            "{algorithm} Credential={credential}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        )
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("algorithm", &self.algorithm)
            .field("credential", &self.credential)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

/// The algorithm's name on the wire; with a certificate it follows the private key, never the certificate's
/// signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA with SHA-256, on any curve.
    EcdsaSha256,
    /// ML-DSA of any parameter set, over the string to sign itself.
    MlDsa,
    /// HMAC with SHA-256, by a key derived from a secret access key.
    HmacSha256,
}

impl SignatureAlgorithm {
    /// The algorithm by which a private key of this kind signs.
    pub fn of(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::Rsa => Self::RsaSha256,
            KeyAlgorithm::Ec(_) => Self::EcdsaSha256,
            KeyAlgorithm::MlDsa(_) => Self::MlDsa,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RsaSha256 => "AWS4-X509-RSA-SHA256",
            Self::EcdsaSha256 => "AWS4-X509-ECDSA-SHA256",
            Self::MlDsa => "AWS4-X509-MLDSA",
            Self::HmacSha256 => "AWS4-HMAC-SHA256",
        })
    }
}
