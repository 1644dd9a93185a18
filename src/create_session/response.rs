//! [`CreateSessionResponse`]: what the service answers, field by field as on the wire.
//!
//! Source: [CreateSession](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html),
//! errors as in the [restJson1 protocol](https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::aws_call::operation::ErrorResponse;
use crate::credentials::Credentials;
use crate::secret::Secret;

/// A successful answer. Any field may be absent; `Credentials` is what has them all.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSessionResponse {
    /// One set in practice; the first counts.
    #[serde(default)]
    pub credential_set: Vec<CredentialSetEntry>,
}

/// One role's session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialSetEntry {
    /// Its credentials.
    pub credentials: Option<WireCredentials>,
    /// Session and role.
    pub assumed_role_user: Option<AssumedRoleUser>,
}

/// The session, as other services name it.
#[derive(Debug, Deserialize)]
pub struct AssumedRoleUser {
    /// `arn:aws:sts::account:assumed-role/role/session-name`
    pub arn: Option<String>,
}

/// Credentials as the service writes them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireCredentials {
    /// `ASIA...`
    pub access_key_id: Option<String>,
    /// The key that signs requests.
    pub secret_access_key: Option<Secret<String>>,
    /// Session token.
    pub session_token: Option<Secret<String>>,
    /// RFC 3339.
    pub expiration: Option<String>,
}

impl CreateSessionResponse {
    /// Reads the body of a 2xx answer; `None` if it is not the service's.
    pub fn from_json(body: &[u8]) -> Option<Self> {
        // serde also reads the fields of a struct from an array.
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    /// The credentials, made at `date` by the service's clock. Fails with the name of a field that is
    /// missing, as on the wire, or with `None` where there are no credentials at all.
    pub fn into_credentials(
        self,
        date: Option<OffsetDateTime>,
    ) -> Result<Credentials, Option<&'static str>> {
        let set = self.credential_set.into_iter().next().ok_or(None)?;
        let credentials = set.credentials.ok_or(None)?;
        Ok(Credentials {
            access_key_id: credentials
                .access_key_id
                .filter(|text| !text.is_empty())
                .ok_or(Some("accessKeyId"))?,
            secret_access_key: credentials
                .secret_access_key
                .filter(|secret| !secret.expose().is_empty())
                .ok_or(Some("secretAccessKey"))?,
            session_token: credentials
                .session_token
                .filter(|secret| !secret.expose().is_empty())
                .ok_or(Some("sessionToken"))?,
            expiration: credentials
                .expiration
                .filter(|text| !text.is_empty())
                .ok_or(Some("expiration"))?,
            date,
            assumed_role_arn: set.assumed_role_user.and_then(|user| user.arn),
        })
    }
}

/// Reads an answer that is not 2xx: the code from `x-amzn-errortype`, which may have a namespace in
/// front and a URL behind, or from the body. `None` without a code and a message: then the service did
/// not answer.
pub(super) fn refusal(error_type: Option<&str>, body: &[u8]) -> Option<ErrorResponse> {
    let body = serde_json::from_slice::<Value>(body).ok();
    let field = |name: &str| {
        let value = body.as_ref()?.get(name)?;
        value.as_str().map(str::to_owned)
    };
    let code = error_type
        .map(str::to_owned)
        .or_else(|| field("__type"))
        .or_else(|| field("code"))
        .map(|code| bare_code(&code));
    let message = field("message").or_else(|| field("Message"));
    if code.is_none() && message.is_none() {
        return None;
    }
    Some(ErrorResponse {
        code,
        message: message.unwrap_or_default(),
    })
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
        super::refusal(error_type, body.as_bytes()).map(|refusal| (refusal.code, refusal.message))
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
        for body in [
            "<html>",
            "",
            "{}",
            "[]",
            "null",
            r#"{"error":"no"}"#,
            r#"{"message":1}"#,
        ] {
            assert_eq!(refusal(None, body), None, "{body}");
        }
        let coded = Some((Some("X".to_owned()), String::new()));
        assert_eq!(refusal(Some("X"), ""), coded);
    }

    fn credentials(json: &str) -> Result<Credentials, Option<&'static str>> {
        let response = CreateSessionResponse::from_json(json.as_bytes()).unwrap();
        response.into_credentials(None)
    }

    #[test]
    fn first_set_counts() {
        let set = |id: &str| {
            format!(
                r#"{{"credentials":{{"accessKeyId":"{id}","secretAccessKey":"s",
                "sessionToken":"t","expiration":"e","more":1}}}}"#
            )
        };
        let json = format!(
            r#"{{"credentialSet":[{},{}]}}"#,
            set("first"),
            set("second")
        );
        assert_eq!(credentials(&json).unwrap().access_key_id, "first");
    }

    #[test]
    fn answer_that_lacks_anything_is_refused() {
        for json in ["{}", r#"{"credentialSet":[]}"#, r#"{"credentialSet":[{}]}"#] {
            assert_eq!(credentials(json).unwrap_err(), None);
        }
        let whole = [
            ("accessKeyId", "A"),
            ("secretAccessKey", "S"),
            ("sessionToken", "T"),
            ("expiration", "E"),
        ];
        for (field, _) in whole {
            for replacement in [None, Some("")] {
                let fields: Vec<String> = whole
                    .iter()
                    .filter_map(|(name, value)| match (*name == field, replacement) {
                        (true, replacement) => replacement.map(|value| (name, value)),
                        (false, _) => Some((name, *value)),
                    })
                    .map(|(name, value)| format!("{name:?}:{value:?}"))
                    .collect();
                let json = format!(
                    r#"{{"credentialSet":[{{"credentials":{{{}}}}}]}}"#,
                    fields.join(",")
                );
                assert_eq!(credentials(&json).unwrap_err(), Some(field));
            }
        }
    }
}
