//! `Lock`: a lock between processes, on an empty file that exists for it; `wait`: how long and how
//! often it is tried.

use std::ffi::OsStr;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::time::Duration;

use crate::clock::Clock;
use crate::platform::Entry;
use crate::platform::Folder;
use crate::platform::Kind;

/// A lock that this process holds until the value is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `name` in `folder`; `None` while another process holds it.
    pub(crate) fn try_take(folder: &Folder, name: &OsStr) -> io::Result<Option<Self>> {
        let file = folder.open_lock(name)?;
        if Entry::of(&file)?.kind != Kind::File {
            return Err(io::Error::other("it is not a file"));
        }
        Self::try_take_file(folder, name, file)
    }

    /// Takes the lock on `file`, which was opened as `name`. `None` also if the name now belongs to
    /// another file: the previous holder removed or replaced it.
    pub(crate) fn try_take_file(
        folder: &Folder,
        name: &OsStr,
        file: File,
    ) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(folder.is_at(name, &file)?.then_some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Clock, sleep and random numbers of a thread, supplied by its caller.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The time.
    pub clock: Clock,
    /// Lets time go by.
    pub sleep: fn(Duration),
    /// Uniform in 0..1, a new number each time.
    pub jitter: fn() -> f64,
}

/// Calls `attempt` until it returns something, for `limit` at most; `None` after that. The pauses grow
/// up to `pause_max`.
pub(crate) fn wait<T, E>(
    limit: Duration,
    pause_max: Duration,
    pace: Pace,
    mut attempt: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let began = pace.clock.moment();
    let mut pause = PAUSE_MIN.min(pause_max);
    loop {
        if let Some(found) = attempt()? {
            return Ok(Some(found));
        }
        if pace.clock.moment().since_by_boot(began) >= limit {
            return Ok(None);
        }
        (pace.sleep)(pause.mul_f64(0.5 + (pace.jitter)()));
        pause = (pause * 2).min(pause_max);
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    /// Elsewhere a file that is open cannot be removed.
    #[cfg(unix)]
    #[test]
    fn lock_whose_file_was_removed_is_not_held() {
        use super::*;

        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        let name = OsStr::new("lock");
        // Opened in time, and locked too late.
        let late = || folder.open_lock(name).unwrap();
        let (one, other, last) = (late(), late(), late());
        let held = |file| Lock::try_take_file(&folder, name, file).unwrap().is_some();
        assert!(held(one));
        folder.remove(name).unwrap();
        assert!(!held(other));
        let _new = late();
        assert!(!held(last));
    }
}
