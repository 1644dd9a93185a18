//! [`SessionProvider`]: what a [`SessionRequest`] asks for to [`Credentials`].

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use crate::arn::RoleArn;
use crate::aws_call::Client;
use crate::aws_call::ClientSettings;
use crate::aws_call::Event;
use crate::aws_call::Failure;
use crate::aws_call::Operation;
use crate::aws_call::transport::AttemptLimits;
use crate::clock::Clock;
use crate::create_session::CreateSession;
use crate::create_session::request::CreateSessionRequest;
use crate::credentials::Credentials;
use crate::credentials::Renewal;
use crate::identity::Identity;
use crate::session::Network;
use crate::session::RoleChain;
use crate::session::SessionError;
use crate::session::SessionRequest;
use crate::sts::assume_role::AssumeRole;
use crate::sts::assume_role::request::AssumeRoleRequest;
use crate::sts::caller_identity::GetCallerIdentity;
use crate::sts::response::CallerIdentity;

/// Makes the calls of one [`SessionRequest`]. It holds nothing of the identity but its certificate.
pub struct SessionProvider {
    create_session: CreateSessionRequest,
    network: Network,
    role_chain: Option<RoleChain>,
    /// The session that roles are assumed from: it may last longer than theirs.
    base: Mutex<Option<Base>>,
    clock: Clock,
    jitter: fn() -> f64,
    watch: Box<Watch>,
    /// Seconds by which the service's clock was ahead of ours when it accepted a call.
    clock_ahead_seconds: AtomicI64,
}

/// A session to assume roles from.
struct Base {
    /// Of the identity that got it.
    certificate: Vec<u8>,
    credentials: Arc<Credentials>,
    renewal: Renewal,
}

type Watch = dyn Fn(Event<'_>) + Send + Sync;

/// Number and length of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As many attempts as are allowed, within this time: for a command that ends with the answer.
    Whole(Duration),
    /// The same, but for throttling, after which [`Renewal`] waits: the first
    /// call of a process that runs on. Its clients are waiting.
    Start,
    /// One attempt: `Renewal` decides when the next is.
    Renewal,
    /// One short attempt: a client is waiting that has valid credentials.
    Spare,
}

