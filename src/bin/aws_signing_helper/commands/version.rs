//! `version`.

use std::process::ExitCode;

use crate::error::RunError;
use crate::report::print;

/// `version`.
pub(crate) fn run() -> Result<ExitCode, RunError> {
    print(concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes()).map(|()| ExitCode::SUCCESS)
}
