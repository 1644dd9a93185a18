//! [`Supplier`]: sessions for an endpoint, with whatever certificate there is by now.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::thread;

use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::Setback;
use rolesanywhere::identity::FilesVersion;
use rolesanywhere::identity::rotation::Outcome;
use rolesanywhere::identity::rotation::Rotation;
use rolesanywhere::output::serve::status::Record;
use rolesanywhere::supply::LOOK_APART;
use rolesanywhere::supply::Source;
use rolesanywhere::supply::Supply;

use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::renewing::due;
use crate::renewing::is_passing;
use crate::renewing::setback;
use crate::report;
use crate::session::Session;

/// Who keeps the endpoint supplied.
pub(crate) struct Supplier<'a> {
    session: Arc<Session>,
    rotation: Rotation<FilesVersion>,
    files: Arc<Files>,
    entry: Option<CacheEntry>,
    /// From then on no failure is final.
    is_listening: &'a Cell<bool>,
    record: Arc<Record>,
    /// What was told of files that cannot be used now.
    unusable: Option<String>,
}

/// What the identity's files turned out to be, until somebody takes note of it.
#[derive(Default)]
struct Files(Mutex<Option<Result<(Identity, FilesVersion), RunError>>>);

impl<'a> Supplier<'a> {
    /// Reads the identity. No failure is final once `is_listening`.
    pub(crate) fn new(
        session: Arc<Session>,
        entry: Option<CacheEntry>,
        is_listening: &'a Cell<bool>,
    ) -> Result<Self, RunError> {
        let version = session.version();
        let identity = session.open()?;
        Ok(Self {
            record: Arc::new(Record::new(identity.certificate().validity())),
            rotation: Rotation::new(identity, version),
            session,
            files: Arc::default(),
            entry,
            is_listening,
            unusable: None,
        })
    }

    /// What becomes of it all, for metrics.
    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    /// What to begin with, from the cache.
    pub(crate) fn latest(&self) -> Option<(Credentials, Renewal)> {
        self.entry.as_ref().and_then(CacheEntry::latest)
    }

    /// Looks at the files every 10 s from now on, on a thread of its own: a file system that hangs, or a
    /// key that takes its time to decrypt, keeps nobody waiting.
    pub(crate) fn watch(&self, supply: &Arc<Supply>) -> io::Result<()> {
        let (session, files) = (Arc::clone(&self.session), Arc::clone(&self.files));
        let supply = Arc::clone(supply);
        let mut known = Some(self.rotation.version().clone());
        let watch = move || {
            loop {
                thread::sleep(LOOK_APART);
                let version = session.version();
                let is_new = known.as_ref() != Some(&version);
                if is_new {
                    let read = session.open();
                    // What cannot be used is read again, whether or not it changes until then.
                    known = read.is_ok().then(|| version.clone());
                    *files.found() = Some(read.map(|identity| (identity, version)));
                }
                if is_new || supply.standing(Clock::System.moment()).wait.is_zero() {
                    supply.nudge();
                }
            }
        };
        thread::Builder::new().spawn(watch).map(drop)
    }

    fn tell_certificate(&self) {
        let validity = self.rotation.in_use().certificate().validity();
        self.record.certificate(validity);
    }
}

impl Files {
    fn found(&self) -> MutexGuard<'_, Option<Result<(Identity, FilesVersion), RunError>>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Source for Supplier<'_> {
    type Error = RunError;

    fn look(&mut self) -> bool {
        let found = self.files.found().take();
        match found {
            None => false,
            Some(Err(error)) => {
                let text = report::chain(&error);
                if self.unusable.as_ref() != Some(&text) {
                    report::failure(&error);
                    report::line("the certificate and key that were read before stay in use");
                    self.unusable = Some(text);
                }
                false
            }
            Some(Ok((identity, version))) => {
                self.unusable = None;
                let outcome = self.rotation.read(identity, version);
                self.tell_certificate();
                let is_renewed = outcome == Outcome::Renewed;
                if is_renewed {
                    report::line(
                        "there is a new certificate; the next session is asked for with it",
                    );
                }
                is_renewed
            }
        }
    }

    async fn create_session(&mut self) -> Result<Credentials, RunError> {
        self.session.attempt(self.rotation.identity()).await
    }

    fn setback(&self, error: &RunError) -> Option<Setback> {
        (self.is_listening.get() || is_passing(error)).then(|| setback(error))
    }

    fn renewed(&mut self, credentials: &Credentials, renewal: &Renewal) {
        self.rotation.accepted();
        self.tell_certificate();
        self.record.renewed();
        if let Some(entry) = &mut self.entry {
            entry.follow(&self.session);
            entry.keep(credentials, renewal, self.rotation.version());
        }
        report::line(&format!(
            "credentials until {}; the next are due at {}",
            credentials.expiration,
            due(renewal)
        ));
    }

    fn failed(&mut self, error: RunError, renewal: &Renewal) {
        let setback = setback(&error);
        if setback == Setback::Refused {
            self.rotation.refused();
        }
        self.record.failed(setback, code(&error));
        report::failure(&error);
        report::line(&format!("next attempt at {}", due(renewal)));
    }
}

/// The service's word for what failed, or one for what kept it from being reached.
fn code(error: &RunError) -> String {
    let code = match error {
        RunError::CreateSession { failure, .. } => failure.error.code(),
        _ => "Other",
    };
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(CODE_CHARACTERS_MAX)
        .collect()
}

/// Of a name that the service gives an error.
const CODE_CHARACTERS_MAX: usize = 64;
