//! The shared credentials file, from which AWS's SDKs read credentials: one profile in it is changed,
//! and everything else is kept.
//!
//! [`location::locate`] says where it is, and [`update`] writes it: it resolves the path, takes the
//! lock, reads, [`edit`](edit::edit)s, and puts the new file in the place of the old one. [`check`]
//! goes half of that way.
//!
//! Source: [shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).

mod atomic_write;
pub mod edit;
pub mod error;
mod line;
pub mod location;
pub mod obstacle;
mod pieces;
pub mod profile_name;
mod section_body;
pub mod supplied;
mod survey;
mod target;

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::credentials::Credentials;
use crate::output::credentials_file::atomic_write::Lock;
use crate::output::credentials_file::error::CredentialsFileError;
use crate::output::credentials_file::obstacle::Obstacle;
use crate::output::credentials_file::profile_name::ProfileName;
use crate::output::credentials_file::target::Target;
use crate::platform;
use crate::secret::Secret;
use crate::text::ShownName;

/// The file that was written, and what is to be said about it.
#[derive(Debug)]
pub struct Updated {
    /// The file itself, where `path` was a link.
    pub path: PathBuf,
    /// What the user should know, although the credentials are written.
    pub warnings: Vec<Warning>,
}

/// What is not as it should be with a credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Its mode, which was kept, lets others read it.
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// An SDK will not find the credentials in it.
    Obstacle {
        /// The file.
        path: PathBuf,
        /// Where, why and which.
        obstacle: Obstacle,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadableByOthers { path } => write!(
                f,
                "others can read {}; chmod 600 would prevent it",
                ShownName::of(path)
            ),
            Self::Obstacle { path, obstacle } => write!(f, "{}: {obstacle}", ShownName::of(path)),
        }
    }
}

/// Finds out, as far as can be told without writing it, whether [`update`] can write the file at
/// `path`: before anything is asked for that could not be kept. Makes the directories above it.
pub fn check(path: &Path) -> Result<(), CredentialsFileError> {
    let target = Target::resolve(path)?;
    let _lock = Lock::wait(&target)?;
    atomic_write::read(&target).map(drop)
}

/// Makes `credentials` those of `profile` in the file at `path`, which is created if need be, as are
/// the directories above it.
///
/// Blocks: it waits for other processes that do the same, and for the disk. Readers find the old file
/// or the new one, whole, at any time; after an error the old one, but for
/// [`CredentialsFileError::NotDurable`].
pub fn update(
    path: &Path,
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<Updated, CredentialsFileError> {
    let target = Target::resolve(path)?;
    let _lock = Lock::wait(&target)?;
    let (old_bytes, old_file) = match atomic_write::read(&target)? {
        Some(old) => (old.bytes, Some(old.file)),
        None => (Secret::new(Vec::new()), None),
    };
    let edited = edit::edit(old_bytes.expose(), profile, credentials)
        .map_err(CredentialsFileError::Value)?;
    let metadata = old_file.as_ref().and_then(|file| file.metadata().ok());
    atomic_write::write(&target, old_file, edited.bytes.expose())?;

    let path = target.path();
    let is_readable = metadata.is_some_and(|metadata| platform::others_can_read(&metadata));
    let readable = is_readable.then(|| Warning::ReadableByOthers { path: path.clone() });
    let obstacles = edited
        .obstacles
        .into_iter()
        .map(|obstacle| Warning::Obstacle {
            path: path.clone(),
            obstacle,
        });
    let warnings = readable.into_iter().chain(obstacles).collect();
    Ok(Updated { path, warnings })
}
