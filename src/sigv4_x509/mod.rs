//! SigV4-X509: a request, an identity, a region and a time in; a signed request out.
//!
//! Pure: no clock, no file, no socket. The steps are those of the service's description, each a type
//! that can be looked at:
//!
//! 1. [`CanonicalRequest`]: the request in one form only,
//! 2. [`StringToSign`]: its hash, with the time and the [`CredentialScope`],
//! 3. [`Authorization`]: the header that carries the signature. Unlike in SigV4 no key is derived:
//!    the private key signs the string to sign.
//!
//! Source: [signing process](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html).

pub mod authorization;
pub mod canonical_request;
pub mod credential_scope;
pub mod string_to_sign;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;

use crate::arn::Region;
use crate::identity::Identity;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::sigv4_x509::authorization::Authorization;
use crate::sigv4_x509::authorization::SignatureAlgorithm;
use crate::sigv4_x509::canonical_request::CanonicalRequest;
use crate::sigv4_x509::credential_scope::CredentialScope;
use crate::sigv4_x509::string_to_sign::StringToSign;

/// A request before it is signed.
#[derive(Debug, Clone)]
pub struct Request<'a> {
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

/// What signing makes of a request.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// The `X-Amz-*` headers of identity and time, to be sent with those of the request.
    pub headers: Vec<(&'static str, String)>,
    /// Step 1.
    pub canonical_request: CanonicalRequest,
    /// Step 2.
    pub string_to_sign: StringToSign,
    /// Step 3, the value of the `Authorization` header.
    pub authorization: Authorization,
}

/// Signs `request` as `identity`, for `region`, at `time`.
///
/// Fails where the private key does not sign.
pub fn sign(
    request: &Request<'_>,
    identity: &Identity,
    region: &Region,
    time: OffsetDateTime,
) -> Result<SignedRequest, SignatureError> {
    let scope = CredentialScope::new(time, region);
    let headers = identity_headers(identity, &scope);
    let own = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let canonical_request =
        CanonicalRequest::new(request, request.headers.iter().copied().chain(own));
    let algorithm = SignatureAlgorithm::of(identity.signer().public_key().algorithm);
    let string_to_sign = StringToSign::new(algorithm, &scope, &canonical_request);
    let signature = identity
        .signer()
        .sign(string_to_sign.as_str().as_bytes(), Digest::Sha256)?;
    let authorization = Authorization {
        algorithm,
        credential: format!("{}/{scope}", identity.certificate().serial_number()),
        signed_headers: canonical_request.signed_headers().to_owned(),
        signature: hex::encode(signature),
    };
    Ok(SignedRequest {
        headers,
        canonical_request,
        string_to_sign,
        authorization,
    })
}

fn identity_headers(identity: &Identity, scope: &CredentialScope) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        (header::X_AMZ_DATE, scope.date_time().to_owned()),
        (
            header::X_AMZ_X509,
            BASE64_STANDARD.encode(identity.certificate().der()),
        ),
    ];
    let chain: Vec<String> = identity
        .chain()
        .certificates()
        .iter()
        .map(|der| BASE64_STANDARD.encode(der))
        .collect();
    if !chain.is_empty() {
        headers.push((header::X_AMZ_X509_CHAIN, chain.join(",")));
    }
    headers
}

/// Header names as the service documents them.
pub mod header {
    /// The time of the signature, `YYYYMMDDTHHMMSSZ`.
    pub const X_AMZ_DATE: &str = "X-Amz-Date";
    /// The end-entity certificate, base64 of its DER.
    pub const X_AMZ_X509: &str = "X-Amz-X509";
    /// The intermediates, base64 of each, joined by commas.
    pub const X_AMZ_X509_CHAIN: &str = "X-Amz-X509-Chain";
}
