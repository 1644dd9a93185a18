//! `serve`: an endpoint, what it looks like and how it is kept supplied.

use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use ring::rand::SystemRandom;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::supply::Supply;
use rolesanywhere::environment::Environment;
use rolesanywhere::output::serve::Face;
use rolesanywhere::output::serve::address::Bound;
use rolesanywhere::output::serve::authorization_token::AuthorizationToken;
use rolesanywhere::output::serve::container;
use rolesanywhere::output::serve::container::Container;
use rolesanywhere::output::serve::document;
use rolesanywhere::output::serve::healthcheck;
use rolesanywhere::output::serve::imds::Imds;
use rolesanywhere::output::serve::metadata_token::MetadataTokens;
use rolesanywhere::output::serve::neighbour::Names;
use rolesanywhere::output::serve::server::Log;
use rolesanywhere::output::serve::server::Server;
use rolesanywhere::output::serve::status::Record;
use rolesanywhere::output::serve::status::Status;
use rolesanywhere::output::serve::traffic::Traffic;
use rolesanywhere::platform;
use rolesanywhere::platform::Termination;

use crate::arguments::EndpointFlags;
use crate::arguments::Serve;
use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::renewing::first;
use crate::renewing::warn_of_short_sessions;
use crate::report;
use crate::session::Session;
use crate::session::jitter;
use crate::session::runtime;
use crate::supplier::Supplier;

