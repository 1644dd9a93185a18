//! Sixteen rules that the SDKs' metadata clients rely on, read from their sources.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use regex_lite::Regex;
use rolesanywhere::output::export::shells::lines_to_paste;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::serve::answers_until;
use crate::serve::assert_no_credentials;
use crate::serve::is_set;
use crate::serve::set_number;
use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::ROLE_LIST;
use crate::support::imds::Server;
use crate::support::imds::TOKEN_HEADER;
use crate::support::imds::TTL_HEADER;
use crate::support::imds::get;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::moment;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::service_that_waits;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

/// Rule 1.
#[test]
fn token_is_the_body_and_its_ttl_a_header() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for ttl in ["1", "300", "21600"] {
        let answer = server.ask(&put_token(ttl));
        assert_eq!(answer.status, 200);
        assert!(
            answer.body.iter().all(u8::is_ascii_graphic),
            "{:?}",
            answer.text()
        );
        assert_eq!(answer.header(TTL_HEADER), Some(ttl));
    }
    let answer = server.ask(&request("PUT /latest/api/token", &[]));
    assert_eq!(answer.header(TTL_HEADER), Some("21600"));
}

/// Rule 2.
#[test]
fn role_list_is_one_name_and_leads_to_the_credentials() {
    let service = service(&[]);
    for (role, name) in [
        ("role/path/ci-role", "ci-role"),
        ("role/a+b=c,d.e@f-g_h", "a+b=c,d.e@f-g_h"),
    ] {
        let arn = format!("arn:aws:iam::123456789012:{role}");
        let helper = serve(&service.url()).args(["--role-arn", &arn]);
        let server = Server::start(&helper);
        let token = server.token();
        let list = server.ask(&get(ROLE_LIST, &token));
        assert_eq!((list.status, list.text()), (200, name));
        // As it is, and as clients escape it.
        let escaped = name
            .replace('+', "%2B")
            .replace('@', "%40")
            .replace(',', "%2c");
        for name in [list.text(), &escaped] {
            let path = format!("{ROLE_LIST}{name}");
            set_number(&server.ask(&get(&path, &token)));
        }
    }
}

/// Rule 3.
#[test]
fn credentials_are_one_json_object_of_texts() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let answer = server.credentials();

    let document = answer.json();
    let fields: BTreeSet<&str> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let wanted = [
        "AccessKeyId",
        "Code",
        "Expiration",
        "LastUpdated",
        "SecretAccessKey",
        "Token",
        "Type",
    ];
    assert_eq!(fields, BTreeSet::from(wanted));
    assert_eq!(set_number(&answer), 1);
    assert_eq!(answer.field("Code"), "Success");
    assert_eq!(answer.field("Type"), "AWS-HMAC");
    let moment = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$").unwrap();
    let read = |name: &str| {
        let text = answer.field(name);
        assert!(moment.is_match(&text), "{name}: {text}");
        OffsetDateTime::parse(&text, &Rfc3339).unwrap()
    };
    let now = OffsetDateTime::now_utc();
    let left = (read("Expiration") - now).whole_seconds();
    assert!((3500..=3600).contains(&left), "{left}");
    let age = (now - read("LastUpdated")).whole_seconds();
    assert!((0..60).contains(&age), "{age}");
    let text = answer.text();
    assert!(
        text.strip_suffix('\n').unwrap_or(text).ends_with('}'),
        "{text:?}"
    );
}

