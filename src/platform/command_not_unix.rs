//! A command that runs beside this process, on Windows.

use std::io;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

use super::process::Termination;

/// Runs the command and waits for its end: a process has no way to become another one.
pub fn replace_process(command: Command) -> io::Result<ExitStatus> {
    spawn(command)?.wait()
}

/// Starts the command. It goes on if this process is killed: only a job object would end it, which needs
/// calls that Rust calls unsafe.
///
/// From now on a console's events end the command alone: they reach all programs of the console.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    let (sender, is_ignoring) = mpsc::channel();
    // The caller's thread may drive an event loop already.
    let ignore = move || {
        // The receiver waits for one message.
        let tell = |outcome| drop(sender.send(outcome));
        match listen() {
            Ok((runtime, mut events)) => {
                tell(Ok(()));
                loop {
                    runtime.block_on(events.wait());
                }
            }
            Err(error) => tell(Err(error)),
        }
    };
    thread::Builder::new().spawn(ignore)?;
    is_ignoring.recv().map_err(io::Error::other)??;
    command.spawn()
}

fn listen() -> io::Result<(Runtime, Termination)> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let events = runtime.block_on(async { Termination::listen() })?;
    Ok((runtime, events))
}

/// The exit code of a command, all 32 bits of it.
pub fn exit_code(status: ExitStatus) -> i32 {
    // There always is one.
    status.code().unwrap_or(1)
}
