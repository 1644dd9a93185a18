//! Connections that `/proc` shows.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::serve::connections::unix::may_open;
use crate::serve::set_number;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::serve;
use crate::support::service;
use crate::support::skip;

/// Those too count that are being answered, for as long as it takes.
#[test]
fn connections_that_read_no_answers_are_not_more_than_512() {
    use socket2::Domain;
    use socket2::Socket;
    use socket2::Type;

    if !may_open(4000) {
        skip("connections_that_read_no_answers_are_not_more_than_512: files");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let requests = get(CREDENTIALS, &server.token()).repeat(50);
    let id = Pid::from_raw(server.running.id().cast_signed()).unwrap();
    let mut most = 0;
    let mut open = Vec::new();
    for number in 0..1500 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // So that little fills what the system holds for both sides.
        socket.set_recv_buffer_size(2048).unwrap();
        socket.set_tcp_mss(536).unwrap();
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, server.port).into();
        socket.connect(&address.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut pieces = 0;
        while pieces < 10 && socket.send(requests.as_bytes()).is_ok() {
            pieces += 1;
        }
        open.push(socket);
        if number % 100 == 99 {
            most = most.max(accepted_while_stopped(id, server.port));
        }
    }
    // Some wait in the queue until there is time for them.
    wait_until_some("they are all accepted", || {
        let accepted = accepted_while_stopped(id, server.port);
        most = most.max(accepted);
        (accepted > 300).then_some(())
    });
    for _ in 0..20 {
        most = most.max(accepted_while_stopped(id, server.port));
        thread::sleep(Duration::from_millis(50));
    }
    assert!(most <= 512, "{most}");
    drop(open);
    assert_eq!(set_number(&server.credentials()), 1);
}

/// As [`accepted`], of a process that does nothing meanwhile: while connections come and go, the table
/// of the system shows some that were never there together.
fn accepted_while_stopped(id: Pid, port: u16) -> usize {
    kill_process(id, Signal::STOP).unwrap();
    wait_until_some("it is stopped", || {
        let path = format!("/proc/{}/stat", id.as_raw_nonzero());
        let stat = std::fs::read_to_string(path).unwrap();
        let (_, behind) = stat.rsplit_once(") ").unwrap();
        behind.starts_with('T').then_some(())
    });
    let accepted = accepted(port);
    kill_process(id, Signal::CONT).unwrap();
    accepted
}

/// Waits until there is something.
fn wait_until_some<T>(what: &str, mut some: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(some) = some() {
            return some;
        }
        assert!(begin.elapsed() < Duration::from_secs(240), "never {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many open connections to a port of 127.0.0.1 a program has accepted.
fn accepted(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let server = format!("0100007F:{port:04X}");
    let mut files = std::collections::HashSet::new();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Established, and with a file behind it, by whose number it is told.
        if words[1] == server && words[3] == "01" && words[9] != "0" {
            files.insert(words[9]);
        }
    }
    files.len()
}
