//! SigV4: a request, a key and a scope in; a signed request out.
//!
//! Pure: no clock, no file, no socket. [`x509`] signs with the private key of a certificate, [`hmac`] with an
//! access key. The steps are those of AWS's description, each a type that can be looked at:
//!
//! 1. [`CanonicalRequest`]: the request in one form only,
//! 2. [`StringToSign`]: its hash, with the time and the [`CredentialScope`](credential_scope::CredentialScope),
//! 3. [`Authorization`]: the header that carries the signature.

pub mod authorization;
pub mod canonical_request;
pub mod credential_scope;
pub mod hmac;
pub mod string_to_sign;
pub mod x509;

use crate::secret::Secret;
use crate::sigv4::authorization::Authorization;
use crate::sigv4::canonical_request::CanonicalRequest;
use crate::sigv4::string_to_sign::StringToSign;

/// A request before it is signed.
#[derive(Debug, Clone)]
pub struct SignableRequest<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// The path that is signed, percent-encoded. A prefix that a gateway adds is not part of it.
    pub path: &'a str,
    /// Names and values of the query, not encoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers, in any case and order. **Every one is signed**, so `host` and `content-type` belong
    /// here, and nothing that changes on the way.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// A signed request.
#[derive(Debug)]
pub struct SignedRequest {
    /// The `X-Amz-*` headers of identity and time, to be sent with those of the request.
    pub headers: Vec<(&'static str, String)>,
    /// The `X-Amz-Security-Token` header, to be sent too: the session token of the access key that signed.
    pub session_token: Option<Secret<String>>,
    /// Step 1.
    pub canonical_request: CanonicalRequest,
    /// Step 2.
    pub string_to_sign: StringToSign,
    /// Step 3, the value of the `Authorization` header.
    pub authorization: Authorization,
}

/// Header names as the service documents them.
pub mod header {
    /// The time of the signature, `YYYYMMDDTHHMMSSZ`.
    pub const X_AMZ_DATE: &str = "X-Amz-Date";
    /// The session token of temporary credentials.
    pub const X_AMZ_SECURITY_TOKEN: &str = "X-Amz-Security-Token";
    /// The end-entity certificate, base64 of its DER.
    pub const X_AMZ_X509: &str = "X-Amz-X509";
    /// The intermediates, base64 of each, joined by commas.
    pub const X_AMZ_X509_CHAIN: &str = "X-Amz-X509-Chain";
}
