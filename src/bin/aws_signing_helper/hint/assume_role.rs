//! Advice for the errors of AssumeRole.
//!
//! Source: [AssumeRole, errors](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors).

use rolesanywhere::arn::RoleArn;
use rolesanywhere::aws_call::Failure;
use rolesanywhere::aws_call::error::CallError;
use rolesanywhere::text::ShownName;

use super::HintContext;
use super::hint_on_the_way;
use super::wrong_clock;

/// One line on what to do next, where `role` could not be assumed `by` the session of another.
pub(crate) fn hint(
    failure: &Failure,
    (role, by): (&RoleArn, &RoleArn),
    asked: HintContext<'_>,
) -> Option<String> {
    let CallError::Service {
        code,
        message,
        clock_ahead_seconds,
        ..
    } = &failure.error
    else {
        return hint_on_the_way(failure, asked);
    };
    if !failure.is_clock_corrected
        && let Some(clock) = clock_ahead_seconds.and_then(wrong_clock)
    {
        return Some(clock);
    }
    let message = message.to_lowercase();
    Some(match code.as_deref()? {
        "AccessDenied" if message.contains("sts:tagsession") => TAG_SESSION.to_owned(),
        "AccessDenied" => format!(
            "check that the trust policy of {} lets {} assume it, with its external id if it asks for one \
             (--external-id), and that a policy of the latter allows sts:AssumeRole",
            ShownName::of(role.as_str()),
            ShownName::of(by.as_str()),
        ),
        "ValidationError" if message.contains("maxsessionduration") => DURATION.to_owned(),
        "ValidationError" if message.contains("1 hour") => CHAINED_DURATION.to_owned(),
        "ValidationError" if message.contains("rolesessionname") => SESSION_NAME.to_owned(),
        "MalformedPolicyDocument" => POLICY.to_owned(),
        "PackedPolicyTooLarge" => PACKED_POLICY.to_owned(),
        "RegionDisabledException" => REGION.to_owned(),
        "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" => TOKEN.to_owned(),
        "Throttling" | "ThrottlingException" => THROTTLED.to_owned(),
        _ => return None,
    })
}

const TAG_SESSION: &str = "session tags need sts:TagSession beside sts:AssumeRole, in the trust policy of the \
                           role and in the policies of the one that assumes it";
const DURATION: &str = "the role's maximum session duration is shorter; see --assume-role-duration";
const CHAINED_DURATION: &str =
    "the session of a chained role lasts at most 3600 s; see --assume-role-duration";
const SESSION_NAME: &str =
    "a session name has 2 to 64 letters, digits and _=,.@+-; see --assume-role-session-name";
const POLICY: &str =
    "check --session-policy: it needs \"Version\" and \"Statement\", with known actions";
const PACKED_POLICY: &str = "session policy and tags together are too large; shorten them, or put the policy \
                             into a managed one (--session-policy-arn)";
const REGION: &str =
    "STS is not active in this region for the account; activate it, or choose another by --region";
const TOKEN: &str = "STS does not accept the session that assumes the role; check that --endpoint and \
                     --sts-endpoint belong together";
const THROTTLED: &str =
    "let sessions last longer, share them by --cache, or start fewer helpers at once";
