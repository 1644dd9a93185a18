//! [`Event`]: the steps of a call, for observers.

use std::time::Duration;

use crate::aws_call::error::CallError;
use crate::sigv4::SignedRequest;

/// Event during a call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was signed and is about to be sent.
    Signed {
        /// 1 for the first.
        attempt: u32,
        /// URL of the request.
        url: &'a str,
        /// The request. Its `authorization` gets a session for anyone who has it.
        request: &'a SignedRequest,
    },
    /// An answer came.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The answer's headers; values that are no text are left out.
        headers: Vec<(&'a str, &'a str)>,
        /// Length of the body.
        body_bytes: usize,
        /// Since the request was signed.
        after: Duration,
    },
    /// No answer came.
    Failed {
        /// Why.
        error: &'a CallError,
        /// Since the request was signed.
        after: Duration,
    },
    /// The next attempt is signed with the service's clock.
    ClockCorrected {
        /// Seconds by which it is ahead of ours.
        ahead_seconds: i64,
    },
    /// The next attempt follows after this time.
    Waiting {
        /// Duration.
        wait: Duration,
    },
}
