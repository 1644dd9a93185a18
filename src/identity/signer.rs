//! [`Signer`]: a private key, wherever it is.

use std::fmt;

use crate::identity::public_key::PublicKey;

/// A private key that signs. The files' keys are one implementation; a caller's own (a key management
/// service, an agent, a token) is as good: `examples/library.rs` shows one.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half, by which the key is matched with a certificate.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`: RSA by PKCS#1 v1.5 and EC by ECDSA, as ASN.1 DER `(r, s)`, both over the
    /// message's `digest`; ML-DSA over the message itself with an empty context, whatever `digest`.
    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError>;
}

/// The hash that is signed. The protocol knows SHA-256 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// FIPS 180-4.
    Sha512,
}

/// Why a private key did not sign.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignatureError {
    /// The parts of the key do not match, or randomness is unavailable.
    Refused,
    /// The reason of the key's holder. Another attempt may succeed, once its token is back, say.
    Signer(Box<dyn std::error::Error + Send + Sync>),
    /// The key's holder refuses its PIN or password, or is locked: another attempt in a moment would not help.
    SecretRefused(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the private key did not sign; is the key damaged?",
            Self::Signer(_) | Self::SecretRefused(_) => "the private key did not sign",
        })
    }
}

impl std::error::Error for SignatureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused => None,
            Self::Signer(source) | Self::SecretRefused(source) => Some(source.as_ref()),
        }
    }
}
