//! [`CredentialsFileError`]: why the credentials file was not written.

use std::fmt;
use std::path::PathBuf;

use crate::file::write_error::WriteError;
use crate::output::credentials_file::edit::ValueError;
use crate::text::ShownName;

/// The credentials file was not written: unless [`WriteError`] says otherwise, it is as it was.
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
    /// The credentials cannot stand in such a file.
    Value(ValueError),
    /// The file itself cannot be written.
    File(WriteError),
}

impl From<WriteError> for CredentialsFileError {
    fn from(error: WriteError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for CredentialsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HomeUnknown { variable } => write!(
                f,
                "the home directory is not known: {variable} is not set; set it, or name the file by a path without ~"
            ),
            Self::HomeOfAnother { path } => write!(
                f,
                "only the current user's ~ is expanded, not {}; write the whole path",
                ShownName::of(path)
            ),
            Self::Value(_) => f.write_str("cannot write the credentials"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CredentialsFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::HomeUnknown { .. } | Self::HomeOfAnother { .. } => None,
            Self::Value(source) => Some(source),
            Self::File(error) => error.source(),
        }
    }
}
