//! [`CreateSessionResponse`]: what the service answers, field by field as on the wire.
//!
//! Source: [CreateSession](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html),
//! errors as in the [restJson1 protocol](https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::secret::Secret;

/// A successful answer. Any field may be absent; `Credentials` is what has them all.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSessionResponse {
    /// One set in practice; the first counts.
    #[serde(default)]
    pub credential_set: Vec<CredentialSetEntry>,
    /// The service's time, cut to whole seconds, where its `Date` header told it. Not in the body.
    #[serde(skip)]
    pub date: Option<OffsetDateTime>,
}

/// One role's session.
#[derive(Debug, Deserialize)]
pub struct CredentialSetEntry {
    /// Its credentials.
    pub credentials: Option<WireCredentials>,
}

/// Credentials as the service writes them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireCredentials {
    /// `ASIA...`
    pub access_key_id: Option<String>,
    /// The key that signs requests.
    pub secret_access_key: Option<Secret<String>>,
    /// What proves the session.
    pub session_token: Option<Secret<String>>,
    /// RFC 3339.
    pub expiration: Option<String>,
}

impl CreateSessionResponse {
    /// Reads the body of a 2xx answer; `None` where it is none of the service's.
    pub fn from_json(body: &[u8]) -> Option<Self> {
        // serde also reads the fields of a struct from an array.
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        serde_json::from_slice(body).ok()
    }
}

/// What the service says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

impl Refusal {
    /// Reads an answer that is not 2xx: the code from `x-amzn-errortype`, which may have a namespace
    /// in front and a URL behind, or from the body. `None` where neither is there and the body is
    /// not even JSON: then somebody else answered.
    pub(crate) fn read(error_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let body = serde_json::from_slice::<Value>(body).ok();
        if body.is_none() && error_type.is_none() {
            return None;
        }
        let field = |name: &str| {
            let value = body.as_ref()?.get(name)?;
            value.as_str().map(str::to_owned)
        };
        Some(Self {
            code: error_type
                .map(str::to_owned)
                .or_else(|| field("__type"))
                .or_else(|| field("code"))
                .map(|code| bare_code(&code)),
            message: field("message")
                .or_else(|| field("Message"))
                .unwrap_or_default(),
        })
    }
}

/// `AccessDeniedException` of `com.amazon#AccessDeniedException:http://internal/`.
fn bare_code(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(error_type: Option<&str>, body: &str) -> Option<(Option<String>, String)> {
        Refusal::read(error_type, body.as_bytes()).map(|refusal| (refusal.code, refusal.message))
    }

    #[test]
    fn code_comes_from_header_or_body_without_namespace_and_url() {
        let expected = Some((Some("AccessDeniedException".to_owned()), "no".to_owned()));
        for error_type in [
            "AccessDeniedException",
            "com.amazon#AccessDeniedException",
            "AccessDeniedException:http://internal.amazon.com/coral/x/",
        ] {
            assert_eq!(refusal(Some(error_type), r#"{"message":"no"}"#), expected);
        }
        for body in [
            r#"{"__type":"a#AccessDeniedException","message":"no"}"#,
            r#"{"code":"AccessDeniedException","Message":"no"}"#,
        ] {
            assert_eq!(refusal(None, body), expected);
        }
    }

    #[test]
    fn answer_of_somebody_else_is_told_apart() {
        assert_eq!(refusal(None, "<html>"), None);
        assert_eq!(refusal(None, "{}"), Some((None, String::new())));
        let coded = Some((Some("X".to_owned()), String::new()));
        assert_eq!(refusal(Some("X"), ""), coded);
    }
}
