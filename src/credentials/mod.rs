//! [`Credentials`]: what the call is for.

use std::fmt;

use time::OffsetDateTime;

use crate::create_session::response::CreateSessionResponse;
use crate::secret::Secret;

/// One session's credentials, complete.
#[derive(Debug)]
pub struct Credentials {
    /// Names the key; no secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret<String>,
    /// Goes with each request.
    pub session_token: Secret<String>,
    /// When they end, RFC 3339, as the service wrote it.
    pub expiration: String,
    /// The service's time when it made them, cut to whole seconds, where it told.
    pub date: Option<OffsetDateTime>,
}

impl TryFrom<CreateSessionResponse> for Credentials {
    type Error = CredentialsError;

    fn try_from(response: CreateSessionResponse) -> Result<Self, CredentialsError> {
        let date = response.date;
        let set = response.credential_set.into_iter().next();
        let credentials = set
            .and_then(|set| set.credentials)
            .ok_or(CredentialsError::Absent)?;
        let missing = |field| CredentialsError::FieldMissing { field };
        Ok(Self {
            access_key_id: credentials
                .access_key_id
                .filter(|text| !text.is_empty())
                .ok_or(missing("accessKeyId"))?,
            secret_access_key: credentials
                .secret_access_key
                .filter(|secret| !secret.expose().is_empty())
                .ok_or(missing("secretAccessKey"))?,
            session_token: credentials
                .session_token
                .filter(|secret| !secret.expose().is_empty())
                .ok_or(missing("sessionToken"))?,
            expiration: credentials
                .expiration
                .filter(|text| !text.is_empty())
                .ok_or(missing("expiration"))?,
            date,
        })
    }
}

/// A successful answer without credentials in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// There are none at all.
    Absent,
    /// They lack a field.
    FieldMissing {
        /// The field's name on the wire.
        field: &'static str,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the answer of CreateSession holds no credentials"),
            Self::FieldMissing { field } => write!(
                f,
                "the credentials in the answer of CreateSession have no {field}"
            ),
        }
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(json: &str) -> Result<Credentials, CredentialsError> {
        CreateSessionResponse::from_json(json.as_bytes())
            .unwrap()
            .try_into()
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
            assert_eq!(credentials(json).unwrap_err(), CredentialsError::Absent);
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
                let error = credentials(&json).unwrap_err();
                assert_eq!(error, CredentialsError::FieldMissing { field });
            }
        }
    }
}
