//! `LockedFile`: a file that many processes read and change: locked, read, and then written.
//!
//! A new file is written beside the old one, with its permissions, synced, and renamed. Readers find the
//! old file or the new one. A killed process leaves one of them and perhaps a temporary file, which the
//! next one removes. Only a file that is a mount point, or whose readers mount it, is written in place.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::clock::Clock;
use crate::file;
use crate::file::in_place::length_of;
use crate::file::in_place::overwrite;
use crate::file::lock;
use crate::file::lock::Lock;
use crate::file::lock::Pace;
use crate::file::target::Target;
use crate::file::temporary_file::TemporaryFile;
use crate::file::write_error::WriteError;
use crate::platform;
use crate::platform::Entry;
use crate::platform::Kind;
use crate::secret::Secret;
use crate::text::ShownName;

/// Method of writing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A new file takes its place; in place only where that cannot be.
    Replace,
    /// In place, for readers that mount the file itself and would keep the old one.
    InPlace,
}

/// Notices about a file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Its mode, which was kept, lets others read it.
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// It is a mount point, and was written in place.
    MountPoint {
        /// The file.
        path: PathBuf,
    },
    /// Any user can replace it.
    ReplaceableByOthers {
        /// Its directory.
        directory: PathBuf,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadableByOthers { path } => write!(
                f,
                "others can read {}; chmod 600 would prevent it",
                ShownName::of(path)
            ),
            Self::MountPoint { path } => write!(
                f,
                "{} is a mount point and is written in place, so that a reader may find half of it; \
                 mount its directory instead",
                ShownName::of(path)
            ),
            Self::ReplaceableByOthers { directory } => write!(
                f,
                "any user can write the directory {} or a parent of it, and replace this file",
                ShownName::of(directory)
            ),
        }
    }
}

/// A file that no other process changes while this value lives.
pub(crate) struct LockedFile {
    target: Target,
    old: Option<Old>,
    is_mount_point: bool,
    is_in_place: bool,
    _lock: Option<Lock>,
}

/// The file as it was found, still open.
struct Old {
    bytes: Secret<Vec<u8>>,
    file: File,
    is_readable_by_others: bool,
    /// On the file itself: a process that sees it by another mount takes the same one.
    _lock: Option<Lock>,
}

impl LockedFile {
    /// Follows `path`, creates the directories above it, waits for the lock and reads the file, if there
    /// is one. Fails if the file could not be written, as far as that can be found out.
    pub(crate) fn open(path: &Path, method: Method, bytes_max: usize) -> Result<Self, WriteError> {
        let target = Target::to_write(path)?;
        let entry = target.folder.entry(&target.name);
        let entry = entry.map_err(|source| unreadable(&target, source))?;
        if let Some(entry) = entry {
            target.check(entry)?;
        }
        let is_mount_point = target.folder.is_mount_point(&target.name);
        let is_in_place = is_mount_point || method == Method::InPlace;
        if is_in_place && !is_mount_point && target.is_exposed {
            // Another user may have moved a file here that they have open.
            return Err(WriteError::DirectoryOfOthers {
                directory: target.directory,
            });
        }
        let lock = match take_lock(&target) {
            // The directory of a mounted file may be read-only or belong to another user.
            Err(WriteError::NotLocked { source, .. })
                if is_in_place && entry.is_some() && is_forbidden(&source) =>
            {
                None
            }
            taken => Some(taken?),
        };
        let old = match is_in_place {
            true => read_to_write(&target, bytes_max)?,
            false => read(&target, bytes_max)?,
        };
        Ok(Self {
            is_in_place: is_in_place && old.is_some(),
            target,
            old,
            is_mount_point,
            _lock: lock,
        })
    }

