//! [`CreateSessionRequest`]: what a session is asked for, and its form on the wire.
//!
//! Source: [CreateSession](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html).
//! ARNs go into the query and the rest into the body, as the reference helper sends them.

use serde::Serialize;

use crate::arn::ProfileArn;
use crate::arn::RoleArn;
use crate::arn::TrustAnchorArn;

/// Parameters of CreateSession.
#[derive(Debug, Clone)]
pub struct CreateSessionRequest {
    /// The trust anchor that vouches for the certificate.
    pub trust_anchor_arn: TrustAnchorArn,
    /// The profile that allows the role.
    pub profile_arn: ProfileArn,
    /// The role of the session.
    pub role_arn: RoleArn,
    /// The session's duration in seconds; the service takes 900 to 43200 and judges it itself.
    pub duration_seconds: i32,
    /// The session's name; by default, the service uses the certificate's serial number.
    pub role_session_name: Option<String>,
}

impl CreateSessionRequest {
    /// Names and values of the query, not encoded.
    pub(crate) fn query(&self) -> [(&'static str, &str); 3] {
        [
            ("profileArn", self.profile_arn.as_str()),
            ("roleArn", self.role_arn.as_str()),
            ("trustAnchorArn", self.trust_anchor_arn.as_str()),
        ]
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = Body {
            duration_seconds: self.duration_seconds,
            role_session_name: self
                .role_session_name
                .as_deref()
                .filter(|name| !name.is_empty()),
        };
        // A number and a text always serialize.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    duration_seconds: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_session_name: Option<&'a str>,
}
