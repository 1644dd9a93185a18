//! Hanging and slow files, services and clients do not block others.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::serve::set_number;
use crate::serve::start::free_on_both;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::running::terminated;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

#[test]
fn newcomer_is_served_beside_512_half_sent_requests() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    let mut half: Vec<Connection> = Vec::new();
    for _ in 0..512 {
        let mut connection = server.connect();
        connection.send("G").unwrap();
        half.push(connection);
    }
    for _ in 0..20 {
        let mut newcomer = server.connect();
        let mut other = server.connect();
        other.send("G").unwrap();
        half.push(other);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(set_number(&newcomer.ask(&get(CREDENTIALS, &token))), 1);
    }
}

#[test]
fn dripping_body_is_cut_after_5_s() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let head = request("PUT /latest/api/token", &[("Content-Length", "60000")]);
    let begun = Instant::now();
    connection.send(head).unwrap();
    let answer = connection.answer(false).unwrap().unwrap();
    assert_eq!(answer.status, 200);
    while connection.send("x").is_ok() && !connection.is_ended_within(Duration::from_millis(400)) {
        assert!(begun.elapsed() < Duration::from_secs(64), "it goes on");
    }
    assert!(
        begun.elapsed() > Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert!(connection.rest().is_empty(), "another answer");
}

/// Until the port is open.
fn wait_for_port(address: SocketAddr) {
    let begun = Instant::now();
    while Connection::to(address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(240));
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process that does not outlive a test that fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn log_that_is_not_read_keeps_nobody_waiting() {
    let Some((v4, v6)) = free_on_both("log_that_is_not_read_keeps_nobody_waiting") else {
        return;
    };
    let address = v4.local_addr().unwrap();
    drop((v4, v6));
    let service = service(&[]);
    let port = address.port().to_string();
    let helper = Helper::command_at("serve", &service.url()).args(["--debug", "--port", &port]);
    // A pipe that is open and full before long.
    let child = helper
        .command(&[])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Killed(child.unwrap());
    wait_for_port(address);
    let mut connection = Connection::to(address).unwrap();
    let request = get(CREDENTIALS, &connection.token());
    for _ in 0..5000 {
        assert_eq!(set_number(&connection.ask(&request)), 1);
    }
    let id = Pid::from_raw(child.0.id().cast_signed()).unwrap();
    let begun = Instant::now();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn files_that_hang_keep_nobody_waiting() {
    let test = "files_that_hang_keep_nobody_waiting";
    let service = service(&["expires-in=40:*"]);
    let helper = serve(&service.url()).own_files();
    let server = Server::start(&helper);
    let certificate = helper.home().join("crt");
    std::fs::remove_file(&certificate).unwrap();
    if !Command::new("mkfifo")
        .arg(&certificate)
        .status()
        .is_ok_and(|status| status.success())
    {
        skip(&format!("{test}: no mkfifo"));
        return;
    }
    let mut connection = server.connect();
    let request = get(CREDENTIALS, &connection.token());
    // Two looks at the files, and a renewal.
    let begun = Instant::now();
    let mut number = 1;
    while begun.elapsed() < Duration::from_secs(28) {
        let asked = Instant::now();
        number = set_number(&connection.ask(&request));
        assert!(
            asked.elapsed() < Duration::from_secs(16),
            "{:?}",
            asked.elapsed()
        );
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(number, 2);
    let begun = Instant::now();
    assert_eq!(terminated(server.running).exit, 0);
    assert!(
        begun.elapsed() < Duration::from_secs(24),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn port_is_held_until_the_first_set() {
    let test = "port_is_held_until_the_first_set";
    let Some((v4, v6)) = free_on_both(test) else {
        return;
    };
    let port = v4.local_addr().unwrap().port();
    drop((v4, v6));
    let service = service(&["slow=3000"]);
    let helper = serve(&service.url()).args(["--port", &port.to_string()]);
    let mut running = helper.start();
    wait_until(&mut running, "a request", |_| service.requests().len() == 1);
    // The standard library sets SO_REUSEADDR, as a restarted server has to.
    for address in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        (Ipv6Addr::LOCALHOST, port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
    ] {
        let error = TcpListener::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{address}");
    }
    wait_until(&mut running, "it listens", |said| {
        count(said, "listening") > 0
    });
    let mut server = Server { port, running };
    assert_eq!(server.access_key_id(), issued(1));
    // And it can be started again at once, with connections that are still closing.
    assert_eq!(terminated(server.running).exit, 0);
    server = Server::start(&helper);
    assert_eq!(server.access_key_id(), issued(2));
}

#[test]
fn end_does_not_wait_for_probes_to_stop_accepting() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--status-address", "127.0.0.1:0"]);
    let mut server = Server::start(&helper);
    let said = server.running.stderr_so_far();
    let status = &events(&said, "status_listening")[0]["address"];
    let status: SocketAddr = status.as_str().unwrap().parse().unwrap();
    let mut half = [Connection::to(status).unwrap(), server.connect()];
    for connection in &mut half {
        connection.send("GET /").unwrap();
    }
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    let id = Pid::from_raw(server.running.id().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let address = (Ipv4Addr::LOCALHOST, server.port).into();
    while Connection::to(address).is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "it still accepts"
        );
        thread::sleep(Duration::from_millis(10));
    }
    // A partial request delays the end for 5 s.
    assert!(server.running.is_running(), "it accepted to its end");
    let output = server.running.end();
    assert_eq!(output.exit, 0);
    assert!(
        begun.elapsed() < Duration::from_secs(52),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn token_file_without_its_endpoint_is_refused() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let path = helper.home().join("token").display().to_string();
    let helper = helper.args(["--authorization-token-file", &path]);
    let output = helper.run();
    assert_eq!(output.exit, 1);
    assert_snapshot("token-file-without-its-endpoint", &output.stderr);
    assert!(service.requests().is_empty());
}

#[test]
fn cached_set_belongs_to_the_certificate_that_requested_it() {
    let faults = [
        "expires-in=24",
        "error=403/AccessDeniedException",
        "expires-in=3600:*",
    ];
    let service = service(&faults);
    let helper = serve(&service.url()).own_files().args(["--cache"]);
    let mut server = Server::start(&helper);
    helper.put("crt", "ec256.crt");
    helper.put("key", "ec256.key");
    wait_until(
        &mut server.running,
        "a set of the old certificate",
        |said| said.contains("AccessDeniedException") && count(said, "credentials_renewed") == 2,
    );
    assert_eq!(server.access_key_id(), issued(2));
    // The set of another program that reads the current files.
    let output = of_the_same_files(&helper, &service.url());
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(
        output.stdout_text().contains(&issued(3)),
        "{}",
        output.stdout_text()
    );
    drop(server);
}

/// `credential-process --cache` with the home, and so the files and the cache, of a helper.
fn of_the_same_files(helper: &Helper, url: &str) -> crate::support::helper::Output {
    let other = Helper::command_at("credential-process", url).args(["--cache"]);
    let path = |name: &str| helper.home().join(name).display().to_string();
    let other = other.args(["--certificate", &path("crt"), "--private-key", &path("key")]);
    let home = helper.home().display().to_string();
    let child = other
        .env("HOME", &home)
        .command(&[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let other = Helper::new();
    Running::new(child, &other).end()
}
