//! The client, against a scripted server.

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::imds::Connection;
use crate::support::imds::port;
use crate::support::imds::request;

/// A server that takes one connection, says this, reads until the client has finished, and closes.
fn says(bytes: &'static [u8]) -> (Connection, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        heard
    });
    (Connection::open(port), server)
}

#[test]
fn answers_on_one_connection_are_read_one_after_the_other() {
    let (mut connection, server) = says(
        b"HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a:  2 \r\nContent-Length: 2\r\n\r\nab\
          HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 9\r\n\r\n\
          HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
    let first = connection.ask("GET / HTTP/1.1\r\n\r\n");
    assert_eq!((first.status, first.text()), (200, "ab"));
    assert_eq!(first.headers[0], ("X-B".to_owned(), "1".to_owned()));
    assert_eq!(first.header("X-A"), Some("2"));
    assert_eq!(connection.ask("HEAD / HTTP/1.1\r\n\r\n").status, 405);
    assert_eq!(connection.answer(false).unwrap().unwrap().status, 404);
    connection.finish().unwrap();
    let heard = server.join().unwrap();
    assert_eq!(heard, b"GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n");
    assert!(connection.answer(false).unwrap().is_none());
}

#[test]
fn truncated_answer_or_one_without_length_fails() {
    for (bytes, kind) in [
        (&b"HTTP/1.1 200 O"[..], ErrorKind::UnexpectedEof),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            ErrorKind::UnexpectedEof,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", ErrorKind::InvalidData),
        (b"HTTP/2 200 OK\r\n\r\n", ErrorKind::InvalidData),
    ] {
        let (mut connection, server) = says(bytes);
        connection.finish().unwrap();
        server.join().unwrap();
        assert_eq!(connection.answer(false).unwrap_err().kind(), kind);
    }
}

#[test]
fn connection_that_stays_open_is_not_closed() {
    let (mut connection, server) = says(b"");
    assert!(!connection.is_closed_within(Duration::from_millis(50)));
    connection.finish().unwrap();
    server.join().unwrap();
    assert!(connection.is_closed_within(Duration::from_secs(80)));
}

#[test]
fn port_is_read_once_its_line_is_whole() {
    let said = "aws_signing_helper: Local server started on port: 4321";
    assert_eq!(port(said), None);
    assert_eq!(port(&format!("{said}\nmore")), Some(4321));
}

#[test]
fn request_has_its_headers_behind_the_host() {
    assert_eq!(
        request("GET /", &[("A", "1")]),
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: 1\r\n\r\n"
    );
}
