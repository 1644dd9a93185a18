//! Connections that are slow, idle, half open or too many.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Signal;
use rustix::process::getrlimit;
use rustix::process::kill_process;
use rustix::process::setrlimit;

use crate::serve::set_number;
use crate::support::helper::Running;
use crate::support::hop_limit::hop_limit;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::port;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;

/// Sends byte after byte until the server closes the connection; after how long.
fn trickle(server: &Server<'_>, text: &str) -> Duration {
    let mut connection = server.connect();
    let begin = Instant::now();
    for byte in text.bytes().cycle() {
        if connection.send([byte]).is_err() {
            break;
        }
        // It may say something before it closes.
        if connection.is_ended_within(Duration::from_millis(200)) {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(160), "never closed");
    }
    begin.elapsed()
}

#[test]
fn request_that_takes_more_than_5_s_is_cut() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let body = "PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nx";
    let chunks = "PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\n\
                  Transfer-Encoding: chunked\r\n\r\n5\r\nx";
    thread::scope(|scope| {
        for text in [
            "PUT /latest/api/token",
            "PUT / HTTP/1.1\r\nHost: localhost\r\nX-Pad: ",
        ] {
            let server = &server;
            scope.spawn(move || {
                let cut_after = trickle(server, text).as_secs_f64();
                assert!((4.0..64.0).contains(&cut_after), "{text:?}: {cut_after}");
            });
        }
        for text in [body, chunks] {
            let mut connection = server.connect();
            scope.spawn(move || {
                connection.send(text).unwrap();
                let begin = Instant::now();
                // The server may wait for the rest, or answer without it.
                connection.rest();
                let cut_after = begin.elapsed().as_secs_f64();
                assert!(cut_after < 64.0, "{text:?}: {cut_after}");
            });
        }
        // Other connections do not wait.
        let begin = Instant::now();
        assert_eq!(set_number(&server.credentials()), 1);
        assert!(begin.elapsed() < Duration::from_secs(16));
    });
}

#[test]
fn each_request_on_a_connection_has_5_s() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    connection.token();
    thread::sleep(Duration::from_secs(6));
    connection.token();
    connection.send("PUT /latest").unwrap();
    let begin = Instant::now();
    connection.rest();
    let cut_after = begin.elapsed().as_secs_f64();
    assert!((4.0..64.0).contains(&cut_after), "{cut_after}");
}

#[test]
fn connections_that_are_half_open_keep_nobody_out() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut open = Vec::new();
    for index in 0..200 {
        let mut connection = server.connect();
        if index % 2 == 0 {
            connection
                .send("PUT /latest/api/token HTTP/1.1\r\nHost:")
                .unwrap();
        }
        open.push(connection);
    }
    let begin = Instant::now();
    assert_eq!(set_number(&server.credentials()), 1);
    assert!(begin.elapsed() < Duration::from_secs(16));

    // Of the client's side only: it has said all, and waits for the answer.
    let mut connection = server.connect();
    connection.send(put_token("60")).unwrap();
    connection.finish().unwrap();
    let answer = connection.answer(false).unwrap().unwrap();
    assert_eq!(answer.status, 200);
    assert!(connection.is_closed_within(Duration::from_secs(40)));
}

#[test]
fn idle_connection_is_closed_after_30_s() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    thread::scope(|scope| {
        let mut silent = server.connect();
        scope.spawn(move || {
            assert!(silent.is_closed_within(Duration::from_secs(288)), "silent");
        });
        let mut connection = server.connect();
        let begin = Instant::now();
        connection.token();
        assert!(connection.is_closed_within(Duration::from_secs(288)));
        let idle = begin.elapsed().as_secs_f64();
        assert!((28.0..288.0).contains(&idle), "{idle}");
    });
}

#[test]
fn client_that_reads_no_answers_is_cut() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let requests = get(CREDENTIALS, &connection.token()).repeat(100);
    let begin = Instant::now();
    // It fills what the system holds for both sides.
    while connection.send(&requests).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(240), "never cut");
    }
    assert!(begin.elapsed() < Duration::from_secs(240), "never cut");
    assert_eq!(set_number(&server.credentials()), 1);
}

/// Those too count that are being answered, for as long as it takes.
#[cfg(target_os = "linux")]
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

/// As [`accepted`], for an idle process: while connections come and go, the system's table shows some
/// that never existed at the same time.
#[cfg(target_os = "linux")]
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

/// Number of open connections to a port of 127.0.0.1 that a program has accepted.
#[cfg(target_os = "linux")]
fn accepted(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let server = format!("0100007F:{port:04X}");
    let mut files = std::collections::HashSet::new();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Established, and with an inode, which identifies it.
        if words[1] == server && words[3] == "01" && words[9] != "0" {
            files.insert(words[9]);
        }
    }
    files.len()
}

#[test]
fn clients_never_use_up_the_descriptors_that_renewals_need() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url());
    let child = helper
        .command(&["/bin/sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\""])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running::new(child, &helper);
    wait_until(&mut running, "it listens", |said| port(said).is_some());
    let port = port(&running.stderr_so_far()).unwrap();
    let mut server = Server { port, running };
    let token = server.token();
    let open: Vec<Connection> = (0..100).map(|_| server.connect()).collect();
    wait_until(&mut server.running, "a renewal", |said| {
        count(said, "credentials_renewed") == 2
    });
    assert_eq!(set_number(&server.ask(&get(CREDENTIALS, &token))), 2);
    let said = server.running.stderr_so_far();
    assert!(
        count(&said, "accept_failed") + count(&said, "renewal_failed") == 0,
        "{said}"
    );
    drop(open);
}

