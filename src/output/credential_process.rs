//! The JSON document that SDKs read from a `credential_process`.
//!
//! Source: [process credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).

use serde::Serialize;

use crate::credentials::Credentials;
use crate::secret::Secret;

/// The document, version 1: one JSON object without a newline.
pub fn document(credentials: &Credentials) -> Secret<Vec<u8>> {
    let document = Document {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        expiration: &credentials.expiration,
    };
    let texts = document.access_key_id.len()
        + document.secret_access_key.len()
        + document.session_token.len()
        + document.expiration.len();
    // Large enough from the start, even if every octet has to be escaped: a vector that grows leaves
    // its old memory as it was.
    let capacity = texts * ESCAPED_OCTET_BYTES_MAX + FRAME_BYTES_MAX;
    let mut json = Secret::new(Vec::with_capacity(capacity));
    // A number and four texts always serialize, and a vector takes them.
    let _ = serde_json::to_writer(json.expose_mut(), &document);
    json
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: &'a str,
}

/// `\u001f`.
const ESCAPED_OCTET_BYTES_MAX: usize = 6;

/// Braces, names and quotes.
const FRAME_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_has_the_order_that_the_reference_writes() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("a/b+\"c".to_owned()),
            session_token: Secret::new("t=".to_owned()),
            expiration: "2030-01-01T00:00:00Z".to_owned(),
            date: None,
            assumed_role_arn: None,
        };
        assert_eq!(
            std::str::from_utf8(document(&credentials).expose()).unwrap(),
            r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+\"c","SessionToken":"t=","Expiration":"2030-01-01T00:00:00Z"}"#
        );
    }
}
