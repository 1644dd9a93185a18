//! [`SessionSource`]: sessions of a [`SessionProvider`], with whatever certificate there is by now.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use super::LOOK_APART;
use super::Supply;
use super::credential_source::CredentialSource;
use crate::aws_call::FailureClass;
use crate::aws_call::error::CallError;
use crate::cache::session_entry::SessionEntry;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::credentials::ExpirationError;
use crate::credentials::renewal::Renewal;
use crate::identity::FilesVersion;
use crate::identity::Identity;
use crate::identity::error::IdentityError;
use crate::identity::rotation::Outcome;
use crate::identity::rotation::Rotation;
use crate::identity::secrets::Secrets;
use crate::session::Effort;
use crate::session::SessionError;
use crate::session::SessionProvider;
use crate::session::SessionRequest;

/// Renews with the identity that is in use, or with its successor once there is one.
pub struct SessionSource {
    request: Arc<SessionRequest>,
    provider: SessionProvider,
    rotation: Rotation<FilesVersion>,
    files: Arc<Files>,
    /// Shared with the thread that writes to it.
    entry: Option<Arc<Mutex<SessionEntry>>>,
    keeping: Option<JoinHandle<()>>,
    observe: Box<Observe>,
    /// The last message about files that cannot be used.
    unusable: Option<String>,
}

