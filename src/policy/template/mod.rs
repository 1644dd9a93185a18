//! [`Template`]: a trust policy as a part of what infrastructure is made from.

pub mod cloudformation;
pub mod terraform;

use serde_json::Value;

use super::document::PolicyDocument;
use super::names::ExactRoleArn;

/// A role with its trust policy, and perhaps the trust anchor and the profile that lead to it.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// The trust policy of the role.
    pub policy: &'a PolicyDocument,
    /// The role to be, if its name is to be chosen.
    pub role: Option<&'a ExactRoleArn>,
    /// The certificates of the trust anchor to be, as PEM. The policy's trust anchor is this one.
    pub authorities: Option<&'a str>,
}

impl Template<'_> {
    /// The name of trust anchor and profile, which have letters, digits, hyphens and underscores
    /// ([CreateTrustAnchor](https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_CreateTrustAnchor.html)).
    fn name(&self) -> String {
        let allowed = |c: char| match c.is_ascii_alphanumeric() || c == '_' {
            true => c,
            false => '-',
        };
        let role = self.role.and_then(ExactRoleArn::path_and_name);
        let name = role.map_or(NAME, |(_, name)| name);
        name.chars().map(allowed).collect()
    }

    /// Name and path of the role, as far as they are not the default.
    fn role_name(&self) -> Option<(&str, Option<&str>)> {
        let (path, name) = self.role?.path_and_name()?;
        Some((name, (path != "/").then_some(path)))
    }

    fn policy(&self) -> Value {
        // Strings always serialize.
        serde_json::to_value(self.policy).unwrap_or_default()
    }
}

/// Of trust anchor and profile where the role has none.
const NAME: &str = "rolesanywhere";
