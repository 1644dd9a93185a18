//! [`PrivateFolder`]: a folder that only its owner can use, with small files in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::file::lock::Lock;
use crate::file::temporary_file::TemporaryFile;
use crate::platform::Entry;
use crate::platform::Folder;
use crate::platform::Kind;

/// A folder of this user's.
#[derive(Debug)]
pub(crate) struct PrivateFolder(Folder);

impl PrivateFolder {
    /// Opens the folder, and creates it and its parents if necessary. Fails if it is a link, belongs to
    /// another user or is accessible to others; the error says which.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // With a slash at its end, a link would be followed.
        let path: PathBuf = path.components().collect();
        let folder = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => open_or_create_in(&open_or_create(parent)?, name)?,
            _ => Folder::open(&path)?,
        };
        match folder.rights()?.flaw() {
            None => Ok(Self(folder)),
            Some(flaw) => Err(refused(flaw)),
        }
    }

    /// Fails if no file can be created. Nothing is written for it.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        self.0.check_writable()
    }

    /// A file's content, of at most `bytes_max` bytes; `None` if it does not exist. Fails if it has a
    /// second hard link or is accessible to others.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<(File, usize)>> {
        let file = match self.0.open_file(name.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let entry = ours(&file)?;
        if !entry.has_one_name || !entry.rights.is_private_file() {
            return Err(refused("it is not a file that only its owner can use"));
        }
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        match length <= bytes_max {
            true => Ok(Some((file, length))),
            false => Err(refused("it is too large")),
        }
    }

    /// Puts a file with this content in the place of `name`, at once. One writer at a time: hold a
    /// lock.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{name}.new");
        let new = TemporaryFile::create(&self.0, new.as_ref())?;
        new.write(bytes)?;
        new.replace(name.as_ref())
    }

    /// Removes a file. One that is not there is as good.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name.as_ref())
    }

    /// Takes the lock `name`; `None` while another process holds it.
    pub(crate) fn try_lock(&self, name: &str) -> io::Result<Option<Lock>> {
        Lock::try_take(&self.0, name.as_ref())
    }

    /// Maps `read` over the names in it, `count_max` at most.
    pub(crate) fn names<T>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        count_max: usize,
    ) -> io::Result<Vec<T>> {
        self.0.names(read, count_max)
    }
}

/// The folder `name` in `parent`, and not where a link of this name leads.
fn open_or_create_in(parent: &Folder, name: &OsStr) -> io::Result<Folder> {
    match parent.entry(name)?.map(|entry| entry.kind) {
        None => create(parent, name)?,
        Some(Kind::Folder) => {}
        Some(Kind::Link) => return Err(refused("it is a link, which is not followed")),
        Some(Kind::File | Kind::Other) => return Err(refused("it is not a folder")),
    }
    parent.open_folder(name)
}

/// The folder at `path`, with those above it that are missing.
fn open_or_create(path: &Path) -> io::Result<Folder> {
    match (Folder::open(path), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let parent = open_or_create(parent)?;
            create(&parent, name)?;
            parent.open_folder(name)
        }
        (opened, _, _) => opened,
    }
}

fn create(parent: &Folder, name: &OsStr) -> io::Result<()> {
    match parent.create_folder(name) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Returns a file's metadata; fails unless it is a regular file of this user.
fn ours(file: &File) -> io::Result<Entry> {
    let entry = Entry::of(file)?;
    match entry.kind == Kind::File && entry.rights.is_ours() {
        true => Ok(entry),
        false => Err(refused("it is not a file of this user's")),
    }
}

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_created_with_those_above_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/c");
        let folder = PrivateFolder::open(&path).unwrap();
        folder.replace("name", b"text").unwrap();
        folder.replace("name", b"new").unwrap();
        assert_eq!(std::fs::read(path.join("name")).unwrap(), b"new");
        let (_, length) = PrivateFolder::open(&path)
            .unwrap()
            .read("name", 3)
            .unwrap()
            .unwrap();
        assert_eq!(length, 3);
        assert!(folder.read("name", 2).is_err());
        assert!(folder.read("none", 2).unwrap().is_none());
    }

    #[test]
    fn lock_is_held_until_dropped() {
        let home = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::open(&home.path().join("a")).unwrap();
        let lock = folder.try_lock("lock").unwrap();
        assert!(lock.is_some());
        assert!(folder.try_lock("lock").unwrap().is_none());
        drop(lock);
        let again = folder.try_lock("lock").unwrap();
        assert!(again.is_some());
    }

    #[cfg(unix)]
    #[test]
    fn refused_folder_says_what_is_wrong() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::fs::chown;
        use std::os::unix::fs::symlink;

        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let error = |path: &Path| PrivateFolder::open(path).unwrap_err().to_string();
        fs::create_dir(at("folder")).unwrap();
        let mut said = Vec::new();
        for mode in [0o755, 0o777, 0o710, 0o701] {
            fs::set_permissions(at("folder"), fs::Permissions::from_mode(mode)).unwrap();
            said.push(error(&at("folder")));
        }
        fs::set_permissions(at("folder"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink(at("folder"), at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        said.extend(["link", "link/", "file"].map(|name| error(&at(name))));
        snapbox::assert_data_eq!(
            said.join("\n"),
            snapbox::file!["../../tests/suite/snapshots/folders-that-are-refused.txt"]
        );
        if chown(at("folder"), Some(12345), None).is_ok() {
            snapbox::assert_data_eq!(
                error(&at("folder")),
                snapbox::file!["../../tests/suite/snapshots/folder-of-somebody-else.txt"]
            );
        }
    }
}
