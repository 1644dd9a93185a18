//! `--cache`: where a session's credentials are shared with other processes.

use std::path::PathBuf;

use rolesanywhere::Credentials;
use rolesanywhere::cache::Cache;
use rolesanywhere::cache::CachedError;
use rolesanywhere::cache::Failed;
use rolesanywhere::cache::Surroundings;
use rolesanywhere::cache::key::CacheKey;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::Setback;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::FilesVersion;

use crate::arguments::CacheFlags;
use crate::arguments::CacheFolderFlag;
use crate::error::RunError;
use crate::report;
use crate::session::Session;
use crate::session::jitter;

/// The entry of one session.
pub(crate) struct CacheEntry {
    cache: Cache,
    key: CacheKey,
    /// How the identity's files were when the key was made.
    version: FilesVersion,
    is_debug: bool,
}

impl CacheEntry {
    /// The entry of `session`; `None` if there is to be none, or can be none: everything works without
    /// a cache.
    pub(crate) fn open(
        session: &Session,
        flags: CacheFlags,
        environment: &Environment,
    ) -> Result<Option<Self>, RunError> {
        if flags.cache != Some(true) {
            return Ok(None);
        }
        let is_debug = session.is_debug();
        let version = session.version();
        let Some(key) = session.cache_key()? else {
            tell(
                is_debug,
                "not used for such an identity, or without verification",
            );
            return Ok(None);
        };
        let Some(path) = path(flags.folder, environment) else {
            tell(is_debug, "not used: no variable says where it should be");
            return Ok(None);
        };
        match Cache::open(&path) {
            Ok(cache) => {
                tell(is_debug, &format!("entry {key}"));
                Ok(Some(Self {
                    cache,
                    key,
                    version,
                    is_debug,
                }))
            }
            Err(error) => {
                tell(is_debug, &format!("not used: {}: {error}", path.display()));
                Ok(None)
            }
        }
    }

    /// The credentials in it, or those that `session` is given, which are kept.
    pub(crate) fn credentials(&self, session: Session) -> Result<Credentials, RunError> {
        let surroundings = Surroundings {
            clock: Clock::System,
            sleep: std::thread::sleep,
            share: jitter,
        };
        let call = || {
            tell(self.is_debug, "nothing to go on with");
            session.call().map_err(|error| Failed {
                told: match &error {
                    RunError::CreateSession { failure, .. } => {
                        Some((Setback::of(&failure.error), report::chain(&error)))
                    }
                    RunError::Credentials(_) => Some((Setback::Other, report::chain(&error))),
                    _ => None,
                },
                error: Box::new(error),
            })
        };
        self.cache
            .credentials(&self.key, surroundings, call)
            .map_err(|error| match error {
                CachedError::Call(error) => *error,
                error => RunError::Cached(error.to_string()),
            })
    }

    /// What to begin with.
    pub(crate) fn latest(&self) -> Option<(Credentials, Renewal)> {
        self.cache.latest(&self.key, Clock::System.moment())
    }

    /// Goes on with the entry of the files as they are now.
    pub(crate) fn follow(&mut self, session: &Session) {
        let version = session.version();
        // Files that cannot be read are told by who needs them.
        if let Ok(Some(key)) = session.cache_key() {
            if key != self.key {
                tell(self.is_debug, &format!("entry {key}"));
            }
            self.key = key;
            self.version = version;
        }
    }

    /// Keeps what was got without asking, by an identity whose files were of this version: what one
    /// certificate was given is not what another one would be.
    pub(crate) fn keep(
        &self,
        credentials: &Credentials,
        renewal: &Renewal,
        version: &FilesVersion,
    ) {
        if self.version == *version {
            self.cache.keep(&self.key, credentials, renewal);
        }
    }
}

/// The folder of the cache.
pub(crate) fn path(flag: CacheFolderFlag, environment: &Environment) -> Option<PathBuf> {
    flag.cache_dir
        .filter(|path| !path.as_os_str().is_empty())
        .or_else(|| Cache::default_path(environment))
}

fn tell(is_debug: bool, text: &str) {
    if is_debug {
        report::line(&format!("debug: cache: {text}"));
    }
}
