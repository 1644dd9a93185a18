//! All reasons for refusing a request for STS, and what its client gets of each.

use std::borrow::Cow;
use std::error::Error;

use time::Duration;
use time::OffsetDateTime;

use crate::refusal::Refusal;
use crate::sts::validation::Violation;
use crate::timestamp::Timestamp;

/// A reason for refusing a request for STS.
///
/// `Display` is the reason, for the operator of the emulator. [`status`](StsRefusal::status),
/// [`code`](StsRefusal::code) and [`message`](StsRefusal::message) are what the client gets. Messages
/// that were not observed from the real service, as
/// [`message_was_seen`](StsRefusal::message_was_seen) says, are made up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StsRefusal {
    /// What `CreateSession` would refuse as well: the size, the method, the form of the headers, the
    /// scope.
    Request(Refusal),
    /// The form is not percent-encoded UTF-8.
    FormMalformed,
    /// A parameter is there twice.
    ParameterRepeated {
        /// Its name.
        name: String,
    },
    /// There is no `Action`.
    ActionMissing,
    /// The action is not one that is emulated, or not of version 2011-06-15.
    ActionUnknown {
        /// The action.
        action: String,
        /// The version.
        version: String,
    },
    /// No set with this access key id was issued.
    AccessKeyUnknown {
        /// The access key id.
        access_key_id: String,
    },
    /// There is no session token, which all sets have that are issued here.
    SessionTokenMissing,
    /// The session token is not the one that was issued with the access key id.
    SessionTokenMismatch,
    /// The region of the scope does not have a region's form.
    ScopeRegionUnknown {
        /// The region.
        sent: String,
    },
    /// `X-Amz-Date` is more than fifteen minutes away from the clock of STS.
    DateSkewed {
        /// The date.
        sent: OffsetDateTime,
        /// The time of STS.
        now: OffsetDateTime,
    },
    /// The secret access key did not sign this request.
    SignatureInvalid,
    /// The set has expired.
    SessionExpired {
        /// When.
        expiration: OffsetDateTime,
    },
    /// Parameters of `AssumeRole` break constraints.
    ParametersInvalid {
        /// All that do.
        violations: Vec<Violation>,
    },
    /// `RoleArn` is not the ARN of a role.
    RoleArnMalformed {
        /// The text.
        sent: String,
    },
    /// One of `PolicyArns` is not the ARN of a managed policy.
    PolicyArnMalformed {
        /// The text.
        sent: String,
    },
    /// `Policy` is not a policy.
    PolicyMalformed {
        /// The fault.
        reason: &'static str,
    },
    /// A key is among the tags twice.
    TagRepeated {
        /// The key.
        key: String,
    },
    /// A transitive key is not among the tags.
    TransitiveTagUnsent {
        /// The key.
        key: String,
    },
    /// A tag has the key of one that the session inherits.
    TransitiveTagInherited {
        /// The key.
        key: String,
    },
    /// Session policies and tags are too large together.
    PackedPolicyTooLarge {
        /// In percent of what is allowed.
        percent: usize,
        /// True if there is a session policy, or only tags.
        has_policy: bool,
    },
    /// The caller has another source identity, which cannot change.
    SourceIdentityDiffers {
        /// The source identity.
        sent: String,
        /// The caller's.
        set: String,
    },
    /// More than an hour is asked for: the caller is a role itself.
    ChainedDurationTooLong {
        /// The duration.
        seconds: u32,
    },
    /// The session would be longer than the role's MaxSessionDuration.
    DurationAboveRoleMaximum {
        /// The duration.
        seconds: u32,
        /// The role's.
        maximum_seconds: u32,
    },
    /// The role does not let the caller in.
    AssumeRoleDenied {
        /// The caller's ARN.
        caller: String,
        /// The role's ARN.
        role_arn: String,
        /// Why not.
        reason: &'static str,
    },
}

