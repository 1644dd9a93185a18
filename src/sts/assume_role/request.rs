//! [`AssumeRoleRequest`]: the parameters of AssumeRole, and their form on the wire.
//!
//! Source: [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html), in the
//! [awsQuery protocol](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).

use crate::arn::RoleArn;
use crate::sigv4::canonical_request::canonical_query;
use crate::sts::API_VERSION;

/// Parameters of AssumeRole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRoleRequest {
    /// The role to assume.
    pub role_arn: RoleArn,
    /// The session's name; by default, that of the session which assumes the role.
    pub role_session_name: Option<String>,
    /// The session's duration in seconds; by default, the service gives an hour, which is the most that a
    /// chained session gets.
    pub duration_seconds: Option<i32>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// A policy in JSON that narrows the session's permissions.
    pub policy: Option<String>,
    /// ARNs of managed policies that narrow them, too.
    pub policy_arns: Vec<String>,
    /// Session tags, keys and values.
    pub tags: Vec<(String, String)>,
    /// Keys of those tags that later sessions of the chain inherit.
    pub transitive_tag_keys: Vec<String>,
}

/// True for a session name that STS and Roles Anywhere accept: `[\w+=,.@-]{2,64}`.
pub fn is_role_session_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&name.len()) && name.chars().all(is_allowed)
}

impl AssumeRoleRequest {
    /// A request for a role, with defaults for the rest.
    pub fn new(role_arn: RoleArn) -> Self {
        Self {
            role_arn,
            role_session_name: None,
            duration_seconds: None,
            external_id: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
        }
    }

    /// The form that is sent, for a session of this name unless the request gives one.
    pub(crate) fn form(&self, default_session_name: &str) -> String {
        // In full, so that a new field that is left out does not compile.
        let Self {
            role_arn,
            role_session_name,
            duration_seconds,
            external_id,
            policy,
            policy_arns,
            tags,
            transitive_tag_keys,
        } = self;
        let session_name = role_session_name.as_deref();
        let mut form = vec![
            ("Action".to_owned(), "AssumeRole".to_owned()),
            ("Version".to_owned(), API_VERSION.to_owned()),
            ("RoleArn".to_owned(), role_arn.as_str().to_owned()),
            (
                "RoleSessionName".to_owned(),
                session_name.unwrap_or(default_session_name).to_owned(),
            ),
        ];
        let optional = [
            ("DurationSeconds", duration_seconds.map(|s| s.to_string())),
            ("ExternalId", external_id.clone()),
            ("Policy", policy.clone()),
        ];
        form.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        let numbered = |list: &str, field: &'static str, number: usize, value: &str| {
            (format!("{list}.member.{number}{field}"), value.to_owned())
        };
        for (number, arn) in (1..).zip(policy_arns) {
            form.push(numbered("PolicyArns", ".arn", number, arn));
        }
        for (number, (key, value)) in (1..).zip(tags) {
            form.push(numbered("Tags", ".Key", number, key));
            form.push(numbered("Tags", ".Value", number, value));
        }
        for (number, key) in (1..).zip(transitive_tag_keys) {
            form.push(numbered("TransitiveTagKeys", "", number, key));
        }
        let pairs: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        canonical_query(&pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> RoleArn {
        "arn:aws:iam::123456789012:role/deploy".parse().unwrap()
    }

    #[test]
    fn bare_request_names_role_and_session_only() {
        assert_eq!(
            AssumeRoleRequest::new(role()).form("4711"),
            "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy\
             &RoleSessionName=4711&Version=2011-06-15"
        );
    }

    #[test]
    fn lists_are_numbered_from_1() {
        let text = |text: &str| text.to_owned();
        let request = AssumeRoleRequest {
            role_session_name: Some(text("build 7")),
            duration_seconds: Some(900),
            external_id: Some(text("a/b")),
            policy: Some(text("{}")),
            policy_arns: vec![text("arn:1"), text("arn:2")],
            tags: vec![(text("Project"), text("x&y")), (text("Team"), text(""))],
            transitive_tag_keys: vec![text("Project")],
            ..AssumeRoleRequest::new(role())
        };
        let form = request.form("4711");
        let fields: Vec<&str> = form.split('&').collect();
        assert_eq!(
            fields,
            [
                "Action=AssumeRole",
                "DurationSeconds=900",
                "ExternalId=a%2Fb",
                "Policy=%7B%7D",
                "PolicyArns.member.1.arn=arn%3A1",
                "PolicyArns.member.2.arn=arn%3A2",
                "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy",
                "RoleSessionName=build%207",
                "Tags.member.1.Key=Project",
                "Tags.member.1.Value=x%26y",
                "Tags.member.2.Key=Team",
                "Tags.member.2.Value=",
                "TransitiveTagKeys.member.1=Project",
                "Version=2011-06-15",
            ]
        );
    }
}
