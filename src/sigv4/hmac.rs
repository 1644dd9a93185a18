//! SigV4 with an access key: a key is derived from the secret access key for one day, region and service, and
//! signs by HMAC-SHA256.
//!
//! Source: [signing process](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

use ring::hmac;

use crate::secret::Secret;
use crate::sigv4::SignableRequest;
use crate::sigv4::SignedRequest;
use crate::sigv4::authorization::Authorization;
use crate::sigv4::authorization::SignatureAlgorithm;
use crate::sigv4::canonical_request::CanonicalRequest;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sigv4::credential_scope::TERMINATOR;
use crate::sigv4::header;
use crate::sigv4::string_to_sign::StringToSign;

/// The access key of temporary credentials.
#[derive(Debug, Clone, Copy)]
pub struct AccessKey<'a> {
    /// `ASIA...`
    pub id: &'a str,
    /// Signs.
    pub secret: &'a Secret<String>,
    /// Sent with the request, and signed.
    pub session_token: &'a Secret<String>,
}

/// Signs `request` with `key`, for the time, region and service of `scope`.
pub fn sign(
    request: &SignableRequest<'_>,
    key: AccessKey<'_>,
    scope: &CredentialScope,
) -> SignedRequest {
    let date = (header::X_AMZ_DATE, scope.date_time());
    let token = (
        header::X_AMZ_SECURITY_TOKEN,
        key.session_token.expose().as_str(),
    );
    let headers = request.headers.iter().copied().chain([date, token]);
    let canonical_request = CanonicalRequest::new(request, headers);
    let algorithm = SignatureAlgorithm::HmacSha256;
    let string_to_sign = StringToSign::new(algorithm, scope, &canonical_request);
    let signing_key = signing_key(key.secret, scope);
    let signature = mac(&signing_key, string_to_sign.as_str());
    SignedRequest {
        headers: vec![(header::X_AMZ_DATE, scope.date_time().to_owned())],
        session_token: Some(Secret::new(key.session_token.expose().clone())),
        authorization: Authorization {
            algorithm,
            credential: format!("{}/{scope}", key.id),
            signed_headers: canonical_request.signed_headers().to_owned(),
            signature: hex::encode(signature.expose()),
        },
        canonical_request,
        string_to_sign,
    }
}

/// The key of the scope's day, region and service.
fn signing_key(secret: &Secret<String>, scope: &CredentialScope) -> Secret<Vec<u8>> {
    let secret = secret.expose().as_bytes();
    let mut key = Secret::new(Vec::with_capacity(PREFIX.len() + secret.len()));
    key.expose_mut().extend_from_slice(PREFIX);
    key.expose_mut().extend_from_slice(secret);
    [scope.date(), scope.region(), scope.service(), TERMINATOR]
        .into_iter()
        .fold(key, |key, part| mac(&key, part))
}

fn mac(key: &Secret<Vec<u8>>, message: &str) -> Secret<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    Secret::new(hmac::sign(&key, message.as_bytes()).as_ref().to_vec())
}

/// In front of the secret access key.
const PREFIX: &[u8] = b"AWS4";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// The key that AWS's documentation derives from its example secret, for 2015-08-30, us-east-1 and iam.
    #[test]
    fn signing_key_is_that_of_the_documentation() {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
        let region = "us-east-1".parse().unwrap();
        let scope = CredentialScope::new(datetime!(2015-08-30 12:36:00 UTC), &region, "iam");
        assert_eq!(
            hex::encode(signing_key(&secret, &scope).expose()),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn session_token_is_signed_and_never_shown() {
        let secret = Secret::new("secret".to_owned());
        let session_token = Secret::new("hunter2".to_owned());
        let key = AccessKey {
            id: "ASIA",
            secret: &secret,
            session_token: &session_token,
        };
        let region = "us-east-1".parse().unwrap();
        let scope = CredentialScope::new(datetime!(2015-08-30 12:36:00 UTC), &region, "sts");
        let request = SignableRequest {
            method: "POST",
            path: "/",
            query: &[],
            headers: &[("host", "sts.us-east-1.amazonaws.com")],
            body: b"Action=AssumeRole",
        };
        let signed = sign(&request, key, &scope);
        assert_eq!(
            signed.authorization.signed_headers,
            "host;x-amz-date;x-amz-security-token"
        );
        let hashed = signed.canonical_request.expose();
        assert!(
            hashed.contains("\nx-amz-security-token:hunter2\n"),
            "{hashed}"
        );
        let shown = format!("{} {signed:?}", signed.canonical_request);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("x-amz-security-token:(not shown)"),
            "{shown}"
        );
    }
}