    /// Its content; empty if the file does not exist.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.old.as_ref().map_or(&[], |old| old.bytes.expose())
    }

    /// The file itself, where the path was a link.
    pub(crate) fn path(&self) -> PathBuf {
        self.target.path()
    }

    /// Finds out whether a file with the same content could take its place, as far as that is possible
    /// without moving it there.
    pub(crate) fn check(&self) -> Result<(), WriteError> {
        if self.is_in_place {
            return Ok(());
        }
        let old = self.old.as_ref().map(|old| &old.file);
        successor(&self.target, old, self.bytes()).map(drop)
    }

    /// Writes the file. A new one is its owner's alone. After an error it is as it was, unless the error
    /// says otherwise.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<Vec<Notice>, WriteError> {
        let path = self.path();
        let mut notices = Vec::new();
        let is_readable = self
            .old
            .as_ref()
            .is_some_and(|old| old.is_readable_by_others);
        if is_readable && (self.is_in_place || !self.target.is_exposed) {
            notices.push(Notice::ReadableByOthers { path: path.clone() });
        }
        if self.target.is_exposed {
            let directory = self.target.directory.clone();
            notices.push(Notice::ReplaceableByOthers { directory });
        }
        if self.is_in_place {
            overwrite_old(&self.target, self.old.as_ref(), bytes)?;
        } else {
            let old = self.old.take().map(|old| old.file);
            let is_there = old.is_some();
            match replace(&self.target, old, bytes) {
                Err(WriteError::NotReplaced { source, .. })
                    if is_there && is_mount_point(&source) =>
                {
                    overwrite_found(&self.target, bytes)?;
                    self.is_mount_point = true;
                }
                replaced => replaced?,
            }
        }
        if self.is_mount_point {
            notices.push(Notice::MountPoint { path });
        }
        Ok(notices)
    }
}

fn take_lock(target: &Target) -> Result<Lock, WriteError> {
    let name = target.sibling("lock");
    let path = target.directory.join(&name);
    if let Ok(Some(entry)) = target.folder.entry(&name) {
        if entry.kind != Kind::File {
            return Err(WriteError::NotAFile { path });
        }
        if target.is_exposed && !entry.rights.is_ours() {
            return Err(WriteError::FileOfOthers { path });
        }
    }
    wait(&path, || Lock::try_take(&target.folder, &name))
}

/// Waits for a lock, which an error calls by `path`.
fn wait<T>(
    path: &Path,
    mut attempt: impl FnMut() -> io::Result<Option<T>>,
) -> Result<T, WriteError> {
    let pace = Pace {
        clock: Clock::System,
        sleep: thread::sleep,
        jitter: || 0.5,
    };
    let taken = lock::wait(LOCK_WAIT_MAX, LOCK_PAUSE, pace, || {
        attempt().map_err(|source| WriteError::NotLocked {
            lock: path.to_owned(),
            source,
        })
    });
    taken?.ok_or_else(|| WriteError::Locked {
        lock: path.to_owned(),
        seconds: LOCK_WAIT_MAX.as_secs(),
    })
}

/// Reads the file; `None` if it does not exist. Does not wait for the writer of a FIFO.
fn read(target: &Target, bytes_max: usize) -> Result<Option<Old>, WriteError> {
    if !is_file(target)? {
        return Ok(None);
    }
    let opened = target.folder.open_file(&target.name);
    let file = opened.map_err(|source| unreadable(target, source))?;
    read_open(target, file, None, bytes_max).map(Some)
}

/// As [`read`], of a file that will be written in place.
fn read_to_write(target: &Target, bytes_max: usize) -> Result<Option<Old>, WriteError> {
    if !is_file(target)? {
        return Ok(None);
    }
    let (file, lock) = open_to_write(target)?;
    read_open(target, file, lock, bytes_max).map(Some)
}

/// Opens the file for writing, and waits for the lock on the file itself.
fn open_to_write(target: &Target) -> Result<(File, Option<Lock>), WriteError> {
    let path = target.path();
    let not_written = |source| WriteError::NotWritten {
        path: path.clone(),
        source,
    };
    let open = || target.folder.open_file_to_write(&target.name);
    let file = open().map_err(not_written)?;
    if !platform::LOCKS_ARE_ADVISORY {
        return Ok((file, None));
    }
    wait(&path, || {
        let file = open()?;
        let locked = file.try_clone()?;
        let lock = Lock::try_take_file(&target.folder, &target.name, locked)?;
        Ok(lock.map(|lock| (file, Some(lock))))
    })
}

/// True if the file exists; fails if it is something else.
fn is_file(target: &Target) -> Result<bool, WriteError> {
    match target.folder.entry(&target.name) {
        Ok(None) => Ok(false),
        Ok(Some(entry)) if entry.kind != Kind::File => Err(WriteError::NotAFile {
            path: target.path(),
        }),
        // If this is an error, opening it fails with its cause.
        Ok(Some(_)) | Err(_) => Ok(true),
    }
}

