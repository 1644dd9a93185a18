//! STS, the Security Token Service, on the wire: [`AssumeRole`](assume_role::AssumeRole) and
//! [`GetCallerIdentity`](caller_identity::GetCallerIdentity), each signed with the credentials of a session.
//!
//! Source: [API reference](https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html).

pub mod assume_role;
pub mod caller_identity;
pub mod response;

use crate::aws_call::operation::SignedPost;
use crate::credentials::Credentials;
use crate::sigv4::SignableRequest;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sigv4::hmac;
use crate::sigv4::hmac::AccessKey;

/// Signs a form with `credentials`, for `host` and the time and region of `scope`.
fn sign(
    form: String,
    credentials: &Credentials,
    host: &str,
    scope: &CredentialScope,
) -> SignedPost {
    let body = form.into_bytes();
    let to_sign = SignableRequest {
        method: "POST",
        path: PATH,
        query: &[],
        headers: &[("content-type", CONTENT_TYPE), ("host", host)],
        body: &body,
    };
    let key = AccessKey {
        id: &credentials.access_key_id,
        secret: &credentials.secret_access_key,
        session_token: &credentials.session_token,
    };
    let signed = hmac::sign(&to_sign, key, scope);
    SignedPost {
        query: String::new(),
        content_type: CONTENT_TYPE,
        body,
        signed,
    }
}

const PATH: &str = "/";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The version of the API.
const API_VERSION: &str = "2011-06-15";
