//! Memory and connections that `/proc` shows.

use std::fs;
use std::time::Duration;

use crate::support::imds::ROLE_LIST;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::put_token;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::running::wait_until;
use crate::support::service;

/// Row 6.
#[test]
fn tokens_take_no_memory_and_none_pushes_another_out() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let first = connection.ask(&put_token("300")).text().to_owned();
    let mut take = |count| {
        for _ in 0..count {
            assert_eq!(connection.ask(&put_token("21600")).status, 200);
        }
    };
    take(2000);
    let before = resident_bytes(&server);
    take(20_000);
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 1_000_000, "{grown} bytes");
    assert_eq!(server.ask(&get(ROLE_LIST, &first)).status, 200);
}

fn resident_bytes(server: &Server<'_>) -> u64 {
    let path = format!("/proc/{}/status", server.running.id());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// Row 59.
#[test]
fn idle_connections_are_cheap_and_at_most_512() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let before = resident_bytes(&server);
    let mut open = Vec::new();
    for _ in 0..900 {
        let mut connection = server.connect();
        connection.token();
        open.push(connection);
    }
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 512 * 16_384, "{grown} bytes");
    for connection in &mut open[..300] {
        assert!(connection.is_closed_within(Duration::from_secs(40)));
    }
}

/// Row 39, without the card.
#[test]
fn renewals_leave_no_connection_open() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url());
    let mut server = Server::start(&helper);
    let address = format!("0100007F:{:04X}", service.port());
    let open = || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let is_to_the_service = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // The helper's side, established.
            words[2] == address && words[3] == "01"
        };
        table.lines().skip(1).filter(is_to_the_service).count()
    };
    for sets in 1..=3 {
        wait_until(&mut server.running, "a set", |said| {
            count(said, "credentials_renewed") == sets
        });
        wait_until(&mut server.running, "no connection", |_| open() == 0);
    }
}
