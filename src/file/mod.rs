//! [`read`]: a file read whole, once, under a cap, into memory that is wiped afterwards. And files that
//! are written: [`locked_file`] among processes that change it, `private_folder` for one user's own.

mod temporary_file;
mod in_place;
pub mod lock;
pub mod locked_file;
pub(crate) mod private_folder;
pub(crate) mod target;
pub mod write_error;

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::file::temporary_file::TemporaryFile;
use crate::platform;
use crate::platform::Folder;
use crate::secret::Secret;
use crate::text::ShownName;

/// Reads the file at `path`, which may also be a pipe (`/dev/fd/N`, a process substitution).
///
/// Fails if the file cannot be opened or read, if it holds more than `bytes_max` bytes, or if a pipe
/// stays silent for [`STREAM_TIME_MAX`].
pub fn read(path: &Path, bytes_max: usize) -> Result<Secret<Vec<u8>>, FileError> {
    read_within(STREAM_TIME_MAX, path, bytes_max)
}

/// Opens a file that is there, for [`append_lines`].
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.append(true);
    // Where it cannot be read, its last line counts as whole.
    platform::open(options.clone().read(true), path).or_else(|_| platform::open(&options, path))
}

/// Appends lines. A last line without an end is ended first, so that it stays what it is.
pub fn append_lines(file: &mut File, lines: &[u8]) -> io::Result<()> {
    let mut last = [b'\n'];
    // An empty file has no last byte.
    if file.seek(SeekFrom::End(-1)).is_ok() && file.read_exact(&mut last).is_ok() && last != *b"\n"
    {
        file.write_all(b"\n")?;
    }
    file.write_all(lines)
}

/// As [`read`], with the given time limit for anything but a regular file.
pub fn read_within(
    limit: Duration,
    path: &Path,
    bytes_max: usize,
) -> Result<Secret<Vec<u8>>, FileError> {
    if is_regular(path) {
        return read_now(path, bytes_max);
    }
    let name = path.to_owned();
    within(limit, path, move || read_now(&name, bytes_max))
}

/// True if `path` is a regular file, which can be read more than once.
pub fn is_regular(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn read_now(path: &Path, bytes_max: usize) -> Result<Secret<Vec<u8>>, FileError> {
    let fail = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let directory = || FileError::Directory {
        path: path.to_owned(),
    };
    let mut file = match platform::open(File::options().read(true), path) {
        // Windows denies access to a directory.
        Err(_) if path.is_dir() => return Err(directory()),
        opened => opened.map_err(fail)?,
    };
    // A directory opens on Unix and then fails to be read with a poorer message.
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(directory());
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    read_all(&mut file, size.min(bytes_max), bytes_max)
        .map_err(fail)?
        .ok_or_else(|| FileError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        })
}

/// Runs `work` on its own thread and waits for it no longer than `limit`. A hanging thread is left
/// behind: no system call interrupts the opening of a pipe without a writer.
fn within<T: Send + 'static>(
    limit: Duration,
    path: &Path,
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let fail = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let (sender, receiver) = mpsc::channel();
    // The receiver may have stopped waiting.
    let run = move || drop(sender.send(work()));
    thread::Builder::new().spawn(run).map_err(fail)?;
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        Err(fail(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no more data came within {} s", limit.as_secs()),
        )))
    })
}

/// The state of the file at `path`: what the operating system knows of it, and a hash of the content only
/// where that does not show every change.
pub(crate) fn version(path: &Path) -> Result<Version, FileError> {
    let metadata = std::fs::metadata(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut text = platform::file_version(&metadata);
    if metadata.is_file() && !platform::VERSIONS_SHOW_EVERY_CHANGE {
        let content = read_now(path, VERSION_BYTES_MAX)?;
        text.push_str(&hex::encode(Sha256::digest(content.expose())));
    }
    Ok(Version {
        text,
        is_file: metadata.is_file(),
    })
}

/// The state of a file.
pub(crate) struct Version {
    /// Differs once the file has changed.
    pub(crate) text: String,
    /// True if it is a regular file, and not a pipe for example.
    pub(crate) is_file: bool,
}

/// Creates the file `name`, for its owner alone: it appears whole or not at all. Fails if there is one.
///
/// `unique` is a text that nobody else comes upon, for the name of a temporary file: there is no lock,
/// and processes of two containers may have the same id.
pub(crate) fn create(folder: &Folder, name: &OsStr, unique: &str, bytes: &[u8]) -> io::Result<()> {
    let mut own = OsString::from(".");
    own.push(name);
    own.push(format!(".{unique}"));
    let new = TemporaryFile::create(folder, &own)?;
    new.write(bytes)?;
    new.settle(name)
}

/// Access of other users to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// Users other than its owner can read it.
    pub is_readable: bool,
    /// Users other than this one and the superuser can write or replace it.
    pub is_replaceable: bool,
}

