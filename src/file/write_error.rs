//! [`WriteError`]: why a file that others read was not written.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::text::ShownName;

/// The file was not written: unless a variant says otherwise, it is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// A part of the path cannot be looked at, or its links lead nowhere.
    Unresolvable {
        /// The part.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory of the path is not there and cannot be created.
    DirectoryNotCreated {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link that another user may have made is not followed.
    LinkOfOthers {
        /// The link.
        link: PathBuf,
    },
    /// The superuser does not write in another user's directory.
    DirectoryOfOthers {
        /// The directory.
        directory: PathBuf,
    },
    /// A file or directory that another user may have put into a world-writable directory.
    FileOfOthers {
        /// The file or directory.
        path: PathBuf,
    },
    /// It is a directory, a FIFO, a socket or a device.
    NotAFile {
        /// The obstacle.
        path: PathBuf,
    },
    /// It cannot be opened or read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any such file.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap.
        bytes_max: usize,
    },
    /// The lock cannot be taken.
    NotLocked {
        /// Its file.
        lock: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock.
    Locked {
        /// Its file.
        lock: PathBuf,
        /// Time waited.
        seconds: u64,
    },
    /// The new file beside the old one cannot be written, or the old one in place.
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing in place failed half-way, and so did putting the old content back.
    Torn {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new file cannot have the rights of the old one.
    RightsNotKept {
        /// The old file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new file cannot take the place of the old one.
    NotReplaced {
        /// The old file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new content is there, but a power cut may bring back the old one.
    NotDurable {
        /// Path that could not be synced: the directory, or a file written in place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolvable { path, .. } => write!(f, "cannot look at {}", ShownName::of(path)),
            Self::DirectoryNotCreated { directory, .. } => {
                write!(
                    f,
                    "cannot create the directory {}",
                    ShownName::of(directory)
                )
            }
            Self::LinkOfOthers { link } => write!(
                f,
                "{} is a link in a directory that others can write, and is not followed",
                ShownName::of(link)
            ),
            Self::DirectoryOfOthers { directory } => write!(
                f,
                "others can write the directory {}; root writes no credentials there",
                ShownName::of(directory)
            ),
            Self::FileOfOthers { path } => write!(
                f,
                "{} belongs to another user or has a second hard link, in a directory where others \
                 can create files; no credentials are written there",
                ShownName::of(path)
            ),
            Self::NotAFile { path } => write!(
                f,
                "{} is not a file, but a directory, a device or the like",
                ShownName::of(path)
            ),
            Self::Unreadable { path, .. } => write!(f, "cannot read {}", ShownName::of(path)),
            Self::TooLarge { path, bytes_max } => {
                write!(
                    f,
                    "{} is larger than {bytes_max} bytes",
                    ShownName::of(path)
                )
            }
            Self::NotLocked { lock, .. } => write!(f, "cannot lock {}", ShownName::of(lock)),
            Self::Locked { lock, seconds } => write!(
                f,
                "another process has held the lock {} for {seconds} s",
                ShownName::of(lock)
            ),
            Self::NotWritten { path, .. } => write!(f, "cannot write {}", ShownName::of(path)),
            Self::Torn { path, .. } => write!(
                f,
                "writing {} in place failed half-way, and it may be damaged",
                ShownName::of(path)
            ),
            Self::RightsNotKept { path, .. } => write!(
                f,
                "cannot keep owner, group and mode of {}, which is unchanged",
                ShownName::of(path)
            ),
            Self::NotReplaced { path, .. } => write!(f, "cannot replace {}", ShownName::of(path)),
            Self::NotDurable { path, .. } => write!(
                f,
                "the credentials are written, but a power cut may undo it: cannot sync {}",
                ShownName::of(path)
            ),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::LinkOfOthers { .. }
            | Self::DirectoryOfOthers { .. }
            | Self::FileOfOthers { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::Locked { .. } => None,
            Self::Unresolvable { source, .. }
            | Self::DirectoryNotCreated { source, .. }
            | Self::Unreadable { source, .. }
            | Self::NotLocked { source, .. }
            | Self::NotWritten { source, .. }
            | Self::Torn { source, .. }
            | Self::RightsNotKept { source, .. }
            | Self::NotReplaced { source, .. }
            | Self::NotDurable { source, .. } => Some(source),
        }
    }
}