/// `serve`.
pub(crate) fn serve(arguments: Serve, environment: &Environment) -> Result<(), RunError> {
    let flags = arguments.endpoint;
    if flags.healthcheck == Some(true) {
        let address = flags
            .status_address
            .ok_or_else(|| RunError::missing("status address", "status-address"))?;
        return healthcheck::ask(address).map_err(RunError::Healthcheck);
    }
    let log = Log {
        tell: report::line,
        is_debug: arguments.debug == Some(true),
    };
    let duration_seconds = arguments.call.session.session_duration;
    let session = Session::new(arguments.call, log.is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    // Before anything is asked for: a session for an endpoint that cannot be would be for nothing.
    let bound = bind(&flags)?;
    let supply = Arc::new(supply(&flags, &session));
    let endpoint = Endpoint {
        face: face(&flags, &session, &bound, &supply, environment)?,
        record: Arc::default(),
        probes: flags.status_address.map(listen_for_probes).transpose()?,
        announcement: announcement(&flags, &bound),
        bound,
        supply,
        log,
    };
    warn_of_short_sessions(duration_seconds);
    for name in session.held() {
        report::line(&format!(
            "warning: what comes from {} is read once; after a renewal of the certificate, start anew",
            name.display()
        ));
    }
    session.keep_password();
    let entry = CacheEntry::open(&session, arguments.cache, environment)?;
    let is_listening = Cell::new(false);
    let record = Arc::clone(&endpoint.record);
    let mut supplier = Supplier::new(&session, entry, &is_listening, record);
    match supplier.latest() {
        Some((credentials, renewal)) => endpoint.supply.begin_with(&credentials, renewal),
        None => supplier.open()?,
    }
    // While somebody may be asked for a password, Ctrl-C still ends the program by itself.
    session.ask_no_more();
    let runtime = runtime()?;
    let outcome = runtime.block_on(endpoint.run(&mut supplier, &is_listening));
    runtime.shutdown_background();
    outcome
}

/// All that is needed to listen.
struct Endpoint {
    face: Face,
    bound: Bound,
    supply: Arc<Supply>,
    record: Arc<Record>,
    probes: Option<TcpListener>,
    announcement: Vec<String>,
    log: Log,
}

impl Endpoint {
    /// Until it is told to end, or fails before it listens.
    async fn run(
        self,
        supplier: &mut Supplier<'_>,
        is_listening: &Cell<bool>,
    ) -> Result<(), RunError> {
        let mut termination = Termination::listen().map_err(RunError::Runtime)?;
        let supply = Arc::clone(&self.supply);
        let mut servers = Vec::new();
        let serve = self.serve(&mut servers, is_listening);
        let keep_up = async { Err(supply.keep_up(supplier).await) };
        let ended = async {
            termination.wait().await;
            Ok(())
        };
        let outcome = first(ended, first(keep_up, serve)).await;
        // The one for probes first: nobody is to be sent here any more.
        for server in servers {
            server.drain(DRAIN_TIME_MAX).await;
        }
        outcome
    }

    async fn serve(
        self,
        servers: &mut Vec<Server>,
        is_listening: &Cell<bool>,
    ) -> Result<(), RunError> {
        let traffic = Arc::<Traffic>::default();
        let mut start = |face, traffic, listeners| {
            let server = Server::start(face, traffic, Clock::System, self.log, listeners);
            servers.push(server.map_err(RunError::Serve)?);
            Ok::<(), RunError>(())
        };
        if let Some(listener) = self.probes {
            let status = Status {
                supply: Arc::clone(&self.supply),
                record: self.record,
                traffic: Arc::clone(&traffic),
            };
            start(Face::Status(status), Arc::default(), vec![(listener, None)])?;
        }
        self.supply.begun(START_TIME_MAX).await;
        let listeners = self.bound.listen().map_err(RunError::Address)?;
        start(self.face, traffic, listeners)?;
        is_listening.set(true);
        for line in &self.announcement {
            report::line(line);
        }
        self.supply.filled().await;
        platform::tell_ready();
        pending().await
    }
}

/// The sockets that were handed over, or else such of our own.
fn bind(flags: &EndpointFlags) -> Result<Bound, RunError> {
    let mut handed_over = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed_over.len() {
        let listener = handed_over.take_tcp_listener(index);
        listeners.extend(listener.map_err(RunError::Activation)?);
    }
    let bound = match listeners.is_empty() {
        true => {
            let port = flags.port.unwrap_or(PORT);
            Bound::new(flags.bind_address, port, flags.hop_limit)
        }
        false => Bound::handed_over(listeners, flags.hop_limit),
    };
    bound.map_err(RunError::Address)
}

fn listen_for_probes(address: SocketAddr) -> Result<TcpListener, RunError> {
    let fail = |source| RunError::StatusAddress { address, source };
    let listener = TcpListener::bind(address).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    report::line(&format!(
        "Status at http://{address}/readyz, /healthz and /metrics"
    ));
    Ok(listener)
}

/// A supply in the form in which the endpoint hands it out.
fn supply(flags: &EndpointFlags, session: &Session) -> Supply {
    match is_container(flags) {
        true => {
            let role_arn = session.role_arn().to_owned();
            Supply::new(Clock::System, jitter, move |credentials, _| {
                document::container(credentials, &role_arn)
            })
        }
        false => Supply::new(Clock::System, jitter, |credentials, received| {
            document::imds(credentials, received.wall)
        }),
    }
}

/// What the endpoint looks like. One of two: IMDS would give everybody what the other asks a token for.
fn face(
    flags: &EndpointFlags,
    session: &Session,
    bound: &Bound,
    supply: &Arc<Supply>,
    environment: &Environment,
) -> Result<Face, RunError> {
    let names = Names::new(bound.addresses().map(|address| address.ip()));
    let supply = Arc::clone(supply);
    Ok(match is_container(flags) {
        true => Face::Container(Container {
            names,
            authorization: authorization(flags, environment)?,
            supply,
        }),
        false => Face::Imds(Imds {
            names,
            role_name: session.role_name()?.to_owned(),
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
        (Some(path), _) => AuthorizationToken::in_file(path, &random),
        (None, Some(token)) => AuthorizationToken::fixed(token.as_encoded_bytes(), &random),
        (None, None) => return Err(RunError::AuthorizationMissing),
    };
    token.map_err(RunError::Authorization)
}

/// What to tell programs.
fn announcement(flags: &EndpointFlags, bound: &Bound) -> Vec<String> {
    let Some(address) = bound.addresses().next() else {
        return Vec::new();
    };
    let mut lines = vec![
        format!("Local server started on port: {}", address.port()),
        "Make it available to the sdk by running:".to_owned(),
    ];
    if !is_container(flags) {
        // AWS CLI v2 up to 2.9 needs the slash at the end, and nobody minds it.
        lines.push(format!(
            "export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://{address}/"
        ));
        return lines;
    }
    lines.push(format!(
        "export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://{address}{}",
        container::PATH
    ));
    if let Some(path) = token_file(flags).and_then(|path| std::path::absolute(path).ok()) {
        lines.push(format!(
            "export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={}",
            path.display()
        ));
    }
    lines
}

fn is_container(flags: &EndpointFlags) -> bool {
    flags.container_credentials == Some(true)
}

fn token_file(flags: &EndpointFlags) -> Option<&Path> {
    let path = flags.authorization_token_file.as_deref();
    path.filter(|path| !path.as_os_str().is_empty())
}

/// What programs show, and what is compared with it.
const AUTHORIZATION_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The reference helper's.
const PORT: u16 = 9911;

/// How long listening may wait for the first set.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// For what has begun when it is to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
