//! Defects of AWS's `serve` and its peers; the numbers are those of `docs/past-defects.md`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::serve::answers_until;
use crate::serve::assert_no_credentials;
use crate::serve::is_set;
use crate::serve::set_number;
use crate::support::endpoint::Endpoint;
use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::ROLE_LIST;
use crate::support::imds::Server;
use crate::support::imds::TTL_HEADER;
use crate::support::imds::get;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::log::moment;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::service_that_waits;
use crate::support::snapshots::assert_snapshot;

/// Row 1.
#[test]
fn failed_renewal_keeps_the_set_that_is_good() {
    thread::scope(|scope| {
        for fault in [
            "status=500",
            "error=403/AccessDeniedException",
            "drop",
            "html",
            "cut-body",
        ] {
            scope.spawn(move || {
                let service = service(&["expires-in=40", fault]);
                let helper = serve(&service.url());
                let mut server = Server::start(&helper);
                wait_until(&mut server.running, fault, |said| {
                    count(said, "renewal_failed") > 0
                });
                assert_eq!(set_number(&server.credentials()), 1, "{fault}");
                // The service may have counted one that never came.
                let is_another = |answer: &Answer| set_number(answer) > 1;
                answers_until(&server, fault, is_another);
            });
        }
    });
}

/// Row 2.
#[test]
fn refusal_of_the_first_call_ends_the_start() {
    let service = service(&["error=403/AccessDeniedException"]);
    let output = serve(&service.url()).args(["--log-format", "text"]).run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert_snapshot("refusal-of-the-first-call", &output.stderr);
    assert!(count(&output.stderr, "listening") == 0, "{}", output.stderr);
    assert_eq!(service.requests().len(), 1);
}

/// Row 2.
#[test]
fn bad_input_ends_the_start_before_any_request() {
    let service = service(&[]);
    let cases = [
        ["--certificate", "pki/absent.crt"],
        ["--private-key", "pki/mismatch.key"],
        ["--role-arn", "ci-role"],
        ["--endpoint", "localhost"],
    ];
    let said = cases.map(|flag| {
        let output = serve(&service.url()).args(flag).run();
        assert_eq!(output.exit, 1, "{flag:?}");
        failure(&output.stderr)
    });
    assert_snapshot("bad-input-of-serve", &said.concat());
    assert!(service.requests().is_empty());
}

/// Row 2.
#[test]
fn service_down_at_startup_is_retried_while_clients_get_500() {
    thread::scope(|scope| {
        for (fault, calls) in [
            ("throttle:1", 1),
            ("status=503:4", 4),
            ("drop:4", 4),
            ("html:2", 2),
        ] {
            scope.spawn(move || {
                let service = service(&[fault]);
                let helper = serve(&service.url());
                let begin = Instant::now();
                let mut server = Server::start(&helper);
                let started = begin.elapsed();
                assert!(started < Duration::from_secs(104), "{fault}: {started:?}");
                let answer = server.credentials();
                // Else it may have been given a set just now.
                if service.requests().len() <= calls {
                    assert_no_credentials(&answer);
                }
                let said = server.running.stderr_so_far();
                let failed = events(&said, "renewal_failed");
                assert_eq!(failed[0]["level"], "error", "{fault}");
                assert!(
                    moment(&failed[0], "next_attempt") > moment(&failed[0], "time"),
                    "{fault}"
                );
                wait_until(&mut server.running, "a set", |said| {
                    count(said, "credentials_renewed") > 0
                });
                assert_eq!(set_number(&server.credentials()), 1, "{fault}");
            });
        }
    });
}

/// Row 2. The first call makes three attempts, as the reference helper's does.
#[test]
fn blip_at_the_start_is_not_seen() {
    for fault in ["status=503:2", "drop:2", "status=500:1"] {
        let service = service(&[fault]);
        let helper = serve(&service.url());
        let server = Server::start(&helper);
        assert_eq!(set_number(&server.credentials()), 1, "{fault}");
        let said = server.running.stderr_so_far();
        assert_eq!(count(&said, "renewal_failed"), 0, "{fault}: {said}");
    }
}

