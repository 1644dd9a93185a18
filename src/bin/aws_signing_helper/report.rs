//! The one place that writes: results to stdout; to stderr a chain of causes, at most one hint, and
//! the exit status.
//!
//! `aws_signing_helper: error: what happened: why: why that` and `aws_signing_helper: hint: what to
//! do`.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use crate::error::RunError;

/// Tells `error` on stderr, or on stdout where it is help that was asked for.
pub(crate) fn report(error: &RunError) -> ExitCode {
    if let RunError::Usage(usage) = error
        && !usage.use_stderr()
    {
        return match print(usage.to_string().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        };
    }
    failure(error);
    ExitCode::FAILURE
}

/// An error with its causes, and what to do about it.
pub(crate) fn failure(error: &RunError) {
    line(&format!("error: {}", chain(error)));
    if let Some(hint) = error.hint() {
        line(&format!("hint: {hint}"));
    }
}

/// An error and its causes.
pub(crate) fn chain(error: &RunError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Writes to stdout. Whoever closed it has read enough.
pub(crate) fn print(bytes: &[u8]) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One message on stderr. Whoever closed stderr does not want to know.
pub(crate) fn line(text: &str) {
    let _ = io::stderr().write_all(format!("{NAME}: {}\n", text.trim_end()).as_bytes());
}

/// The name under which every message is told.
pub(crate) const NAME: &str = "aws_signing_helper";
