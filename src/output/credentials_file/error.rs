//! [`CredentialsFileError`]: why the credentials file was not written.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::output::credentials_file::edit::ValueError;
use crate::text::ShownName;

/// The credentials file was not written: unless a variant says otherwise, it is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum CredentialsFileError {
    /// `~` stands for nothing.
    HomeUnknown {
        /// The variable that should say.
        variable: &'static str,
    },
    /// `~somebody` is not looked up.
    HomeOfAnother {
        /// The path.
        path: PathBuf,
    },
    /// A part of the path cannot be looked at, or its links lead nowhere.
    Unresolvable {
        /// The part.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory of the path is not there and cannot be made.
    DirectoryNotCreated {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link that somebody else can change does not lead the superuser.
    LinkOfOthers {
        /// The link.
        link: PathBuf,
    },
    /// In a directory that somebody else can change, the superuser writes nothing.
    DirectoryOfOthers {
        /// The directory.
        directory: PathBuf,
    },
    /// A file that somebody else has put where everybody can: the superuser gives it nothing.
    FileOfOthers {
        /// The file.
        path: PathBuf,
    },
    /// It is a directory, a FIFO, a socket or a device.
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// It cannot be opened or read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any credentials file.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap.
        bytes_max: usize,
    },
    /// The lock's file cannot be opened or locked.
    NotLocked {
        /// The lock's file.
        lock: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock, and does not let go.
    Locked {
        /// The lock's file.
        lock: PathBuf,
        /// For how long it was waited.
        seconds: u64,
    },
    /// The credentials cannot stand in the file.
    Value(ValueError),
    /// The new file cannot be made beside the old one.
    NotWritten {
        /// The new file, which is gone.
        temporary: PathBuf,
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
    /// The new file is there, but a power cut may bring back the old one.
    NotDurable {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for CredentialsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HomeUnknown { variable } => write!(
                f,
                "the home directory is not known: {variable} is not set; name the credentials file"
            ),
            Self::HomeOfAnother { path } => write!(
                f,
                "only ~ alone stands for a home directory, not what begins {}; write the path out",
                ShownName::of(path)
            ),
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
                "{} is a link in a directory that others can write, and is not followed by root",
                ShownName::of(link)
            ),
            Self::DirectoryOfOthers { directory } => write!(
                f,
                "others can write the directory {}; root writes no credentials there",
                ShownName::of(directory)
            ),
            Self::FileOfOthers { path } => write!(
                f,
                "{} belongs to somebody else, in a directory where everybody can put files; root writes no credentials there",
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
            Self::Value(_) => f.write_str("cannot write the credentials"),
            Self::NotWritten { temporary, .. } => {
                write!(f, "cannot write {}", ShownName::of(temporary))
            }
            Self::RightsNotKept { path, .. } => write!(
                f,
                "cannot keep owner, group and mode of {}, which is as it was",
                ShownName::of(path)
            ),
            Self::NotReplaced { path, .. } => write!(f, "cannot replace {}", ShownName::of(path)),
            Self::NotDurable { directory, .. } => write!(
                f,
                "the credentials are written, but a power cut may undo it: cannot sync {}",
                ShownName::of(directory)
            ),
        }
    }
}

impl std::error::Error for CredentialsFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::HomeUnknown { .. }
            | Self::HomeOfAnother { .. }
            | Self::LinkOfOthers { .. }
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
            | Self::RightsNotKept { source, .. }
            | Self::NotReplaced { source, .. }
            | Self::NotDurable { source, .. } => Some(source),
            Self::Value(source) => Some(source),
        }
    }
}
