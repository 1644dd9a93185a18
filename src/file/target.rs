//! [`Target`]: the file behind a path, with all links followed and missing directories created.
//!
//! In a directory that any user can write, only links of this user or of the directory's owner are
//! followed. The superuser follows a link only if no other user could have made it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::file::write_error::WriteError;
use crate::platform;
use crate::platform::Entry;
use crate::platform::Folder;
use crate::platform::Kind;
use crate::platform::Rights;

/// A file that is to be written, which need not exist.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) folder: Folder,
    pub(crate) directory: PathBuf,
    pub(crate) name: OsString,
    /// This is the superuser, and another user could put another file or directory in the way.
    pub(crate) is_exposed: bool,
}

impl Target {
    /// Follows `path` to its end.
    pub(crate) fn resolve(path: &Path) -> Result<Self, WriteError> {
        let absolute = std::path::absolute(path).map_err(|source| unresolvable(path, source))?;
        let mut walk = Walk {
            at: PathBuf::new(),
            folders: Vec::new(),
            ahead: parts(&absolute),
            links: 0,
            is_exposed: false,
        };
        while let Some(part) = walk.ahead.pop_front() {
            if let Some(name) = walk.step(part)? {
                return walk.target(name);
            }
        }
        Err(WriteError::NotAFile {
            path: path.to_owned(),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// The name of what is made beside the file: hidden, and named for it and for what made it.
    pub(crate) fn sibling(&self, extension: &str) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".aws_signing_helper.");
        name.push(extension);
        name
    }
}

/// A way through the file system, part by part.
struct Walk {
    /// A directory, without links in its path.
    at: PathBuf,
    /// The directories of that path, open.
    folders: Vec<Folder>,
    ahead: VecDeque<Part>,
    links: usize,
    is_exposed: bool,
}

enum Part {
    /// `/`, or a drive.
    Root(PathBuf),
    /// `..`
    Up,
    Name(OsString),
}

fn parts(path: &Path) -> VecDeque<Part> {
    path.components()
        .filter_map(|component| match component {
            Component::Prefix(_) | Component::RootDir => {
                Some(Part::Root(component.as_os_str().into()))
            }
            Component::CurDir => None,
            Component::ParentDir => Some(Part::Up),
            Component::Normal(name) => Some(Part::Name(name.to_owned())),
        })
        .collect()
}

impl Walk {
    /// Follows one more part of the path. The last part is the target's name.
    fn step(&mut self, part: Part) -> Result<Option<OsString>, WriteError> {
        let name = match part {
            Part::Root(root) => {
                self.at.push(root);
                // A drive is a directory only with the `\\` behind it.
                if !matches!(self.ahead.front(), Some(Part::Root(_))) {
                    let root = Folder::open(&self.at);
                    self.folders = vec![root.map_err(|source| unresolvable(&self.at, source))?];
                }
                return Ok(None);
            }
            Part::Up => {
                if self.folders.len() > 1 {
                    self.at.pop();
                    self.folders.pop();
                }
                return Ok(None);
            }
            Part::Name(name) => name,
        };
        let rights = self.rights()?;
        let path = self.at.join(&name);
        let entry = self.folder()?.entry(&name);
        match entry.map_err(|source| unresolvable(&path, source))? {
            Some(entry) if entry.kind == Kind::Link => {
                self.check_link(&path, rights, entry)?;
                self.follow(&path, &name)?;
            }
            Some(entry) if self.ahead.is_empty() => {
                self.check_file(path, rights, entry)?;
                return Ok(Some(name));
            }
            None if self.ahead.is_empty() => return Ok(Some(name)),
            Some(_) => self.enter(name, path)?,
            None => {
                self.create(&name, &path)?;
                self.enter(name, path)?;
            }
        }
        Ok(None)
    }