impl Effort {
    /// What is left of it, once this time was spent.
    fn after(self, spent: Duration) -> Self {
        match self {
            Self::Whole(time_max) => Self::Whole(time_max.saturating_sub(spent)),
            Self::Start | Self::Renewal | Self::Spare => self,
        }
    }
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
            role_chain: request.role_chain.clone(),
            base: Mutex::new(None),
            clock,
            jitter,
            watch: Box::new(watch),
            clock_ahead_seconds: AtomicI64::new(0),
        }
    }

    /// Asks for credentials as `identity`: of a session, or of roles assumed from it. That session is kept for
    /// the next time, for as long as it is good.
    pub async fn credentials(
        &self,
        identity: &Identity,
        effort: Effort,
    ) -> Result<Credentials, SessionError> {
        let Some(chain) = &self.role_chain else {
            return self.create_session(identity, effort).await;
        };
        let begin = Instant::now();
        let left = || effort.after(begin.elapsed());
        if let Some(base) = self.kept_base(identity) {
            match self.assume_roles(chain, &base, left()).await {
                // It may have been revoked.
                Err(error) if error.is_base_refused() => {}
                outcome => return outcome,
            }
        }
        let base = self.new_base(identity, left()).await?;
        self.assume_roles(chain, &base, left()).await
    }

    /// Asks for a session as `identity`, whatever is asked for with it.
    pub async fn create_session(
        &self,
        identity: &Identity,
        effort: Effort,
    ) -> Result<Credentials, SessionError> {
        let operation = CreateSession {
            identity,
            request: &self.create_session,
        };
        let client = self.client(&self.network, effort)?;
        let outcome = self.call(&client, &operation).await;
        outcome.map_err(SessionError::Call)
    }

    /// Assumes the roles of `chain`, the first with the session `base`.
    pub async fn assume_roles(
        &self,
        chain: &RoleChain,
        base: &Credentials,
        effort: Effort,
    ) -> Result<Credentials, SessionError> {
        let begin = Instant::now();
        let assume =
            async |hop, by: &RoleArn, credentials: &Credentials, request: &AssumeRoleRequest| {
                let operation = AssumeRole {
                    credentials,
                    request,
                };
                let client = self.client(&chain.network, effort.after(begin.elapsed()))?;
                let outcome = self.call(&client, &operation).await;
                outcome.map_err(|failure| SessionError::Role {
                    arn: request.role_arn.clone(),
                    by: by.clone(),
                    hop,
                    failure: Box::new(failure),
                })
            };
        let base_role = &self.create_session.role_arn;
        let mut credentials = assume(0, base_role, base, &chain.first).await?;
        let mut by = &chain.first.role_arn;
        for (hop, role) in (1..).zip(&chain.later) {
            credentials = assume(hop, by, &credentials, role).await?;
            by = &role.role_arn;
        }
        Ok(credentials)
    }

    /// Asks STS, by the way of `network`, who `credentials` are.
    pub async fn caller_identity(
        &self,
        network: &Network,
        credentials: &Credentials,
        effort: Effort,
    ) -> Result<CallerIdentity, SessionError> {
        let client = self.client(network, effort)?;
        let outcome = self.call(&client, &GetCallerIdentity { credentials }).await;
        outcome.map_err(SessionError::Call)
    }

    /// The session that is kept, unless it ends too soon, or is of another certificate.
    fn kept_base(&self, identity: &Identity) -> Option<Arc<Credentials>> {
        let now = self.clock.moment();
        let base = self.locked_base();
        let base = base.as_ref()?;
        let is_good = base.certificate == identity.certificate().der()
            && base.renewal.left(now) > BASE_LEFT_MIN;
        is_good.then(|| Arc::clone(&base.credentials))
    }

    async fn new_base(
        &self,
        identity: &Identity,
        effort: Effort,
    ) -> Result<Arc<Credentials>, SessionError> {
        let credentials = Arc::new(self.create_session(identity, effort).await?);
        let now = self.clock.moment();
        // One without a life is used once.
        if let Ok(life) = credentials.life(now) {
            let mut renewal = Renewal::default();
            renewal.renewed(now, life, (self.jitter)());
            *self.locked_base() = Some(Base {
                certificate: identity.certificate().der().to_vec(),
                credentials: Arc::clone(&credentials),
                renewal,
            });
        }
        Ok(credentials)
    }

    fn locked_base(&self) -> MutexGuard<'_, Option<Base>> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self, network: &Network, effort: Effort) -> Result<Client, SessionError> {
        Client::new(self.settings(network, effort)).map_err(SessionError::Transport)
    }

    async fn call<O: Operation>(
        &self,
        client: &Client,
        operation: &O,
    ) -> Result<O::Output, Failure> {
        let corrected = AtomicI64::new(self.clock_ahead_seconds.load(Ordering::Relaxed));
        let watch = |event: Event<'_>| {
            if let Event::ClockCorrected { ahead_seconds } = event {
                corrected.store(ahead_seconds, Ordering::Relaxed);
            }
            (self.watch)(event);
        };
        let output = client.call(operation, &watch).await?;
        // Else each renewal would be refused once.
        self.clock_ahead_seconds
            .store(corrected.into_inner(), Ordering::Relaxed);
        Ok(output)
    }

    fn settings(&self, network: &Network, effort: Effort) -> ClientSettings {
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
            .field("role_chain", &self.role_chain)
            .finish_non_exhaustive()
    }
}

/// Time to assume all roles of a chain.
const BASE_LEFT_MIN: Duration = Duration::from_secs(60);

/// A caller with valid credentials waits 5 s at most.
const SPARE_LIMITS: AttemptLimits = AttemptLimits {
    resolve: Duration::from_secs(2),
    connect: Duration::from_secs(2),
    connect_by_proxy: Duration::from_secs(2),
    attempt: Duration::from_secs(3),
};
