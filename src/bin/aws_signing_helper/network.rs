//! The way to a service, by flags and environment: endpoint, proxy, trust roots and attempts.

use rolesanywhere::arn::Region;
use rolesanywhere::aws_call::Service;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::proxy::Proxy;
use rolesanywhere::aws_call::retry;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::environment::Environment;
use rolesanywhere::session::Network;
use rolesanywhere::session::RoleChain;
use rolesanywhere::sts::assume_role::request::AssumeRoleRequest;

use crate::arguments::call::NetworkFlags;
use crate::error::RunError;

/// The way to a service, by flags and environment.
pub(crate) struct Way<'a> {
    pub(crate) flags: &'a NetworkFlags,
    pub(crate) region: &'a Region,
    pub(crate) environment: &'a Environment,
}

impl Way<'_> {
    /// The way to `service`, at the endpoint that its flag gives. Also whether the environment names a proxy
    /// that is not to be used.
    pub(crate) fn to(
        &self,
        service: Service,
        endpoint: Option<&str>,
    ) -> Result<(Network, bool), RunError> {
        let Self {
            flags,
            region,
            environment,
        } = self;
        let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty());
        let endpoint = Endpoint::resolve(service, endpoint, region, environment)
            .map_err(RunError::Endpoint)?;
        let on_the_way = Proxy::on_the_way_to(&endpoint, environment);
        let (proxy, is_proxy_unused) = match flags.with_proxy {
            Some(true) => (on_the_way.map_err(RunError::Proxy)?, false),
            Some(false) | None => (None, matches!(on_the_way, Ok(Some(_)))),
        };
        let network = Network {
            region: (*region).clone(),
            endpoint,
            proxy,
            trust_roots: match flags.no_verify_ssl {
                Some(true) => TrustRoots::Unverified,
                Some(false) | None => TrustRoots::resolve(environment),
            },
            attempts_max: retry::attempts_max(environment).map_err(RunError::Retry)?,
        };
        Ok((network, is_proxy_unused))
    }

    /// The chain of `roles`, with the way to STS; `None` without roles.
    pub(crate) fn along(
        &self,
        roles: Vec<AssumeRoleRequest>,
        sts_endpoint: Option<&str>,
    ) -> Result<(Option<RoleChain>, bool), RunError> {
        let mut roles = roles.into_iter();
        let Some(first) = roles.next() else {
            return Ok((None, false));
        };
        let (network, is_proxy_unused) = self.to(Service::STS, sts_endpoint)?;
        let later = roles.collect();
        let chain = RoleChain {
            first,
            later,
            network,
        };
        Ok((Some(chain), is_proxy_unused))
    }
}