/// Rule 4.
#[test]
fn token_is_given_while_there_are_no_credentials() {
    let service = service(&["status=503:*"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);

    let mut connection = server.connect();
    let token = connection.token();
    let list = connection.ask(&get(ROLE_LIST, &token));
    assert_eq!((list.status, list.text()), (200, "ci-role"));
    assert_no_credentials(&connection.ask(&get(CREDENTIALS, &token)));
    // Terminal, as nothing passing is.
    assert_eq!(connection.ask(&put_token("21601")).status, 400);
}

/// Rule 5.
#[test]
fn error_bodies_never_look_like_a_role() {
    let service = service(&["expires-in=3", "status=500:*"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    answers_until(&server, "lapsed", |answer| answer.status == 500);

    let host = format!("GET {ROLE_LIST} HTTP/1.1\r\nHost: example\r\n\r\n");
    let name = Regex::new(r"^[\w+=,.@-]+$").unwrap();
    for (status, request) in [
        (401, request(&format!("GET {ROLE_LIST}"), &[])),
        (401, get(ROLE_LIST, "bad")),
        (400, host),
        (404, get(&format!("{ROLE_LIST}nobody"), &token)),
        (404, get("/latest/meta-data/", &token)),
        (405, request(&format!("POST {ROLE_LIST}"), &[])),
        (500, get(CREDENTIALS, &token)),
        (400, put_token("0")),
    ] {
        let answer = server.ask(&request);
        assert_eq!(answer.status, status, "{request:?}");
        assert!(!name.is_match(answer.text()), "{answer:?}");
    }
}

/// Rule 6.
#[test]
fn two_slashes_are_one_and_nothing_is_redirected() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    for path in [
        "//latest/api/token",
        "/latest//api/token",
        "/latest/api//token",
        "///latest///api///token///",
    ] {
        let answer = server.ask(&request(&format!("PUT {path}"), &[]));
        assert_eq!((answer.status, answer.body.len()), (200, 64), "{path}");
    }
    let list = |path: &str| {
        let answer = server.ask(&get(path, &token));
        assert_eq!((answer.status, answer.text()), (200, "ci-role"), "{path}");
    };
    list("//latest/meta-data/iam/security-credentials");
    list("/latest//meta-data//iam/security-credentials//");
    let credentials = "//latest/meta-data/iam/security-credentials//ci-role//";
    assert_eq!(set_number(&server.ask(&get(credentials, &token))), 1);
    for path in ["/", "//", "/latest", "/latest/meta-data/iam", "/index.html"] {
        let answer = server.ask(&get(path, &token));
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("Location"), None);
    }
}

/// Rule 7.
#[test]
fn local_names_are_hosts_with_any_port() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    for name in [
        "127.0.0.1",
        "localhost",
        "LocalHost",
        "[::1]",
        "169.254.169.254",
    ] {
        let own = format!(":{}", server.port);
        for port in ["", &own, ":80", ":65535"] {
            let host = format!("{name}{port}");
            let request = format!("PUT /latest/api/token HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(connection.ask(&request).status, 200, "{host}");
        }
    }
}

/// Rule 7, in a container or behind a relay, which call this machine by another name.
#[test]
fn allowed_hosts_are_names_of_this_endpoint_too() {
    let service = service(&[]);
    let flags = [
        "--allow-host",
        "Host.Docker.internal",
        "--allow-host=fd00::1",
    ];
    let helper = serve(&service.url())
        .args(flags)
        // Fills in for no flag that was typed.
        .env("AWS_SIGNING_HELPER_ALLOW_HOST", "variable");
    assert_hosts(
        &Server::start(&helper),
        &["host.docker.internal", "[FD00:0::1]", "localhost"],
        &["docker.internal", "variable", "fd00::1"],
    );
    let helper =
        serve(&service.url()).env("AWS_SIGNING_HELPER_ALLOW_HOST", "relay, relay.example.");
    assert_hosts(
        &Server::start(&helper),
        &["relay", "relay.example", "169.254.169.254"],
        &["host.docker.internal", "evil.example"],
    );
}

#[track_caller]
fn assert_hosts(server: &Server<'_>, known: &[&str], unknown: &[&str]) {
    let mut connection = server.connect();
    let mut status = |host: &str, field: &str| {
        let request = format!("PUT /latest/api/token HTTP/1.1\r\nHost: {host}\r\n{field}\r\n");
        connection.ask(&request).status
    };
    for host in known {
        for host in [format!("{host}:9911"), (*host).to_owned()] {
            assert_eq!(status(&host, ""), 200, "{host}");
            assert_eq!(
                status(&host, "Origin: http://evil.example\r\n"),
                400,
                "{host}"
            );
        }
    }
    for host in unknown {
        assert_eq!(status(host, ""), 400, "{host}");
    }
}

#[test]
fn wildcard_is_not_a_host_to_allow() {
    let service = service(&[]);
    let mut said = String::new();
    for host in ["*", "*.example.com", "http://relay", "a b", ""] {
        let flag = format!("--allow-host={host}");
        let output = serve(&service.url()).args([flag]).run();
        assert_eq!(output.exit, 1, "{host}: {}", output.stderr);
        said += &output.stderr;
        assert!(count(&output.stderr, "listening") == 0, "{host}");
    }
    assert_snapshot("hosts-that-are-not-allowed", &said);
    let helper = serve(&service.url()).env("AWS_SIGNING_HELPER_ALLOW_HOST", "relay,*");
    let output = helper.run();
    assert_eq!(output.exit, 1, "{}", output.stderr);
    let name = "AWS_SIGNING_HELPER_ALLOW_HOST";
    assert!(output.stderr.contains(name), "{}", output.stderr);
    assert!(service.requests().is_empty());
}

/// Rule 7, where `localhost` is an address of the other family first.
#[test]
fn both_loopback_addresses_are_served_on_one_port() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        skip("both_loopback_addresses_are_served_on_one_port: no ::1");
        return;
    }
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = Connection::to((Ipv6Addr::LOCALHOST, server.port).into()).unwrap();
    let token = connection.token();
    // A token is good on either.
    assert_eq!(set_number(&connection.ask(&get(CREDENTIALS, &token))), 1);
    assert_eq!(set_number(&server.ask(&get(CREDENTIALS, &token))), 1);
}

