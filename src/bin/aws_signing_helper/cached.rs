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
use rolesanywhere::cache::entry::FailureReport;
use rolesanywhere::cache::key::CacheKey;
use rolesanywhere::cache::session_entry::SessionEntry;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::ExpirationError;
use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::session::RoleChain;
use rolesanywhere::session::SessionRequest;
use rolesanywhere::text::ShownName;

use crate::arguments::call::CacheFlags;
use crate::arguments::call::CacheFolderFlag;
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
    let Some(key) = key(session.request())? else {
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

fn key(request: &SessionRequest) -> Result<Option<CacheKey>, RunError> {
    CacheKey::of(request).map_err(|error| RunError::Identity(IdentityError::File(error)))
}

/// The credentials of a command that ends with them: from `entry`, if there is one, or of a call.
pub(crate) fn credentials(
    session: Session,
    entry: Option<SessionEntry>,
    usage: Usage,
) -> Result<Credentials, RunError> {
    let credentials = match entry {
        None => {
            let identity = session.open()?;
            session.call(&identity, Fallback::Nothing)?
        }
        Some(entry) => {
            let caller = SessionCaller {
                session,
                cache: entry.cache(),
                identity: None,
                fallback: Fallback::Nothing,
            };
            caller.cached(entry.key(), usage)?
        }
    };
    match credentials.life(Clock::System.moment()) {
        // Nobody looks at the expiration any more.
        Err(error @ ExpirationError::Past { .. }) if usage == Usage::Unrefreshed => {
            Err(RunError::Session {
                error: Box::new(error.into()),
                hint: None,
            })
        }
        _ => Ok(credentials),
    }
}

/// Calls for a cache.
struct SessionCaller<'a> {
    session: Session,
    cache: &'a Cache,
    /// Once it was read.
    identity: Option<Identity>,
    /// What there is if the call fails, whatever this cache has.
    fallback: Fallback,
}

impl SessionCaller<'_> {
    fn cached(self, key: &CacheKey, usage: Usage) -> Result<Credentials, RunError> {
        let surroundings = Surroundings {
            clock: Clock::System,
            sleep: std::thread::sleep,
            jitter,
        };
        self.cache
            .credentials(key, usage, surroundings, self)
            .map_err(|error| match error {
                CachedError::Call(error) => error,
                CachedError::Noted { ref report, .. } => RunError::Cached {
                    message: error.to_string(),
                    hint: report.hint.clone(),
                },
                error => RunError::Cached {
                    message: error.to_string(),
                    hint: None,
                },
            })
    }

    fn credentials(self, fallback: Fallback) -> Result<Credentials, RunError> {
        if fallback == Fallback::ValidSet {
            self.session.passwords().ask_no_more();
        }
        if let (Some(base), Some(chain)) = (self.session.base(), &self.session.request().role_chain)
            && let Some(key) = key(base.request())?
        {
            let chain = chain.clone();
            return self.chained(base, &key, &chain, fallback);
        }
        let identity = match self.identity {
            Some(identity) => identity,
            None => self.session.open()?,
        };
        self.session.call(&identity, fallback)
    }

    /// Assumes the roles with the cached session `base`, or with a new one, if that was refused.
    fn chained(
        self,
        base: Session,
        key: &CacheKey,
        chain: &RoleChain,
        fallback: Fallback,
    ) -> Result<Credentials, RunError> {
        if let Some((cached, _)) = self.cache.latest(key, Clock::System.moment()) {
            match self.session.assume_roles(chain, &cached, fallback) {
                Err(RunError::Session { error, .. }) if error.is_base_refused() => {
                    self.cache.forget(key);
                }
                outcome => return outcome,
            }
        }
        let caller = SessionCaller {
            session: base,
            identity: self.identity,
            cache: self.cache,
            fallback,
        };
        let base = match fallback {
            Fallback::Nothing => caller.cached(key, Usage::OnDemand)?,
            // There is no time to wait for another process.
            Fallback::ValidSet => caller.credentials(fallback)?,
        };
        self.session.assume_roles(chain, &base, fallback)
    }
}

impl Caller for SessionCaller<'_> {
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
        let fallback = match self.fallback {
            Fallback::ValidSet => Fallback::ValidSet,
            Fallback::Nothing => fallback,
        };
        self.credentials(fallback).map_err(|error| Failed {
            report: match &error {
                RunError::Session { error, hint } => {
                    let message = report::chain(error.as_ref());
                    let hint = hint.clone();
                    Some((error.class(), FailureReport { message, hint }))
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
