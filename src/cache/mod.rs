//! [`Cache`]: sets of credentials that processes share on disk, so that not each of them has to call
//! CreateSession.
//!
//! Entries are plain text in a folder that only their owner can use, as every AWS tool keeps such
//! files; `docs/threat-model.md` says what that means. The cache never makes a call fail: without it
//! there is only more to do.

pub mod entry;
pub mod key;
pub mod session_entry;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use self::entry::ENTRY_BYTES_MAX;
use self::entry::Entry;
use self::entry::FailureReport;
use self::key::CacheKey;
use crate::aws_call::FailureClass;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::renewal::Call;
use crate::credentials::renewal::Renewal;
use crate::credentials::renewal::Usage;
use crate::environment::Environment;
use crate::file;
use crate::file::lock;
use crate::file::lock::Lock;
use crate::file::private_folder::PrivateFolder;
use crate::platform;

/// A folder of entries.
#[derive(Debug)]
pub struct Cache {
    folder: PrivateFolder,
}

/// Clock, waits and random numbers of a caller.
pub use crate::file::lock::Pace as Surroundings;

/// Calls CreateSession for a set that is not in the cache.
pub trait Caller: Sized {
    /// Reasons why there are no credentials.
    type Error;

    /// Does beforehand what may take a person's time, such as asking for a password: no lock is held yet.
    /// Not asked of a caller that falls back to a valid set.
    fn prepare(&mut self) -> Result<(), Self::Error>;

    /// Calls.
    fn call(self, fallback: Fallback) -> Result<Credentials, Failed<Self::Error>>;
}

/// Fallback if the call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: the call is worth all the time there is.
    Nothing,
    /// A set that is still valid: the call is worth little time.
    ValidSet,
}

impl Fallback {
    fn of(credentials: Option<&Credentials>) -> Self {
        match credentials {
            None => Self::Nothing,
            Some(_) => Self::ValidSet,
        }
    }
}

/// A call of CreateSession that gave no set.
#[derive(Debug)]
pub struct Failed<E> {
    /// Class for the next call, and the report for processes that read it from the cache. `None` if it came to
    /// no call: the next process may have what was missing.
    pub report: Option<(FailureClass, FailureReport)>,
    /// Why.
    pub error: E,
}

impl Cache {
    /// Opens the folder, and creates it if necessary. Fails if it is a link, belongs to another user or
    /// is accessible to others.
    pub fn open(path: &Path) -> io::Result<Self> {
        PrivateFolder::open(path).map(|folder| Self { folder })
    }

    /// Fails if no entry can be written.
    pub fn check_writable(&self) -> io::Result<()> {
        self.folder.check_writable()
    }

    /// The user's folder for caches, `aws_signing_helper` in it; `None` if no variable says where. A
    /// relative path in one counts as none.
    pub fn default_path(environment: &Environment) -> Option<PathBuf> {
        platform::CACHE_FOLDERS
            .iter()
            .filter_map(|(variable, below)| {
                let folder = Path::new(environment.raw(variable)?);
                folder.is_absolute().then(|| folder.join(below))
            })
            .next()
            .map(|folder| folder.join("aws_signing_helper"))
    }

    /// The set of `key`: from the cache if it is not due for this `usage`, otherwise from `caller`.
    ///
    /// Of many processes, one calls. The others wait, or use a set that is still valid. After 20 s they
    /// call without the cache. A failure is shared with all of them until the next call is allowed.
    pub fn credentials<C: Caller>(
        &self,
        key: &CacheKey,
        usage: Usage,
        surroundings: Surroundings,
        mut caller: C,
    ) -> Result<Credentials, CachedError<C::Error>> {
        let lock = match self.wait_for_turn(key, usage, surroundings, &mut caller)? {
            Turn::Answered(credentials) => return Ok(credentials),
            Turn::Ours(lock) => lock,
            Turn::Without(credentials) => {
                return caller
                    .call(Fallback::of(credentials.as_ref()))
                    .or_else(|failed| credentials.ok_or(CachedError::Call(failed.error)));
            }
        };
        let mut entry = self.entry(key, surroundings.clock.moment());
        let outcome = caller.call(Fallback::of(entry.credentials.as_ref()));
        let now = surroundings.clock.moment();
        let jitter = (surroundings.jitter)();
        let answer = match outcome {
            Ok(credentials) => {
                // A set without a life may expire at any time: it is not cached.
                if let Ok(life) = credentials.life(now) {
                    entry.renewal.renewed(now, life, jitter);
                    self.write(key, Some(&credentials), &entry.renewal, None);
                }
                Ok(credentials)
            }
            Err(failed) => {
                let is_lapsed = entry.renewal.is_lapsed(now);
                let credentials = entry.credentials.filter(|_| !is_lapsed);
                if let Some((class, report)) = failed.report {
                    entry.renewal.failed(now, class, jitter);
                    self.write(key, credentials.as_ref(), &entry.renewal, Some(&report));
                }
                credentials.ok_or(CachedError::Call(failed.error))
            }
        };
        self.remove_lapsed(key, now);
        drop(lock);
        answer
    }

