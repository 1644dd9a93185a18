//! Answers, and the session that CreateSession grants. An answer
//! is a value, complete before the first byte of it is sent.

use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::issued::IssuedSet;
use crate::parameters::SESSION_NAME_CHARACTERS_MAX;
use crate::record::Outcome;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::sts::Session;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedRequest;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// `x-amzn-errortype`
    pub(crate) error_type: Option<String>,
    pub(crate) location: Option<&'static str>,
    pub(crate) body: String,
    /// The bytes of the body that are sent before the connection is closed, if not all.
    pub(crate) cut_at: Option<usize>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: String) -> Answer {
        let content_type = "application/json";
        Answer {
            status,
            content_type,
            error_type: None,
            location: None,
            body,
            cut_at: None,
        }
    }

    pub(crate) fn xml(status: u16, body: String) -> Answer {
        Answer {
            content_type: "text/xml",
            ..Answer::json(status, body)
        }
    }

    /// Cuts the body in the middle.
    pub(crate) fn cut(self) -> Answer {
        Answer {
            cut_at: Some(self.body.len() / 2),
            ..self
        }
    }
}

/// The granted session, after the settings of profile and role.
pub(crate) struct Grant {
    set: IssuedSet,
    duration_seconds: u32,
    role_session_name: String,
    session_policy: Option<String>,
}

impl Grant {
    /// Applies the configured trust anchors, profiles and roles to a verified request. `number`
    /// distinguishes sessions.
    pub(crate) fn new(
        request: &VerifiedRequest,
        settings: &Settings,
        number: usize,
        now: OffsetDateTime,
    ) -> Result<Grant, Refusal> {
        let is_absent = |arn: &String| settings.absent_arns.contains(arn);
        if is_absent(&request.trust_anchor_arn) {
            return Err(Refusal::TrustAnchorNotFound {
                arn: request.trust_anchor_arn.clone(),
            });
        }
        let serial_number = &request.serial_number;
        if settings.revoked_serial_numbers.contains(serial_number) {
            return Err(Refusal::CertificateRevoked {
                serial_number: serial_number.clone(),
            });
        }
        let profile = settings.profile(&request.profile_arn);
        let profile = profile.ok_or_else(|| Refusal::ProfileNotFound {
            arn: request.profile_arn.clone(),
        })?;
        if let Some(sent) = request.role_session_name.clone()
            && !profile.accepts_role_session_name
        {
            return Err(Refusal::SessionNameNotAccepted { sent });
        }
        let role_maximum = settings.role_max_duration_seconds;
        let duration_seconds = duration(request, profile.duration_seconds, role_maximum)?;
        if !request.untaggable.is_empty() {
            return Err(Refusal::AttributesUntaggable {
                role_arn: request.role_arn.clone(),
                attributes: request.untaggable.clone(),
            });
        }
        let default_name = || {
            let digits = serial_number.chars();
            digits.take(SESSION_NAME_CHARACTERS_MAX).collect()
        };
        let expiration = after(now, duration_seconds.into());
        Ok(Grant {
            set: IssuedSet { number, expiration },
            duration_seconds,
            role_session_name: request
                .role_session_name
                .clone()
                .unwrap_or_else(default_name),
            session_policy: profile.session_policy,
        })
    }

    /// Lets the credentials expire so many seconds from now.
    pub(crate) fn expiring(self, now: OffsetDateTime, seconds: i32) -> Grant {
        let expiration = after(now, seconds.into());
        Grant {
            set: IssuedSet {
                expiration,
                ..self.set
            },
            ..self
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::Issued {
            access_key_id: self.set.access_key_id(),
            expiration: self.set.expiration,
            duration_seconds: self.duration_seconds,
            role_session_name: self.role_session_name.clone(),
            session_policy: self.session_policy.clone(),
        }
    }

    /// The session by which STS knows who has the set.
    pub(crate) fn session(&self, request: &VerifiedRequest) -> Session {
        Session {
            set: self.set,
            partition: request.partition.clone(),
            account: request.role_account.clone(),
            role_name: request.role_name.clone(),
            role_session_name: self.role_session_name.clone(),
            source_identity: Some(source_identity(request)),
            transitive_tags: Vec::new(),
        }
    }

    /// 201 with the session; all its secrets are fakes.
    pub(crate) fn answer(&self, request: &VerifiedRequest) -> Answer {
        let (partition, region, account) = (&request.partition, &request.region, &request.account);
        let subject = subject_identifier(&request.subject);
        let session = self.session(request);
        let body = json!({
            "credentialSet": [{
                "assumedRoleUser": {
                    "arn": session.arn(),
                    "assumedRoleId": session.assumed_role_id(),
                },
                "credentials": {
                    "accessKeyId": self.set.access_key_id(),
                    "secretAccessKey": self.set.secret_access_key(),
                    "sessionToken": self.set.session_token(),
                    "expiration": Timestamp(self.set.expiration).to_string(),
                },
                "packedPolicySize": PACKED_POLICY_SIZE_PERCENT,
                "roleArn": request.role_arn,
                "sourceIdentity": session.source_identity,
            }],
            "subjectArn": format!("arn:{partition}:rolesanywhere:{region}:{account}:subject/{subject}"),
        });
        Answer::json(201, body.to_string())
    }
}

fn source_identity(request: &VerifiedRequest) -> String {
    let names = request.common_names.iter();
    let names: Vec<String> = names.map(|name| format!("CN={name}")).collect();
    names.join(",")
}

/// The lesser of what the request and the profile say.
fn duration(
    request: &VerifiedRequest,
    profile_seconds: Option<u32>,
    role_maximum: Option<u32>,
) -> Result<u32, Refusal> {
    let default_seconds = profile_seconds.unwrap_or(DEFAULT_DURATION_SECONDS);
    let requested_seconds = request.duration_seconds.unwrap_or(default_seconds);
    let seconds = requested_seconds.min(profile_seconds.unwrap_or(requested_seconds));
    match role_maximum {
        Some(maximum_seconds) if seconds > maximum_seconds => {
            Err(Refusal::DurationAboveRoleMaximum {
                seconds,
                maximum_seconds,
            })
        }
        _ => Ok(seconds),
    }
}

pub(crate) fn after(now: OffsetDateTime, seconds: i64) -> OffsetDateTime {
    now.checked_add(Duration::seconds(seconds)).unwrap_or(now)
}

/// Made of the subject, so that one subject has one ARN, in the form of a UUID.
fn subject_identifier(subject: &str) -> String {
    let hash = hex::encode(Sha256::digest(subject));
    let part = |start, end| hash.get(start..end).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// The `Date` header of RFC 9110 section 6.6.1.
pub(crate) fn http_date(time: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time.to_offset(time::UtcOffset::UTC)
        .format(format)
        .unwrap_or_default()
}

/// The default duration of a session, in seconds, by the documentation of `CreateSession`.
const DEFAULT_DURATION_SECONDS: u32 = 3600;

/// Session policies are not evaluated; any percentage does.
const PACKED_POLICY_SIZE_PERCENT: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_header_has_the_http_form() {
        let time = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        assert_eq!(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
