//! Refusals of STS put into words for the operator. What came from outside is escaped.

use std::fmt;

use crate::escaped::Escaped;
use crate::sts::refusal::StsRefusal;
use crate::timestamp::Timestamp;

impl fmt::Display for StsRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StsRefusal::Request(refusal) => fmt::Display::fmt(refusal, f),
            StsRefusal::FormMalformed => f.write_str("the form is not percent-encoded UTF-8"),
            StsRefusal::ParameterRepeated { name } => {
                write!(f, "the parameter \"{}\" is there twice", Escaped(name))
            }
            StsRefusal::ActionMissing => f.write_str("there is no Action in a form"),
            StsRefusal::ActionUnknown { action, version } => {
                let (action, version) = (Escaped(action), Escaped(version));
                write!(
                    f,
                    "the action \"{action}\" of version \"{version}\" is not known here"
                )
            }
            StsRefusal::AccessKeyUnknown { access_key_id } => {
                write!(
                    f,
                    "the access key id \"{}\" was not issued here",
                    Escaped(access_key_id)
                )
            }
            StsRefusal::SessionTokenMissing => {
                f.write_str("there is no x-amz-security-token header")
            }
            StsRefusal::SessionTokenMismatch => {
                f.write_str("the session token was not issued with the access key id")
            }
            StsRefusal::ScopeRegionUnknown { sent } => {
                write!(
                    f,
                    "the scope's region \"{}\" is not one of AWS",
                    Escaped(sent)
                )
            }
            StsRefusal::DateSkewed { sent, now } => {
                let seconds = (*sent - *now).whole_seconds();
                let (sent, now) = (Timestamp(*sent), Timestamp(*now));
                write!(
                    f,
                    "the date {sent} is {seconds} s away from the service's {now}"
                )
            }
            StsRefusal::SignatureInvalid => {
                f.write_str("the secret access key did not sign this request")
            }
            StsRefusal::SessionExpired { expiration } => {
                write!(f, "the credentials expired at {}", Timestamp(*expiration))
            }
            StsRefusal::ParametersInvalid { violations } => {
                for (index, violation) in violations.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{}", Escaped(&violation.to_string()))?;
                }
                Ok(())
            }
            StsRefusal::RoleArnMalformed { sent } => {
                write!(f, "RoleArn \"{}\" is not an ARN of a role", Escaped(sent))
            }
            StsRefusal::PolicyArnMalformed { sent } => {
                write!(f, "\"{}\" is not an ARN of a managed policy", Escaped(sent))
            }
            StsRefusal::PolicyMalformed { reason } => f.write_str(reason),
            StsRefusal::TagRepeated { key } => {
                write!(f, "the tag \"{}\" is there twice", Escaped(key))
            }
            StsRefusal::TransitiveTagUnsent { key } => {
                write!(
                    f,
                    "the transitive key \"{}\" is not among the tags",
                    Escaped(key)
                )
            }
            StsRefusal::TransitiveTagInherited { key } => {
                write!(
                    f,
                    "the tag \"{}\" is inherited, and cannot be sent",
                    Escaped(key)
                )
            }
            StsRefusal::PackedPolicyTooLarge { percent, .. } => {
                write!(
                    f,
                    "session policies and tags take {percent} % of their space"
                )
            }
            StsRefusal::SourceIdentityDiffers { sent, set } => {
                let (sent, set) = (Escaped(sent), Escaped(set));
                write!(
                    f,
                    "the source identity \"{sent}\" is not \"{set}\", which cannot change"
                )
            }
            StsRefusal::ChainedDurationTooLong { seconds } => {
                write!(
                    f,
                    "{seconds} s are longer than a chained role's maximum of 3600 s"
                )
            }
            StsRefusal::DurationAboveRoleMaximum {
                seconds,
                maximum_seconds,
            } => {
                write!(
                    f,
                    "{seconds} s are longer than the role's maximum of {maximum_seconds} s"
                )
            }
            StsRefusal::AssumeRoleDenied {
                caller,
                role_arn,
                reason,
            } => {
                let (caller, role_arn) = (Escaped(caller), Escaped(role_arn));
                write!(f, "{caller} may not assume {role_arn}: {reason}")
            }
        }
    }
}
