//! Connections that take a limit of open files, or the hop limit of packets.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
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
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;

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
pub(super) fn may_open(files: u64) -> bool {
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
