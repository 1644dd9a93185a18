//! The parameters of `CreateSession`: three ARNs, in the query or in the body, and the duration
//! and the session name in the body. Each is judged by its form alone.

use serde_json::Map;
use serde_json::Value;

use crate::canonical_request::query_parameters;
use crate::parameter::Parameter;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) trust_anchor: Arn,
    pub(crate) profile: Arn,
    pub(crate) role: Arn,
    pub(crate) duration_seconds: Option<u32>,
    pub(crate) role_session_name: Option<String>,
}

impl Parameters {
    pub(crate) fn read(request: &ReceivedRequest) -> Result<Parameters, Refusal> {
        let body: Value =
            serde_json::from_slice(&request.body).map_err(|_| Refusal::BodyNotJson)?;
        let body = body.as_object().ok_or(Refusal::BodyNotObject)?;
        let trust_anchor = Parameter::TrustAnchorArn.read(request, body)?;
        let profile = Parameter::ProfileArn.read(request, body)?;
        let role = Parameter::RoleArn.read(request, body)?;
        if trust_anchor.region != profile.region {
            return Err(Refusal::RegionsDiffer {
                trust_anchor: trust_anchor.region,
                profile: profile.region,
            });
        }
        let duration_seconds = body.get("durationSeconds").map(duration).transpose()?;
        let role_session_name = body.get("roleSessionName").map(session_name).transpose()?;
        Ok(Parameters {
            trust_anchor,
            profile,
            role,
            duration_seconds,
            role_session_name,
        })
    }
}

impl Parameter {
    /// An ARN counts in the query and in the body; in both it has to be the same.
    fn read(self, request: &ReceivedRequest, body: &Map<String, Value>) -> Result<Arn, Refusal> {
        let mut in_query = query_parameters(request.query())
            .filter(|(name, _)| name == self.name().as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(&value).into_owned());
        let (first, second) = (in_query.next(), in_query.next());
        if second.is_some() {
            return Err(Refusal::ArnRepeated { parameter: self });
        }
        let in_body = match body.get(self.name()) {
            Some(Value::String(arn)) => Some(arn.clone()),
            Some(other) => return Err(self.malformed(other.to_string())),
            None => None,
        };
        let sent = match (first, in_body) {
            (Some(query), Some(body)) if query != body => {
                return Err(Refusal::ArnsDiffer { parameter: self });
            }
            (Some(arn), _) | (None, Some(arn)) => arn,
            (None, None) => return Err(Refusal::ArnMissing { parameter: self }),
        };
        Arn::of(self, &sent).ok_or_else(|| self.malformed(sent))
    }

    fn suits(self, arn: &Arn) -> bool {
        let is_regional = arn.service == "rolesanywhere" && is_region(&arn.region);
        match self {
            Parameter::TrustAnchorArn => is_regional && arn.has_identifier("trust-anchor/"),
            Parameter::ProfileArn => is_regional && arn.has_identifier("profile/"),
            Parameter::RoleArn => {
                let role = arn.resource.strip_prefix("role/").unwrap_or_default();
                arn.service == "iam"
                    && arn.region.is_empty()
                    && !role.is_empty()
                    && !role.ends_with('/')
                    && role.bytes().all(|byte| byte.is_ascii_graphic())
            }
        }
    }

    fn malformed(self, sent: String) -> Refusal {
        match self {
            Parameter::TrustAnchorArn => Refusal::TrustAnchorArnMalformed { sent },
            Parameter::ProfileArn => Refusal::ProfileArnMalformed { sent },
            Parameter::RoleArn => Refusal::RoleArnMalformed { sent },
        }
    }
}

/// `arn:partition:service:region:account:resource`
#[derive(Debug)]
pub(crate) struct Arn {
    pub(crate) text: String,
    pub(crate) partition: String,
    service: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) resource: String,
}

impl Arn {
    /// An ARN that suits a parameter.
    pub(crate) fn of(parameter: Parameter, text: &str) -> Option<Arn> {
        Arn::parse(text).filter(|arn| parameter.suits(arn))
    }

    /// The name of a role, without its path.
    pub(crate) fn role_name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or_default()
    }

    fn parse(text: &str) -> Option<Arn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
            return None;
        };
        let is_partition = partition == "aws" || partition.starts_with("aws-");
        let is_account =
            account.len() == ACCOUNT_DIGITS && account.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > ARN_BYTES_MAX || !is_partition || !is_region(partition) || !is_account {
            return None;
        }
        Some(Arn {
            text: text.to_owned(),
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }

    /// True if the resource is of this type and has an identifier; the service gives UUIDs, but
    /// made-up ones are as good in a test.
    fn has_identifier(&self, resource_type: &str) -> bool {
        self.resource
            .strip_prefix(resource_type)
            .is_some_and(|identifier| {
                let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                !identifier.is_empty() && identifier.bytes().all(is_legal)
            })
    }
}

/// Regions and partitions are written in lower-case letters, digits and hyphens.
fn is_region(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_legal)
}

fn duration(value: &Value) -> Result<u32, Refusal> {
    let Value::Number(number) = value else {
        return Err(Refusal::DurationNotInteger {
            sent: value.to_string(),
        });
    };
    let seconds = match (number.as_i64(), number.as_u64()) {
        (Some(seconds), _) => i128::from(seconds),
        (None, Some(seconds)) => i128::from(seconds),
        (None, None) => {
            return Err(Refusal::DurationNotInteger {
                sent: value.to_string(),
            });
        }
    };
    u32::try_from(seconds)
        .ok()
        .filter(|seconds| (DURATION_SECONDS_MIN..=DURATION_SECONDS_MAX).contains(seconds))
        .ok_or(Refusal::DurationOutOfRange { seconds })
}

/// The pattern of the service: `[\w+=,.@-]{2,64}`.
fn session_name(value: &Value) -> Result<String, Refusal> {
    let Value::String(name) = value else {
        return Err(Refusal::SessionNameInvalid {
            sent: value.to_string(),
        });
    };
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=SESSION_NAME_CHARACTERS_MAX).contains(&name.len()) && name.bytes().all(is_legal) {
        Ok(name.clone())
    } else {
        Err(Refusal::SessionNameInvalid { sent: name.clone() })
    }
}

/// The shortest session, in seconds, by the documentation of `CreateSession`.
pub(crate) const DURATION_SECONDS_MIN: u32 = 900;

/// The longest session, in seconds: twelve hours, by the same.
pub(crate) const DURATION_SECONDS_MAX: u32 = 43_200;

/// The longest role session name, in characters, by the documentation of AWS STS.
pub(crate) const SESSION_NAME_CHARACTERS_MAX: usize = 64;

/// The longest ARN, in bytes, by the documentation of `CreateSession`.
const ARN_BYTES_MAX: usize = 1011;

/// An account number has twelve digits.
const ACCOUNT_DIGITS: usize = 12;
