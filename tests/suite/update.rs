//! `update` as a process: what it writes, when it renews, and how it ends.

mod once;
mod renewals;
#[cfg(unix)]
mod signals;
mod start;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::helper::Running;
use crate::support::script::Response;

/// `update` of the file `credentials` in its home, against the service at this address.
fn update(url: &str) -> Helper {
    let helper = Helper::command_at("update", url);
    let path = file(&helper).display().to_string();
    helper.args(["--credentials-file", &path])
}

fn file(helper: &Helper) -> PathBuf {
    helper.home().join("credentials")
}

/// The access key id in the file; none while there is no such file.
fn access_key_id(helper: &Helper) -> Option<String> {
    let text = fs::read_to_string(file(helper)).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("aws_access_key_id = "));
    line.map(str::to_owned)
}

/// An emulator with these faults.
fn service(faults: &[&str]) -> Emulator {
    emulator(Settings {
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Settings::default()
    })
}

/// The number of a set of the emulator's.
fn issued(number: usize) -> Option<String> {
    Some(format!("ASIAEMULATOR{number:07}"))
}

/// Credentials that expire so many seconds from now by this machine's clock, from a service whose
/// clock is ahead by so many.
fn created(expires_in: i64, clock_ahead: i64) -> Response {
    let created = Response::created();
    let expiration = format!("{{NOW+{expires_in}}}");
    Response {
        body: created.body.replace("2099-12-31T23:59:59Z", &expiration),
        date_offset: Some(clock_ahead),
        ..created
    }
}

/// Waits until it is so; a helper that has ended meanwhile is told with what it said.
fn wait_until(running: &mut Running<'_>, what: &str, mut is_so: impl FnMut(&str) -> bool) {
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

/// Ends it as systemd does.
#[cfg(unix)]
fn terminated(running: Running<'_>) -> Output {
    signalled(running, rustix::process::Signal::TERM)
}

#[cfg(unix)]
fn signalled(running: Running<'_>, signal: rustix::process::Signal) -> Output {
    let id = rustix::process::Pid::from_raw(running.id().cast_signed()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
    running.end()
}

/// The longest of a test's waits takes some 20 s.
const WAIT_MAX: Duration = Duration::from_secs(50);
const TICK: Duration = Duration::from_millis(5);
