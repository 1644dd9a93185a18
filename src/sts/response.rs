//! The answers of STS, read from XML.
//!
//! Source: [awsQuery protocol](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).

use serde::Deserialize;
use time::OffsetDateTime;

use crate::aws_call::operation::ErrorResponse;
use crate::aws_call::operation::OutputError;
use crate::credentials::Credentials;
use crate::secret::Secret;

/// A document of STS, by the name of its root. Any field may be absent.
#[derive(Debug, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "names on the wire")]
enum Document {
    AssumeRoleResponse {
        #[serde(rename = "AssumeRoleResult")]
        result: Option<AssumeRoleResult>,
    },
    GetCallerIdentityResponse {
        #[serde(rename = "GetCallerIdentityResult")]
        result: Option<GetCallerIdentityResult>,
    },
    ErrorResponse {
        #[serde(rename = "Error")]
        error: Option<WireError>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: Option<WireCredentials>,
    assumed_role_user: Option<AssumedRoleUser>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireCredentials {
    access_key_id: Option<String>,
    secret_access_key: Option<Secret<String>>,
    session_token: Option<Secret<String>>,
    expiration: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResult {
    account: Option<String>,
    arn: Option<String>,
}

/// Who credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account, 12 digits.
    pub account: String,
    /// `arn:aws:sts::account:assumed-role/role/session-name`
    pub arn: String,
}

/// The credentials in a success of AssumeRole, made at `date` by the service's clock.
pub fn credentials(body: &[u8], date: Option<OffsetDateTime>) -> Result<Credentials, OutputError> {
    let Some(Document::AssumeRoleResponse { result }) = document(body) else {
        return Err(OutputError::Foreign);
    };
    let missing = |field| OutputError::Incomplete { field };
    let result = result.ok_or(missing(None))?;
    let credentials = result.credentials.ok_or(missing(None))?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let secret = |secret: Option<Secret<String>>| secret.filter(|s| !s.expose().is_empty());
    Ok(Credentials {
        access_key_id: text(credentials.access_key_id).ok_or(missing(Some("AccessKeyId")))?,
        secret_access_key: secret(credentials.secret_access_key)
            .ok_or(missing(Some("SecretAccessKey")))?,
        session_token: secret(credentials.session_token).ok_or(missing(Some("SessionToken")))?,
        expiration: text(credentials.expiration).ok_or(missing(Some("Expiration")))?,
        date,
        assumed_role_arn: result.assumed_role_user.and_then(|user| user.arn),
    })
}

/// The identity in a success of GetCallerIdentity.
pub fn caller_identity(body: &[u8]) -> Result<CallerIdentity, OutputError> {
    let Some(Document::GetCallerIdentityResponse {
        result: Some(result),
    }) = document(body)
    else {
        return Err(OutputError::Foreign);
    };
    match (result.account, result.arn) {
        (Some(account), Some(arn)) => Ok(CallerIdentity { account, arn }),
        _ => Err(OutputError::Foreign),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireError {
    code: Option<String>,
    message: Option<String>,
}

/// Reads an answer that is not 2xx; `None` without a code and a message: then the service did not answer.
pub fn refusal(body: &[u8]) -> Option<ErrorResponse> {
    let Document::ErrorResponse { error: Some(error) } = document(body)? else {
        return None;
    };
    if error.code.is_none() && error.message.is_none() {
        return None;
    }
    Some(ErrorResponse {
        code: error.code,
        message: error.message.unwrap_or_default(),
    })
}

fn document(body: &[u8]) -> Option<Document> {
    quick_xml::de::from_str(std::str::from_utf8(body).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <SourceIdentity>CN=agent</SourceIdentity>
    <AssumedRoleUser>
      <AssumedRoleId>AROA:4711</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/deploy/4711</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIA</AccessKeyId>
      <SecretAccessKey>a&amp;b/c</SecretAccessKey>
      <SessionToken>token</SessionToken>
      <Expiration>2030-01-01T00:00:00Z</Expiration>
    </Credentials>
    <PackedPolicySize>6</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>1-2</RequestId></ResponseMetadata>
</AssumeRoleResponse>"#;

    fn read(xml: &str) -> Result<Credentials, OutputError> {
        credentials(xml.as_bytes(), None)
    }

    #[test]
    fn answer_of_the_service_has_credentials() {
        for xml in [
            WHOLE.to_owned(),
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{WHOLE}\n"),
        ] {
            let set = read(&xml).unwrap();
            assert_eq!(set.access_key_id, "ASIA");
            assert_eq!(set.secret_access_key.expose(), "a&b/c");
            assert_eq!(set.session_token.expose(), "token");
            assert_eq!(set.expiration, "2030-01-01T00:00:00Z");
            assert_eq!(
                set.assumed_role_arn.as_deref(),
                Some("arn:aws:sts::123456789012:assumed-role/deploy/4711")
            );
        }
    }

    #[test]
    fn missing_or_empty_field_is_named() {
        for field in [
            "AccessKeyId",
            "SecretAccessKey",
            "SessionToken",
            "Expiration",
        ] {
            let (before, rest) = WHOLE.split_once(&format!("<{field}>")).unwrap();
            let (_, behind) = rest.split_once(&format!("</{field}>")).unwrap();
            for xml in [
                format!("{before}{behind}"),
                format!("{before}<{field}></{field}>{behind}"),
                format!("{before}<{field}/>{behind}"),
            ] {
                let field = Some(field);
                assert_eq!(
                    read(&xml).unwrap_err(),
                    OutputError::Incomplete { field },
                    "{xml}"
                );
            }
        }
        let empty = "<AssumeRoleResponse/>";
        assert_eq!(
            read(empty).unwrap_err(),
            OutputError::Incomplete { field: None }
        );
    }

    #[test]
    fn refusal_has_code_and_message() {
        let xml = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                   <Code>AccessDenied</Code><Message>User: a is not authorized</Message></Error>\
                   <RequestId>1</RequestId></ErrorResponse>";
        let refusal = refusal(xml.as_bytes()).unwrap();
        assert_eq!(refusal.code.as_deref(), Some("AccessDenied"));
        assert_eq!(refusal.message, "User: a is not authorized");
    }

    #[test]
    fn answer_of_another_server_is_not_read() {
        let nested = "<a>".repeat(100_000);
        let entity = format!(
            "<!DOCTYPE x [<!ENTITY e \"ASIA\">]>{}",
            WHOLE.replace("ASIA", "&e;")
        );
        for xml in [
            "",
            "{}",
            "<html><body>Sign in</body></html>",
            "<html>",
            "<ErrorResponse/>",
            "<ErrorResponse><Error/></ErrorResponse>",
            &nested,
            &entity,
            &WHOLE.replace("AssumeRoleResponse", "GetSessionTokenResponse"),
        ] {
            let start = xml.get(..40).unwrap_or(xml);
            assert_eq!(read(xml).unwrap_err(), OutputError::Foreign, "{start}");
            assert!(caller_identity(xml.as_bytes()).is_err(), "{start}");
            assert_eq!(refusal(xml.as_bytes()), None, "{start}");
        }
    }

    #[test]
    fn caller_has_an_account_and_an_arn() {
        let xml = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                   <GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/a/b</Arn>\
                   <UserId>AROA:b</UserId><Account>1</Account></GetCallerIdentityResult>\
                   </GetCallerIdentityResponse>";
        let caller = caller_identity(xml.as_bytes()).unwrap();
        assert_eq!(
            (&*caller.account, &*caller.arn),
            ("1", "arn:aws:sts::1:assumed-role/a/b")
        );
        assert!(caller_identity(xml.replace("Account>", "No>").as_bytes()).is_err());
        assert!(read(xml).is_err());
    }
}
