//! [`SessionRequest`]: everything that decides which credentials come back.

use crate::arn::Region;
use crate::aws_call::endpoint::Endpoint;
use crate::aws_call::proxy::Proxy;
use crate::aws_call::trust_roots::TrustRoots;
use crate::create_session::request::CreateSessionRequest;
use crate::identity::IdentitySource;

/// A session to ask for. [`CacheKey`](crate::cache::key::CacheKey) is made of every field.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// Identity.
    pub identity: IdentitySource,
    /// For what.
    pub create_session: CreateSessionRequest,
    /// Service, and the way to it.
    pub network: Network,
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
