//! `serve`: an endpoint, what it looks like and how it is kept supplied.

use std::cell::RefCell;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::SystemRandom;
use rolesanywhere::clock::Clock;
use rolesanywhere::environment::Environment;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::output::endpoint::Endpoint;
use rolesanywhere::output::endpoint::Handler;
use rolesanywhere::output::endpoint::Settings;
use rolesanywhere::output::endpoint::address::Bound;
use rolesanywhere::output::endpoint::authorization_token::AuthorizationToken;
use rolesanywhere::output::endpoint::container;
use rolesanywhere::output::endpoint::container::Container;
use rolesanywhere::output::endpoint::document;
use rolesanywhere::output::endpoint::health::Health;
use rolesanywhere::output::endpoint::health::RenewalStats;
use rolesanywhere::output::endpoint::healthcheck;
use rolesanywhere::output::endpoint::imds::Imds;
use rolesanywhere::output::endpoint::metadata_token::MetadataTokens;
use rolesanywhere::output::endpoint::origin_check::AllowedHosts;
use rolesanywhere::output::endpoint::traffic::Traffic;
use rolesanywhere::output::export::shells::lines_to_paste;
use rolesanywhere::platform;
use rolesanywhere::supply::Supply;
use rolesanywhere::supply::session_source::SupplyEvent;
use rolesanywhere::text::ShownName;

use crate::arguments::serve::EndpointFlags;
use crate::arguments::serve::Serve;
use crate::cached;
use crate::error::RunError;
use crate::inputs::created_path;
use crate::renewing::Renewing;
use crate::renewing::renewed;
use crate::renewing::start_log;
use crate::report;
use crate::session::Session;
use crate::session::jitter;
use crate::session::role_name;

/// `serve`.
pub(crate) fn run(arguments: Serve, environment: &Environment) -> Result<ExitCode, RunError> {
    let mut flags = arguments.endpoint;
    if flags.healthcheck == Some(true) {
        let address = flags
            .status_address
            .ok_or_else(|| RunError::missing("status address", "status-address"))?;
        return healthcheck::ask(address)
            .map(|()| ExitCode::SUCCESS)
            .map_err(RunError::Healthcheck);
    }
    if let Some(path) = flags.authorization_token_file.take() {
        let path = created_path("authorization-token-file", path, environment)?;
        flags.authorization_token_file = Some(path);
    }
    if token_file(&flags).is_some() && !is_container(&flags) {
        return Err(RunError::Needs {
            flag: "authorization-token-file",
            needed: "container-credentials",
        });
    }
    start_log(&arguments.log, environment)?;
    let is_debug = arguments.debug.debug == Some(true);
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    // Before anything is asked for: a session for an endpoint that cannot be would be for nothing.
    let bound = bind(&flags)?;
    let supply = Arc::new(supply(&flags, &session));
    let plan = Plan {
        handler: handler(&flags, &session, &bound, &supply, environment)?,
        probes: flags.status_address.map(bind_for_probes).transpose()?,
        announcement: announcement(&flags, &bound),
        bound,
        supply,
        is_debug,
    };
    let entry = cached::entry(&session, arguments.cache, environment)?;
    let renewing = Renewing::open_for_good(session, entry)?;
    let record = Arc::new(RenewalStats::new(
        renewing.identity().certificate().validity(),
    ));
    let observe = {
        let role_arn = renewing.role_arn().as_str().to_owned();
        let record = Arc::clone(&record);
        move |event: &SupplyEvent<'_>| observe(&record, &role_arn, event)
    };
    let supply = Arc::clone(&plan.supply);
    let endpoints = RefCell::new(Vec::new());
    renewing
        .run(&supply, observe, plan.serve(&endpoints, record), async {
            Endpoint::drain(&endpoints.take()).await
        })
        .map(|()| ExitCode::SUCCESS)
}

/// All that is needed to listen.
struct Plan {
    handler: Handler,
    bound: Bound,
    supply: Arc<Supply>,
    probes: Option<Bound>,
    announcement: (LogEvent, Vec<String>),
    is_debug: bool,
}

impl Plan {
    /// Serves for good, unless it fails before it listens.
    async fn serve(
        self,
        endpoints: &RefCell<Vec<Endpoint>>,
        record: Arc<RenewalStats>,
    ) -> Result<(), RunError> {
        let settings = Settings {
            clock: Clock::System,
            log: report::log,
            is_debug: self.is_debug,
        };
        let traffic = Arc::<Traffic>::default();
        if let Some(probes) = self.probes {
            let status = Handler::Health(Health {
                supply: Arc::clone(&self.supply),
                record,
                traffic: Arc::clone(&traffic),
            });
            let endpoint = Endpoint::start(status, probes, settings, |_, _| {});
            endpoints
                .borrow_mut()
                .push(endpoint.map_err(RunError::Address)?);
        }
        self.supply.begun(START_TIME_MAX).await;
        let count = move |route, status| traffic.count(route, status);
        let endpoint = Endpoint::start(self.handler, self.bound, settings, count);
        endpoints
            .borrow_mut()
            .push(endpoint.map_err(RunError::Address)?);
        self.supply.settle();
        report::log_lines(&self.announcement.0, &self.announcement.1);
        self.supply.filled().await;
        platform::tell_ready();
        pending().await
    }
}

