//! [`SessionError`]: why there are no credentials.

use std::fmt;

use crate::arn::RoleArn;
use crate::aws_call::Failure;
use crate::aws_call::FailureClass;
use crate::aws_call::transport::TransportError;
use crate::credentials::ExpirationError;
use crate::text::ShownName;

/// Why there are no credentials.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// TLS or the HTTP client cannot be set up.
    Transport(TransportError),
    /// CreateSession failed.
    Call(Failure),
    /// AssumeRole failed.
    Role {
        /// The role that was to be assumed.
        arn: RoleArn,
        /// The role of the session that was to assume it.
        by: RoleArn,
        /// Its place in the chain; 0 for the first.
        hop: usize,
        /// Why.
        failure: Box<Failure>,
    },
    /// The answer does not say how long the credentials are valid.
    Expiration(ExpirationError),
}

impl SessionError {
    /// Class of the failure.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Transport(_) => FailureClass::Ours,
            Self::Call(failure) => failure.error.class(),
            Self::Role { failure, .. } => failure.error.class(),
            Self::Expiration(_) => FailureClass::Outage,
        }
    }

    /// As [`CallError::is_passing`](crate::aws_call::CallError::is_passing).
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) => false,
            Self::Call(failure) => failure.error.is_passing(),
            Self::Role { failure, .. } => failure.error.is_passing(),
            Self::Expiration(_) => true,
        }
    }

    /// True if the session that assumes the first role may be to blame, so that a new one may do better: it was
    /// revoked, say.
    pub fn is_base_refused(&self) -> bool {
        match self {
            Self::Role {
                hop: 0, failure, ..
            } => BASE_CODES.contains(&failure.error.code()),
            Self::Role { .. } | Self::Transport(_) | Self::Call(_) | Self::Expiration(_) => false,
        }
    }

    /// A word to count by: the service's name for the error, where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Call(failure) => failure.error.code(),
            Self::Role { failure, .. } => failure.error.code(),
            Self::Transport(_) | Self::Expiration(_) => "Other",
        }
    }
}

/// Codes of STS for credentials that it does not accept, or no longer.
const BASE_CODES: &[&str] = &[
    "AccessDenied",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
];

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
            Self::Role { arn, failure, .. } => {
                write!(
                    f,
                    "cannot assume {}: {failure}",
                    ShownName::of(arn.as_str())
                )
            }
            Self::Expiration(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Call(failure) => failure.source(),
            Self::Role { failure, .. } => failure.source(),
            Self::Expiration(error) => error.source(),
        }
    }
}
