//! [`SessionError`]: why there are no credentials.

use std::fmt;

use crate::aws_call::Failure;
use crate::aws_call::FailureClass;
use crate::aws_call::transport::TransportError;
use crate::credentials::ExpirationError;

/// Why there are no credentials.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// TLS or the HTTP client cannot be set up.
    Transport(TransportError),
    /// The call failed.
    Call(Failure),
    /// The answer does not say how long the credentials are valid.
    Expiration(ExpirationError),
}

impl SessionError {
    /// Class of the failure.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Transport(_) => FailureClass::Ours,
            Self::Call(failure) => failure.error.class(),
            Self::Expiration(_) => FailureClass::Outage,
        }
    }

    /// As [`CallError::is_passing`](crate::aws_call::CallError::is_passing).
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) => false,
            Self::Call(failure) => failure.error.is_passing(),
            Self::Expiration(_) => true,
        }
    }

    /// A word to count by: the service's name for the error, where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Call(failure) => failure.error.code(),
            Self::Transport(_) | Self::Expiration(_) => "Other",
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
            Self::Expiration(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Call(failure) => failure.source(),
            Self::Expiration(error) => error.source(),
        }
    }
}