    /// The set of `key` while it is valid, with its renewal time: a start for callers that renew it
    /// themselves.
    pub fn latest(&self, key: &CacheKey, now: Moment) -> Option<(Credentials, Renewal)> {
        let entry = self.entry(key, now);
        entry
            .credentials
            .map(|credentials| (credentials, entry.renewal))
    }

    /// Stores the set of a caller that renews it itself, for other processes. Nothing is stored while
    /// another process is calling for it.
    pub fn keep(&self, key: &CacheKey, credentials: &Credentials, renewal: &Renewal) {
        if let Ok(Some(_lock)) = self.try_lock(key) {
            self.write(key, Some(credentials), renewal, None);
        }
    }

    /// Removes the set of `key`, which the service no longer accepts. Nothing is removed while another process is
    /// calling for it.
    pub fn forget(&self, key: &CacheKey) {
        if let Ok(Some(_lock)) = self.try_lock(key) {
            self.write(key, None, &Renewal::default(), None);
        }
    }

    /// Removes every entry, and the locks that are free. If one cannot be removed, the others still are.
    pub fn clear(&self) -> io::Result<()> {
        let mut outcome = Ok(());
        for (key, names) in self.names()? {
            for name in names {
                outcome = outcome.and(self.folder.remove(&name));
            }
            if let Ok(Some(lock)) = self.try_lock(&key) {
                self.remove_lock(&key, lock);
            }
        }
        outcome
    }

    /// Waits until there is an answer, or it is for us to call.
    fn wait_for_turn<C: Caller>(
        &self,
        key: &CacheKey,
        usage: Usage,
        surroundings: Surroundings,
        caller: &mut C,
    ) -> Result<Turn, CachedError<C::Error>> {
        let mut unprepared = Some(caller);
        let mut prepare = || match unprepared.take() {
            Some(caller) => caller.prepare().map(|()| true),
            None => Ok(false),
        };
        let turn = lock::wait(LOCK_WAIT_MAX, NAP_MAX, surroundings, || {
            self.turn(key, usage, surroundings, &mut prepare)
        });
        // A holder that hangs, or cannot keep what it gets, makes no call of others fail.
        Ok(turn?.unwrap_or(Turn::Without(None)))
    }

    /// One check of the turn; `None` while another process is calling. `prepare` runs before a call and
    /// returns whether it took time.
    fn turn<E>(
        &self,
        key: &CacheKey,
        usage: Usage,
        surroundings: Surroundings,
        prepare: &mut dyn FnMut() -> Result<bool, E>,
    ) -> Result<Option<Turn>, CachedError<E>> {
        let mut lock = None;
        loop {
            let now = surroundings.clock.moment();
            let entry = self.entry(key, now);
            let wait = entry.renewal.wait_for(usage, now);
            match (entry.credentials, entry.failure) {
                (Some(credentials), _) if !wait.is_zero() => {
                    return Ok(Some(Turn::Answered(credentials)));
                }
                (None, Some(report)) if !wait.is_zero() => {
                    return Err(CachedError::Noted {
                        report,
                        again_in: wait,
                    });
                }
                // A session of seconds has lapsed: the next call is not due yet.
                (None, None) if !wait.is_zero() => (surroundings.sleep)(wait),
                (credentials, _) => {
                    if let Some(lock) = lock {
                        return Ok(Some(Turn::Ours(lock)));
                    }
                    if credentials.is_none() && prepare().map_err(CachedError::Call)? {
                        continue;
                    }
                    match self.try_lock(key) {
                        // Read again: the previous holder may have renewed it.
                        Ok(Some(held)) => lock = Some(held),
                        Ok(None) => return Ok(credentials.map(Turn::Answered)),
                        Err(_) => return Ok(Some(Turn::Without(credentials))),
                    }
                }
            }
        }
    }

    fn try_lock(&self, key: &CacheKey) -> io::Result<Option<Lock>> {
        self.folder.try_lock(&lock_name(key))
    }

    /// The entry of `key`, without a set that has lapsed by `now`. Anything malformed counts as absent.
    fn entry(&self, key: &CacheKey, now: Moment) -> Entry {
        let mut entry = self.read(key).unwrap_or_default();
        if entry.renewal.is_lapsed(now) {
            entry.credentials = None;
        } else if entry.credentials.is_none() {
            // It expired by a clock that has been set back since; do not wait for its end.
            entry.renewal.set = None;
        }
        entry
    }

