//! The peak of a process's resident memory, by Linux's accounting.
//!
//! The accounting ends with the process, and `ru_maxrss` starts with the parent's memory. So the process
//! is held at its very end: it prints into a full socket.

use std::fs;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Peak resident memory of `command` in bytes: it has to print nothing until all else is done.
pub(crate) fn peak_bytes(command: &mut Command) -> u64 {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    fill(&theirs);
    let mut child = command.stdout(OwnedFd::from(theirs)).spawn().unwrap();
    // The command keeps a copy of its end; without it the reader below sees the end.
    command.stdout(std::process::Stdio::null());
    thread::sleep(TIME_TO_PRINT);
    let is_held = child.try_wait().unwrap().is_none();
    assert!(is_held, "{command:?} printed nothing");
    let peak = status_bytes(child.id(), "VmHWM:");
    ours.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
    peak
}

fn fill(mut socket: &UnixStream) {
    socket.set_nonblocking(true).unwrap();
    loop {
        match socket.write(b" ") {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    // The mode is that of the socket, not of the descriptor: the child writes to the same.
    socket.set_nonblocking(false).unwrap();
}

fn status_bytes(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.unwrap().parse::<u64>().unwrap() * 1024
}

/// A call takes some milliseconds.
const TIME_TO_PRINT: Duration = Duration::from_millis(200);
