//! Others that may reach the port: pages in a browser, proxies, programs of other users.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::TcpListener;
use std::time::Duration;
use std::time::Instant;

use crate::serve::set_number;
use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::ROLE_LIST;
use crate::support::imds::Server;
use crate::support::imds::TOKEN_HEADER;
use crate::support::imds::get;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;

/// A request with these headers and no other.
fn bare(line: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{line}\r\n{headers}\r\n")
}

const PUT: &str = "PUT /latest/api/token HTTP/1.1";

#[track_caller]
fn assert_refused(server: &Server<'_>, request: &str) -> Answer {
    let answer = server.ask(request);
    assert_eq!(answer.status, 400, "{request:?}: {answer:?}");
    answer
}

/// A process that has one of them would answer half of the requests to `localhost`.
#[test]
fn port_in_use_on_either_address_is_refused() {
    let service = service(&[]);
    let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for address in addresses {
        let Ok(taken) = TcpListener::bind((address, 0)) else {
            skip("port_in_use_on_either_address_is_refused: no ::1");
            continue;
        };
        let port = taken.local_addr().unwrap().port().to_string();
        let output = serve(&service.url()).args(["--port", &port]).run();
        assert_eq!(output.exit, 1, "{}", output.stderr);
        assert!(output.stderr.contains(&port), "{}", output.stderr);
    }
    // A session for an endpoint that cannot be would be for nothing.
    assert!(service.requests().is_empty());
}

#[test]
fn request_without_a_host_or_with_two_is_refused() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let one = "Host: 127.0.0.1";
    for hosts in [
        &[][..],
        &[one, one],
        &[one, "host: 127.0.0.1"],
        &[one, "Host: example"],
        &["Host: example", one],
    ] {
        assert_refused(&server, &bare(PUT, hosts));
    }
    assert_eq!(server.ask(&bare(PUT, &[one])).status, 200);
}

#[test]
fn http_1_0_needs_no_host_but_checks_one() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let put = "PUT /latest/api/token HTTP/1.0";
    assert_eq!(server.ask(&bare(put, &[])).status, 200);
    assert_eq!(server.ask(&bare(put, &["Host: localhost"])).status, 200);
    assert_refused(&server, &bare(put, &["Host: example"]));
    assert_refused(&server, &bare(put, &["Host: localhost", "Host: localhost"]));
}

#[test]
fn unknown_host_names_are_refused() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    let own = format!("example:{}", server.port);
    for host in [
        "example",
        &own,
        "",
        ":80",
        "localhost.",
        "localhost.example",
        "127.0.0.1.example",
        "127.0.0.1@example",
        "example#127.0.0.1",
        "example/127.0.0.1",
        "127.0.0.1, example",
        "127.0.0.1 example",
        "127.0.0.1:x",
        "127.0.0.1:80:80",
        "127.1",
        "127.0.0.2",
        "127.000.000.001",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "[::]",
        "::1",
        "[::1",
        "[::1]x",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "169.254.170.2",
        "loc\u{e4}lhost",
    ] {
        let host = format!("Host: {host}");
        assert_refused(&server, &bare(PUT, &[&host]));
        let token = format!("{TOKEN_HEADER}: {token}");
        let line = format!("GET {CREDENTIALS} HTTP/1.1");
        let answer = assert_refused(&server, &bare(&line, &[&host, &token]));
        assert!(!answer.text().contains("ASIA"), "{answer:?}");
    }
}

#[test]
fn targets_are_paths() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let port = server.port;
    let token = format!("{TOKEN_HEADER}: {}", server.token());
    for line in [
        format!("PUT http://127.0.0.1:{port}/latest/api/token HTTP/1.1"),
        "PUT http://example/latest/api/token HTTP/1.1".to_owned(),
        format!("GET http://127.0.0.1:{port}{CREDENTIALS} HTTP/1.1"),
        format!("GET http://127.0.0.1:{port}{CREDENTIALS} HTTP/1.0"),
        "OPTIONS * HTTP/1.1".to_owned(),
        "GET * HTTP/1.1".to_owned(),
        format!("CONNECT 127.0.0.1:{port} HTTP/1.1"),
        "CONNECT example:443 HTTP/1.1".to_owned(),
        format!("GET 127.0.0.1:{port} HTTP/1.1"),
        "GET latest/api/token HTTP/1.1".to_owned(),
    ] {
        let host = format!("Host: 127.0.0.1:{port}");
        let answer = assert_refused(&server, &bare(&line, &[&host, &token]));
        assert!(!answer.text().contains("ASIA"), "{answer:?}");
    }
}

