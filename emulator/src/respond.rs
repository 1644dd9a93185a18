//! Answers: the body of a session, the body of an error, and what faults make of them. An answer
//! is a value, complete before the first byte of it is sent.

use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::fault::FaultKind;
use crate::parameters::SESSION_NAME_CHARACTERS_MAX;
use crate::record::Outcome;
use crate::refusal::Refusal;
use crate::settings::Settings;
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
    fn json(status: u16, body: String) -> Answer {
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

    fn error(status: u16, code: &str, message: &str) -> Answer {
        let body = json!({ "message": message }).to_string();
        Answer {
            error_type: Some(code.to_owned()),
            ..Answer::json(status, body)
        }
    }

    pub(crate) fn refusal(refusal: &Refusal) -> Answer {
        Answer::error(refusal.status(), refusal.code(), &refusal.message())
    }

    /// The answer that a fault gives in place of a judgement; none if the fault is not of that
    /// kind, and for a dropped connection.
    pub(crate) fn fault(kind: &FaultKind) -> Option<Answer> {
        let injected = "injected by the emulator";
        match kind {
            FaultKind::Throttle | FaultKind::Quota { .. } => {
                Some(Answer::error(429, "ThrottlingException", "Rate exceeded"))
            }
            FaultKind::Status { status } => {
                let location = (*status < 400).then_some("/sessions");
                Some(Answer {
                    location,
                    ..Answer::error(*status, status_code(*status), injected)
                })
            }
            FaultKind::Error { status, code } => Some(Answer::error(*status, code, injected)),
            FaultKind::Html { status } => {
                let answer = Answer::json(*status, HTML_PAGE.to_owned());
                Some(Answer {
                    content_type: "text/html; charset=utf-8",
                    ..answer
                })
            }
            FaultKind::Drop
            | FaultKind::Slow { .. }
            | FaultKind::CutBody
            | FaultKind::ClockSkew { .. }
            | FaultKind::ExpiresIn { .. } => None,
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

/// The error code that goes with a status when only the status was asked for.
fn status_code(status: u16) -> &'static str {
    match status {
        400 => "ValidationException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}

/// The granted session, after the settings of profile and role.
pub(crate) struct Grant {
    number: usize,
    duration_seconds: u32,
    role_session_name: String,
    expiration: OffsetDateTime,
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
        if is_absent(&request.profile_arn) {
            return Err(Refusal::ProfileNotFound {
                arn: request.profile_arn.clone(),
            });
        }
        if let Some(sent) = request.role_session_name.clone()
            && settings.refuse_role_session_name
        {
            return Err(Refusal::SessionNameNotAccepted { sent });
        }
        let duration_seconds = duration(request, settings)?;
        let default_name = || {
            let serial_number = request.serial_number.chars();
            serial_number.take(SESSION_NAME_CHARACTERS_MAX).collect()
        };
        Ok(Grant {
            number,
            duration_seconds,
            role_session_name: request
                .role_session_name
                .clone()
                .unwrap_or_else(default_name),
            expiration: after(now, duration_seconds.into()),
        })
    }

    /// Lets the credentials expire so many seconds from now.
    pub(crate) fn expiring(self, now: OffsetDateTime, seconds: i32) -> Grant {
        Grant {
            expiration: after(now, seconds.into()),
            ..self
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::Issued {
            access_key_id: self.access_key_id(),
            expiration: self.expiration,
            duration_seconds: self.duration_seconds,
            role_session_name: self.role_session_name.clone(),
        }
    }

    /// 201 with the session; all its secrets are fakes.
    pub(crate) fn answer(&self, request: &VerifiedRequest) -> Answer {
        let (partition, name) = (&request.partition, &self.role_session_name);
        let (role_account, role) = (&request.role_account, &request.role_name);
        let (region, account) = (&request.region, &request.account);
        let subject = subject_identifier(&request.subject);
        let common_names: Vec<String> = request
            .common_names
            .iter()
            .map(|name| format!("CN={name}"))
            .collect();
        let body = json!({
            "credentialSet": [{
                "assumedRoleUser": {
                    "arn": format!("arn:{partition}:sts::{role_account}:assumed-role/{role}/{name}"),
                    "assumedRoleId": format!("AROAEMULATOR0000000:{name}"),
                },
                "credentials": {
                    "accessKeyId": self.access_key_id(),
                    "secretAccessKey": self.secret_access_key(),
                    "sessionToken": self.session_token(),
                    "expiration": Timestamp(self.expiration).to_string(),
                },
                "packedPolicySize": PACKED_POLICY_SIZE_PERCENT,
                "roleArn": request.role_arn,
                "sourceIdentity": common_names.join(","),
            }],
            "subjectArn": format!("arn:{partition}:rolesanywhere:{region}:{account}:subject/{subject}"),
        });
        Answer::json(201, body.to_string())
    }

    fn access_key_id(&self) -> String {
        format!("ASIAEMULATOR{:07}", self.number)
    }

    /// 40 characters as real ones have, some of them special in URLs and in base64.
    fn secret_access_key(&self) -> String {
        format!("emulator/fake+secret/{:07}/do+not+use=", self.number)
    }

    fn session_token(&self) -> String {
        let filler = "not+a+real/token/".repeat(40);
        format!("EMULATOR/{:07}/{filler}==", self.number)
    }
}

/// The lesser of what the request and the profile say.
fn duration(request: &VerifiedRequest, settings: &Settings) -> Result<u32, Refusal> {
    let profile_seconds = settings.profile_duration_seconds;
    let default_seconds = profile_seconds.unwrap_or(DEFAULT_DURATION_SECONDS);
    let requested_seconds = request.duration_seconds.unwrap_or(default_seconds);
    let seconds = requested_seconds.min(profile_seconds.unwrap_or(requested_seconds));
    match settings.role_max_duration_seconds {
        Some(maximum_seconds) if seconds > maximum_seconds => {
            Err(Refusal::DurationAboveRoleMaximum {
                seconds,
                maximum_seconds,
            })
        }
        _ => Ok(seconds),
    }
}

fn after(now: OffsetDateTime, seconds: i64) -> OffsetDateTime {
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

/// `x-amzn-RequestId`, a UUID that holds the number of the request.
pub(crate) fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

const HTML_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\
    <body><h1>Sign in to the network</h1></body></html>\n";

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

    #[test]
    fn secret_access_key_has_the_real_length() {
        let expiration = OffsetDateTime::UNIX_EPOCH;
        let role_session_name = String::new();
        let grant = Grant {
            number: 1,
            duration_seconds: 900,
            role_session_name,
            expiration,
        };
        assert_eq!(grant.secret_access_key().len(), 40);
        assert_eq!(grant.access_key_id(), "ASIAEMULATOR0000001");
    }
}
