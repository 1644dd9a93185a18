//! Reads a file, and puts a new one in its place: atomic for readers, durable, and one at a time.
//!
//! The order is what makes it so: the lock; the new file beside the old one, written whole, with the
//! old one's rights, and synced; the rename; the directory synced. Whoever is killed on the way leaves
//! the old file or the new one, and perhaps a temporary file, which the next one removes.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::file;
use crate::output::credentials_file::error::CredentialsFileError;
use crate::output::credentials_file::target::Target;
use crate::platform;
use crate::secret::Secret;

/// The right to change a file, among all who ask for it.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else has it.
    pub(crate) fn wait(target: &Target) -> Result<Self, CredentialsFileError> {
        let path = target.sibling("lock");
        let fail = |source| CredentialsFileError::NotLocked {
            lock: path.clone(),
            source,
        };
        let file = platform::open_lock_file(&path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(CredentialsFileError::NotAFile { path });
        }
        let end = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => return Err(fail(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(CredentialsFileError::Locked {
                        lock: path,
                        seconds: LOCK_WAIT_MAX.as_secs(),
                    });
                }
            }
        }
    }
}

/// A file as it was found, still open.
pub(crate) struct Old {
    pub(crate) bytes: Secret<Vec<u8>>,
    pub(crate) file: File,
}

/// Reads the file; `None` if there is none. Does not wait for whoever might write a FIFO.
pub(crate) fn read(target: &Target) -> Result<Option<Old>, CredentialsFileError> {
    let path = target.path();
    let not_a_file = || CredentialsFileError::NotAFile { path: path.clone() };
    let fail = |source| CredentialsFileError::Unreadable {
        path: path.clone(),
        source,
    };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if !metadata.is_file() => return Err(not_a_file()),
        // Opening it fails with the cause.
        _ => {}
    }
    let mut file = platform::open_without_waiting(&path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    let told = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let bytes = file::read_all(&mut file, told.min(FILE_BYTES_MAX), FILE_BYTES_MAX)
        .map_err(fail)?
        .ok_or_else(|| CredentialsFileError::TooLarge {
            path: path.clone(),
            bytes_max: FILE_BYTES_MAX,
        })?;
    Ok(Some(Old { bytes, file }))
}

/// Puts a file of these bytes in the place of `old`, with its rights; a new one is its owner's alone.
/// On Windows, an open file stands in the way of the rename.
pub(crate) fn write(
    target: &Target,
    old: Option<File>,
    bytes: &[u8],
) -> Result<(), CredentialsFileError> {
    let temporary = Temporary::create(target.sibling("tmp"))?;
    temporary.write(bytes)?;
    let path = target.path();
    if let Some(old) = old {
        platform::keep_rights(&old, &temporary.file).map_err(|source| {
            CredentialsFileError::RightsNotKept {
                path: path.clone(),
                source,
            }
        })?;
    }
    temporary.sync()?;
    temporary.rename(&path)?;
    platform::sync_directory(target.directory()).map_err(|source| {
        CredentialsFileError::NotDurable {
            directory: target.directory().to_owned(),
            source,
        }
    })
}

/// A new file beside the old one, removed unless it takes the other's place.
struct Temporary {
    path: PathBuf,
    file: File,
    is_renamed: bool,
}

impl Temporary {
    /// Who holds the lock may remove what somebody left behind who was killed.
    fn create(path: PathBuf) -> Result<Self, CredentialsFileError> {
        let created = match platform::create_private_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path).and_then(|()| platform::create_private_file(&path))
            }
            created => created,
        };
        match created {
            Ok(file) => Ok(Self {
                path,
                file,
                is_renamed: false,
            }),
            Err(source) => Err(CredentialsFileError::NotWritten {
                temporary: path,
                source,
            }),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<(), CredentialsFileError> {
        (&self.file)
            .write_all(bytes)
            .map_err(|source| self.not_written(source))
    }

    fn sync(&self) -> Result<(), CredentialsFileError> {
        let synced = self.file.sync_all();
        synced.map_err(|source| self.not_written(source))
    }

    fn rename(mut self, path: &Path) -> Result<(), CredentialsFileError> {
        platform::replace_file(&self.path, path).map_err(|source| {
            CredentialsFileError::NotReplaced {
                path: path.to_owned(),
                source,
            }
        })?;
        self.is_renamed = true;
        Ok(())
    }

    fn not_written(&self, source: io::Error) -> CredentialsFileError {
        CredentialsFileError::NotWritten {
            temporary: self.path.clone(),
            source,
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_renamed {
            // There is an error to report already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Ten thousand profiles take 2 MB.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);
const LOCK_PAUSE: Duration = Duration::from_millis(2);
