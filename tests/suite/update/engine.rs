//! The renewal engine in `update`, which it shares with `serve`.

#[cfg(target_os = "linux")]
mod linux;

use std::io::ErrorKind;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::support::issued;
use crate::support::log::count;
use crate::support::running::terminated;
use crate::support::running::wait_until;
use crate::support::service;
use crate::update::access_key_id;
use crate::update::update;

#[test]
fn successor_that_is_refused_leaves_the_old_pair() {
    let service = service(&["expires-in=40:*"]);
    let helper = update(&service.url()).own_files();
    let mut running = helper.start();
    wait_until(&mut running, "a set", |_| access_key_id(&helper).is_some());
    helper.put("crt", "expired.crt");
    wait_until(&mut running, "the refusal", |said| {
        count(said, "renewal_failed") > 0
    });
    let number = |id: Option<String>| {
        let id = id.unwrap();
        (1..999).find(|number| id == issued(*number)).unwrap()
    };
    let before = number(access_key_id(&helper));
    wait_until(&mut running, "another set", |_| {
        number(access_key_id(&helper)) > before
    });
    assert_eq!(terminated(running).exit, 0);
}

#[test]
fn log_that_nobody_reads_holds_up_nothing() {
    let service = service(&["expires-in=12:*"]);
    let helper = update(&service.url()).args(["--debug"]);
    let (full, _reader) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    let error = loop {
        if let Err(error) = (&full).write_all(&[b'x'; 4096]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    full.set_nonblocking(false).unwrap();
    let mut child = helper
        .command(&[])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(OwnedFd::from(full)))
        .spawn()
        .unwrap();
    let second = Some(issued(2));
    crate::support::running::wait_for("a renewal", || access_key_id(&helper) >= second);
    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
