//! A command that runs beside this process, on Windows.

use std::io;
use std::process::Child;
use std::process::Command;
use std::process::ExitCode;
use std::process::ExitStatus;
use std::thread;

use super::process::Termination;

/// Runs the command and waits for its end: a process has no way to become another one.
pub fn replace_process(command: Command) -> io::Result<ExitCode> {
    spawn(command)?.wait().map(exit_code)
}

/// Starts the command. It goes on if this process is killed: only a job object would end it, which needs
/// calls that Rust calls unsafe.
///
/// From now on a console's events end the command alone: they reach all programs of the console.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let mut events = runtime.block_on(async { Termination::listen() })?;
    let ignore = move || {
        loop {
            runtime.block_on(events.wait());
        }
    };
    thread::Builder::new().spawn(ignore)?;
    command.spawn()
}

/// The exit code of a command; 1 for one above 255, which is all that the standard library can pass on.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
