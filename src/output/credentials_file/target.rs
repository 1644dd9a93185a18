//! [`Target`]: the file behind a path, with all links followed and missing directories made.
//!
//! The superuser follows a link only where nobody else could have made it, and goes through no
//! directory in which somebody else could put another file in the place of ours.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::output::credentials_file::error::CredentialsFileError;
use crate::platform;

/// A file that is to be written, which need not exist.
#[derive(Debug)]
pub(crate) struct Target {
    directory: PathBuf,
    name: OsString,
}

impl Target {
    /// Follows `path` to its end.
    pub(crate) fn resolve(path: &Path) -> Result<Self, CredentialsFileError> {
        let absolute = std::path::absolute(path).map_err(|source| unresolvable(path, source))?;
        let mut walk = Walk {
            at: PathBuf::new(),
            ahead: parts(&absolute),
            links: 0,
        };
        while let Some(part) = walk.ahead.pop_front() {
            if let Some(target) = walk.step(part)? {
                return Ok(target);
            }
        }
        Err(CredentialsFileError::NotAFile {
            path: path.to_owned(),
        })
    }

    /// Where the file is, and all that is made beside it.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// What is made beside the file: hidden, and named for it and for what made it.
    pub(crate) fn sibling(&self, extension: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".aws_signing_helper.");
        name.push(extension);
        self.directory.join(name)
    }
}

/// A way through the file system, part by part.
struct Walk {
    /// A directory, without links in its path.
    at: PathBuf,
    ahead: VecDeque<Part>,
    links: usize,
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
    /// Goes on by a part; the last one is the target.
    fn step(&mut self, part: Part) -> Result<Option<Target>, CredentialsFileError> {
        let name = match part {
            Part::Root(root) => {
                self.at.push(root);
                return Ok(None);
            }
            Part::Up => {
                self.at.pop();
                return Ok(None);
            }
            Part::Name(name) => name,
        };
        let directory = self.directory_metadata()?;
        let path = self.at.join(&name);
        let is_last = self.ahead.is_empty();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => self.follow(&path, &directory)?,
            Ok(metadata) if is_last => {
                let is_given = platform::others_can_write_but_not_replace(&directory);
                if platform::is_superuser() && is_given && !platform::is_superusers(&metadata) {
                    return Err(CredentialsFileError::FileOfOthers { path });
                }
                return Ok(Some(self.target(name)));
            }
            Ok(_) => self.at = path,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unresolvable(&path, error));
            }
            Err(_) if is_last => return Ok(Some(self.target(name))),
            Err(_) => self.create(path)?,
        }
        Ok(None)
    }

    fn target(&self, name: OsString) -> Target {
        Target {
            directory: self.at.clone(),
            name,
        }
    }

    /// What is known of the directory, in which the next part is looked up.
    fn directory_metadata(&self) -> Result<Metadata, CredentialsFileError> {
        let metadata =
            fs::symlink_metadata(&self.at).map_err(|source| unresolvable(&self.at, source))?;
        let is_safe = !platform::others_can_write(&metadata)
            || platform::others_can_write_but_not_replace(&metadata);
        if platform::is_superuser() && !is_safe {
            return Err(CredentialsFileError::DirectoryOfOthers {
                directory: self.at.clone(),
            });
        }
        Ok(metadata)
    }

    fn follow(&mut self, link: &Path, directory: &Metadata) -> Result<(), CredentialsFileError> {
        if platform::is_superuser() && platform::others_can_write(directory) {
            return Err(CredentialsFileError::LinkOfOthers {
                link: link.to_owned(),
            });
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            let source = io::Error::other("too many links");
            return Err(unresolvable(link, source));
        }
        let target = fs::read_link(link).map_err(|source| unresolvable(link, source))?;
        let mut ahead = parts(&target);
        ahead.append(&mut self.ahead);
        self.ahead = ahead;
        Ok(())
    }

    fn create(&mut self, path: PathBuf) -> Result<(), CredentialsFileError> {
        let created = platform::create_private_directory(&path)
            .and_then(|()| platform::sync_directory(&self.at));
        match created {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(CredentialsFileError::DirectoryNotCreated {
                    directory: path,
                    source,
                });
            }
            Ok(()) => {}
        }
        self.at = path;
        Ok(())
    }
}

fn unresolvable(path: &Path, source: io::Error) -> CredentialsFileError {
    CredentialsFileError::Unresolvable {
        path: path.to_owned(),
        source,
    }
}

/// As many as Linux follows.
const LINKS_MAX: usize = 40;
