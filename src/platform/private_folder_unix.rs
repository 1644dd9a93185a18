//! A folder of our own on Unix: its files are opened below it, and no link is followed.

use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

/// A folder that only its owner can use, who is us.
#[derive(Debug)]
pub(crate) struct PrivateFolder(OwnedFd);

impl PrivateFolder {
    /// Opens the folder, and makes it if it is not there. Refuses a link, a folder of somebody else's
    /// and one that others can use.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // With a slash at its end, a link would be followed.
        let path: PathBuf = path.components().collect();
        let open = || rustix::fs::open(&path, flags, Mode::empty());
        let folder = match open() {
            Err(Errno::NOENT) => {
                let mut builder = DirBuilder::new();
                builder.recursive(true).mode(0o700).create(&path)?;
                open()?
            }
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&folder)?;
        match is_ours(&stat) && stat.st_mode & 0o077 == 0 {
            true => Ok(Self(folder)),
            false => Err(refused("it is not a folder that only its owner can use")),
        }
    }

    /// A file's content, of at most `bytes_max` bytes; `None` if there is no such file. Refuses one
    /// that has a second name or is anybody else's to use.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<(File, usize)>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = match self.open_below(name, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&file)?;
        if stat.st_nlink != 1 || stat.st_mode & 0o177 != 0 {
            return Err(refused("it is not a file that only its owner can use"));
        }
        let length = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        match length <= bytes_max {
            true => Ok(Some((file, length))),
            false => Err(refused("it is too large")),
        }
    }

    /// Puts a file with this content in the place of `name`, at once. One writer at a time: hold a
    /// lock.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{name}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = match self.open_below(&new, flags) {
            // Left behind by a writer that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(&new)?;
                self.open_below(&new, flags)
            }
            opened => opened,
        }?;
        let written = file
            .write_all(bytes)
            .and_then(|()| Ok(rustix::fs::renameat(&self.0, &new, &self.0, name)?));
        if written.is_err() {
            let _ = self.remove(&new);
        }
        written
    }

    /// Removes a file. One that is not there is as good.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A file to hold a lock on. Nothing is in it, so that its mode does not matter.
    pub(crate) fn open_lock(&self, name: &str) -> io::Result<File> {
        self.open_below(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK)
    }

    /// What `read` makes of the names of what lies in it, `count_max` at most.
    pub(crate) fn names<T>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        count_max: usize,
    ) -> io::Result<Vec<T>> {
        Dir::read_from(&self.0)?
            .filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().to_str().ok().and_then(&read).map(Ok),
                Err(error) => Some(Err(error.into())),
            })
            .take(count_max)
            .collect()
    }

    /// Opens a regular file of ours.
    fn open_below(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o600))?;
        let stat = rustix::fs::fstat(&file)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        match is_file && is_ours(&stat) {
            true => Ok(File::from(file)),
            false => Err(refused("it is not a file of ours")),
        }
    }
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