fn read_open(
    target: &Target,
    mut file: File,
    lock: Option<Lock>,
    bytes_max: usize,
) -> Result<Old, WriteError> {
    let path = target.path();
    let entry = checked(target, &file)?;
    let length = length_of(&file).map_err(|source| unreadable(target, source))?;
    let bytes = file::read_all(&mut file, length.min(bytes_max), bytes_max)
        .map_err(|source| unreadable(target, source))?
        .ok_or(WriteError::TooLarge { path, bytes_max })?;
    Ok(Old {
        bytes,
        file,
        is_readable_by_others: entry.rights.others_can_read(),
        _lock: lock,
    })
}

/// The file as it was opened: since it was looked at, another user may have put another one there.
fn checked(target: &Target, file: &File) -> Result<Entry, WriteError> {
    let entry = Entry::of(file).map_err(|source| unreadable(target, source))?;
    if entry.kind != Kind::File {
        return Err(WriteError::NotAFile {
            path: target.path(),
        });
    }
    target.check(entry)?;
    Ok(entry)
}

fn unreadable(target: &Target, source: io::Error) -> WriteError {
    WriteError::Unreadable {
        path: target.path(),
        source,
    }
}

/// Puts a new file in the place of `old`. On Windows, an open file stands in the way of the rename.
fn replace(target: &Target, old: Option<File>, bytes: &[u8]) -> Result<(), WriteError> {
    let new = successor(target, old.as_ref(), bytes)?;
    drop(old);
    let path = target.path();
    new.replace(&target.name)
        .map_err(|source| WriteError::NotReplaced { path, source })?;
    let synced = target.folder.sync();
    synced.map_err(|source| WriteError::NotDurable {
        path: target.directory.clone(),
        source,
    })
}

/// A new file beside `old`, synced, with its permissions. They are not copied if another user may have
/// chosen the old file.
fn successor<'a>(
    target: &'a Target,
    old: Option<&File>,
    bytes: &[u8],
) -> Result<TemporaryFile<'a>, WriteError> {
    let name = target.sibling("tmp");
    let not_written = |source| WriteError::NotWritten {
        path: target.directory.join(&name),
        source,
    };
    let new = TemporaryFile::create(&target.folder, &name).map_err(not_written)?;
    new.write(bytes).map_err(not_written)?;
    if let Some(old) = old.filter(|_| !target.is_exposed) {
        platform::keep_rights(old, new.file()).map_err(|source| WriteError::RightsNotKept {
            path: target.path(),
            source,
        })?;
    }
    new.sync().map_err(not_written)?;
    Ok(new)
}

/// Writes a file in place that turned out to be a mount point when it was to be replaced. Nothing is
/// known of what is in it by now.
fn overwrite_found(target: &Target, bytes: &[u8]) -> Result<(), WriteError> {
    let (file, _lock) = open_to_write(target)?;
    checked(target, &file)?;
    overwrite(&target.path(), &file, &[], bytes)
}

fn overwrite_old(target: &Target, old: Option<&Old>, bytes: &[u8]) -> Result<(), WriteError> {
    match old {
        Some(old) => overwrite(&target.path(), &old.file, old.bytes.expose(), bytes),
        None => Ok(()),
    }
}

/// Error number of a rename onto a mount point.
fn is_mount_point(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices
    )
}

/// True if a file cannot be made in the directory, whatever its name.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);
const LOCK_PAUSE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn file_of_another_user_that_came_after_the_look_is_refused() {
        use std::fs;
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::fs::chown;

        use super::*;

        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o1777)).unwrap();
        let path = home.path().join("credentials");
        let target = Target::to_write(&path).unwrap();
        fs::write(&path, "[b]\n").unwrap();
        if chown(&path, Some(12345), None).is_err() {
            return;
        }
        let refused = [
            read(&target, 10).err(),
            read_to_write(&target, 10).err(),
            overwrite_found(&target, b"new").err(),
        ];
        for error in refused {
            assert!(
                matches!(error, Some(WriteError::FileOfOthers { .. })),
                "{error:?}"
            );
        }
        assert_eq!(fs::read(&path).unwrap(), b"[b]\n");
    }
}