/// Lets this process have so many files open; whether it may.
fn may_open(files: u64) -> bool {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return true;
    }
    let raised = Rlimit {
        current: Some(files),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).is_ok()
}

#[test]
fn connection_above_512_replaces_the_longest_idle_one() {
    if !may_open(2000) {
        skip("connection_above_512_replaces_the_longest_idle_one: files");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut open: Vec<Connection> = (0..OPEN).map(|_| server.connect()).collect();
    let mut tokens = Vec::new();
    for connection in &mut open {
        tokens.push(connection.token());
    }
    // The first is not idle longest any more: the second is.
    open[0].token();
    let mut above = server.connect();
    let credentials = above.ask(&get(CREDENTIALS, &tokens[0]));
    assert_eq!(set_number(&credentials), 1);
    assert!(open[1].is_closed_within(Duration::from_secs(40)));
    for index in [0, 2, OPEN - 1] {
        open[index].token();
    }
}

#[test]
fn busy_connection_is_not_closed_for_others() {
    if !may_open(2000) {
        skip("busy_connection_is_not_closed_for_others: files");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut first = server.connect();
    first.token();
    let text = put_token("60");
    let (begin, end) = text.split_at(20);
    let mut open: Vec<Connection> = Vec::new();
    for _ in 0..OPEN - 2 {
        let mut connection = server.connect();
        connection.token();
        open.push(connection);
    }
    first.send(begin).unwrap();
    for _ in 0..10 {
        let mut connection = server.connect();
        connection.token();
        open.push(connection);
    }
    first.send(end).unwrap();
    assert_eq!(first.answer(false).unwrap().unwrap().status, 200);
}

#[test]
fn five_thousand_connections_one_after_the_other_are_served() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for _ in 0..5000 {
        assert_eq!(server.ask(&put_token("60")).status, 200);
    }
    assert_eq!(set_number(&server.credentials()), 1);
}

#[test]
fn five_thousand_connections_at_once_are_answered() {
    if !may_open(12_000) {
        skip("five_thousand_connections_at_once_are_answered: it takes 5000 open files");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let port = server.port;
    let mut outcomes: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..20)
            .map(|_| scope.spawn(move || two_hundred_and_fifty(port)))
            .collect();
        let outcomes = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        outcomes.collect()
    });
    let answered = outcomes.iter().filter(|outcome| *outcome == "200").count();
    outcomes.retain(|outcome| outcome != "200");
    outcomes.sort();
    // A few come so late with their request that 512 others have been let in since.
    assert!(answered > 4500, "{answered}: {outcomes:?}");
    assert_eq!(set_number(&server.credentials()), 1);
}

/// Opens connections and sends a request on each, before it reads any of the answers.
fn two_hundred_and_fifty(port: u16) -> Vec<String> {
    let mut open = Vec::new();
    for _ in 0..250 {
        let mut connection = Connection::open(port);
        let sent = connection.send(put_token("60"));
        open.push((connection, sent));
    }
    let outcome = |(connection, sent): &mut (Connection, std::io::Result<()>)| match connection
        .answer(false)
    {
        Ok(Some(answer)) => answer.status.to_string(),
        Ok(None) => "closed".to_owned(),
        Err(error) => format!("{:?} {sent:?}", error.kind()),
    };
    open.iter_mut().map(outcome).collect()
}

#[test]
fn five_thousand_connections_that_say_nothing_keep_nobody_out() {
    if !may_open(12_000) {
        skip("five_thousand_connections_that_say_nothing_keep_nobody_out: files");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut open: Vec<Connection> = (0..5000).map(|_| server.connect()).collect();
    let begin = Instant::now();
    assert_eq!(set_number(&server.credentials()), 1);
    assert!(begin.elapsed() < Duration::from_secs(16));
    // All but the last 512 were shed.
    for connection in &mut open[..4400] {
        assert!(connection.is_closed_within(Duration::from_secs(40)));
    }
}

#[test]
fn connections_that_are_reset_leave_it_as_it_was() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for index in 0..2000 {
        let mut connection = server.connect();
        // Unread bytes at the close cause a reset.
        for _ in 0..index % 4 {
            match connection.send(request("PUT /latest/api/token", &[])) {
                Ok(()) => {}
                Err(error) => assert_ne!(error.kind(), ErrorKind::TimedOut),
            }
        }
        drop(connection);
    }
    assert_eq!(set_number(&server.credentials()), 1);
}

#[test]
fn hop_limit_is_that_of_answers_from_both_addresses() {
    let service = service(&[]);
    let measure = |server: SocketAddr, limit: u8| match hop_limit(server, &put_token("60")) {
        Some(found) => assert_eq!(found, limit, "{server}"),
        None => skip("hop_limit_is_that_of_answers_from_both_addresses: no python3"),
    };
    let helpers = [2, 64].map(|limit: u8| {
        let flag = format!("--hop-limit={limit}");
        (limit, serve(&service.url()).args([flag]))
    });
    thread::scope(|scope| {
        for (limit, helper) in &helpers {
            scope.spawn(|| {
                let server = Server::start(helper);
                let port = server.port;
                thread::scope(|scope| {
                    scope.spawn(|| measure((Ipv4Addr::LOCALHOST, port).into(), *limit));
                    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
                        measure((Ipv6Addr::LOCALHOST, port).into(), *limit);
                    }
                });
            });
        }
    });
}

/// Connections that are served at a time: of 512, each of two listeners keeps one for a newcomer that
/// waits for room.
const OPEN: usize = 510;