/// Rule 8.
#[test]
fn answers_do_not_wait_for_a_renewal() {
    let (service, end) = service_that_waits(&["expires-in=24"], 2);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut under_way = 0;
    let answers = answers_until(&server, "answers during a call", |_| {
        under_way += service.requests().len() - 1;
        under_way >= 20
    });
    // The set is good for 12 s from the call on, unless this machine is very slow.
    let is_good = |answer: &Answer| answer.status == 200;
    for answer in answers.into_iter().filter(is_good) {
        assert_eq!(set_number(&answer), 1);
    }
    drop(end);
    answers_until(&server, "renewed", |answer| {
        is_good(answer) && set_number(answer) > 1
    });
}

/// Rule 9.
#[test]
fn expired_set_is_followed_by_a_temporary_error() {
    let service = service(&["expires-in=16", "status=500:*"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut asked = OffsetDateTime::now_utc();
    let mut lapses = None;
    let answers = answers_until(&server, "another set", |answer| {
        let answered = OffsetDateTime::now_utc();
        if answer.status == 200 && set_number(answer) == 1 {
            let expiration = answer.field("Expiration");
            let expiration = OffsetDateTime::parse(&expiration, &Rfc3339).unwrap();
            assert!(asked < expiration, "{asked}: {answer:?}");
            lapses = Some(expiration);
        }
        if answer.status != 200 {
            service.recover();
            // A life is counted in whole seconds.
            let lapses = lapses.expect("a first set") - Duration::from_secs(2);
            assert!(answered > lapses, "{answered}: {answer:?}");
        }
        asked = OffsetDateTime::now_utc();
        is_set(2)(answer)
    });
    let sets = answers.iter().map(|answer| match answer.status {
        200 => set_number(answer),
        _ => {
            assert_no_credentials(answer);
            0
        }
    });
    let mut order: Vec<usize> = sets.collect();
    order.dedup();
    assert_eq!(order, [1, 0, 2]);
}

/// Rule 10: with one character more the CRT stops.
#[test]
fn tokens_have_64_characters_and_any_other_is_refused() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let token = connection.token();
    assert_eq!(token.len(), 64);
    assert_ne!(connection.token(), token);

    let mut status = |token: &str| connection.ask(&get(ROLE_LIST, token)).status;
    assert_eq!(status(&token), 200);
    for index in 0..token.len() {
        let other = if &token[index..=index] == "A" {
            "B"
        } else {
            "A"
        };
        let mut changed = token.clone();
        changed.replace_range(index..=index, other);
        assert_eq!(status(&changed), 401, "{index}");
    }
    let lengths = [&token[1..], &token[..60], &format!("{token}A"), "=", "é"];
    for other in lengths {
        assert_eq!(status(other), 401, "{other}");
    }
    assert_eq!(status(&token.repeat(100)), 401);
    assert_eq!(status(&token.to_lowercase()), 401);
    assert_eq!(status(&token), 200);
    let twice = [(TOKEN_HEADER, token.as_str()), (TOKEN_HEADER, "x")];
    let answer = connection.ask(&request(&format!("GET {ROLE_LIST}"), &twice));
    assert!([400, 401].contains(&answer.status), "{answer:?}");
}

/// Rule 10: of another process, a token is nothing here.
#[test]
fn tokens_are_good_for_the_process_that_gave_them() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let (one, other) = (Server::start(&helper), Server::start(&helper));
    let answer = other.ask(&get(ROLE_LIST, &one.token()));
    assert_eq!(
        (answer.status, answer.text()),
        (401, "invalid token provided")
    );
}

