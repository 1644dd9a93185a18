//! The end of `update`, and its notification of systemd.

#[cfg(target_os = "linux")]
mod linux;

use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::helper::Running;
use crate::support::log::count;
use crate::support::running::signalled;
use crate::support::running::terminated;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::systemd::NotifySocket;
use crate::update::access_key_id;
use crate::update::update;

fn promptly(running: Running<'_>, signal: Signal) -> Output {
    let begin = Instant::now();
    let output = signalled(running, signal);
    let after = begin.elapsed();
    assert!(after < Duration::from_secs(16), "{after:?}");
    output
}

#[test]
fn signals_end_it_while_it_waits() {
    let service = service(&[]);
    for (signal, exit) in [(Signal::TERM, 0), (Signal::INT, 0), (Signal::HUP, -1)] {
        let helper = update(&service.url());
        let mut running = helper.start();
        wait_until(&mut running, "a line", |said| {
            count(said, "credentials_renewed") > 0
        });
        let output = promptly(running, signal);
        assert_eq!(output.exit, exit, "{signal:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    }
}

#[test]
fn signals_end_it_during_a_call_that_hangs() {
    let hanging = Response {
        delay_ms: 600_000,
        ..Response::created()
    };
    let service = Endpoint::start(Script::of([hanging]));
    for (index, signal) in [Signal::TERM, Signal::INT].into_iter().enumerate() {
        let helper = update(&service.url());
        let mut running = helper.start();
        wait_until(&mut running, "a call", |_| service.requests().len() > index);
        let output = promptly(running, signal);
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    }
}

#[test]
fn signals_end_it_between_attempts_of_the_start() {
    let service = service(&["throttle:*"]);
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "an attempt", |said| {
        count(said, "renewal_failed") > 0
    });
    assert_eq!(promptly(running, Signal::TERM).exit, 0);
}

#[test]
fn systemd_is_notified_once_the_file_is_written() {
    let service = service(&["status=500:3", "expires-in=12:*"]);
    let (helper, socket) = NotifySocket::of(update(&service.url()));
    let mut running = helper.start();
    wait_until(&mut running, "an attempt", |said| {
        count(said, "renewal_failed") > 0
    });
    assert!(socket.is_silent(), "before there is anything");
    assert_eq!(socket.message(), "READY=1");
    assert!(access_key_id(&helper).is_some());
    wait_until(&mut running, "the next set", |said| {
        count(said, "credentials_renewed") == 2
    });
    assert!(socket.is_silent(), "again");
    assert_eq!(terminated(running).exit, 0);
}

#[test]
fn systemd_is_notified_after_a_cached_set_too() {
    let service = service(&[]);
    let helper = update(&service.url()).args(["--cache"]);
    assert_eq!(filled_by_a_run(&helper), 0);
    let (helper, socket) = NotifySocket::of(helper);
    let running = helper.start();
    assert_eq!(socket.message(), "READY=1");
    assert_eq!(service.requests().len(), 1);
    drop(running);
}

/// Fills the cache of a helper by a first run.
fn filled_by_a_run(helper: &Helper) -> i32 {
    let mut running = helper.start();
    wait_until(&mut running, "a line", |said| {
        count(said, "credentials_renewed") > 0
    });
    // It is kept once it is in use.
    wait_until(&mut running, "an entry", |_| helper.cached_sets() == 1);
    terminated(running).exit
}
