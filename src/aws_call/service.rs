//! [`Service`]: the AWS service that is called.

/// AWS service: its endpoints and its name in signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name in a credential scope, and at the front of its host names.
    pub name: &'static str,
    /// The variable with its endpoint, by the AWS SDKs' rule: `AWS_ENDPOINT_URL_` and its service id.
    pub endpoint_variable: &'static str,
}

impl Service {
    /// IAM Roles Anywhere.
    pub const ROLES_ANYWHERE: Self = Self {
        name: "rolesanywhere",
        endpoint_variable: "AWS_ENDPOINT_URL_ROLESANYWHERE",
    };

    /// The Security Token Service.
    pub const STS: Self = Self {
        name: "sts",
        endpoint_variable: "AWS_ENDPOINT_URL_STS",
    };
}
