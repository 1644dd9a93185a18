//! [`TemporaryFile`]: a new file that is written under another name and then moved to its own, so that readers
//! find it whole or not at all.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write;

use crate::platform::Folder;

/// A file that is not in its place yet. It is removed unless it gets there.
pub(crate) struct TemporaryFile<'a> {
    folder: &'a Folder,
    name: OsString,
    file: File,
    is_moved: bool,
}

impl<'a> TemporaryFile<'a> {
    /// Creates the file, for its owner alone. One that a killed process left is replaced: hold a lock.
    pub(crate) fn create(folder: &'a Folder, name: &OsStr) -> io::Result<Self> {
        let file = match folder.create_file(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                folder.remove(name)?;
                folder.create_file(name)?
            }
            created => created?,
        };
        Ok(Self {
            folder,
            name: name.to_owned(),
            file,
            is_moved: false,
        })
    }

    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Writes at its end.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    /// Makes its content survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Moves it to `name`, and replaces what has that name, at once.
    pub(crate) fn replace(mut self, name: &OsStr) -> io::Result<()> {
        self.folder.rename(&self.name, name)?;
        self.is_moved = true;
        Ok(())
    }

    /// Moves it to `name`. Fails if the name is taken.
    pub(crate) fn settle(self, name: &OsStr) -> io::Result<()> {
        // The first name goes with the value.
        self.folder.link(&self.name, name)
    }
}

impl Drop for TemporaryFile<'_> {
    fn drop(&mut self) {
        // If this fails, there is an error to report already.
        if !self.is_moved && self.folder.remove(&self.name).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn size(path: &Path) -> Option<u64> {
        path.metadata().ok().map(|metadata| metadata.len())
    }

    #[test]
    fn file_that_cannot_be_moved_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let new = TemporaryFile::create(&folder, "new".as_ref()).unwrap();
        new.write(b"secret").unwrap();
        assert!(new.replace("absent/name".as_ref()).is_err());
        assert_eq!(size(&home.path().join("new")), None);
    }

    #[cfg(windows)]
    #[test]
    fn file_that_others_keep_open_is_emptied() {
        use std::os::windows::fs::OpenOptionsExt;

        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new");
        let folder = Folder::open(home.path()).unwrap();
        let new = TemporaryFile::create(&folder, "new".as_ref()).unwrap();
        new.write(b"secret").unwrap();
        let mut options = std::fs::OpenOptions::new();
        // Reading and writing is shared, removing is not.
        let held = options.read(true).share_mode(3).open(&path).unwrap();
        assert!(new.replace("name".as_ref()).is_err());
        assert_eq!(size(&path), Some(0));
        drop(held);
    }
}