    fn target(mut self, name: OsString) -> Result<Target, WriteError> {
        let folder = self.folders.pop();
        Ok(Target {
            folder: folder.ok_or_else(|| nowhere(&self.at))?,
            directory: self.at,
            name,
            is_exposed: self.is_exposed,
        })
    }

    fn folder(&self) -> Result<&Folder, WriteError> {
        self.folders.last().ok_or_else(|| nowhere(&self.at))
    }

    /// Permissions of the directory in which the next part is looked up. The superuser passes through a
    /// world-writable directory, with care, but not through one that another user owns.
    fn rights(&mut self) -> Result<Rights, WriteError> {
        let rights = self.folder()?.rights();
        let rights = rights.map_err(|source| unresolvable(&self.at, source))?;
        if platform::is_superuser() && rights.others_can_replace() {
            if !rights.everybody_can_write() {
                return Err(WriteError::DirectoryOfOthers {
                    directory: self.at.clone(),
                });
            }
            self.is_exposed = true;
        }
        Ok(rights)
    }

    fn check_link(&self, link: &Path, directory: Rights, entry: Entry) -> Result<(), WriteError> {
        let is_trusted = entry.rights.is_ours() || entry.rights.has_owner_of(directory);
        let is_followed = match platform::is_superuser() {
            true => {
                let is_superusers = entry.rights.is_superusers();
                !self.is_exposed && (is_superusers || !directory.others_can_write())
            }
            false => is_trusted || !directory.everybody_can_write(),
        };
        match is_followed {
            true => Ok(()),
            false => Err(WriteError::LinkOfOthers {
                link: link.to_owned(),
            }),
        }
    }

    /// A file where others can put files: it may have been put there to get at what is written, also by
    /// a second name of a file that others can read.
    fn check_file(&self, path: PathBuf, directory: Rights, entry: Entry) -> Result<(), WriteError> {
        if entry.kind != Kind::File {
            return Ok(());
        }
        let is_trusted = match platform::is_superuser() {
            true => entry.rights.is_superusers() || !directory.others_can_write(),
            // The owner of the directory may be a stranger too.
            false => {
                let is_trusted = entry.rights.is_ours() || entry.rights.is_superusers();
                is_trusted || !directory.everybody_can_write()
            }
        };
        let is_only = entry.has_one_name || !directory.everybody_can_write();
        match is_trusted && is_only {
            true => Ok(()),
            false => Err(WriteError::FileOfOthers { path }),
        }
    }

    fn follow(&mut self, link: &Path, name: &OsString) -> Result<(), WriteError> {
        self.links += 1;
        if self.links > LINKS_MAX {
            let source = io::Error::other("too many links");
            return Err(unresolvable(link, source));
        }
        let target = self.folder()?.read_link(name);
        let target = target.map_err(|source| unresolvable(link, source))?;
        let mut ahead = parts(&target);
        ahead.append(&mut self.ahead);
        self.ahead = ahead;
        Ok(())
    }

    fn create(&self, name: &OsString, path: &Path) -> Result<(), WriteError> {
        let folder = self.folder()?;
        match folder.create_folder(name).and_then(|()| folder.sync()) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(source) => Err(WriteError::DirectoryNotCreated {
                directory: path.to_owned(),
                source,
            }),
            Ok(()) => Ok(()),
        }
    }

    fn enter(&mut self, name: OsString, path: PathBuf) -> Result<(), WriteError> {
        let folder = self.folder()?.open_folder(&name);
        let folder = folder.map_err(|source| unresolvable(&path, source))?;
        self.folders.push(folder);
        self.at = path;
        Ok(())
    }
}

fn unresolvable(path: &Path, source: io::Error) -> WriteError {
    WriteError::Unresolvable {
        path: path.to_owned(),
        source,
    }
}

/// A path that begins nowhere, which no absolute path does.
fn nowhere(path: &Path) -> WriteError {
    unresolvable(path, io::ErrorKind::NotFound.into())
}

/// As many as Linux follows.
const LINKS_MAX: usize = 40;