#[test]
fn browsers_are_refused() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    let own = format!("http://127.0.0.1:{}", server.port);
    for header in [
        ("Origin", "https://example"),
        ("Origin", "null"),
        ("origin", ""),
        ("Origin", own.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        assert_refused(&server, &request("PUT /latest/api/token", &[header]));
        for path in [ROLE_LIST, CREDENTIALS] {
            let headers = [(TOKEN_HEADER, token.as_str()), header];
            assert_refused(&server, &request(&format!("GET {path}"), &headers));
        }
        // A browser's preflight request.
        assert_refused(&server, &request("OPTIONS /latest/api/token", &[header]));
    }
}

#[test]
fn proxy_gets_no_token() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for name in ["X-Forwarded-For", "x-forwarded-for"] {
        for value in ["10.0.0.1", "127.0.0.1", ""] {
            let answer =
                assert_refused(&server, &request("PUT /latest/api/token", &[(name, value)]));
            let text = "unable to process requests with X-Forwarded-For header";
            assert_eq!(answer.text(), text);
        }
    }
    // The holder of a token got it here.
    let token = server.token();
    let headers = [
        (TOKEN_HEADER, token.as_str()),
        ("X-Forwarded-For", "10.0.0.1"),
    ];
    let answer = server.ask(&request(&format!("GET {CREDENTIALS}"), &headers));
    assert_eq!(set_number(&answer), 1);
}

#[test]
fn request_with_two_lengths_ends_the_connection() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    let smuggled = get(CREDENTIALS, &token);
    let length = format!("Content-Length: {}", 5 + smuggled.len());
    let host = "Host: 127.0.0.1";
    let chunked = "Transfer-Encoding: chunked";
    for headers in [
        &[host, &length, chunked][..],
        &[host, chunked, &length],
        &[host, "Content-Length: 0", chunked],
        &[host, chunked, "content-length: 5"],
        &[host, "Content-Length: 4", "Content-Length: 5"],
        &[host, "Content-Length: +5"],
        &[host, "Content-Length: 0x5"],
        &[host, "Transfer-Encoding: chunked, identity"],
        &[host, "Transfer-Encoding: xchunked"],
        &[host, "Transfer-Encoding : chunked"],
    ] {
        let mut connection = server.connect();
        let request = format!("{}0\r\n\r\n{smuggled}", bare(PUT, headers));
        connection.send(&request).unwrap();
        let rest = String::from_utf8(connection.rest()).unwrap();
        assert!(rest.starts_with("HTTP/1.1 400 "), "{headers:?}: {rest}");
        assert_eq!(rest.matches("HTTP/1.").count(), 1, "{headers:?}: {rest}");
        assert!(!rest.contains("ASIA"), "{headers:?}: {rest}");
    }
}

#[test]
fn answer_to_head_is_a_head_alone() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    for path in ["/latest/api/token", ROLE_LIST, CREDENTIALS, "/latest/x"] {
        let mut connection = server.connect();
        let head = request(&format!("HEAD {path}"), &[(TOKEN_HEADER, &token)]);
        let status = connection.ask(&head).status;
        assert!([404, 405].contains(&status), "{path}: {status}");
        // A body would stand in front of the next answer.
        let next = connection.ask(&get(CREDENTIALS, &token));
        assert_eq!(set_number(&next), 1, "{path}");
    }
    let mut connection = server.connect();
    let host = bare("HEAD / HTTP/1.1", &["Host: example", "Connection: close"]);
    assert_eq!(connection.ask(&host).status, 400);
    assert_eq!(connection.rest(), b"");
}

