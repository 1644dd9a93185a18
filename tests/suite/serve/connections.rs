//! Connections that are slow, idle, half open or too many.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::serve::set_number;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::service;

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
