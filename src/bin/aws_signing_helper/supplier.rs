//! [`Supplier`]: sessions for an endpoint, with whatever certificate there is by now.

use std::cell::Cell;
use std::sync::Arc;

use rolesanywhere::Credentials;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::Setback;
use rolesanywhere::credentials::supply::Source;
use rolesanywhere::identity::FilesVersion;
use rolesanywhere::identity::rotation::Look;
use rolesanywhere::identity::rotation::Rotation;
use rolesanywhere::output::serve::status::Record;

use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::renewing::due;
use crate::renewing::is_passing;
use crate::renewing::setback;
use crate::report;
use crate::session::Session;

/// Who keeps the endpoint supplied.
pub(crate) struct Supplier<'a> {
    session: &'a Session,
    rotation: Rotation<FilesVersion>,
    entry: Option<CacheEntry>,
    /// From then on no failure is final.
    is_listening: &'a Cell<bool>,
    record: Arc<Record>,
    /// What was told of files that cannot be used now.
    unusable: Option<String>,
}

impl<'a> Supplier<'a> {
    /// Nothing is read yet. No failure is final once `is_listening`; `record` is told of all.
    pub(crate) fn new(
        session: &'a Session,
        entry: Option<CacheEntry>,
        is_listening: &'a Cell<bool>,
        record: Arc<Record>,
    ) -> Self {
        Self {
            session,
            rotation: Rotation::new(),
            entry,
            is_listening,
            record,
            unusable: None,
        }
    }

    /// What to begin with, from the cache.
    pub(crate) fn latest(&self) -> Option<(Credentials, Renewal)> {
        self.entry.as_ref().and_then(CacheEntry::latest)
    }

    /// Reads the identity for the first time.
    pub(crate) fn open(&mut self) -> Result<(), RunError> {
        let session = self.session;
        match self.rotation.look(session.version(), || session.open()) {
            Look::Unusable(error) => Err(error),
            Look::Same | Look::Read | Look::Renewed => {
                self.note_certificate();
                Ok(())
            }
        }
    }

    fn note_certificate(&self) {
        if let Some(identity) = self.rotation.identity() {
            let (not_before, not_after) = identity.certificate().validity();
            self.record.certificate(not_before, not_after);
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
        self.note_certificate();
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
        self.note_certificate();
        self.record.renewed();
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
        RunError::Identity(_) => "Identity",
        _ => "Other",
    };
    code.chars()
        .filter(|character| character.is_ascii_alphanumeric())
        .take(CODE_CHARACTERS_MAX)
        .collect()
}

/// Of a name that the service gives an error.
const CODE_CHARACTERS_MAX: usize = 64;
