//! A folder of our own where there are no modes: it lies in the user's profile, which others cannot
//! read.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// A folder in the user's profile.
#[derive(Debug)]
pub(crate) struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Opens the folder, and makes it if it is not there. Refuses a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        match fs::symlink_metadata(path)?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(refused("it is a link")),
        }
    }

    /// A file's content, of at most `bytes_max` bytes; `None` if there is no such file.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<(File, usize)>> {
        let path = self.0.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if !metadata.is_file() => return Err(refused("it is not a file")),
            Ok(_) | Err(_) => {}
        }
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        match length <= bytes_max {
            true => Ok(Some((file, length))),
            false => Err(refused("it is too large")),
        }
    }

    /// Puts a file with this content in the place of `name`. One writer at a time: hold a lock.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.0.join(format!("{name}.new"));
        File::create(&new)?.write_all(bytes)?;
        fs::rename(new, self.0.join(name))
    }

    /// Removes a file. One that is not there is as good.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A file to hold a lock on.
    pub(crate) fn open_lock(&self, name: &str) -> io::Result<File> {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.0.join(name))
    }

    /// What `read` makes of the names of what lies in it, `count_max` at most.
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
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
