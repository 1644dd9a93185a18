//! SigV4-X509: the private key of a certificate signs, and no key is derived.
//!
//! Source: [signing process](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::identity::Identity;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::sigv4::SignableRequest;
use crate::sigv4::SignedRequest;
use crate::sigv4::authorization::Authorization;
use crate::sigv4::authorization::SignatureAlgorithm;
use crate::sigv4::canonical_request::CanonicalRequest;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sigv4::header;
use crate::sigv4::string_to_sign::StringToSign;

/// Signs `request` as `identity`, for the time, region and service of `scope`.
///
/// Fails where the private key does not sign.
pub fn sign(
    request: &SignableRequest<'_>,
    identity: &Identity,
    scope: &CredentialScope,
) -> Result<SignedRequest, SignatureError> {
    let headers = identity_headers(identity, scope);
    let own = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let canonical_request =
        CanonicalRequest::new(request, request.headers.iter().copied().chain(own));
    let algorithm = SignatureAlgorithm::of(identity.signer().public_key().algorithm);
    let string_to_sign = StringToSign::new(algorithm, scope, &canonical_request);
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
        session_token: None,
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
