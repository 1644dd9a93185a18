//! `doctor`: every step of a call, each checked by itself.

use std::process::ExitCode;

use rolesanywhere::environment::Environment;

use crate::arguments::doctor::Doctor;
use crate::arguments::doctor::DoctorFormat;
use crate::doctor;
use crate::error::RunError;
use crate::inputs::refuse_shared_streams;
use crate::report::print;

/// `doctor`.
pub(crate) fn run(arguments: Doctor, environment: &Environment) -> Result<ExitCode, RunError> {
    let format = arguments.checks.format.unwrap_or(DoctorFormat::Text);
    refuse_shared_streams(&arguments.call.inputs())?;
    let report = doctor::check(arguments, environment);
    let text = match format {
        DoctorFormat::Text => report.text(),
        DoctorFormat::Json => report.json(),
    };
    print(text.as_bytes()).map(|()| report.exit_code())
}