/// Rule 11.
#[test]
fn sets_are_due_with_more_than_10_minutes_left() {
    for (duration, least) in [("900", 597), ("1800", 900), ("3600", 900)] {
        let service = service(&[]);
        let helper = serve(&service.url()).args(["--session-duration", duration]);
        let mut server = Server::start(&helper);
        wait_until(&mut server.running, "a set", |said| {
            !events(said, "credentials_renewed").is_empty()
        });
        let said = server.running.stderr_so_far();
        let renewed = &events(&said, "credentials_renewed")[0];
        let left = moment(renewed, "expiration") - moment(renewed, "next_renewal");
        let left = left.whole_seconds();
        assert!(left >= least, "{duration}: {left} s left; {said}");
    }
}

/// Rule 12.
#[test]
fn printed_endpoint_works_with_and_without_slash() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--log-format", "text"]);
    let server = Server::start(&helper);
    let token = server.token();
    let said = server.running.stderr_so_far();
    let url = format!("http://127.0.0.1:{}/", server.port);
    let variable = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    let started = format!("Local server started on port: {}", server.port);
    let run = "Make it available to the sdk by running:".to_owned();
    for line in [started, run]
        .into_iter()
        .chain(lines_to_paste(&[variable], cfg!(windows)))
    {
        assert!(
            said.contains(&format!("aws_signing_helper: {line}\n")),
            "{said}"
        );
    }
    for endpoint in ["", "/"] {
        for slash in ["", "/"] {
            let path = format!("{endpoint}/latest/api/token{slash}");
            let answer = server.ask(&request(&format!("PUT {path}"), &[]));
            assert_eq!(answer.status, 200, "{path}");
            let path = format!("{endpoint}{}{slash}", ROLE_LIST.trim_end_matches('/'));
            assert_eq!(server.ask(&get(&path, &token)).text(), "ci-role", "{path}");
            let path = format!("{endpoint}{CREDENTIALS}{slash}");
            assert_eq!(set_number(&server.ask(&get(&path, &token))), 1, "{path}");
        }
    }
}

