//! [`PasswordSource`]: where the password of an encrypted file comes from.

use std::fmt;
use std::path::Path;

use crate::secret::Secret;

/// Gives passwords. A program asks its flags, files and terminal; a service its vault.
pub trait PasswordSource {
    /// The password that `wanted` describes, or `None` if there is none to try (any more).
    fn password(&self, wanted: Wanted<'_>) -> Result<Option<Secret<String>>, PasswordError>;
}

/// Which password is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The file that it opens.
    pub path: &'a Path,
    /// How many passwords were wrong already.
    pub wrong: u32,
}

/// There are no passwords: encrypted files are refused.
#[derive(Debug, Clone, Copy)]
pub struct NoPasswords;

impl PasswordSource for NoPasswords {
    fn password(&self, _wanted: Wanted<'_>) -> Result<Option<Secret<String>>, PasswordError> {
        Ok(None)
    }
}

/// A password could not be had although there should be one.
#[derive(Debug)]
pub struct PasswordError(Box<dyn std::error::Error + Send + Sync>);

impl PasswordError {
    /// With what went wrong; the text must not hold the password.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PasswordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
