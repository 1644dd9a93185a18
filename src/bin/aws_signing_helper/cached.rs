//! `--cache`: where a session's credentials are shared with other processes.

use std::path::PathBuf;

use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::cache::Cache;
use rolesanywhere::cache::CachedError;
use rolesanywhere::cache::Caller;
use rolesanywhere::cache::Failed;
use rolesanywhere::cache::Fallback;
use rolesanywhere::cache::Surroundings;
use rolesanywhere::cache::key::CacheKey;
use rolesanywhere::cache::session_entry::SessionEntry;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::text::ShownName;

use crate::arguments::CacheFlags;
use crate::arguments::CacheFolderFlag;
use crate::debug;
use crate::error::RunError;
use crate::inputs::created_path;
use crate::report;
use crate::session::Session;
use crate::session::jitter;

/// The entry of a session; `None` if there is to be none, or can be none: everything works without a
/// cache.
pub(crate) fn entry(
    session: &Session,
    flags: CacheFlags,
    environment: &Environment,
) -> Result<Option<SessionEntry>, RunError> {
    if flags.cache != Some(true) {
        return Ok(None);
    }
    let log = |text: &str| {
        if session.is_debug() {
            report::log(&debug::event("cache", format!("cache: {text}")));
        }
    };
    let version = session.request().identity.version();
    let key = CacheKey::of(session.request())
        .map_err(|error| RunError::Identity(IdentityError::File(error)))?;
    let Some(key) = key else {
        log("not used for such an identity, or without verification");
        return Ok(None);
    };
    let is_explicit = flags.folder.is_given();
    let Some(path) = path(flags.folder, environment)? else {
        log("not used: no variable gives its folder");
        return Ok(None);
    };
    let complain = |text: &str| match is_explicit {
        true => {
            let message = format!("cache: {text}");
            report::log(&LogEvent::new(Level::Warning, "cache_unusable", message));
        }
        false => log(text),
    };
    match Cache::open(&path) {
        Ok(cache) => {
            log(&format!("entry {key}"));
            if is_explicit && let Err(error) = cache.check_writable() {
                complain(&format!("not written: {}: {error}", ShownName::of(&path)));
            }
            Ok(Some(SessionEntry::new(cache, key, version)))
        }
        Err(error) => {
            complain(&format!("not used: {}: {error}", ShownName::of(&path)));
            Ok(None)
        }
    }
}

/// The credentials of a command that ends with them: from `entry`, if there is one, or of a call.
pub(crate) fn credentials(
    session: Session,
    entry: Option<SessionEntry>,
    usage: Usage,
) -> Result<Credentials, RunError> {
    let Some(entry) = entry else {
        let identity = session.open()?;
        return session.call(&identity, Fallback::Nothing);
    };
    let surroundings = Surroundings {
        clock: Clock::System,
        sleep: std::thread::sleep,
        jitter,
    };
    let caller = SessionCaller {
        session,
        identity: None,
    };
    entry
        .cache()
        .credentials(entry.key(), usage, surroundings, caller)
        .map_err(|error| match error {
            CachedError::Call(error) => error,
            error => RunError::Cached(error.to_string()),
        })
}

/// Calls for a cache.
struct SessionCaller {
    session: Session,
    /// Once it was read.
    identity: Option<Identity>,
}

impl SessionCaller {
    fn credentials(self, fallback: Fallback) -> Result<Credentials, RunError> {
        if fallback == Fallback::ValidSet {
            self.session.passwords().ask_no_more();
        }
        let identity = match self.identity {
            Some(identity) => identity,
            None => self.session.open()?,
        };
        self.session.call(&identity, fallback)
    }
}

impl Caller for SessionCaller {
    type Error = RunError;

    fn prepare(&mut self) -> Result<(), RunError> {
        let passwords = self.session.passwords();
        if passwords.may_ask() {
            self.identity = Some(self.session.open()?);
        }
        // Passwords are asked for before the lock is taken.
        passwords.ask_no_more();
        Ok(())
    }

    fn call(self, fallback: Fallback) -> Result<Credentials, Failed<RunError>> {
        self.credentials(fallback).map_err(|error| Failed {
            report: match &error {
                RunError::Session { error, .. } => {
                    Some((error.class(), report::chain(error.as_ref())))
                }
                _ => None,
            },
            error,
        })
    }
}

/// The folder of the cache.
pub(crate) fn path(
    flag: CacheFolderFlag,
    environment: &Environment,
) -> Result<Option<PathBuf>, RunError> {
    match flag.cache_dir.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => created_path("cache-dir", path, environment).map(Some),
        None => Ok(Cache::default_path(environment)),
    }
}
