//! [`trust_policy`]: lets IAM Roles Anywhere assume a role for a certificate
//! ([trust policy](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#trust-policy)).

use std::fmt;

use super::document::PolicyDocument;
use super::document::Statement;
use super::session_tags::SessionTag;
use super::session_tags::TagName;

/// The trust policy of a role: only certificates of one trust anchor, and only with these tags.
pub fn trust_policy(trust_anchor_arn: &str, tags: &[&SessionTag]) -> PolicyDocument {
    let statement = Statement::trust(SERVICE, &ACTIONS[..]);
    let statement = tags.iter().fold(statement, |statement, tag| {
        let key = format!("aws:PrincipalTag/{}", tag.name);
        statement.when("StringEquals", &key, literal(&tag.value))
    });
    let statement = statement.when("ArnEquals", "aws:SourceArn", trust_anchor_arn);
    PolicyDocument::new(vec![statement])
}

/// The tags that conditions name; without conditions, that of the common name.
pub fn conditions<'a>(
    names: &[TagName],
    tags: &'a [SessionTag],
) -> Result<Vec<&'a SessionTag>, TagAbsent> {
    let common_name = [TagName::common_name()];
    let names = match names {
        [] => &common_name[..],
        names => names,
    };
    let find = |name: &TagName| {
        let tag = tags.iter().find(|tag| tag.name == *name);
        tag.ok_or_else(|| TagAbsent {
            name: name.clone(),
            others: tags.iter().map(|tag| tag.name.clone()).collect(),
        })
    };
    names.iter().map(find).collect()
}

/// A certificate that lacks an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagAbsent {
    name: TagName,
    others: Vec<TagName>,
}

impl fmt::Display for TagAbsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate has no {}", self.name)?;
        let others: Vec<&str> = self.others.iter().map(TagName::as_str).collect();
        match others[..] {
            [] => f.write_str(", nor another attribute for a --condition"),
            _ => write!(
                f,
                "; choose an attribute of it with --condition: {}",
                others.join(", ")
            ),
        }
    }
}

impl std::error::Error for TagAbsent {}

/// IAM reads `${` as the begin of a variable, and `${$}` as a dollar sign
/// ([policy variables](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html)).
fn literal(value: &str) -> String {
    value.replace("${", "${$}{")
}

/// The service's name, the same in every partition
/// ([China](https://docs.amazonaws.cn/en_us/rolesanywhere/latest/userguide/trust-model.html)).
pub(super) const SERVICE: &str = "rolesanywhere.amazonaws.com";

/// The actions that the service needs on the role.
pub(super) const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollar_sign_begins_no_variable() {
        assert_eq!(literal("${aws:username} $ {"), "${$}{aws:username} $ {");
    }
}