/// Row 3.
#[test]
fn neither_metadata_token_nor_credentials_are_logged_in_debug() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url()).args(["--debug"]);
    let mut server = Server::start(&helper);
    let mut secrets = Vec::new();
    let mut connection = server.connect();
    for ttl in ["1", "21600"] {
        secrets.push(connection.ask(&put_token(ttl)).text().to_owned());
    }
    // Another server's, say, or one that has expired.
    let foreign = "bG9va3MtbGlrZS1hLXRva2Vu".repeat(2);
    for token in [&foreign, &secrets[0].clone(), &secrets[1].clone()] {
        for path in [ROLE_LIST, CREDENTIALS, "/latest/x"] {
            connection.ask(&get(path, token));
            connection.ask(&request(&format!("GET {path}?token={token}"), &[]));
            let host = format!("GET {path} HTTP/1.1\r\nHost: {token}\r\n\r\n");
            server.ask(&host);
        }
        server.ask(&request(
            "GET /",
            &[("Origin", "x"), ("X-aws-ec2-metadata-token", token)],
        ));
    }
    secrets.push(foreign);
    let answer = connection.ask(&get(CREDENTIALS, &secrets[1]));
    for name in ["SecretAccessKey", "Token"] {
        secrets.push(answer.field(name));
    }
    answers_until(&server, "renewed", is_set(2));
    let requests = service.requests();
    let sent = requests.last().unwrap();
    let authorization = sent
        .headers
        .iter()
        .find(|(name, _)| name == "authorization");
    let (_, signature) = authorization.unwrap().1.split_once("Signature=").unwrap();
    secrets.push(signature.to_owned());

    thread::sleep(Duration::from_secs(1));
    assert!(server.running.is_running());
    let said = server.running.stderr_so_far();
    assert!(said.len() > 500, "--debug says something: {said}");
    for secret in &secrets {
        for piece in secret.as_bytes().windows(12) {
            let piece = str::from_utf8(piece).unwrap();
            assert!(!said.contains(piece), "{piece:?} in {said}");
        }
    }
}

/// Row 4.
#[test]
fn remaining_ttl_is_in_every_answer_to_a_token() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    let token = connection.ask(&put_token("300")).text().to_owned();
    for path in [ROLE_LIST, CREDENTIALS] {
        let answer = connection.ask(&get(path, &token));
        let left: u64 = answer.header(TTL_HEADER).unwrap().parse().unwrap();
        assert!((290..=300).contains(&left), "{path}: {left}");
        let number = answer.headers.iter().filter(|(name, _)| {
            name.eq_ignore_ascii_case(TTL_HEADER) || name.eq_ignore_ascii_case("Content-Length")
        });
        assert_eq!(number.count(), 2, "{answer:?}");
    }
    thread::sleep(Duration::from_millis(2100));
    let answer = connection.ask(&get(CREDENTIALS, &token));
    let left: u64 = answer.header(TTL_HEADER).unwrap().parse().unwrap();
    assert!((280..=298).contains(&left), "{left}");
}

/// Row 4: a client that keeps a token for so long must never find it refused.
#[test]
fn life_left_of_a_token_is_rounded_down() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut connection = server.connect();
    for _ in 0..20 {
        let token = connection.ask(&put_token("3")).text().to_owned();
        let answer = connection.ask(&get(ROLE_LIST, &token));
        let left: u64 = answer.header(TTL_HEADER).unwrap().parse().unwrap();
        assert!(left < 3, "{left}");
    }
}

/// Asks for the credentials on so many connections at once.
fn herd(server: &Server<'_>, count: usize) -> Vec<Answer> {
    let request = get(CREDENTIALS, &server.token());
    let mut open: Vec<Connection> = (0..count).map(|_| server.connect()).collect();
    for connection in &mut open {
        connection.send(&request).unwrap();
    }
    let answer = |connection: &mut Connection| connection.answer(false).unwrap().unwrap();
    open.iter_mut().map(answer).collect()
}

/// Rows 5 and 57.
#[test]
fn herd_makes_one_call_before_during_and_after_a_renewal() {
    let (service, end) = service_that_waits(&["expires-in=16"], 2);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for answer in &herd(&server, 400) {
        assert_eq!(set_number(answer), 1);
    }
    assert_eq!(service.requests().len(), 1);

    // A call is under way, at first with a set that is good, then without any.
    let begun = Instant::now();
    answers_until(&server, "lapsed", |answer| answer.status == 500);
    for answer in &herd(&server, 400) {
        assert_no_credentials(answer);
    }
    // It is given up after 15 s, and the next is made 5 s later at the earliest.
    let calls_max = 2 + usize::try_from(begun.elapsed().as_secs() / 20).unwrap();
    assert!(service.requests().len() <= calls_max);
    drop(end);
    answers_until(&server, "renewed", |answer| answer.status == 200);
    let answers = herd(&server, 400);
    let number = set_number(&answers[0]);
    for answer in &answers {
        assert_eq!(set_number(answer), number);
    }
    assert!(service.requests().len() <= 1 + calls_max);
}

/// Row 26.
#[test]
fn trailing_slashes_of_paths_do_not_matter() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    for slashes in ["", "/", "//"] {
        let put = request(&format!("PUT /latest/api/token{slashes}"), &[]);
        assert_eq!(server.ask(&put).status, 200, "{slashes}");
        for path in [ROLE_LIST.trim_end_matches('/'), CREDENTIALS] {
            let answer = server.ask(&get(&format!("{path}{slashes}"), &token));
            assert_eq!(answer.status, 200, "{path}{slashes}");
            let answer = server.ask(&get(&format!("/{path}{slashes}"), &token));
            assert_eq!(answer.status, 200, "/{path}{slashes}");
        }
    }
}

/// Row 29.
#[test]
fn sets_are_renewed_though_nobody_asks() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url());
    let mut server = Server::start(&helper);
    wait_until(&mut server.running, "a third set", |said| {
        count(said, "credentials_renewed") == 3
    });
    assert_eq!(server.access_key_id(), issued(3));
    let said = server.running.stderr_so_far();
    for event in events(&said, "credentials_renewed") {
        assert!(
            moment(&event, "next_renewal") < moment(&event, "expiration"),
            "{event}"
        );
    }
}

