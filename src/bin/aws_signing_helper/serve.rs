//! `serve`: the endpoint, and the one who keeps it supplied.

use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::SystemRandom;
use rolesanywhere::Credentials;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::Setback;
use rolesanywhere::credentials::supply::Source;
use rolesanywhere::credentials::supply::Supply;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::FilesVersion;
use rolesanywhere::identity::rotation::Look;
use rolesanywhere::identity::rotation::Rotation;
use rolesanywhere::output::serve::Face;
use rolesanywhere::output::serve::address::Bound;
use rolesanywhere::output::serve::document;
use rolesanywhere::output::serve::imds::Imds;
use rolesanywhere::output::serve::metadata_token::MetadataTokens;
use rolesanywhere::output::serve::neighbour::Names;
use rolesanywhere::output::serve::server::Server;
use rolesanywhere::platform;
use rolesanywhere::platform::Termination;

use crate::arguments::Serve;
use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::renewing::due;
use crate::renewing::first;
use crate::renewing::is_passing;
use crate::renewing::setback;
use crate::renewing::warn_of_short_sessions;
use crate::report;
use crate::session::Session;
use crate::session::jitter;
use crate::session::runtime;

/// `serve`.
pub(crate) fn serve(arguments: Serve, environment: &Environment) -> Result<(), RunError> {
    let is_debug = arguments.debug == Some(true);
    let duration_seconds = arguments.call.session.session_duration;
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let role_name = session.role_name()?.to_owned();
    let flags = arguments.endpoint;
    // Before anything is asked for: a session for an endpoint that cannot be would be for nothing.
    let port = flags.port.unwrap_or(PORT);
    let bound = Bound::new(flags.bind_address, port, flags.hop_limit).map_err(RunError::Address)?;
    warn_of_short_sessions(duration_seconds);
    for name in session.held() {
        report::line(&format!(
            "warning: what comes from {} is read once; after a renewal of the certificate, start anew",
            name.display()
        ));
    }
    session.keep_password();
    let supply = Arc::new(Supply::new(
        Clock::System,
        jitter,
        |credentials, received| document::imds(credentials, received.wall),
    ));
    let is_listening = Cell::new(false);
    let mut supplier = Supplier {
        session: &session,
        rotation: Rotation::new(),
        entry: CacheEntry::open(&session, arguments.cache, environment)?,
        is_listening: &is_listening,
        unusable: None,
    };
    match supplier.entry.as_ref().and_then(CacheEntry::latest) {
        Some((credentials, renewal)) => supply.begin_with(&credentials, renewal),
        None => supplier.open()?,
    }
    session.ask_no_more();
    let tokens = MetadataTokens::new(Arc::new(SystemRandom::new()));
    let face = Face::Imds(Imds {
        names: Names::new(bound.addresses().map(|address| address.ip())),
        role_name,
        tokens: tokens.map_err(|_| RunError::Randomness)?,
        supply: Arc::clone(&supply),
    });
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut termination = Termination::listen().map_err(RunError::Runtime)?;
        let mut server = None;
        let run = async {
            supply.begun(START_TIME_MAX).await;
            server = Some(listen(face, bound, is_debug)?);
            is_listening.set(true);
            supply.filled().await;
            platform::tell_ready();
            pending().await
        };
        let keep_up = async { Err(supply.keep_up(&mut supplier).await) };
        let ended = async {
            termination.wait().await;
            Ok(())
        };
        let outcome = first(ended, first(keep_up, run)).await;
        if let Some(server) = server {
            server.drain(DRAIN_TIME_MAX).await;
        }
        outcome
    });
    runtime.shutdown_background();
    outcome
}

/// Listens, and says where.
fn listen(face: Face, bound: Bound, is_debug: bool) -> Result<Server, RunError> {
    let address = bound.addresses().next();
    let listeners = bound.listen().map_err(RunError::Address)?;
    let server = Server::start(face, Clock::System, report::line, is_debug, listeners)
        .map_err(RunError::Serve)?;
    if let Some(address) = address {
        report::line(&format!("Local server started on port: {}", address.port()));
        report::line("Make it available to the sdk by running:");
        // AWS CLI v2 up to 2.9 needs the slash at the end, and nobody minds it.
        report::line(&format!(
            "export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://{address}/"
        ));
    }
    Ok(server)
}

/// Who keeps the endpoint supplied.
struct Supplier<'a> {
    session: &'a Session,
    rotation: Rotation<FilesVersion>,
    entry: Option<CacheEntry>,
    /// From then on no failure is final.
    is_listening: &'a Cell<bool>,
    /// What was told of files that cannot be used now.
    unusable: Option<String>,
}

impl Supplier<'_> {
    /// Reads the identity for the first time.
    fn open(&mut self) -> Result<(), RunError> {
        let session = self.session;
        match self.rotation.look(session.version(), || session.open()) {
            Look::Unusable(error) => Err(error),
            Look::Same | Look::Read | Look::Renewed => Ok(()),
        }
    }

    /// Goes on with the cache's entry of the identity that is in use now.
    fn follow(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.follow(self.session);
        }
    }
}

impl Source for Supplier<'_> {
    type Error = RunError;

    fn look(&mut self) -> bool {
        let session = self.session;
        let look = self.rotation.look(session.version(), || session.open());
        if let Look::Unusable(error) = look {
            let text = report::chain(&error);
            if self.unusable.as_ref() != Some(&text) {
                report::failure(&error);
                report::line("the certificate and key that were read before stay in use");
                self.unusable = Some(text);
            }
            return false;
        }
        self.unusable = None;
        match look {
            Look::Same | Look::Unusable(_) => false,
            Look::Read => {
                self.follow();
                false
            }
            Look::Renewed => {
                report::line("there is a new certificate; the next session is asked for with it");
                true
            }
        }
    }

    async fn create_session(&mut self) -> Result<Credentials, RunError> {
        match self.rotation.identity() {
            Some(identity) => self.session.attempt(identity).await,
            // It could not be read when it was looked at, but there was a set in the cache.
            None => self.session.attempt(&self.session.open()?).await,
        }
    }

    fn setback(&self, error: &RunError) -> Option<Setback> {
        (self.is_listening.get() || is_passing(error)).then(|| setback(error))
    }

    fn renewed(&mut self, credentials: &Credentials, renewal: &Renewal) {
        self.rotation.accepted();
        self.follow();
        if let Some(entry) = &self.entry {
            entry.keep(credentials, renewal);
        }
        report::line(&format!(
            "credentials until {}; the next are due at {}",
            credentials.expiration,
            due(renewal)
        ));
    }

    fn failed(&mut self, error: RunError, renewal: &Renewal) {
        if setback(&error) == Setback::Refused {
            self.rotation.refused();
        }
        report::failure(&error);
        report::line(&format!("next attempt at {}", due(renewal)));
    }
}

/// The reference helper's.
const PORT: u16 = 9911;

/// How long listening may wait for the first set.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// For what has begun when it is to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