/// Returns the access of other users to the file at `path`. Fails on Windows, where it is unknown.
pub fn exposure(path: &Path) -> io::Result<Exposure> {
    let (is_readable, is_replaceable) = platform::exposure(path)?;
    Ok(Exposure {
        is_readable,
        is_replaceable,
    })
}

/// As [`read_within`], of a stream that is open already and goes by the name of `path` in messages.
pub fn read_stream(
    limit: Duration,
    mut stream: impl Read + Send + 'static,
    path: &Path,
    bytes_max: usize,
) -> Result<Secret<Vec<u8>>, FileError> {
    let name = path.to_owned();
    within(limit, path, move || {
        match read_all(&mut stream, 0, bytes_max) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(FileError::TooLarge {
                path: name,
                bytes_max,
            }),
            Err(source) => Err(FileError::Unreadable { path: name, source }),
        }
    })
}

/// As [`read`], for a file that is not secret: wiping a large one takes time.
pub fn read_public(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    read(path, bytes_max).map(|mut bytes| std::mem::take(bytes.expose_mut()))
}

/// Everything `reader` gives, or `None` if that is more than `bytes_max` bytes. A buffer that has to
/// grow is copied and wiped by us: a growing `Vec` leaves its old memory unwiped.
pub(crate) fn read_all(
    reader: &mut impl Read,
    expected: usize,
    bytes_max: usize,
) -> io::Result<Option<Secret<Vec<u8>>>> {
    // One byte more than expected, so that the end of the file is seen without growing.
    let mut buffer = vec![0; expected + 1];
    let mut filled = 0;
    loop {
        if filled > bytes_max {
            buffer.zeroize();
            return Ok(None);
        }
        if filled == buffer.len() {
            let mut larger = vec![0; (buffer.len() * 2).max(BUFFER_BYTES_MIN)];
            for (to, from) in larger.iter_mut().zip(&buffer) {
                *to = *from;
            }
            buffer.zeroize();
            buffer = larger;
        }
        let free = buffer.get_mut(filled..).unwrap_or_default();
        match reader.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // An inherited pipe may have been set up for an event loop.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(READ_PAUSE),
            Err(error) => {
                buffer.zeroize();
                return Err(error);
            }
        }
    }
    buffer.truncate(filled);
    Ok(Some(Secret::new(buffer)))
}

/// A file that was named could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused to open or read it.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a directory.
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// It is larger than anything of its kind can be.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap.
        bytes_max: usize,
    },
}

impl FileError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Directory { path }
            | Self::TooLarge { path, .. } => path,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, .. } => write!(f, "cannot read {}", ShownName::of(path)),
            Self::Directory { path } => {
                write!(f, "{} is a directory, not a file", ShownName::of(path))
            }
            Self::TooLarge { path, bytes_max } => {
                write!(
                    f,
                    "{} is larger than {bytes_max} bytes",
                    ShownName::of(path)
                )
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Directory { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// A command ends within 50 s, whatever it waits for.
pub const STREAM_TIME_MAX: Duration = Duration::from_secs(50);

/// As much as a bundle of trust roots may have.
const VERSION_BYTES_MAX: usize = 8 * 1024 * 1024;

const READ_PAUSE: Duration = Duration::from_millis(10);
const BUFFER_BYTES_MIN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes one at a time, as a slow pipe does.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn pipe_of_unknown_length_is_read_whole() {
        let bytes = vec![7; BUFFER_BYTES_MIN * 3 + 1];
        let read = read_all(&mut Drip(&bytes), 0, bytes.len())
            .unwrap()
            .unwrap();
        assert_eq!(read.expose(), &bytes);
    }

    #[test]
    fn created_file_leaves_others_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let open = Folder::open(folder.path()).unwrap();
        let create = |bytes: &[u8]| create(&open, "token".as_ref(), "7f", bytes);
        // One of a process in another container, which may have the same id.
        let others = [
            "token.new".to_owned(),
            format!(".token.{}", std::process::id()),
        ];
        for name in &others {
            std::fs::write(at(name), "precious").unwrap();
        }
        create(b"first").unwrap();
        let error = create(b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        assert_eq!(read("token"), "first");
        for name in &others {
            assert_eq!(read(name), "precious");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn one_byte_over_the_cap_is_refused() {
        let bytes = [7; 11];
        assert!(read_all(&mut Drip(&bytes), 0, 10).unwrap().is_none());
        assert!(read_all(&mut Drip(&bytes), 0, 11).unwrap().is_some());
    }

    #[test]
    fn directory_and_absent_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path(), 10).unwrap_err();
        assert!(matches!(error, FileError::Directory { .. }), "{error}");
        let error = read(&folder.path().join("absent"), 10).unwrap_err();
        assert!(matches!(error, FileError::Unreadable { .. }), "{error}");
    }
}
