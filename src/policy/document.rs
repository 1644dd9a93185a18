//! [`PolicyDocument`]: a policy in IAM's JSON
//! ([grammar](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html)).

use std::collections::BTreeMap;

use serde::Serialize;

/// A policy: all of its statements count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: Vec<Statement>,
}

impl PolicyDocument {
    /// A policy of these statements.
    pub fn new(statement: Vec<Statement>) -> Self {
        Self {
            version: VERSION,
            statement,
        }
    }

    /// The policy as indented JSON.
    pub fn text(&self) -> String {
        // Strings always serialize.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Principal>,
    action: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Values>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<String, BTreeMap<String, Values>>,
}

impl Statement {
    /// Allows actions on resources.
    pub fn allow(action: impl Into<Values>, resource: impl Into<Values>) -> Self {
        Self {
            effect: "Allow",
            principal: None,
            action: action.into(),
            resource: Some(resource.into()),
            condition: BTreeMap::new(),
        }
    }

    /// Allows actions on the role that the policy belongs to, to a service.
    pub fn trust(service: &'static str, action: impl Into<Values>) -> Self {
        Self {
            effect: "Allow",
            principal: Some(Principal { service }),
            action: action.into(),
            resource: None,
            condition: BTreeMap::new(),
        }
    }

    /// Holds only where the operator accepts the request's value of the key.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, values: impl Into<Values>) -> Self {
        let of_operator = self.condition.entry(operator.to_owned()).or_default();
        of_operator.insert(key.to_owned(), values.into());
        self
    }
}

/// The service that a trust policy trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Principal {
    service: &'static str,
}

/// One value, or several of which one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Written as a string.
    One(String),
    /// Written as a list.
    Many(Vec<String>),
}

impl From<&str> for Values {
    fn from(value: &str) -> Self {
        Self::One(value.to_owned())
    }
}

impl From<String> for Values {
    fn from(value: String) -> Self {
        Self::One(value)
    }
}

impl From<&[&str]> for Values {
    fn from(values: &[&str]) -> Self {
        Self::Many(values.iter().map(ToString::to_string).collect())
    }
}

impl<const N: usize> From<[String; N]> for Values {
    fn from(values: [String; N]) -> Self {
        Self::Many(values.into())
    }
}

/// The version of the policy language; the older one has no policy variables.
const VERSION: &str = "2012-10-17";
