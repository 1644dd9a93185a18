//! [`StringToSign`]: what the private key signs.

use std::fmt;

use sha2::Digest;
use sha2::Sha256;

use crate::sigv4::authorization::SignatureAlgorithm;
use crate::sigv4::canonical_request::CanonicalRequest;
use crate::sigv4::credential_scope::CredentialScope;

/// Algorithm, time, scope and the hash of the canonical request, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringToSign(String);

impl StringToSign {
    /// The string to sign for `canonical_request`.
    pub fn new(
        algorithm: SignatureAlgorithm,
        scope: &CredentialScope,
        canonical_request: &CanonicalRequest,
    ) -> Self {
        let hash = hex::encode(Sha256::digest(canonical_request.expose()));
        let date_time = scope.date_time();
        Self(format!("{algorithm}\n{date_time}\n{scope}\n{hash}"))
    }

    /// The text that is signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
