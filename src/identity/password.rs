//! [`PasswordSource`]: where the password of an encrypted file comes from.

use std::fmt;
use std::path::Path;

use super::error::IdentityError;
use crate::secret::Secret;

/// Gives passwords. A program asks its flags, files and terminal; a service its vault.
pub trait PasswordSource {
    /// The password that `wanted` describes, or `None` if there is none to try (any more). A PKCS#12
    /// file for which there is none to begin with is tried with the empty one, and then asked for
    /// again.
    fn password(&self, wanted: Wanted<'_>) -> Result<Option<Secret<String>>, PasswordError>;
}

/// Which password is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it opens.
    pub protected: Protected,
    /// The file in which that is.
    pub path: &'a Path,
    /// How many passwords were wrong already.
    pub wrong: u32,
}

/// What a password opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// An encrypted private key in PEM.
    PrivateKey,
    /// A PKCS#12 file.
    Pkcs12,
}

/// There are no passwords: what is encrypted is refused, but for PKCS#12 with the empty one.
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

/// Opens something with one password after another, until one is right or there is no more.
pub(super) fn try_each<T>(
    protected: Protected,
    path: &Path,
    passwords: &dyn PasswordSource,
    open: impl Fn(&str) -> Result<T, Attempt>,
) -> Result<T, IdentityError> {
    let mut wrong = 0;
    let mut failure = None;
    loop {
        let wanted = Wanted {
            protected,
            path,
            wrong,
        };
        let given = passwords
            .password(wanted)
            .map_err(|source| IdentityError::Password {
                path: path.to_owned(),
                source,
            })?;
        let is_given = given.is_some();
        let password = match (given, protected, wrong) {
            (Some(password), _, _) => password,
            (None, Protected::Pkcs12, 0) => Secret::new(String::new()),
            (None, ..) => {
                return Err(failure.unwrap_or(IdentityError::PasswordMissing {
                    protected,
                    path: path.to_owned(),
                }));
            }
        };
        let error = match open(password.expose()) {
            Ok(opened) => return Ok(opened),
            Err(Attempt::WrongPassword(error)) => error,
            Err(Attempt::Failed(error)) => return Err(error),
        };
        wrong += 1;
        if wrong > WRONG_PASSWORDS_MAX {
            return Err(error);
        }
        // That the empty password was wrong is no news to somebody who gave none.
        failure = is_given.then_some(error);
    }
}

/// Why one password did not open it.
pub(super) enum Attempt {
    /// Another one may.
    WrongPassword(IdentityError),
    /// None will.
    Failed(IdentityError),
}

/// However many passwords a source has, each costs a key derivation.
const WRONG_PASSWORDS_MAX: u32 = 10;
