//! [`RoleChain`]: roles that are assumed one after another, from the session of CreateSession on.

use crate::session::Network;
use crate::sts::assume_role::request::AssumeRoleRequest;

/// Roles to assume in this order, each with the session before. Their credentials are those of the last.
#[derive(Debug, Clone)]
pub struct RoleChain {
    /// Assumed with the session of CreateSession.
    pub first: AssumeRoleRequest,
    /// Each assumed with the session before.
    pub later: Vec<AssumeRoleRequest>,
    /// STS, and the way to it.
    pub network: Network,
}

impl RoleChain {
    /// The role whose credentials come out.
    pub fn last(&self) -> &AssumeRoleRequest {
        self.later.last().unwrap_or(&self.first)
    }
}
