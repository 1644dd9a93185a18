//! The names of the ARNs among the parameters, as on the wire.

use std::fmt;

/// An ARN among the parameters of `CreateSession`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `trustAnchorArn`
    TrustAnchorArn,
    /// `profileArn`
    ProfileArn,
    /// `roleArn`
    RoleArn,
}

impl Parameter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Parameter::TrustAnchorArn => "trustAnchorArn",
            Parameter::ProfileArn => "profileArn",
            Parameter::RoleArn => "roleArn",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
