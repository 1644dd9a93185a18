//! A helper that runs on: waiting for what it does, and ending it.

use std::thread;
use std::time::Duration;
use std::time::Instant;

#[cfg(unix)]
use crate::support::helper::Output;
use crate::support::helper::Running;

/// Waits until the condition holds. Fails with the helper's stderr if it ends before.
pub(crate) fn wait_until(
    running: &mut Running<'_>,
    what: &str,
    mut is_so: impl FnMut(&str) -> bool,
) {
    let begin = Instant::now();
    loop {
        let stderr = running.stderr_so_far();
        if is_so(&stderr) {
            return;
        }
        assert!(running.is_running(), "it ended before {what}:\n{stderr}");
        assert!(begin.elapsed() < WAIT_MAX, "never {what}:\n{stderr}");
        thread::sleep(TICK);
    }
}

/// Waits until the condition holds.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < WAIT_MAX, "never {what}");
        thread::sleep(TICK);
    }
}

/// Ends it as systemd does.
#[cfg(unix)]
pub(crate) fn terminated(running: Running<'_>) -> Output {
    signalled(running, rustix::process::Signal::TERM)
}

#[cfg(unix)]
pub(crate) fn signalled(running: Running<'_>, signal: rustix::process::Signal) -> Output {
    let id = rustix::process::Pid::from_raw(running.id().cast_signed()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
    running.end()
}

/// The longest of a test's waits takes some 20 s, and a machine may be slow.
const WAIT_MAX: Duration = Duration::from_secs(400);
const TICK: Duration = Duration::from_millis(5);
