//! The shared credentials file, from which AWS's SDKs read credentials: one profile in it is changed,
//! and everything else is kept.
//!
//! [`location::locate`] says where it is, and [`update`] writes it: it locks and reads the file,
//! [`edit`](edit::edit)s, and writes. [`check`] goes half of that way.
//!
//! Source: [shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).

pub mod edit;
pub mod error;
pub(super) mod line;
pub mod location;
pub mod parse_issue;
mod pieces;
pub mod profile_name;
pub mod profile_source;
pub(crate) mod section_body;
pub mod profile_writer;
mod strict_reader;

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::credentials::Credentials;
use crate::file::locked_file::LockedFile;
use crate::file::locked_file::Method;
use crate::file::locked_file::Notice;
use crate::output::credentials_file::error::CredentialsFileError;
use crate::output::credentials_file::parse_issue::ParseIssue;
use crate::output::credentials_file::profile_name::ProfileName;
use crate::text::ShownName;

/// The file that was written, and what is to be said about it.
#[derive(Debug)]
pub struct Updated {
    /// The file itself, where `path` was a link.
    pub path: PathBuf,
    /// Warnings for the user; the credentials are written.
    pub warnings: Vec<Warning>,
}

/// Warning about a credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Of the file itself.
    File(Notice),
    /// A line may keep SDKs from the credentials.
    ParseIssue {
        /// The file.
        path: PathBuf,
        /// Line, and what is wrong with it.
        obstacle: ParseIssue,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(notice) => notice.fmt(f),
            Self::ParseIssue { path, obstacle } => write!(f, "{}: {obstacle}", ShownName::of(path)),
        }
    }
}

/// Finds out, as far as that is possible without writing it, whether [`update`] can write the file at
/// `path`: before anything is asked for that could not be kept. Creates the directories above it.
pub fn check(path: &Path, method: Method) -> Result<(), CredentialsFileError> {
    Ok(open(path, method)?.check()?)
}

/// Makes `credentials` those of `profile` in the file at `path`, which is created if need be, as are
/// the directories above it.
///
/// Blocks: it waits for other processes that do the same, and for the disk. Readers find the old file
/// or the new one, whole, at any time, unless it is written in place.
pub fn update(
    path: &Path,
    method: Method,
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<Updated, CredentialsFileError> {
    write(open(path, method)?, profile, credentials)
}

/// Waits for the file's lock, and reads the file.
fn open(path: &Path, method: Method) -> Result<LockedFile, CredentialsFileError> {
    Ok(LockedFile::open(path, method, FILE_BYTES_MAX)?)
}

/// Makes `credentials` those of `profile`.
fn write(
    file: LockedFile,
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<Updated, CredentialsFileError> {
    let edited =
        edit::edit(file.bytes(), profile, credentials).map_err(CredentialsFileError::Value)?;
    let path = file.path();
    let notices = file.write(edited.bytes.expose())?;
    let obstacles = edited
        .obstacles
        .into_iter()
        .map(|obstacle| Warning::ParseIssue {
            path: path.clone(),
            obstacle,
        });
    let warnings = notices.into_iter().map(Warning::File).chain(obstacles);
    let warnings = warnings.collect();
    Ok(Updated { path, warnings })
}

/// Ten thousand profiles take 2 MB.
pub(crate) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
