//! The endpoint, with a plain client.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;

use crate::support::endpoint::Endpoint;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::vectors;

fn connect(endpoint: &Endpoint) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", endpoint.port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(80)))
        .unwrap();
    stream
}

fn connect_tls(stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(vectors().join("pki/tls-ca.pem")).unwrap();
    roots.add(ca).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        stream,
    )
}

/// Sends a request, and reads the answer: nothing, if the connection was closed.
fn ask(wire: &mut (impl Read + Write), target: &str) -> String {
    write!(
        wire,
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .unwrap();
    let mut answer = String::new();
    let mut byte = [0];
    while !answer.ends_with("\r\n\r\n") && wire.read(&mut byte).unwrap() == 1 {
        answer.push(char::from(byte[0]));
    }
    if let Some((_, length)) = answer.split_once("Content-Length: ") {
        let mut body = vec![0; length.trim().parse().unwrap()];
        wire.read_exact(&mut body).unwrap();
        answer += str::from_utf8(&body).unwrap();
    }
    answer
}

fn read_to_end(mut wire: impl Read) -> String {
    let mut text = String::new();
    wire.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn keep_alive_connection_gets_answers_in_order() {
    let endpoint = Endpoint::start(Script::of([
        Response::error(503, "Busy", "no"),
        Response::created(),
    ]));
    let mut stream = connect(&endpoint);

    assert!(ask(&mut stream, "/1").starts_with("HTTP/1.1 503 "));
    assert!(ask(&mut stream, "/2").starts_with("HTTP/1.1 201 Created\r\n"));
    assert!(ask(&mut connect(&endpoint), "/3").starts_with("HTTP/1.1 201 Created\r\n"));
    let requests = endpoint.requests();
    let targets: Vec<&str> = requests.iter().map(|request| &*request.target).collect();
    assert_eq!(targets, ["/1", "/2", "/3"]);
    assert_eq!(requests[2].body_text(), "{}");
}

#[test]
fn a_dropped_request_is_recorded_and_not_answered() {
    let dropped = Response {
        drop: true,
        ..Response::default()
    };
    let endpoint = Endpoint::start(Script::of([dropped, Response::created()]));
    let mut stream = connect(&endpoint);

    assert_eq!(ask(&mut stream, "/1"), "");
    assert!(ask(&mut connect(&endpoint), "/2").contains(" 201 "));
    assert_eq!(endpoint.requests().len(), 2);
}

#[test]
fn raw_bytes_and_a_wrong_length_end_the_connection() {
    let raw = Response {
        raw: Some("hello\r\n\r\n".to_owned()),
        ..Response::default()
    };
    let short = Response {
        content_length: Some(5000),
        ..Response::created()
    };
    let endpoint = Endpoint::start(Script::of([raw, short]));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&endpoint);
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        answers.push(read_to_end(stream));
    }

    assert_eq!(answers[0], "hello\r\n\r\n");
    assert!(
        answers[1].contains("\r\nContent-Length: 5000\r\n"),
        "{}",
        answers[1]
    );
    assert!(answers[1].ends_with('}'), "{}", answers[1]);
}

#[test]
fn a_slow_answer_takes_its_time() {
    let slow = Response {
        delay_ms: 150,
        ..Response::created()
    };
    let endpoint = Endpoint::start(Script::of([slow]));
    let started = Instant::now();
    ask(&mut connect(&endpoint), "/");

    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn tls_is_served_with_the_certificate_of_the_cases() {
    let endpoint = Endpoint::start(Script {
        tls: true,
        ..Script::of([Response::created()])
    });
    assert!(endpoint.url().starts_with("https://127.0.0.1:"));
    let mut wire = connect_tls(connect(&endpoint));

    assert!(ask(&mut wire, "/1").contains(" 201 "));
    assert!(ask(&mut wire, "/2").contains(" 201 "));
    assert_eq!(endpoint.requests().len(), 2);
}

#[test]
fn a_proxy_takes_connect_and_then_speaks_tls() {
    let endpoint = Endpoint::start(Script {
        proxy: true,
        ..Script::of([Response::created()])
    });
    let mut stream = connect(&endpoint);
    stream
        .write_all(b"CONNECT far.example:443 HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut answer = [0; 39];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 Connection established\r\n\r\n");

    assert!(ask(&mut connect_tls(stream), "/inside").contains(" 201 "));
    assert!(ask(&mut connect(&endpoint), "http://far.example/").contains(" 201 "));
    let requests = endpoint.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|request| (&*request.method, &*request.target))
        .collect();
    let wanted = [
        ("CONNECT", "far.example:443"),
        ("POST", "/inside"),
        ("POST", "http://far.example/"),
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn malformed_bytes_close_connection_and_leave_no_record() {
    let endpoint = Endpoint::start(Script::of([Response::created()]));
    let mut stream = connect(&endpoint);
    stream.write_all(b"\x16\x03\x01\x02\x00\r\n\r\n").unwrap();

    assert_eq!(read_to_end(stream), "");
    assert!(endpoint.requests().is_empty());
}

#[test]
fn dropping_the_endpoint_ends_open_connections_and_waits() {
    let slow = Response {
        delay_ms: 600_000,
        ..Response::created()
    };
    let endpoint = Endpoint::start(Script::of([Response::created(), slow]));
    let mut idle = connect(&endpoint);
    ask(&mut idle, "/1");
    let mut waiting = connect(&endpoint);
    waiting.write_all(b"GET /2 HTTP/1.1\r\n\r\n").unwrap();
    while endpoint.requests().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    drop(endpoint);

    assert!(started.elapsed() < Duration::from_secs(40));
    assert_eq!(read_to_end(idle), "");
}
