//! Defects of AWS's `serve` and its peers; the numbers are those of `docs/past-defects.md`.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
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
use crate::support::imds::port;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::log::moment;
use crate::support::running::signalled;
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
            ("throttle:2", 2),
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

/// Row 6.
#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
fn resident_bytes(server: &Server<'_>) -> u64 {
    let path = format!("/proc/{}/status", server.running.id());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// Row 25.
#[test]
fn signal_ends_it_after_the_current_request() {
    for signal in [Signal::TERM, Signal::INT] {
        let service = service(&[]);
        let helper = serve(&service.url());
        let server = Server::start(&helper);
        let mut idle = server.connect();
        idle.token();
        let mut under_way = server.connect();
        let text = put_token("60");
        let (begin, end) = text.split_at(30);
        under_way.send(begin).unwrap();
        // Begun for the server too.
        server.token();

        let port = server.port;
        let id = Pid::from_raw(server.running.id().cast_signed()).unwrap();
        let signalled = Instant::now();
        kill_process(id, signal).unwrap();
        assert!(idle.is_closed_within(Duration::from_secs(16)));
        // New connections are rejected.
        while let Ok(mut late) = Connection::to(([127, 0, 0, 1], port).into()) {
            assert!(late.is_closed_within(Duration::from_secs(8)));
            assert!(signalled.elapsed() < Duration::from_secs(24));
        }
        under_way.send(end).unwrap();
        assert_eq!(under_way.answer(false).unwrap().unwrap().status, 200);
        assert!(under_way.is_closed_within(Duration::from_secs(16)));
        let output = server.running.end();
        assert_eq!(output.exit, 0, "{}", output.stderr);
        assert!(signalled.elapsed() < Duration::from_secs(32));
    }
}

/// Row 25.
#[test]
fn endless_request_delays_the_exit_by_5_s() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let server = Server::start(&helper);
    let mut stuck = server.connect();
    stuck.send("PUT /latest").unwrap();
    server.token();
    let begin = Instant::now();
    let output = signalled(server.running, Signal::TERM);
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(begin.elapsed() < Duration::from_secs(64));
}

/// Row 25: while it starts, and while it renews.
#[test]
fn signal_does_not_wait_for_a_call() {
    let service = service(&["slow=600000"]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "a call", |_| !service.requests().is_empty());
    let begin = Instant::now();
    let output = signalled(running, Signal::TERM);
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(begin.elapsed() < Duration::from_secs(64));
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

/// Row 59.
#[test]
fn closed_log_does_not_end_it() {
    let service = service(&["expires-in=12:*"]);
    let helper = serve(&service.url()).args(["--debug"]);
    let mut child = Ended(
        helper
            .command(&[])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (sender, receiver) = mpsc::channel();
    let mut stderr = BufReader::new(child.0.stderr.take().unwrap());
    thread::spawn(move || {
        let mut said = String::new();
        while port(&said).is_none() {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        drop(stderr);
        sender.send(port(&said).unwrap()).unwrap();
    });
    let port = receiver.recv_timeout(Duration::from_secs(240)).unwrap();
    // Both write to the log.
    let refused = "PUT /latest/api/token HTTP/1.1\r\nHost: example\r\n\r\n";
    assert_eq!(Connection::open(port).ask(refused).status, 400);
    let mut connection = Connection::open(port);
    let request = get(CREDENTIALS, &connection.token());
    let begin = Instant::now();
    while set_number(&connection.ask(&request)) < 3 {
        assert!(begin.elapsed() < Duration::from_secs(320), "never renewed");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(child.0.try_wait().unwrap().is_none());
    let id = Pid::from_raw(child.0.id().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// Ends with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Row 59.
#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
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
