//! [`Target`]: the file behind a path, with all links followed.
//!
//! To write a file, missing directories are created. In a directory that any user can write, only links
//! of this user or of the directory's owner are followed, and only directories and files of this user or
//! of the superuser are used. The superuser follows a link only if no other user could have made it.
//!
//! To trust a file's content, no link is followed that another user could have made, nor one of theirs.

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

/// A file that is to be written or relied on, which need not exist.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) folder: Folder,
    pub(crate) directory: PathBuf,
    pub(crate) name: OsString,
    /// Another user could put another file or directory in the way. Of a file to write, this is true for
    /// the superuser alone.
    pub(crate) is_exposed: bool,
    /// Of the directory.
    rights: Rights,
}

/// What is done with the file at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Secrets are written.
    Write,
    /// Its content is relied on.
    Trust,
}

impl Target {
    /// Follows `path` to its end, to write the file there. Creates missing directories.
    pub(crate) fn to_write(path: &Path) -> Result<Self, WriteError> {
        Self::resolve(path, Purpose::Write)
    }

    /// Follows `path` to its end, to rely on what is in the file there.
    pub(crate) fn to_trust(path: &Path) -> Result<Self, WriteError> {
        Self::resolve(path, Purpose::Trust)
    }

    fn resolve(path: &Path, purpose: Purpose) -> Result<Self, WriteError> {
        let absolute = std::path::absolute(path).map_err(|source| unresolvable(path, source))?;
        let mut walk = Walk {
            purpose,
            at: PathBuf::new(),
            folders: Vec::new(),
            ahead: parts(&absolute),
            links: 0,
            is_exposed: false,
        };
        while let Some(part) = walk.ahead.pop_front() {
            if let Some((name, rights)) = walk.step(part)? {
                return walk.target(name, rights);
            }
        }
        Err(WriteError::NotAFile {
            path: path.to_owned(),
        })
    }

    /// Refuses a file where others can put files: it may have been put there to get at what is written,
    /// also by a second name of a file that others can read.
    pub(crate) fn check(&self, file: Entry) -> Result<(), WriteError> {
        if file.kind != Kind::File {
            return Ok(());
        }
        let is_trusted = match platform::is_superuser() {
            true => file.rights.is_superusers() || !self.rights.others_can_write(),
            false => is_trusted_in(self.rights, file.rights),
        };
        let is_only = file.has_one_name || !self.rights.everybody_can_write();
        match is_trusted && is_only {
            true => Ok(()),
            false => Err(WriteError::FileOfOthers { path: self.path() }),
        }
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
    purpose: Purpose,
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
    /// Follows one more part of the path. The last part is the target's name, in a directory with these rights.
    fn step(&mut self, part: Part) -> Result<Option<(OsString, Rights)>, WriteError> {
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
            _ if self.ahead.is_empty() => return Ok(Some((name, rights))),
            entry => {
                if entry.is_none() && self.purpose == Purpose::Write {
                    self.create(&name, &path)?;
                }
                self.enter(name, path, rights)?;
            }
        }
        Ok(None)
    }

    fn target(mut self, name: OsString, rights: Rights) -> Result<Target, WriteError> {
        // Who trusts the file opens it first: it may be replaced until then.
        self.is_exposed |= self.purpose == Purpose::Trust && rights.strangers_can_write();
        let folder = self.folders.pop();
        Ok(Target {
            folder: folder.ok_or_else(|| nowhere(&self.at))?,
            directory: self.at,
            name,
            is_exposed: self.is_exposed,
            rights,
        })
    }

    fn folder(&self) -> Result<&Folder, WriteError> {
        self.folders.last().ok_or_else(|| nowhere(&self.at))
    }

    /// Permissions of the directory in which the next part is looked up. The superuser writes through a
    /// world-writable directory, with care, but not through one that another user owns.
    fn rights(&mut self) -> Result<Rights, WriteError> {
        let rights = self.folder()?.rights();
        let rights = rights.map_err(|source| unresolvable(&self.at, source))?;
        if self.purpose == Purpose::Trust {
            self.is_exposed |= rights.strangers_can_replace();
            return Ok(rights);
        }
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
        let is_superusers = entry.rights.is_superusers();
        let is_followed = match self.purpose {
            Purpose::Trust => {
                let is_shared = self.is_exposed || directory.strangers_can_write();
                is_superusers || entry.rights.is_ours() || !is_shared
            }
            Purpose::Write if platform::is_superuser() => {
                !self.is_exposed && (is_superusers || !directory.others_can_write())
            }
            Purpose::Write => is_trusted || !directory.everybody_can_write(),
        };
        match is_followed {
            true => Ok(()),
            false => Err(WriteError::LinkOfOthers {
                link: link.to_owned(),
            }),
        }
    }

    fn follow(&mut self, link: &Path, name: &OsString) -> Result<(), WriteError> {
        self.links += 1;
        if self.links > LINKS_MAX {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "too many links");
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

    fn enter(
        &mut self,
        name: OsString,
        path: PathBuf,
        directory: Rights,
    ) -> Result<(), WriteError> {
        let opened = self.folder()?.open_folder(&name);
        let opened = opened.and_then(|folder| Ok((folder.rights()?, folder)));
        let (rights, folder) = opened.map_err(|source| unresolvable(&path, source))?;
        // The superuser's own rule applies to what is in it.
        let is_trusted = platform::is_superuser() || is_trusted_in(directory, rights);
        if self.purpose == Purpose::Write && !is_trusted {
            return Err(WriteError::FileOfOthers { path });
        }
        self.folders.push(folder);
        self.at = path;
        Ok(())
    }
}

/// Whether no stranger made what is in this directory. The owner of the directory may be one too.
fn is_trusted_in(directory: Rights, rights: Rights) -> bool {
    rights.is_ours() || rights.is_superusers() || !directory.everybody_can_write()
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
