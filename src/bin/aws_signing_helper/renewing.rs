//! What the commands have in common that renew in the background: when a failure is final, how long to
//! wait after it, and what is told.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::Setback;
use rolesanywhere::platform::Termination;
use time::format_description::well_known::Rfc3339;

use crate::error::RunError;
use crate::report;

/// Runs both until one of them ends, but `other` no further than to where it waits once `one` is over.
pub(crate) async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(value),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await
}

/// Runs `work` until it ends, or until this process is told to.
pub(crate) async fn until_told(
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    let mut termination = Termination::listen().map_err(RunError::Runtime)?;
    let told = async {
        termination.wait().await;
        Ok(())
    };
    first(told, work).await
}

/// Tells that sessions of so many seconds are short.
pub(crate) fn warn_of_short_sessions(duration_seconds: Option<i32>) {
    if duration_seconds.is_some_and(|seconds| seconds < DURATION_SECONDS_ADVISED) {
        report::line(&format!(
            "warning: sessions of less than {DURATION_SECONDS_ADVISED} s leave little time to renew \
             them; see --session-duration"
        ));
    }
}

/// When the next call is due, by the wall clock, in whole seconds.
pub(crate) fn due(renewal: &Renewal) -> String {
    let now = Clock::System.moment();
    let due = now.wall + renewal.wait(now);
    let due = due.replace_nanosecond(0).unwrap_or(due);
    due.format(&Rfc3339).unwrap_or_default()
}

/// Whether a start may go on after it: what is asked for is right, as far as it can be told, but there
/// is no answer now.
pub(crate) fn is_passing(error: &RunError) -> bool {
    match error {
        RunError::CreateSession { failure, .. } => {
            failure.error.is_outage() || failure.error.is_transient()
        }
        // An answer that is none.
        RunError::Credentials(_) | RunError::Expiration(_) => true,
        // It could be read at first: somebody is about to renew it.
        RunError::Identity(_) => true,
        _ => false,
    }
}

/// What a failure means for the next call.
pub(crate) fn setback(error: &RunError) -> Setback {
    match error {
        RunError::CreateSession { failure, .. } => Setback::of(&failure.error),
        _ => Setback::Other,
    }
}

/// Below it, an outage of minutes is felt.
const DURATION_SECONDS_ADVISED: i32 = 1800;
