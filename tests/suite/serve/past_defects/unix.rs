//! Signals.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::serve::set_number;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::port;
use crate::support::imds::put_token;
use crate::support::imds::serve;
use crate::support::running::signalled;
use crate::support::running::wait_until;
use crate::support::service;

/// Row 25.
#[test]
fn signal_ends_it_after_the_current_request() {
    for signal in [Signal::TERM, Signal::INT] {
        let service = service(&[]);
        let helper = serve(&service.url());
        let server = Server::start(&helper);
        let mut idle = server.connect();
        idle.token();
        let mut under_way = server.connect();
        let text = put_token("60");
        let (begin, end) = text.split_at(30);
        under_way.send(begin).unwrap();
        // Begun for the server too.
        server.token();

        let port = server.port;
        let id = Pid::from_raw(server.running.id().cast_signed()).unwrap();
        let signalled = Instant::now();
        kill_process(id, signal).unwrap();
        assert!(idle.is_closed_within(Duration::from_secs(16)));
        // Nobody new is let in.
        while let Ok(mut late) = Connection::to(([127, 0, 0, 1], port).into()) {
            assert!(late.is_closed_within(Duration::from_secs(8)));
            assert!(signalled.elapsed() < Duration::from_secs(24));
        }
        under_way.send(end).unwrap();
        assert_eq!(under_way.answer(false).unwrap().unwrap().status, 200);
        assert!(under_way.is_closed_within(Duration::from_secs(16)));
        let output = server.running.end();
        assert_eq!(output.exit, 0, "{}", output.stderr);
        assert!(signalled.elapsed() < Duration::from_secs(32));
    }
}

/// Row 25.
#[test]
fn endless_request_delays_the_exit_by_5_s() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut stuck = server.connect();
    stuck.send("PUT /latest").unwrap();
    server.token();
    let begin = Instant::now();
    let output = signalled(server.running, Signal::TERM);
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(begin.elapsed() < Duration::from_secs(64));
}

/// Row 25: while it starts, and while it renews.
#[test]
fn signal_does_not_wait_for_a_call() {
    let service = service(&["slow=600000"]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "a call", |_| !service.requests().is_empty());
    let begin = Instant::now();
    let output = signalled(running, Signal::TERM);
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(begin.elapsed() < Duration::from_secs(64));
}

/// Row 59.
#[test]
fn closed_log_does_not_end_it() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url()).args(["--debug"]);
    let mut child = Ended(
        helper
            .command(&[])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (sender, receiver) = mpsc::channel();
    let mut stderr = BufReader::new(child.0.stderr.take().unwrap());
    thread::spawn(move || {
        let mut said = String::new();
        while port(&said).is_none() {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        drop(stderr);
        sender.send(port(&said).unwrap()).unwrap();
    });
    let port = receiver.recv_timeout(Duration::from_secs(240)).unwrap();
    // Both write to the log.
    let refused = "PUT /latest/api/token HTTP/1.1\r\nHost: example\r\n\r\n";
    assert_eq!(Connection::open(port).ask(refused).status, 400);
    let mut connection = Connection::open(port);
    let request = get(CREDENTIALS, &connection.token());
    let begin = Instant::now();
    while set_number(&connection.ask(&request)) < 3 {
        assert!(begin.elapsed() < Duration::from_secs(320), "never renewed");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(child.0.try_wait().unwrap().is_none());
    let id = Pid::from_raw(child.0.id().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// Ends with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
