//! [`SessionProvider`]: what a [`SessionRequest`] asks for to [`Credentials`].

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::aws_call::Client;
use crate::aws_call::ClientSettings;
use crate::aws_call::Event;
use crate::aws_call::transport::AttemptLimits;
use crate::clock::Clock;
use crate::create_session::CreateSession;
use crate::create_session::request::CreateSessionRequest;
use crate::credentials::Credentials;
use crate::identity::Identity;
use crate::session::Network;
use crate::session::SessionError;
use crate::session::SessionRequest;

/// Makes the calls of one [`SessionRequest`]. It holds nothing of the identity.
pub struct SessionProvider {
    create_session: CreateSessionRequest,
    network: Network,
    clock: Clock,
    jitter: fn() -> f64,
    watch: Box<Watch>,
    /// Seconds by which the service's clock was ahead of ours when it accepted a call.
    clock_ahead_seconds: AtomicI64,
}

type Watch = dyn Fn(Event<'_>) + Send + Sync;

/// Number and length of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As many attempts as are allowed, within this time: for a command that ends with the answer.
    Whole(Duration),
    /// The same, but for throttling, after which [`Renewal`](crate::credentials::Renewal) waits: the first
    /// call of a process that runs on. Its clients are waiting.
    Start,
    /// One attempt: `Renewal` decides when the next is.
    Renewal,
    /// One short attempt: a client is waiting that has valid credentials.
    Spare,
}

impl SessionProvider {
    /// `jitter` is uniform in 0..1, a new number each time. `watch` sees every step of a call.
    pub fn new(
        request: &SessionRequest,
        clock: Clock,
        jitter: fn() -> f64,
        watch: impl Fn(Event<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            create_session: request.create_session.clone(),
            network: request.network.clone(),
            clock,
            jitter,
            watch: Box::new(watch),
            clock_ahead_seconds: AtomicI64::new(0),
        }
    }

    /// Asks for a session as `identity`.
    pub async fn create_session(
        &self,
        identity: &Identity,
        effort: Effort,
    ) -> Result<Credentials, SessionError> {
        let client = Client::new(self.settings(effort)).map_err(SessionError::Transport)?;
        let operation = CreateSession {
            identity,
            request: &self.create_session,
        };
        let corrected = AtomicI64::new(self.clock_ahead_seconds.load(Ordering::Relaxed));
        let watch = |event: Event<'_>| {
            if let Event::ClockCorrected { ahead_seconds } = event {
                corrected.store(ahead_seconds, Ordering::Relaxed);
            }
            (self.watch)(event);
        };
        let credentials = client
            .call(&operation, &watch)
            .await
            .map_err(SessionError::Call)?;
        // Else each renewal would be refused once.
        self.clock_ahead_seconds
            .store(corrected.into_inner(), Ordering::Relaxed);
        Ok(credentials)
    }

    fn settings(&self, effort: Effort) -> ClientSettings {
        let network = &self.network;
        let mut attempt_limits = ClientSettings::ATTEMPT_LIMITS;
        let (attempts_max, time_max) = match effort {
            Effort::Whole(time_max) => (network.attempts_max, time_max),
            Effort::Start => (network.attempts_max, ClientSettings::TIME_MAX),
            Effort::Renewal => (1, ClientSettings::TIME_MAX),
            Effort::Spare => {
                attempt_limits = SPARE_LIMITS;
                (1, SPARE_LIMITS.resolve + SPARE_LIMITS.attempt)
            }
        };
        ClientSettings {
            endpoint: network.endpoint.clone(),
            region: network.region.clone(),
            trust_roots: network.trust_roots.clone(),
            proxy: network.proxy.clone(),
            attempts_max,
            is_throttling_retried: effort != Effort::Start,
            time_max,
            attempt_limits,
            clock: self.clock,
            clock_ahead_seconds: self.clock_ahead_seconds.load(Ordering::Relaxed),
            jitter: self.jitter,
        }
    }
}

impl fmt::Debug for SessionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionProvider")
            .field("create_session", &self.create_session)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// A caller with valid credentials waits 5 s at most.
const SPARE_LIMITS: AttemptLimits = AttemptLimits {
    resolve: Duration::from_secs(2),
    connect: Duration::from_secs(2),
    connect_by_proxy: Duration::from_secs(2),
    attempt: Duration::from_secs(3),
};