/// Counts what happens to the supply, for metrics, and logs each set.
fn observe(record: &RenewalStats, role_arn: &str, event: &SupplyEvent<'_>) {
    match event {
        SupplyEvent::InUse(identity) => record.certificate(identity.certificate().validity()),
        SupplyEvent::Renewed {
            credentials,
            renewal,
        } => {
            record.renewed();
            report::log(&renewed("", credentials, renewal).with("role_arn", role_arn));
        }
        SupplyEvent::Failed { error, .. } => {
            let code = error.error.code().chars();
            let code = code.filter(char::is_ascii_alphanumeric);
            record.failed(
                error.error.class(),
                code.take(CODE_CHARACTERS_MAX).collect(),
            );
        }
        SupplyEvent::CertificateRenewed | SupplyEvent::FilesUnusable(_) | _ => {}
    }
}

/// The sockets that were handed over, or else such of our own.
fn bind(flags: &EndpointFlags) -> Result<Bound, RunError> {
    let listeners = platform::inherited_listeners().map_err(RunError::Activation)?;
    let bound = match listeners.is_empty() {
        true => {
            let port = flags.port.unwrap_or(PORT);
            Bound::new(flags.bind_address, port, flags.hop_limit)
        }
        false => Bound::handed_over(listeners, flags.hop_limit),
    };
    bound.map_err(RunError::Address)
}

fn bind_for_probes(address: SocketAddr) -> Result<Bound, RunError> {
    let bound =
        Bound::for_probes(address).map_err(|source| RunError::StatusAddress { address, source })?;
    for address in bound.addresses() {
        let message = format!("Status at http://{address}/readyz, /healthz and /metrics");
        let event = LogEvent::new(Level::Info, "status_listening", message);
        report::log(&event.with("address", address.to_string()));
    }
    Ok(bound)
}

/// A supply in the form in which the endpoint hands it out.
fn supply(flags: &EndpointFlags, session: &Session) -> Supply {
    match is_container(flags) {
        true => {
            let role_arn = session.request().role_arn().clone();
            Supply::new(Clock::System, jitter, move |credentials, _| {
                Arc::new(document::container(credentials, role_arn.as_str()))
            })
        }
        false => Supply::new(Clock::System, jitter, |credentials, received| {
            Arc::new(document::imds(credentials, received.wall))
        }),
    }
}

/// The protocol that the endpoint serves. Only one of the two: IMDS would give every program what the
/// other protects by a token.
fn handler(
    flags: &EndpointFlags,
    session: &Session,
    bound: &Bound,
    supply: &Arc<Supply>,
    environment: &Environment,
) -> Result<Handler, RunError> {
    let addresses = bound.addresses().map(|address| address.ip());
    let names = AllowedHosts::new(addresses, flags.allow_host.clone());
    let supply = Arc::clone(supply);
    Ok(match is_container(flags) {
        true => Handler::Container(Container {
            names,
            authorization: authorization(flags, environment)?,
            supply,
        }),
        false => Handler::Imds(Imds {
            names,
            role_name: role_name(session.request().role_arn())?.to_owned(),
            tokens: MetadataTokens::new(Arc::new(SystemRandom::new()))
                .map_err(|_| RunError::Randomness)?,
            supply,
        }),
    })
}

/// The token of the container endpoint. As with SDKs, a file wins.
fn authorization(
    flags: &EndpointFlags,
    environment: &Environment,
) -> Result<AuthorizationToken, RunError> {
    let random = SystemRandom::new();
    let token = match (token_file(flags), environment.raw(AUTHORIZATION_TOKEN)) {
        (Some(path), _) => AuthorizationToken::in_file(path, &random, report::log),
        (None, Some(token)) => AuthorizationToken::fixed(token.as_encoded_bytes(), &random),
        (None, None) => return Err(RunError::AuthorizationMissing),
    };
    token.map_err(RunError::Authorization)
}

/// The address for programs, as an event and as the lines that the reference helper prints.
fn announcement(flags: &EndpointFlags, bound: &Bound) -> (LogEvent, Vec<String>) {
    let Some(address) = bound.addresses().next() else {
        return (LogEvent::new(Level::Info, "listening", ""), Vec::new());
    };
    let mut variables = Vec::new();
    match is_container(flags) {
        // AWS CLI v2 up to 2.9 needs the slash at the end, and no client minds it.
        false => variables.push((
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            format!("http://{address}/"),
        )),
        true => {
            let url = format!("http://{address}{}", container::PATH);
            variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", url));
            if let Some(path) = token_file(flags).and_then(|path| std::path::absolute(path).ok()) {
                let name = ShownName::of(&path).to_string();
                variables.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", name));
            }
        }
    }
    let started = format!("Local server started on port: {}", address.port());
    let mut event = LogEvent::new(Level::Info, "listening", &*started).with("port", address.port());
    let mut lines = vec![
        started,
        "Make it available to the sdk by running:".to_owned(),
    ];
    lines.extend(lines_to_paste(&variables, platform::QUOTES_LIKE_WINDOWS));
    for (name, value) in variables {
        event = event.with(name, value);
    }
    (event, lines)
}

fn is_container(flags: &EndpointFlags) -> bool {
    flags.container_credentials == Some(true)
}

fn token_file(flags: &EndpointFlags) -> Option<&Path> {
    let path = flags.authorization_token_file.as_deref();
    path.filter(|path| !path.as_os_str().is_empty())
}

/// The token that programs send, and its source.
const AUTHORIZATION_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The reference helper's.
const PORT: u16 = 9911;

/// The longest that listening waits for the first set.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// Of a name that the service gives an error.
const CODE_CHARACTERS_MAX: usize = 64;
