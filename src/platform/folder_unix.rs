//! [`Folder`]: an open directory on Unix. Every operation is relative to its descriptor and follows no
//! link, so that renaming a part of its path cannot redirect it.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Access;
use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::RawMode;
use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::process::RawUid;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// Kind of directory entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) rights: Rights,
    /// True if it has no second hard link.
    pub(crate) has_one_name: bool,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    /// A FIFO, a socket or a device.
    Other,
}

/// Owner and mode of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    owner: RawUid,
    mode: RawMode,
}

impl Folder {
    /// Opens the directory at `path`, behind links too.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let folder = rustix::fs::open(path, WALK | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self(folder))
    }

    /// Opens a directory in this one.
    pub(crate) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = WALK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(
            &self.0,
            name,
            flags,
            Mode::empty(),
        )?))
    }

    /// Owner and mode of the directory.
    pub(crate) fn rights(&self) -> io::Result<Rights> {
        Ok(rights(&rustix::fs::fstat(&self.0)?))
    }

    /// Fails if this process may not create files in it.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        Ok(rustix::fs::accessat(
            &self.0,
            ".",
            Access::WRITE_OK,
            AtFlags::empty(),
        )?)
    }

    /// Entry called `name`, if there is one.
    pub(crate) fn entry(&self, name: &OsStr) -> io::Result<Option<Entry>> {
        let stat = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            stat => stat?,
        };
        Ok(Some(entry(&stat)))
    }

    /// Target of the link `name`.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// Creates a directory that only its owner can use, under any umask.
    pub(crate) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        let mode = Mode::from_raw_mode(PRIVATE_FOLDER);
        rustix::fs::mkdirat(&self.0, name, mode)?;
        let created = self.open_folder(name);
        match created {
            Ok(created) => created.ensure_private(),
            // The umask removed the read permission, which is needed to open it without O_PATH.
            Err(_) if !HAS_PATH => Ok(rustix::fs::chmodat(&self.0, name, mode, AtFlags::empty())?),
            Err(error) => Err(error),
        }
    }

    fn ensure_private(&self) -> io::Result<()> {
        let rights = self.rights()?;
        if !rights.is_ours() || rights.mode & PERMISSIONS == PRIVATE_FOLDER {
            return Ok(());
        }
        let mode = Mode::from_raw_mode(PRIVATE_FOLDER);
        if !HAS_PATH {
            return Ok(rustix::fs::fchmod(&self.0, mode)?);
        }
        // A descriptor that was opened by O_PATH takes no fchmod.
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        Ok(rustix::fs::chmod(path, mode)?)
    }

    /// Creates a file that only its owner can use, under any umask, and opens it for writing. Fails if
    /// the name is taken.
    pub(crate) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let file = self.open_at(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        ensure_private(&file)?;
        Ok(file)
    }

    /// Opens a file for reading, and does not wait for the writer of a FIFO.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        self.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// Opens a file for reading and writing, and does not wait for the reader of a FIFO.
    pub(crate) fn open_file_to_write(&self, name: &OsStr) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR | OFlags::NONBLOCK)
    }

    /// Opens a file to lock, and creates it if it is not there.
    pub(crate) fn open_lock(&self, name: &OsStr) -> io::Result<File> {
        let file = self.open_at(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&file)?;
        if rights(&stat).is_ours() && entry(&stat).kind == Kind::File {
            ensure_private(&file)?;
        }
        Ok(file)
    }

    fn open_at(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        let mode = Mode::from_raw_mode(PRIVATE_FILE);
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, mode)?))
    }

    /// Moves a file to another name in the directory, and replaces what has that name, at once.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Gives a file a second name in the directory. Fails if the name is taken.
    pub(crate) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(&self.0, from, &self.0, to, flags)?)
    }

    /// Removes a file. One that is not there is as good.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the names in the directory survive a power cut, where the file system knows how to.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self.readable()?.sync_all() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
                ) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    /// Maps `read` over the names in the directory, `count_max` at most.
    pub(crate) fn names<T>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        count_max: usize,
    ) -> io::Result<Vec<T>> {
        Dir::read_from(&self.readable()?)?
            .filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().to_str().ok().and_then(&read).map(Ok),
                Err(error) => Some(Err(error.into())),
            })
            .take(count_max)
            .collect()
    }

    fn readable(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &self.0,
            ".",
            flags,
            Mode::empty(),
        )?))
    }

    /// True if something is mounted at `name` itself, so that no other file can take its place; `false`
    /// if the system cannot tell.
    pub(crate) fn is_mount_point(&self, name: &OsStr) -> bool {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::StatxAttributes;
            use rustix::fs::StatxFlags;

            let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
            let found = rustix::fs::statx(&self.0, name, flags, StatxFlags::empty());
            if let Ok(found) = found
                && found
                    .stx_attributes_mask
                    .contains(StatxAttributes::MOUNT_ROOT)
            {
                return found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
            }
        }
        let folder = rustix::fs::fstat(&self.0);
        let file = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
        matches!((folder, file), (Ok(folder), Ok(file)) if folder.st_dev != file.st_dev)
    }

    /// True if `name` still refers to this open file.
    pub(crate) fn is_at(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        let open = rustix::fs::fstat(file)?;
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (open.st_dev, open.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Entry {
    /// Metadata of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(entry(&rustix::fs::fstat(file)?))
    }
}

impl Rights {
    /// Owner and mode of the file at `path`, behind links too.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(rights(&rustix::fs::stat(path)?))
    }

    /// True if this process's user is the owner.
    pub(crate) fn is_ours(self) -> bool {
        self.owner == rustix::process::geteuid().as_raw()
    }

    /// True if the superuser is the owner.
    pub(crate) fn is_superusers(self) -> bool {
        self.owner == 0
    }

    /// True if both have one owner.
    pub(crate) fn has_owner_of(self, other: Self) -> bool {
        self.owner == other.owner
    }

    /// True if it is a file that only its owner can access, and not executable.
    pub(crate) fn is_private_file(self) -> bool {
        self.mode & 0o177 == 0
    }

    /// True if users other than the owner can read it.
    pub(crate) fn others_can_read(self) -> bool {
        self.mode & 0o044 != 0
    }

    /// True if users other than the superuser can write it.
    pub(crate) fn others_can_write(self) -> bool {
        !self.is_superusers() || self.mode & 0o022 != 0
    }

    /// True if any user can write it, and so create files in it.
    pub(crate) fn everybody_can_write(self) -> bool {
        self.mode & 0o002 != 0
    }

    /// True if users other than the superuser can replace the superuser's files in this directory.
    pub(crate) fn others_can_replace(self) -> bool {
        self.others_can_write() && !(self.is_superusers() && self.mode & STICKY != 0)
    }

    /// True if users other than the superuser and this one can write it, or its owner is one of them.
    pub(crate) fn strangers_can_write(self) -> bool {
        self.is_strangers() || self.mode & 0o022 != 0
    }

    /// True if users other than the superuser and this one can replace what these two have in this
    /// directory.
    pub(crate) fn strangers_can_replace(self) -> bool {
        self.strangers_can_write() && (self.is_strangers() || self.mode & STICKY == 0)
    }

    fn is_strangers(self) -> bool {
        !self.is_superusers() && !self.is_ours()
    }

    /// Fault of a directory that must be private to this user; `None` if it is private.
    pub(crate) fn flaw(self) -> Option<String> {
        let user = rustix::process::geteuid().as_raw();
        if self.owner != user {
            let owner = self.owner;
            return Some(format!(
                "it belongs to the user id {owner}, not to the current one, {user}"
            ));
        }
        let mode = self.mode & PERMISSIONS;
        (mode & 0o077 != 0).then(|| {
            format!("its mode is {mode:04o}, so that others can use it; it has to be 0700")
        })
    }
}

/// Gives a file that is ours the mode that the umask took away.
fn ensure_private(file: &File) -> io::Result<()> {
    let stat = rustix::fs::fstat(file.as_fd())?;
    if rights(&stat).mode & PERMISSIONS & PRIVATE_FILE == PRIVATE_FILE {
        return Ok(());
    }
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(PRIVATE_FILE))?)
}

fn entry(stat: &Stat) -> Entry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    Entry {
        kind,
        rights: rights(stat),
        has_one_name: stat.st_nlink == 1,
    }
}

fn rights(stat: &Stat) -> Rights {
    Rights {
        owner: stat.st_uid,
        mode: stat.st_mode,
    }
}

/// A directory in a path need not be readable, only searchable.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WALK: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const WALK: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// True if directories are opened by O_PATH.
const HAS_PATH: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Opens a file. No other program keeps this one from it.
pub(crate) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

const PRIVATE_FILE: RawMode = 0o600;
const PRIVATE_FOLDER: RawMode = 0o700;
const PERMISSIONS: RawMode = 0o777;
const STICKY: RawMode = 0o1000;
