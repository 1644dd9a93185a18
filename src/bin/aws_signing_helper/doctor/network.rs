//! The checks of the way to the services, and their answers.

use std::net::SocketAddr;
use std::time::Duration;

use rolesanywhere::aws_call::Service;
use rolesanywhere::environment::Environment;
use rolesanywhere::session::Network;
use rolesanywhere::session::RoleChain;
use rolesanywhere::session::SessionRequest;
use tokio::net::TcpStream;
use tokio::net::lookup_host;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::calls::Calls;
use super::identity::Found;
use super::report::Report;
use super::report::count;
use super::request::Request;
use crate::error::RunError;
use crate::network::Way;
use crate::report::chain;
use crate::session::runtime;

/// Checks of the way to Roles Anywhere, in the order in which they can fail.
const ON_THE_WAY: [&str; 7] = [
    "endpoint",
    "proxy",
    "dns",
    "tcp",
    "tls",
    "clock",
    "create-session",
];

/// What there is to call with.
pub(super) struct Checks<'a> {
    /// `None` if no certificate is given.
    pub(super) found: Option<&'a Found>,
    /// `None` if no request can be made.
    pub(super) request: Option<Request>,
    /// How many roles are to be assumed.
    pub(super) roles: usize,
    pub(super) is_offline: bool,
    pub(super) is_identity_asked: bool,
    pub(super) is_debug: bool,
}

/// The ways to both services.
struct Ways {
    network: Network,
    role_chain: Option<RoleChain>,
    /// For GetCallerIdentity.
    sts: Option<Network>,
    is_proxy_unused: bool,
}

impl Checks<'_> {
    pub(super) fn run(mut self, report: &mut Report, environment: &Environment) {
        if self.is_offline {
            return self.skip(report, "endpoint", "--offline");
        }
        let Some(request) = self.request.take() else {
            return self.skip(report, "endpoint", "the request is not valid");
        };
        let ways = match self.ways(&request, environment) {
            Ok(ways) => ways,
            Err(error @ RunError::Proxy(_)) => {
                report.skip("endpoint", "its proxy is not known");
                report.fail("proxy", chain(&error), Some("correct the variable"));
                return self.skip(report, "dns", "the way is not known");
            }
            Err(error) => {
                report.fail("endpoint", chain(&error), error.hint().as_deref());
                return self.skip(report, "proxy", "the way is not known");
            }
        };
        report.ok("endpoint", ways.network.endpoint.to_string());
        proxy(report, &ways.network, ways.is_proxy_unused);
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => {
                report.fail("dns", chain(&error), None);
                return self.skip(report, "tcp", "there is no event loop");
            }
        };
        match connect(report, &runtime, &ways.network) {
            Ok(()) => self.call(report, &runtime, request, ways),
            Err(next) => self.skip(report, next, "no connection"),
        }
        // A lookup that hangs does not hold up the end.
        runtime.shutdown_background();
    }

    fn ways(&self, request: &Request, environment: &Environment) -> Result<Ways, RunError> {
        let way = Way {
            flags: &request.network,
            region: &request.region,
            environment,
        };
        let endpoint = request.network.endpoint.as_deref();
        let sts_endpoint = request.sts_endpoint.as_deref();
        let (network, is_proxy_unused) = way.to(Service::ROLES_ANYWHERE, endpoint)?;
        let (role_chain, _) = way.along(request.roles.clone(), sts_endpoint)?;
        let sts = match self.is_identity_asked {
            true => Some(way.to(Service::STS, sts_endpoint)?.0),
            false => None,
        };
        Ok(Ways {
            network,
            role_chain,
            sts,
            is_proxy_unused,
        })
    }

    fn call(&self, report: &mut Report, runtime: &Runtime, request: Request, ways: Ways) {
        let identity = self
            .found
            .and_then(|found| Some((found.source.clone(), found.identity.as_ref()?)));
        let Some((source, identity)) = identity else {
            return self.skip(report, "tls", "there is no identity to sign with");
        };
        let request = SessionRequest {
            identity: source,
            create_session: request.create_session,
            network: ways.network,
            role_chain: ways.role_chain,
        };
        let calls = Calls::new(&request, identity, ways.is_proxy_unused, self.is_debug);
        runtime.block_on(calls.run(report, ways.sts));
    }

    /// Skips all checks from this one on.
    fn skip(&self, report: &mut Report, from: &str, why: &str) {
        let rest = ON_THE_WAY.iter().skip_while(|check| **check != from);
        rest.for_each(|check| report.skip(check, why));
        (0..self.roles).for_each(|_| report.skip("assume-role", why));
        if self.is_identity_asked {
            report.skip("caller-identity", why);
        }
    }
}

fn proxy(report: &mut Report, network: &Network, is_unused: bool) {
    let detail = match (&network.proxy, is_unused) {
        (Some(proxy), _) => proxy.to_string(),
        (None, true) => "none: that of the environment is used only with --with-proxy".to_owned(),
        (None, false) => "none".to_owned(),
    };
    report.ok("proxy", detail);
}

/// Looks up and connects to the next host. Fails with the check behind the one that failed.
fn connect(report: &mut Report, runtime: &Runtime, network: &Network) -> Result<(), &'static str> {
    let (host, port) = match &network.proxy {
        Some(proxy) => proxy.host_and_port(),
        None => network.endpoint.host_and_port(),
    };
    let addresses = runtime.block_on(async {
        match timeout(LOOKUP_TIME_MAX, lookup_host((host, port))).await {
            Ok(Ok(addresses)) => Ok(addresses.collect::<Vec<SocketAddr>>()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer from the name servers".to_owned()),
        }
    });
    let addresses = match addresses {
        Ok(addresses) if !addresses.is_empty() => addresses,
        other => {
            let why = other.err().unwrap_or_else(|| "no address".to_owned());
            report.fail("dns", format!("{host}: {why}"), Some(DNS));
            return Err("tcp");
        }
    };
    report.ok(
        "dns",
        format!("{host}: {}", count(addresses.len(), "address", "addresses")),
    );
    let connected = runtime.block_on(async {
        match timeout(CONNECT_TIME_MAX, TcpStream::connect(addresses.as_slice())).await {
            Ok(Ok(stream)) => stream.peer_addr().map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "no connection within {} s",
                CONNECT_TIME_MAX.as_secs()
            )),
        }
    });
    match connected {
        Ok(peer) => {
            report.ok("tcp", peer.to_string());
            Ok(())
        }
        Err(why) => {
            report.fail("tcp", format!("{host}:{port}: {why}"), Some(TCP));
            Err("tls")
        }
    }
}

/// As long as a resolver takes that tries several name servers.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(20);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

const DNS: &str = "check the region, the endpoint and the name servers";
const TCP: &str = "check firewall and proxy; the service is reached on port 443";
