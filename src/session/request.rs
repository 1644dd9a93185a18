//! [`SessionRequest`]: everything that decides which credentials come back.

use crate::arn::Region;
use crate::arn::RoleArn;
use crate::aws_call::endpoint::Endpoint;
use crate::aws_call::proxy::Proxy;
use crate::aws_call::trust_roots::TrustRoots;
use crate::create_session::request::CreateSessionRequest;
use crate::identity::IdentitySource;
use crate::session::RoleChain;

/// A session to ask for. [`CacheKey`](crate::cache::key::CacheKey) is made of every field.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// Identity.
    pub identity: IdentitySource,
    /// For what.
    pub create_session: CreateSessionRequest,
    /// Roles Anywhere, and the way to it.
    pub network: Network,
    /// Roles that are assumed from there; `None` if the session itself is what is asked for.
    pub role_chain: Option<RoleChain>,
}

impl SessionRequest {
    /// The role whose credentials are asked for.
    pub fn role_arn(&self) -> &RoleArn {
        match &self.role_chain {
            Some(chain) => &chain.last().role_arn,
            None => &self.create_session.role_arn,
        }
    }

    /// The session that the roles are assumed from; `None` if there are none.
    pub fn base(&self) -> Option<Self> {
        self.role_chain.as_ref()?;
        Some(Self {
            role_chain: None,
            ..self.clone()
        })
    }
}

/// Service that is called, and the way to it.
#[derive(Debug, Clone)]
pub struct Network {
    /// The region that is signed for.
    pub region: Region,
    /// Endpoint of the request.
    pub endpoint: Endpoint,
    /// The proxy on the way; `None` connects directly.
    pub proxy: Option<Proxy>,
    /// Trust roots for the server's certificate.
    pub trust_roots: TrustRoots,
    /// Most attempts of a call; `AWS_MAX_ATTEMPTS`. Does not change the response.
    pub attempts_max: u32,
}