#[test]
fn printed_lines_set_the_value_and_run_nothing() {
    for value in ["/tmp/a b/x$(id);y", "it's `id` \"*\" \\", "~/a", ""] {
        let lines = lines_to_paste(&[("NAME", value.to_owned())], false);
        let script = format!("{}; printf '%s.' \"$NAME\" \"$#\"", lines[0]);
        let output = Command::new("/bin/sh").args(["-c", &script]).output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        assert_eq!(said, format!("{value}.0."), "{lines:?}");
    }
    let plain = "http://127.0.0.1:9911/".to_owned();
    let lines = lines_to_paste(&[("NAME", plain)], false);
    assert_eq!(lines, ["export NAME=http://127.0.0.1:9911/"]);
}

/// Rule 13.
#[test]
fn failed_renewals_are_hidden_by_a_valid_set() {
    let service = service(&["expires-in=40", "throttle"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let answers = answers_until(&server, "renewed", is_set(2));
    for answer in &answers {
        set_number(answer);
    }
    assert_eq!(service.requests().len(), 3);
}

/// Rule 14.
#[test]
fn sessions_of_seconds_make_no_call_for_a_get() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let begin = Instant::now();
    for _ in 0..50 {
        let mut fresh = server.connect();
        let token = fresh.token();
        for path in [ROLE_LIST, CREDENTIALS, CREDENTIALS, CREDENTIALS] {
            assert_eq!(fresh.ask(&get(path, &token)).status, 200);
        }
    }
    let calls = service.requests().len();
    // Of which there may be one in 5 s.
    let calls_max = 1 + usize::try_from(begin.elapsed().as_secs() / 5).unwrap();
    assert!(calls <= calls_max, "{calls} in {:?}", begin.elapsed());
}

/// Rule 15.
#[test]
fn nothing_makes_software_believe_that_it_is_on_ec2() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let token = connection.token();
    for path in [
        "/latest/meta-data/placement/availability-zone/",
        "/latest/meta-data/placement/availability-zone",
        "/latest/meta-data/placement/region",
        "/latest/dynamic/instance-identity/document",
        "/latest/meta-data/iam/info",
        "/latest/meta-data/iam/security-credentials-extended/",
        "/latest/meta-data/instance-id",
        "/latest/user-data",
        "/2021-07-15/meta-data/iam/security-credentials/",
        "/v1/credentials",
    ] {
        let answer: Answer = connection.ask(&get(path, &token));
        let (status, text) = (answer.status, answer.text());
        assert_eq!((status, text), (404, "404 page not found\n"), "{path}");
    }
}

/// Rule 16.
#[test]
fn invalid_metadata_token_is_401_on_every_path() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let valid = connection.token();
    let brief = connection.ask(&put_token("1")).text().to_owned();
    // A metadata token is valid for whole seconds only.
    let is_expired =
        |connection: &mut Connection| connection.ask(&get(ROLE_LIST, &brief)).status == 401;
    while !is_expired(&mut connection) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let lines = ["GET", "HEAD", "POST", "PUT", "DELETE"]
        .into_iter()
        .flat_map(|method| {
            let paths = [
                "/",
                "/latest",
                "/latest/meta-data/",
                "/latest/meta-data/iam/security-credentials/nobody",
                "/latest/user-data",
                "/favicon.ico",
                ROLE_LIST,
                CREDENTIALS,
            ];
            paths.map(|path| format!("{method} {path}"))
        });
    for line in lines.chain(["GET /latest/api/token".to_owned()]) {
        let mut status = |fields: &[(&str, &str)]| connection.ask(&request(&line, fields)).status;
        for token in ["INVALID", "", &brief, &valid[1..]] {
            assert_eq!(status(&[(TOKEN_HEADER, token)]), 401, "{line} {token:?}");
        }
        let twice = [(TOKEN_HEADER, valid.as_str()); 2];
        assert_eq!(status(&twice), 401, "{line}");
    }
    for token in ["INVALID", &brief] {
        let request = request("PUT /latest/api/token", &[(TOKEN_HEADER, token)]);
        assert_eq!(connection.ask(&request).status, 200, "{token:?}");
    }
    assert_eq!(connection.ask(&request("GET /", &[])).status, 404);
}
