//! [`SessionError`]: why a call gave no credentials.

use std::fmt;

use crate::create_session::Failure;
use crate::create_session::transport::TransportError;
use crate::credentials::CredentialsError;
use crate::credentials::ExpirationError;
use crate::credentials::renewal::Setback;

/// Why a call gave no credentials.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// TLS or the HTTP client cannot be set up.
    Transport(TransportError),
    /// The call failed.
    Call(Failure),
    /// The answer lacks a field.
    Credentials(CredentialsError),
    /// The answer does not say how long the credentials are valid.
    Expiration(ExpirationError),
}

impl SessionError {
    /// What the failure means for the next call.
    pub fn class(&self) -> Setback {
        match self {
            Self::Call(failure) => Setback::of(&failure.error),
            Self::Transport(_) | Self::Credentials(_) | Self::Expiration(_) => Setback::Other,
        }
    }

    /// Whether the request may be right all the same, as far as the failure shows: a process that runs
    /// on goes on after it, even if it has no credentials yet.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Call(failure) => failure.error.is_outage() || failure.error.is_transient(),
            Self::Credentials(_) | Self::Expiration(_) => true,
            Self::Transport(_) => false,
        }
    }

    /// A word to count by: the service's name for the error, where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Call(failure) => failure.error.code(),
            Self::Transport(_) | Self::Credentials(_) | Self::Expiration(_) => "Other",
        }
    }
}

impl From<ExpirationError> for SessionError {
    fn from(error: ExpirationError) -> Self {
        Self::Expiration(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Call(failure) => failure.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::Expiration(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Call(failure) => failure.source(),
            Self::Credentials(error) => error.source(),
            Self::Expiration(error) => error.source(),
        }
    }
}