/// Takes note of what happens to the supply.
type Observe = dyn Fn(SupplyEvent<'_>) + Send;

/// Event of a supply, for a log and for metrics.
#[derive(Debug)]
#[non_exhaustive]
pub enum SupplyEvent<'a> {
    /// This identity is in use from now on.
    InUse(&'a Identity),
    /// Another certificate was read; the next session is asked for with it.
    CertificateRenewed,
    /// The identity's files changed and cannot be used; what was read before stays in use.
    FilesUnusable(&'a IdentityError),
    /// A set is handed out.
    Renewed {
        /// The set.
        credentials: &'a Credentials,
        /// When the next is due.
        renewal: &'a Renewal,
    },
    /// A call failed.
    Failed {
        /// The error, and the identity that asked.
        error: RenewalError,
        /// When the next is due.
        renewal: &'a Renewal,
    },
}

/// A failed call, with the identity that made it.
#[derive(Debug)]
pub struct RenewalError {
    /// Why.
    pub error: SessionError,
    /// Identity of the call; `None` if no call was made.
    pub identity: Option<Arc<Identity>>,
}

/// Result of the thread that watches the identity's files, until the engine takes it.
#[derive(Default)]
struct Files(Mutex<Option<Result<(Identity, FilesVersion), IdentityError>>>);

impl SessionSource {
    /// Starts with `identity`, read from this `version` of its files. New sets are stored in `entry`.
    pub fn new(
        (request, provider): (Arc<SessionRequest>, SessionProvider),
        (identity, version): (Identity, FilesVersion),
        entry: Option<SessionEntry>,
        observe: impl Fn(SupplyEvent<'_>) + Send + 'static,
    ) -> Self {
        observe(SupplyEvent::InUse(&identity));
        Self {
            request,
            provider,
            rotation: Rotation::new(identity, version),
            files: Arc::default(),
            entry: entry.map(|entry| Arc::new(Mutex::new(entry))),
            keeping: None,
            observe: Box::new(observe),
            unusable: None,
        }
    }

    /// Checks the identity's files every [`LOOK_APART`] from now on, and its certificate on a token in the last
    /// minute before a renewal, on its own thread, so that a hanging file system or a slow key derivation does not
    /// delay a renewal.
    pub fn watch<D: Clone + Send + 'static>(
        &self,
        supply: &Arc<Supply<D>>,
        secrets: Arc<dyn Secrets + Send + Sync>,
    ) -> io::Result<()> {
        let (request, files) = (Arc::clone(&self.request), Arc::clone(&self.files));
        let supply = Arc::clone(supply);
        let leaf = |identity: &Identity| identity.certificate().der().to_vec();
        let mut known = Some(self.rotation.version().clone());
        let mut known_leaf = leaf(self.rotation.in_use());
        let watch = move || {
            let source = &request.identity;
            loop {
                thread::sleep(LOOK_APART);
                let version = source.version();
                let wait = supply.state(Clock::System.moment()).wait;
                let is_time = !source.is_on_token() || wait < TOKEN_LOOKS_BEFORE;
                // A token that is pulled, or on which the old certificate is beside the new one, is no news.
                let on_token = is_time.then(|| source.token_certificate()).flatten();
                let is_replaced = on_token.is_some_and(|found| found.der() != known_leaf);
                let is_changed = match &known {
                    Some(known) => *known != version,
                    // The last reading failed.
                    None => is_time,
                };
                let is_new = is_replaced || is_changed;
                if is_new {
                    let read = source.open(secrets.as_ref());
                    // Unusable files are read again, even if they do not change.
                    known = read.is_ok().then(|| version.clone());
                    if let Ok(identity) = &read {
                        known_leaf = leaf(identity);
                    }
                    *files.found() = Some(read.map(|identity| (identity, version)));
                }
                if is_new || supply.state(Clock::System.moment()).wait.is_zero() {
                    supply.wake();
                }
            }
        };
        thread::Builder::new().spawn(watch).map(drop)
    }
}

/// Each look at a token is a session, which an HSM may put into its log.
const TOKEN_LOOKS_BEFORE: Duration = Duration::from_secs(60);

impl Files {
    fn found(&self) -> MutexGuard<'_, Option<Result<(Identity, FilesVersion), IdentityError>>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl CredentialSource for SessionSource {
    type Error = RenewalError;

    fn look(&mut self) -> bool {
        let found = self.files.found().take();
        match found {
            None => false,
            Some(Err(error)) => {
                let text = error.to_string();
                if self.unusable.as_ref() != Some(&text) {
                    (self.observe)(SupplyEvent::FilesUnusable(&error));
                    self.unusable = Some(text);
                }
                false
            }
            Some(Ok((identity, version))) => {
                self.unusable = None;
                let outcome = self.rotation.read(identity, version);
                (self.observe)(SupplyEvent::InUse(self.rotation.in_use()));
                let is_renewed = outcome == Outcome::Renewed;
                if is_renewed {
                    (self.observe)(SupplyEvent::CertificateRenewed);
                }
                is_renewed
            }
        }
    }

    async fn create_session(&mut self, effort: Effort) -> Result<Credentials, Self::Error> {
        let identity = self.rotation.identity();
        let outcome = self.provider.credentials(identity, effort).await;
        outcome.map_err(|error| {
            let identity = Some(Arc::clone(identity));
            RenewalError { error, identity }
        })
    }

    fn class(&self, error: &Self::Error) -> FailureClass {
        error.error.class()
    }

    fn is_passing(&self, error: &Self::Error) -> bool {
        error.error.is_passing()
    }

    // On its own thread, with a short wait: a hanging disk does not delay a renewal.
    fn keep(&mut self, credentials: &Arc<Credentials>, renewal: &Renewal) {
        let Some(entry) = &self.entry else {
            return;
        };
        if self
            .keeping
            .as_ref()
            .is_some_and(|keeping| !keeping.is_finished())
        {
            return;
        }
        let (entry, request) = (Arc::clone(entry), Arc::clone(&self.request));
        let (credentials, renewal) = (Arc::clone(credentials), *renewal);
        let version = self.rotation.version_in_turn().clone();
        let (done, is_done) = mpsc::channel();
        let keep = move || {
            let mut entry = entry
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            entry.keep(&request, &version, (&credentials, &renewal));
            // The receiver may have stopped waiting.
            let _ = done.send(());
        };
        // Without a thread it is not kept, which is not a failure.
        self.keeping = thread::Builder::new().spawn(keep).ok();
        // Whatever came of it.
        let _ = is_done.recv_timeout(KEEP_TIME_MAX);
    }

    fn renewed(&mut self, credentials: &Arc<Credentials>, renewal: &Renewal) {
        self.rotation.accepted();
        (self.observe)(SupplyEvent::InUse(self.rotation.in_use()));
        (self.observe)(SupplyEvent::Renewed {
            credentials,
            renewal,
        });
    }

    fn failed(&mut self, error: Self::Error, renewal: &Renewal) {
        match error.error {
            // The service accepted the certificate; STS refused what came after.
            SessionError::Role { .. } => self.rotation.accepted(),
            // The key of the other pair may sign.
            SessionError::Call(ref failure) if matches!(failure.error, CallError::Signature(_)) => {
                self.rotation.refused();
            }
            ref error if error.class() == FailureClass::Refused => self.rotation.refused(),
            _ => {}
        }
        (self.observe)(SupplyEvent::Failed { error, renewal });
    }
}

impl From<ExpirationError> for RenewalError {
    fn from(error: ExpirationError) -> Self {
        Self {
            error: SessionError::Expiration(error),
            identity: None,
        }
    }
}

/// Far more than a write takes.
const KEEP_TIME_MAX: Duration = Duration::from_secs(1);