    fn read(&self, key: &CacheKey) -> Option<Entry> {
        let name = format!("{}{ENTRY_SUFFIX}", key.as_str());
        let (mut file, length) = self.folder.read(&name, ENTRY_BYTES_MAX).ok()??;
        let bytes = file::read_all(&mut file, length, ENTRY_BYTES_MAX).ok()??;
        Entry::from_bytes(bytes.expose(), key)
    }

    /// A set that cannot be kept is as good as one that can.
    fn write(
        &self,
        key: &CacheKey,
        credentials: Option<&Credentials>,
        renewal: &Renewal,
        failure: Option<&FailureReport>,
    ) {
        if let Some(bytes) = entry::to_bytes(key, credentials, renewal, failure) {
            let name = format!("{}{ENTRY_SUFFIX}", key.as_str());
            let _ = self.folder.replace(&name, bytes.expose());
        }
    }

    /// Removes other entries that are outdated, with their locks, and the leftovers of killed writers,
    /// unless a process is using them.
    fn remove_lapsed(&self, ours: &CacheKey, now: Moment) {
        for (key, names) in self.names().unwrap_or_default() {
            if key == *ours {
                continue;
            }
            let Ok(Some(lock)) = self.try_lock(&key) else {
                continue;
            };
            let is_over = self.entry(&key, now).is_over(now);
            for name in names {
                if is_over || name.ends_with(NEW_SUFFIX) {
                    let _ = self.folder.remove(&name);
                }
            }
            if is_over {
                self.remove_lock(&key, lock);
            }
        }
    }

    /// Removes the lock's file. A waiting process notices that the file was replaced.
    fn remove_lock(&self, key: &CacheKey, lock: Lock) {
        let _ = self.folder.remove(&lock_name(key));
        drop(lock);
    }

    /// The keys that have files, and these files except the lock. Any other file in the folder is left
    /// alone.
    fn names(&self) -> io::Result<BTreeMap<CacheKey, Vec<String>>> {
        let key = |name: &str| {
            let key = [ENTRY_SUFFIX, NEW_SUFFIX, LOCK_SUFFIX]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))?;
            Some((name.to_owned(), CacheKey::parse(key)?))
        };
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for (name, key) in self.folder.names(key, FILES_MAX)? {
            let names = keys.entry(key).or_default();
            if !name.ends_with(LOCK_SUFFIX) {
                names.push(name);
            }
        }
        Ok(keys)
    }
}

fn lock_name(key: &CacheKey) -> String {
    format!("{}{LOCK_SUFFIX}", key.as_str())
}

impl Entry {
    /// True if it holds neither a set nor failures that still count.
    fn is_over(&self, now: Moment) -> bool {
        let counts = |call: Call| call.failures > 0 && now.since(call.ended) < FAILURES_COUNT_FOR;
        self.credentials.is_none() && !self.renewal.call.is_some_and(counts)
    }
}

/// The next step of a process.
enum Turn {
    /// Use the answer that is there.
    Answered(Credentials),
    /// Ours, for as long as it lives.
    Ours(Lock),
    /// Call without the lock: the file system has no locks, the lock file cannot be opened, or its
    /// holder takes too long. With the set to fall back to, if any.
    Without(Option<Credentials>),
}

/// Reasons why there are no credentials, with a cache.
#[derive(Debug)]
#[non_exhaustive]
pub enum CachedError<E> {
    /// The call failed.
    Call(E),
    /// Another process's call failed a moment ago, and it is too early for the next.
    Noted {
        /// The error.
        report: FailureReport,
        /// When the next call may be made.
        again_in: Duration,
    },
}

impl<E: fmt::Display> fmt::Display for CachedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Noted { report, again_in } => write!(
                f,
                "{} (from the cache; the next call is made in {} s)",
                report.message,
                again_in.as_secs() + 1
            ),
        }
    }
}

impl<E: std::error::Error> std::error::Error for CachedError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Call(error) => error.source(),
            Self::Noted { .. } => None,
        }
    }
}

const ENTRY_SUFFIX: &str = ".json";

/// Of an entry that is being written.
const NEW_SUFFIX: &str = ".json.new";

const LOCK_SUFFIX: &str = ".lock";

/// Removed and looked at at a time; three of them are an identity with what it asks for.
const FILES_MAX: usize = 100_000;

/// After a longer time, the next failure is the first of another row. No wait is as long.
const FAILURES_COUNT_FOR: Duration = Duration::from_secs(3600);

/// A longer wait would leave too little time for the process's own call: SDKs kill a
/// `credential_process` after 60 s.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);

/// Between two looks at whether the other process is done.
const NAP_MAX: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
