//! A process namespace of its own.

use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::support::endpoint::Endpoint;
use crate::support::program::is_there;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::skip;
use crate::update::update;

/// The kernel spares the first process of a container from signals that it does not listen for.
#[test]
fn first_process_of_a_container_ends_by_signals() {
    let starter = ["unshare", "--pid", "--fork", "--kill-child"];
    if !is_there("unshare", &["--pid", "--fork", "true"]) {
        skip("first_process_of_a_container_ends_by_signals: no right to make a PID namespace");
        return;
    }
    let hanging = Response {
        delay_ms: 600_000,
        ..Response::created()
    };
    let service = Endpoint::start(Script::of([hanging]));
    for (index, (once, exit)) in [("--once", 143), ("--once=false", 0)]
        .into_iter()
        .enumerate()
    {
        let helper = update(&service.url()).args([once]);
        let mut unshare = helper
            .command(&starter)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        crate::support::running::wait_for("a call", || service.requests().len() > index);
        let id = unshare.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let child: i32 = children.trim().parse().unwrap();
        kill_process(Pid::from_raw(child).unwrap(), Signal::TERM).unwrap();
        assert_eq!(unshare.wait().unwrap().code(), Some(exit), "{once}");
    }
}
