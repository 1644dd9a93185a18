//! [`CredentialSource`]: where the sessions of a [`Supply`](super::Supply) come from.

use std::future::Future;
use std::sync::Arc;

use crate::aws_call::FailureClass;
use crate::credentials::Credentials;
use crate::credentials::ExpirationError;
use crate::credentials::renewal::Renewal;
use crate::session::Effort;

/// Source of sessions.
pub trait CredentialSource {
    /// Reason for the failure.
    type Error: From<ExpirationError>;

    /// Takes note of what was found out about the identity since the last time. `true` if it is another
    /// one, with which a session is to be asked for before the next is due.
    fn look(&mut self) -> bool;

    /// Asks for a session.
    fn create_session(
        &mut self,
        effort: Effort,
    ) -> impl Future<Output = Result<Credentials, Self::Error>>;

    /// Class of a failure.
    fn class(&self, error: &Self::Error) -> FailureClass;

    /// True if a process that is still starting may continue after a failure.
    fn is_passing(&self, error: &Self::Error) -> bool;

    /// Keeps a set for other processes, before it is handed out.
    fn keep(&mut self, credentials: &Arc<Credentials>, renewal: &Renewal);

    /// Takes note of a set that is handed out from now on.
    fn renewed(&mut self, credentials: &Arc<Credentials>, renewal: &Renewal);

    /// Takes note of a failure.
    fn failed(&mut self, error: Self::Error, renewal: &Renewal);
}
