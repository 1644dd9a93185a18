//! [`Folder`]: a directory where there are no modes and no descriptors of directories. Its files have
//! the access control list that it hands down; in a user's profile, others cannot read it.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// A directory.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

/// Kind of directory entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) rights: Rights,
    /// True if it has no second hard link, as far as is known.
    pub(crate) has_one_name: bool,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    /// A device.
    Other,
}

/// Access rights of files are unknown here; the checks that depend on them apply to Unix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights;

impl Folder {
    /// The directory at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// A directory in this one.
    pub(crate) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.0.join(name);
        match fs::symlink_metadata(&path)?.is_dir() {
            true => Ok(Self(path)),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Unknown: see [`Rights`].
    pub(crate) fn rights(&self) -> io::Result<Rights> {
        Ok(Rights)
    }

    /// Unknown: see [`Rights`].
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        Ok(())
    }

    /// Entry called `name`, if there is one.
    pub(crate) fn entry(&self, name: &OsStr) -> io::Result<Option<Entry>> {
        match fs::symlink_metadata(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            metadata => Ok(Some(entry(&metadata?))),
        }
    }

    /// Target of the link `name`.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        fs::read_link(self.0.join(name))
    }

    /// Creates a directory.
    pub(crate) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    /// Creates a file and opens it for writing. Fails if the name is taken.
    pub(crate) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        self.open_with(options.write(true).create_new(true), name)
    }

    /// Opens a file for reading.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        self.open_with(OpenOptions::new().read(true), name)
    }

    /// Opens a file for reading and writing.
    pub(crate) fn open_file_to_write(&self, name: &OsStr) -> io::Result<File> {
        self.open_with(OpenOptions::new().read(true).write(true), name)
    }

    /// Opens a file to lock, and creates it if it is not there.
    pub(crate) fn open_lock(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        self.open_with(&options, name)
    }

    fn open_with(&self, options: &OpenOptions, name: &OsStr) -> io::Result<File> {
        open(options, &self.0.join(name))
    }

    /// Moves a file to another name in the directory, and replaces what has that name, at once.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let (from, to) = (self.0.join(from), self.0.join(to));
        while_in_use(is_in_use_or_denied, || fs::rename(&from, &to))
    }

    /// Gives a file a second name in the directory. Fails if the name is taken.
    pub(crate) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::hard_link(self.0.join(from), self.0.join(to))
    }

    /// Removes a file. One that is not there is as good.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        let path = self.0.join(name);
        match while_in_use(is_in_use, || fs::remove_file(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Nothing to do: Windows has no such call for directories, and NTFS keeps a log of them.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Maps `read` over the names in the directory, `count_max` at most.
    pub(crate) fn names<T>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        count_max: usize,
    ) -> io::Result<Vec<T>> {
        fs::read_dir(&self.0)?
            .filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().to_str().and_then(&read).map(Ok),
                Err(error) => Some(Err(error)),
            })
            .take(count_max)
            .collect()
    }

    /// A file is not a mount point here.
    pub(crate) fn is_mount_point(&self, _name: &OsStr) -> bool {
        false
    }

    /// An open file cannot be replaced here.
    pub(crate) fn is_at(&self, _name: &OsStr, _file: &File) -> io::Result<bool> {
        Ok(true)
    }
}

impl Entry {
    /// Metadata of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(entry(&file.metadata()?))
    }
}

impl Rights {
    pub(crate) fn is_ours(self) -> bool {
        true
    }

    pub(crate) fn is_superusers(self) -> bool {
        false
    }

    pub(crate) fn has_owner_of(self, _other: Self) -> bool {
        true
    }

    pub(crate) fn is_private_file(self) -> bool {
        true
    }

    pub(crate) fn others_can_read(self) -> bool {
        false
    }

    pub(crate) fn others_can_write(self) -> bool {
        false
    }

    pub(crate) fn everybody_can_write(self) -> bool {
        false
    }

    pub(crate) fn others_can_replace(self) -> bool {
        false
    }

    pub(crate) fn strangers_can_write(self) -> bool {
        false
    }

    pub(crate) fn strangers_can_replace(self) -> bool {
        false
    }

    pub(crate) fn flaw(self) -> Option<String> {
        None
    }
}

fn entry(metadata: &Metadata) -> Entry {
    let kind = match metadata {
        metadata if metadata.is_symlink() => Kind::Link,
        metadata if metadata.is_file() => Kind::File,
        metadata if metadata.is_dir() => Kind::Folder,
        _ => Kind::Other,
    };
    Entry {
        kind,
        rights: Rights,
        has_one_name: true,
    }
}

/// Opens a file, once other programs share it.
pub(crate) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    while_in_use(is_in_use, || options.open(path))
}

/// Retries `work` while another program, a virus scanner for one, has the file open and shares it with
/// nobody.
fn while_in_use<T>(
    is_in_use: fn(&io::Error) -> bool,
    work: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    let end = Instant::now() + WAIT_MAX;
    loop {
        match work() {
            Err(error) if is_in_use(&error) && Instant::now() < end => thread::sleep(PAUSE),
            result => return result,
        }
    }
}

fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
}

/// A rename is denied for the same reason.
fn is_in_use_or_denied(error: &io::Error) -> bool {
    is_in_use(error) || error.raw_os_error() == Some(ERROR_ACCESS_DENIED)
}

const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_SHARING_VIOLATION: i32 = 32;

const WAIT_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
