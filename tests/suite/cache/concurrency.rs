//! Many processes at once, and one that holds the others up.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Cached;
use super::down;
use super::files;
use super::second;
use super::succeeds;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::helper::credential_process;
use crate::support::port::ClosedPort;
use crate::support::script::Response;
use crate::support::skip;

/// Starts so many helpers at once and waits for all of them.
fn at_once(count: usize, helper: impl Fn() -> Helper) -> Vec<Output> {
    let barrier = Arc::new(Barrier::new(count));
    let running: Vec<_> = (0..count)
        .map(|_| {
            let (helper, barrier) = (helper(), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                helper.run()
            })
        })
        .collect();
    let outputs = running.into_iter().map(|thread| thread.join().unwrap());
    outputs.collect()
}

/// All of them succeeded, and without a word; what they printed.
fn printed(outputs: &[Output]) -> &str {
    for output in outputs {
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    outputs[0].stdout_text()
}

fn slow(response: Response, delay_ms: u64) -> Response {
    Response {
        delay_ms,
        ..response
    }
}

#[test]
fn fifty_cold_calls_make_one() {
    let cached = Cached::new([slow(Response::created(), 3000)]);
    let outputs = at_once(CALLERS, || cached.helper());
    assert!(printed(&outputs).contains("ASIAEXAMPLE"));
    assert_eq!(cached.calls(), 1);
}

#[test]
fn when_who_calls_is_killed_one_other_calls() {
    let cached = Cached::new([slow(Response::created(), 20_000), slow(second(), 500)]);
    let first = cached.helper();
    let first = first.start();
    wait_until(|| cached.calls() == 1);
    let outputs = thread::scope(|scope| {
        let others = scope.spawn(|| at_once(CALLERS - 1, || cached.helper()));
        // Some of them wait by then, and others come later: either is right.
        thread::sleep(Duration::from_millis(500));
        assert_eq!(cached.calls(), 1);
        // It is killed.
        drop(first);
        others.join().unwrap()
    });
    assert!(printed(&outputs).contains("ASIASECOND"));
    assert_eq!(cached.calls(), 2);
}

#[test]
fn lock_holder_reads_the_entry_again() {
    if Command::new("strace").arg("-V").output().is_err() {
        skip("lock_holder_reads_the_entry_again: no strace");
        return;
    }
    let cached = Cached::new([Response::created(), second()]);
    let outputs = thread::scope(|scope| {
        // Between its look and its lock, another process calls and is done.
        let held_up = scope.spawn(|| {
            let path = cached.path().display().to_string();
            Helper::at(Path::new("strace"))
                .args(["-q", "-o", "/dev/null", "-e", "trace=flock"])
                .args(["-e", "inject=flock:delay_enter=3000000:when=1"])
                .args([env!("CARGO_BIN_EXE_aws_signing_helper")])
                .args(credential_process(&cached.endpoint))
                .args(["--cache", "--cache-dir", &path])
                .run()
        });
        wait_until(|| files(&cached.path(), ".lock").len() == 1);
        let other = cached.helper().run();
        [other, held_up.join().unwrap()]
    });
    assert!(printed(&outputs).contains("ASIAEXAMPLE"));
    assert_eq!(cached.calls(), 1);
}

#[test]
fn outage_costs_few_calls_and_shares_the_error() {
    let cached = Cached::new([down()]);
    for output in at_once(CALLERS, || cached.helper()) {
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        assert!(output.stderr.contains(" 500 "), "{}", output.stderr);
    }
    assert!(cached.calls() <= 15, "{}", cached.calls());
}

#[test]
fn refused_connections_are_shared() {
    let cached = Cached::new([]);
    let closed = ClosedPort::reserve();
    let url = format!("http://127.0.0.1:{}", closed.number());
    let without_cache = Helper::command_at("credential-process", &url).run();
    let message = without_cache.stderr.trim_end();
    let outputs = at_once(CALLERS, || cached.helper().args(["--endpoint", &url]));
    for output in &outputs {
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        assert!(output.stderr.starts_with(message), "{}", output.stderr);
    }
    let called = |output: &&Output| output.stderr == without_cache.stderr;
    assert!(outputs.iter().filter(called).count() <= 5);
}

#[test]
fn with_a_valid_set_no_caller_sees_an_outage() {
    let cached = Cached::with_entry([Response::created(), slow(down(), 500)]);
    cached.make_due();
    let outputs = at_once(CALLERS, || cached.helper());
    assert!(printed(&outputs).contains("ASIAEXAMPLE"));
    assert!(cached.calls() <= 1 + 15, "{}", cached.calls());
}

#[test]
fn holder_that_hangs_makes_no_call_fail() {
    let cached = Cached::with_entry([Response::created()]);
    let lock = File::open(cached.file(".lock")).unwrap();
    lock.try_lock().unwrap();

    cached.make_due();
    succeeds(&cached.helper());
    assert_eq!(cached.calls(), 1);

    cached.make_lapsed();
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| succeeds(&cached.helper()));
        }
    });
    assert!(begin.elapsed() >= Duration::from_secs(20));
    assert_eq!(cached.calls(), 1 + 3);

    drop(lock);
    succeeds(&cached.helper());
    assert_eq!(cached.calls(), 1 + 3 + 1);
}

fn wait_until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(240));
        thread::sleep(Duration::from_millis(5));
    }
}

const CALLERS: usize = 50;