/// Row 34.
#[test]
fn one_session_is_for_all_who_ask() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    for _ in 0..100 {
        assert_eq!(set_number(&server.credentials()), 1);
    }
    assert_eq!(service.requests().len(), 1);
}

/// Row 50.
#[test]
fn hop_limit_out_of_range_is_refused_at_the_start() {
    let service = service(&[]);
    for limit in ["0", "256", "-1", "4294967297", "x", ""] {
        let flag = format!("--hop-limit={limit}");
        let output = serve(&service.url()).args([flag]).run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""), "{limit}");
        assert!(output.stderr.contains("hop-limit"), "{}", output.stderr);
    }
    assert!(service.requests().is_empty());
}

/// Row 53.
#[test]
fn foreign_host_and_unknown_role_get_nothing() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let token = server.token();
    for role in [
        "nobody",
        "CI-ROLE",
        "ci-rol",
        "ci-role2",
        "ci-role/more",
        "..",
        ".",
    ] {
        let answer = server.ask(&get(&format!("{ROLE_LIST}{role}"), &token));
        let (status, text) = (answer.status, answer.text());
        assert_eq!((status, text), (404, "404 page not found\n"), "{role}");
    }
    let host = format!(
        "PUT /latest/api/token HTTP/1.1\r\nHost: example:{}\r\n\r\n",
        server.port
    );
    assert_eq!(server.ask(&host).status, 400);
}

/// Row 56.
#[test]
fn every_answer_is_of_one_session_while_sessions_change() {
    // Long enough for a machine that is slow and busy.
    let service = service(&["expires-in=40:*"]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let begin = Instant::now();
    let seen: Vec<BTreeSet<usize>> = thread::scope(|scope| {
        let client = || {
            let mut connection = server.connect();
            let request = get(CREDENTIALS, &connection.token());
            let mut seen = BTreeSet::new();
            while seen.len() < 3 && begin.elapsed() < Duration::from_secs(400) {
                seen.insert(set_number(&connection.ask(&request)));
                // Eight that never rest would leave the renewals no processor.
                thread::sleep(Duration::from_millis(1));
            }
            seen
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for seen in seen {
        assert!(seen.len() >= 3, "{seen:?}");
    }
}

/// Row 57.
#[test]
fn hanging_service_delays_listening_by_10_s() {
    let service = service(&["slow=600000"]);
    let helper = serve(&service.url());
    let begin = Instant::now();
    let server = Server::start(&helper);
    let started = begin.elapsed().as_secs_f64();
    assert!((9.0..104.0).contains(&started), "{started}");
    // None of them waits for the call, which is given up after 15 s.
    for answer in &herd(&server, 100) {
        assert_no_credentials(answer);
    }
    let calls_max = 1 + usize::try_from(begin.elapsed().as_secs() / 15).unwrap();
    assert!(service.requests().len() <= calls_max);
}

/// Row 57.
#[test]
fn clock_wrong_by_20_minutes_is_corrected() {
    thread::scope(|scope| {
        for ahead in [1200, -1200] {
            scope.spawn(move || {
                let fault = format!("clock-skew={ahead}:*");
                let service = service(&[&fault]);
                let helper = serve(&service.url());
                let server = Server::start(&helper);
                let answer = server.credentials();
                set_number(&answer);
                // As the service said; the client's clock may be wrong in the same way, or another.
                let end = OffsetDateTime::parse(&answer.field("Expiration"), &Rfc3339).unwrap();
                let left = (end - OffsetDateTime::now_utc()).whole_seconds() - ahead;
                assert!((3500..=3600).contains(&left), "{ahead}: {left}");
            });
            scope.spawn(move || {
                // Of seconds: renewed in time all the same.
                let script = Script::of([Response::expiring(ahead + 40, ahead)]);
                let service = Endpoint::start(script);
                let helper = serve(&service.url());
                let mut server = Server::start(&helper);
                wait_until(&mut server.running, "renewed", |said| {
                    count(said, "credentials_renewed") == 2
                });
                let answer = server.credentials();
                assert_eq!(answer.status, 200, "{ahead}: {answer:?}");
                let requests = service.requests();
                let apart = requests[1].arrived.duration_since(requests[0].arrived);
                let apart = apart.unwrap().as_secs_f64();
                assert!((19.0..38.0).contains(&apart), "{ahead}: {apart}");
            });
        }
    });
}

/// Row 57: asked for all the while, and lapsed half of it.
#[test]
fn sessions_of_2_s_cause_few_calls() {
    let script = Script::of([Response::expiring(2, 0)]);
    let service = Endpoint::start(script);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    answers_until(&server, "three calls", |_| service.requests().len() == 3);
    let arrived: Vec<_> = service
        .requests()
        .iter()
        .map(|request| request.arrived)
        .collect();
    for pair in arrived.windows(2) {
        let apart = pair[1].duration_since(pair[0]).unwrap();
        assert!(apart > Duration::from_millis(4900), "{apart:?}");
    }
}