impl StsRefusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The error code.
    pub fn code(&self) -> &'static str {
        self.answer().1
    }

    /// The message.
    pub fn message(&self) -> Cow<'static, str> {
        match self.seen_message() {
            Some(message) => message,
            None => Cow::Owned(self.to_string()),
        }
    }

    /// True if this message was observed from the real service.
    pub fn message_was_seen(&self) -> bool {
        self.seen_message().is_some()
    }

    fn answer(&self) -> (u16, &'static str) {
        match self {
            StsRefusal::Request(refusal) => request_answer(refusal),
            StsRefusal::ActionMissing => (400, "MissingAction"),
            StsRefusal::ActionUnknown { .. } => (400, "InvalidAction"),
            StsRefusal::AccessKeyUnknown { .. }
            | StsRefusal::SessionTokenMissing
            | StsRefusal::SessionTokenMismatch => (403, "InvalidClientTokenId"),
            StsRefusal::ScopeRegionUnknown { .. }
            | StsRefusal::DateSkewed { .. }
            | StsRefusal::SignatureInvalid => (403, "SignatureDoesNotMatch"),
            StsRefusal::SessionExpired { .. } => (403, "ExpiredToken"),
            StsRefusal::PolicyMalformed { .. } => (400, "MalformedPolicyDocument"),
            StsRefusal::PackedPolicyTooLarge { .. } => (400, "PackedPolicyTooLarge"),
            StsRefusal::PolicyArnMalformed { .. }
            | StsRefusal::TagRepeated { .. }
            | StsRefusal::TransitiveTagUnsent { .. }
            | StsRefusal::TransitiveTagInherited { .. } => (400, "InvalidParameterValue"),
            StsRefusal::FormMalformed
            | StsRefusal::ParameterRepeated { .. }
            | StsRefusal::ParametersInvalid { .. }
            | StsRefusal::RoleArnMalformed { .. }
            | StsRefusal::SourceIdentityDiffers { .. }
            | StsRefusal::ChainedDurationTooLong { .. }
            | StsRefusal::DurationAboveRoleMaximum { .. } => (400, "ValidationError"),
            StsRefusal::AssumeRoleDenied { .. } => (403, "AccessDenied"),
        }
    }

    fn seen_message(&self) -> Option<Cow<'static, str>> {
        let fixed = |text| Some(Cow::Borrowed(text));
        match self {
            StsRefusal::Request(Refusal::AuthorizationMissing) => {
                fixed("Request is missing Authentication Token")
            }
            StsRefusal::AccessKeyUnknown { .. }
            | StsRefusal::SessionTokenMissing
            | StsRefusal::SessionTokenMismatch => {
                fixed("The security token included in the request is invalid")
            }
            StsRefusal::SignatureInvalid => fixed(SIGNATURE_DIFFERS),
            StsRefusal::SessionExpired { .. } => {
                fixed("The security token included in the request is expired")
            }
            StsRefusal::RoleArnMalformed { .. } => fixed("Request ARN is invalid"),
            StsRefusal::TagRepeated { .. } => fixed(TAG_REPEATED),
            StsRefusal::TransitiveTagUnsent { .. } => {
                fixed("The specified transitive tag key must be included in the requested tags.")
            }
            StsRefusal::TransitiveTagInherited { .. } => fixed(TAG_INHERITED),
            StsRefusal::SourceIdentityDiffers { .. } => {
                fixed("The source identity is already set for this assume role session")
            }
            StsRefusal::ChainedDurationTooLong { .. } => fixed(CHAINED_TOO_LONG),
            StsRefusal::DurationAboveRoleMaximum { .. } => fixed(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ),
            StsRefusal::ActionUnknown { .. }
            | StsRefusal::ScopeRegionUnknown { .. }
            | StsRefusal::DateSkewed { .. }
            | StsRefusal::ParametersInvalid { .. }
            | StsRefusal::PackedPolicyTooLarge { .. }
            | StsRefusal::AssumeRoleDenied { .. } => self.composed_message().map(Cow::Owned),
            StsRefusal::Request(_)
            | StsRefusal::FormMalformed
            | StsRefusal::ParameterRepeated { .. }
            | StsRefusal::ActionMissing
            | StsRefusal::PolicyArnMalformed { .. }
            | StsRefusal::PolicyMalformed { .. } => None,
        }
    }

    /// Messages that were seen with other values in them.
    fn composed_message(&self) -> Option<String> {
        match self {
            StsRefusal::ActionUnknown { action, version } => Some(format!(
                "Could not find operation {action} for version {version}"
            )),
            StsRefusal::ScopeRegionUnknown { sent } => Some(format!(
                "Credential should be scoped to a valid region, not '{sent}'. "
            )),
            StsRefusal::DateSkewed { sent, now } => Some(skew_message(*sent, *now)),
            StsRefusal::ParametersInvalid { violations } => {
                let plural = if violations.len() == 1 { "" } else { "s" };
                let all: Vec<String> = violations.iter().map(Violation::to_string).collect();
                let (count, all) = (violations.len(), all.join("; "));
                Some(format!("{count} validation error{plural} detected: {all}"))
            }
            StsRefusal::PackedPolicyTooLarge {
                percent,
                has_policy,
            } => Some(match has_policy {
                true => format!("Packed policy consumes {percent}% of allotted space"),
                false => {
                    format!("Packed size of session tags consumes {percent}% of allotted space.")
                }
            }),
            StsRefusal::AssumeRoleDenied {
                caller, role_arn, ..
            } => Some(format!(
                "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            )),
            _ => None,
        }
    }
}

/// The answer to what is wrong with a request of any kind.
fn request_answer(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::BodyTooLarge { .. } => (413, "RequestEntityTooLarge"),
        Refusal::MethodNotAllowed { .. } => (405, "UnsupportedHttpVerb"),
        Refusal::AuthorizationMissing => (403, "MissingAuthenticationToken"),
        Refusal::ScopeDate { .. }
        | Refusal::ScopeService { .. }
        | Refusal::ScopeTerminator { .. } => (403, "SignatureDoesNotMatch"),
        _ => (400, "IncompleteSignature"),
    }
}

fn skew_message(sent: OffsetDateTime, now: OffsetDateTime) -> String {
    let limit = Duration::minutes(15);
    let bound = |time: Option<OffsetDateTime>| Timestamp(time.unwrap_or(now)).basic();
    let (sent_text, now_text) = (Timestamp(sent).basic(), Timestamp(now).basic());
    if sent < now {
        let bound = bound(now.checked_sub(limit));
        format!("Signature expired: {sent_text} is now earlier than {bound} ({now_text} - 15 min.)")
    } else {
        let bound = bound(now.checked_add(limit));
        format!(
            "Signature not yet current: {sent_text} is still later than {bound} ({now_text} + 15 min.)"
        )
    }
}

impl Error for StsRefusal {}

const SIGNATURE_DIFFERS: &str = "The request signature we calculated does not match the signature \
    you provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";
const CHAINED_TOO_LONG: &str = "The requested DurationSeconds exceeds the 1 hour session limit for \
    roles assumed by role chaining.";
const TAG_REPEATED: &str =
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
const TAG_INHERITED: &str = "One of the specified transitive tag keys can't be set because it \
    conflicts with a transitive tag key from the calling session.";