#[test]
fn head_that_is_too_long_is_refused_and_closed() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let pad = |length: usize| "x".repeat(length);
    // 10,000 bytes of a header are taken, as the reference takes them.
    let long = request("PUT /latest/api/token", &[("X-Pad", &pad(10_000))]);
    assert_eq!(server.ask(&long).status, 200);
    let many = "X-Pad: x\r\n".repeat(20_000);
    for request in [
        request("PUT /latest/api/token", &[("X-Pad", &pad(200_000))]),
        request("PUT /latest/api/token", &[(&pad(200_000), "x")]),
        bare(PUT, &["Host: 127.0.0.1", many.trim_end()]),
        // Of which the end never comes.
        format!("{PUT}\r\nX-Pad: {}", pad(200_000)),
    ] {
        let mut connection = server.connect();
        // It need not take all of it.
        let _ = connection.send(&request);
        let rest = String::from_utf8(connection.rest()).unwrap();
        let begin = &request[..60];
        assert!(rest.starts_with("HTTP/1.1 431 "), "{begin:?}: {rest:?}");
    }
    let mut connection = server.connect();
    let _ = connection.send(format!("PUT /{} HTTP/1.1\r\n\r\n", pad(200_000)));
    let rest = String::from_utf8(connection.rest()).unwrap();
    let is_refused = ["414", "431"].map(|status| rest.starts_with(&format!("HTTP/1.1 {status} ")));
    assert!(is_refused.contains(&true), "{rest:?}");
}

#[test]
fn unwanted_body_is_not_stored() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for length in [5, 100_000_000] {
        let length = format!("Content-Length: {length}");
        let mut connection = server.connect();
        connection
            .send(bare(PUT, &["Host: 127.0.0.1", &length]))
            .unwrap();
        let body = vec![b'x'; 1 << 20];
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(160) && connection.send(&body).is_ok() {}
        assert!(begin.elapsed() < Duration::from_secs(120), "{length}");
    }
    assert_eq!(set_number(&server.credentials()), 1);
}

#[test]
fn foreign_text_is_escaped_and_truncated_in_the_log() {
    let service = service(&[]);
    let target = format!("/\u{202e}\u{200b}/{}", "x".repeat(5000));
    for debug in ["--debug=false", "--debug"] {
        let helper = serve(&service.url()).args([debug, "--log-format=text"]);
        let mut server = Server::start(&helper);
        let request = bare(&format!("GET {target} HTTP/1.1"), &["Host: example"]);
        assert_refused(&server, &request);
        assert_refused(
            &server,
            &bare(&format!("{} / HTTP/1.1", "X".repeat(5000)), &[]),
        );
        wait_until(&mut server.running, "a refusal", |said| {
            said.contains("5000 characters")
        });
        let said = server.running.stderr_so_far();
        let told = "GET /\\u{202e}\\u{200b}/(5000 characters) from ";
        assert!(said.contains(told), "{said}");
        assert!(!said.contains(['\u{202e}', '\u{200b}']), "{said:?}");
        assert!(!said.contains(&"x".repeat(200)), "{said:?}");
        assert!(!said.contains(&"X".repeat(200)), "{said:?}");
    }
}

#[test]
fn rejections_are_logged_rarely_and_in_plain_text() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let mut server = Server::start(&helper);
    let text = format!("evil\u{1b}[31m\u{e9}\u{202e}{}", "x".repeat(5000));
    let clean = text.replace('\u{1b}', "");
    let refused = [
        bare(PUT, &[&format!("Host: {clean}")]),
        bare(PUT, &[&format!("Host: {text}")]),
        request("PUT /latest/api/token", &[("Origin", &clean)]),
        bare(&format!("GET /{clean} HTTP/1.1"), &["Host: example"]),
    ];
    let begin = Instant::now();
    for request in refused.iter().cycle().take(100) {
        let mut connection = server.connect();
        connection.send(request).unwrap();
        let answer = connection.answer(false).unwrap().unwrap();
        assert_eq!(answer.status, 400, "{request:?}");
    }
    wait_until(&mut server.running, "a line", |said| {
        count(said, "requests_rejected") > 0
    });
    let said = server.running.stderr_so_far();
    let lines = events(&said, "requests_rejected");
    // One, unless this machine takes minutes; a unit test of `RejectionLog` checks the number.
    let lines_max = 1 + usize::try_from(begin.elapsed().as_secs() / 60).unwrap();
    assert!((1..=lines_max).contains(&lines.len()), "{lines:?}");
    assert_eq!(
        (&lines[0]["count"], &lines[0]["status"]),
        (&1.into(), &400.into())
    );
    for line in lines {
        assert!(line["message"].as_str().unwrap().len() < 500, "{line}");
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() || b" \n".contains(&byte);
    assert!(said.bytes().all(is_plain), "{said:?}");
}
