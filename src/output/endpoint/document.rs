//! The JSON documents in which the endpoints hand out a set.

use serde::Serialize;
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::credentials::Credentials;
use crate::secret::Secret;

/// Document of EC2's metadata service for a role, in the reference helper's order.
///
/// Source: [security credentials of an instance](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html).
pub fn imds(credentials: &Credentials, updated: OffsetDateTime) -> Secret<Vec<u8>> {
    json(
        credentials,
        &Imds {
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            token: credentials.session_token.expose(),
            code: "Success",
            r#type: "AWS-HMAC",
            expiration: &expiration(credentials),
            last_updated: &whole_seconds(updated).unwrap_or_default(),
        },
    )
}

/// Document of an ECS container endpoint.
///
/// Source: [container credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
pub fn container(credentials: &Credentials, role_arn: &str) -> Secret<Vec<u8>> {
    json(
        credentials,
        &Container {
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            token: credentials.session_token.expose(),
            expiration: &expiration(credentials),
            role_arn,
        },
    )
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Imds<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    code: &'a str,
    r#type: &'a str,
    expiration: &'a str,
    last_updated: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
    role_arn: &'a str,
}

fn json(credentials: &Credentials, document: &impl Serialize) -> Secret<Vec<u8>> {
    let texts = credentials.access_key_id.len()
        + credentials.secret_access_key.expose().len()
        + credentials.session_token.expose().len();
    // Large enough from the start, even if every octet has to be escaped: a vector that grows leaves
    // its old memory as it was.
    let capacity = texts * ESCAPED_OCTET_BYTES_MAX + FRAME_BYTES_MAX;
    let mut json = Secret::new(Vec::with_capacity(capacity));
    // Texts always serialize, and a vector takes them.
    let _ = serde_json::to_writer(json.expose_mut(), document);
    json
}

/// As every SDK reads it: in UTC and without a fraction. What has no such form is passed on.
fn expiration(credentials: &Credentials) -> String {
    let time = OffsetDateTime::parse(&credentials.expiration, &Rfc3339).ok();
    let text = time.and_then(whole_seconds);
    text.unwrap_or_else(|| credentials.expiration.clone())
}

fn whole_seconds(time: OffsetDateTime) -> Option<String> {
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    time.format(WHOLE_SECONDS).ok()
}

const WHOLE_SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// `\u001f`.
const ESCAPED_OCTET_BYTES_MAX: usize = 6;

/// Braces, names, quotes, two times and an ARN of 2048 characters.
const FRAME_BYTES_MAX: usize = 2560;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn credentials(expiration: &str) -> Credentials {
        Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("a/b+\"c".to_owned()),
            session_token: Secret::new("t=".to_owned()),
            expiration: expiration.to_owned(),
            date: None,
            assumed_role_arn: None,
        }
    }

    #[test]
    fn document_of_imds_has_the_order_that_the_reference_writes() {
        let updated = datetime!(2029-12-31 23:00:00.9 UTC);
        let document = imds(&credentials("2030-01-01T00:00:00Z"), updated);
        assert_eq!(
            str::from_utf8(document.expose()).unwrap(),
            r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+\"c","Token":"t=","Code":"Success","Type":"AWS-HMAC","Expiration":"2030-01-01T00:00:00Z","LastUpdated":"2029-12-31T23:00:00Z"}"#
        );
    }

    #[test]
    fn document_of_a_container_names_the_role() {
        let arn = "arn:aws:iam::123456789012:role/ci";
        let document = container(&credentials("2030-01-01T00:00:00Z"), arn);
        assert_eq!(
            str::from_utf8(document.expose()).unwrap(),
            r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+\"c","Token":"t=","Expiration":"2030-01-01T00:00:00Z","RoleArn":"arn:aws:iam::123456789012:role/ci"}"#
        );
    }

    #[test]
    fn expiration_is_in_whole_seconds_of_utc() {
        for sent in ["2030-01-01T01:00:00.75+01:00", "2030-01-01T00:00:00.9Z"] {
            assert_eq!(expiration(&credentials(sent)), "2030-01-01T00:00:00Z");
        }
    }
}
