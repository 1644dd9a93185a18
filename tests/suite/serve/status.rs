//! `--status-address`, for probes and Prometheus, and `--healthcheck`.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::put_token;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::port::ClosedPort;
use crate::support::port::unused;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::snapshots::assert_snapshot;

fn with_status(url: &str) -> Helper {
    serve(url).args(["--status-address", "127.0.0.1:0"])
}

/// The status address in its log.
fn status_address(said: &str) -> Option<SocketAddr> {
    let event = events(said, "status_listening").into_iter().next()?;
    event["address"].as_str()?.parse().ok()
}

/// The answer to a probe, which knows no names and sends no token.
fn probe(address: SocketAddr, line: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nHost: 10.1.2.3:9912\r\n\r\n");
    Connection::to(address).unwrap().ask(&request)
}

fn healthcheck(address: &str) -> crate::support::helper::Output {
    Helper::new()
        .args(["serve", "--healthcheck", "--status-address", address])
        .run()
}

#[test]
fn probes_tell_whether_there_are_credentials() {
    let service = service(&["slow=3000"]);
    let helper = with_status(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "an address", |said| {
        status_address(said).is_some()
    });
    let address = status_address(&running.stderr_so_far()).unwrap();
    assert_eq!(probe(address, "GET /healthz").status, 200);
    let before = probe(address, "GET /readyz");
    assert_eq!(before.status, 503);
    assert_snapshot("readyz-without-credentials", before.text());
    let before = healthcheck(&address.to_string());
    assert_eq!(before.exit, 1);
    assert_snapshot("healthcheck-without-credentials", &before.stderr);
    wait_until(&mut running, "a set", |said| count(said, "listening") > 0);
    let after = probe(address, "GET /readyz");
    assert_eq!((after.status, after.text()), (200, "ready\n"));
    let after = healthcheck(&address.to_string());
    assert_eq!((after.exit, after.stderr.as_str()), (0, ""));
    assert!(after.stdout.is_empty());
}

/// Its end is no time of UTC that can be written.
#[test]
fn session_beyond_the_year_9999_is_served() {
    for date in [None, Some("Fri, 31 Dec 9999 23:00:00 -0100")] {
        let mut created = Response::created();
        let expiration = "9999-12-31T23:59:59-01:00";
        created.body = created.body.replace("2099-12-31T23:59:59Z", expiration);
        let date = date.map(|date| ("Date".to_owned(), date.to_owned()));
        created.headers.extend(date);
        let service = Endpoint::start(Script::of([created]));
        let helper = with_status(&service.url());
        let server = Server::start(&helper);
        let answer = server.credentials();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains(expiration), "{answer:?}");
        let address = status_address(&server.running.stderr_so_far()).unwrap();
        assert_eq!(probe(address, "GET /metrics").status, 200);
    }
}

/// The sidecar of `deploy/` relies on it.
#[test]
fn status_address_of_all_takes_both_families() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--status-address", "[::]:0"]);
    if TcpListener::bind("[::]:0").is_err() {
        crate::support::skip("status_address_of_all_takes_both_families: no IPv6");
        return;
    }
    let mut running = helper.start();
    wait_until(&mut running, "an address", |said| {
        status_address(said).is_some()
    });
    let port = status_address(&running.stderr_so_far()).unwrap().port();
    for address in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(address.parse().unwrap(), port);
        assert_eq!(probe(address, "GET /healthz").status, 200, "{address}");
    }
}

/// The kernel keeps the address of a connection that the helper ended, for a minute.
#[test]
fn address_of_an_ended_helper_is_free_at_once() {
    let service = service(&[]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, unused()));
    for _ in 0..2 {
        let helper = serve(&service.url()).args(["--status-address", &address.to_string()]);
        let mut running = helper.start();
        wait_until(&mut running, "an address", |said| {
            status_address(said).is_some()
        });
        let mut connection = Connection::to(address).unwrap();
        let request = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        assert_eq!(connection.ask(request).status, 200);
        // Its end comes first, and the client's behind it.
        drop(running);
    }
}

#[test]
fn credentials_that_are_about_to_end_are_not_ready() {
    let service = service(&["expires-in=200:*"]);
    let helper = with_status(&service.url());
    let server = Server::start(&helper);
    let address = status_address(&server.running.stderr_so_far()).unwrap();
    let answer = probe(address, "GET /readyz");
    assert_eq!(answer.status, 503);
    assert_snapshot("readyz-of-credentials-that-end", answer.text());
}

#[test]
fn certificate_is_judged_by_the_time_of_the_service() {
    // Valid from 2098 on, and until 2021: as with a clock that is wrong by years here, and right there.
    let years = |years: i64| years * 365 * 86_400;
    for (certificate, ahead, is_ready) in [
        ("not-yet-valid", years(73), true),
        ("expired", years(-6), true),
        ("not-yet-valid", 0, false),
        ("expired", 0, false),
        ("rsa2048", years(-20), false),
    ] {
        let script = Script::of([Response::expiring(ahead + 3600, ahead)]);
        let service = Endpoint::start(script);
        let path = format!("pki/{certificate}.crt");
        let helper = with_status(&service.url()).args(["--certificate", &path]);
        let server = Server::start(&helper);
        assert_eq!(server.credentials().status, 200, "{certificate}");
        let address = status_address(&server.running.stderr_so_far()).unwrap();
        let answer = probe(address, "GET /readyz");
        assert_eq!(answer.status == 200, is_ready, "{certificate}: {answer:?}");
        assert_eq!(answer.text().contains("certificate"), !is_ready);
        let metrics = probe(address, "GET /metrics");
        let left = metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix("aws_signing_helper_certificate_expiry_seconds "))
            .unwrap();
        let is_expired = left.starts_with('-');
        assert_eq!(is_expired, certificate == "expired" && !is_ready, "{left}");
    }
}

#[test]
fn status_address_gives_no_credentials_and_takes_no_names() {
    let service = service(&[]);
    let helper = with_status(&service.url());
    let server = Server::start(&helper);
    let address = status_address(&server.running.stderr_so_far()).unwrap();
    let mut connection = Connection::to(address).unwrap();
    assert_eq!(connection.ask(&put_token("60")).status, 404);
    for line in [
        format!("GET {CREDENTIALS}"),
        "GET /v1/credentials".to_owned(),
        "GET /".to_owned(),
    ] {
        assert_eq!(probe(address, &line).status, 404, "{line}");
    }
    assert_eq!(probe(address, "POST /readyz").status, 405);
    assert_eq!(probe(address, "HEAD /readyz").status, 405);
    // The credentials port has no status pages.
    for path in ["/healthz", "/readyz", "/metrics"] {
        let request = crate::support::imds::request(&format!("GET {path}"), &[]);
        assert_eq!(server.ask(&request).status, 404, "{path}");
    }
}

#[test]
fn metrics_count_renewals_and_requests() {
    let service = service(&["throttle", "status=500"]);
    let helper = with_status(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "two failures", |said| {
        count(said, "renewal_failed") == 2
    });
    let address = status_address(&running.stderr_so_far()).unwrap();
    let metrics = || {
        let answer = probe(address, "GET /metrics");
        let kind = answer.header("content-type").unwrap().to_owned();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        assert!(answer.text().ends_with("# EOF\n"));
        answer.text().to_owned()
    };
    let value = |text: &str, name: &str| -> Option<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().parse().unwrap())
    };
    let text = metrics();
    let renewals = "aws_signing_helper_renewals_total{result=";
    for (name, expected) in [
        (format!("{renewals}\"throttled\"}}"), 1),
        (format!("{renewals}\"other\"}}"), 1),
        (format!("{renewals}\"success\"}}"), 0),
        (
            "aws_signing_helper_last_error{code=\"InternalServerException\"}".to_owned(),
            1,
        ),
        (
            "aws_signing_helper_credentials_expiry_seconds".to_owned(),
            0,
        ),
        ("aws_signing_helper_ready".to_owned(), 0),
    ] {
        assert_eq!(value(&text, &name), Some(expected), "{name}\n{text}");
    }
    let next = value(&text, "aws_signing_helper_next_renewal_seconds").unwrap();
    assert!((0..=30).contains(&next), "{text}");
    wait_until(&mut running, "a set", |said| {
        count(said, "credentials_renewed") > 0
    });
    let port = crate::support::imds::port(&running.stderr_so_far()).unwrap();
    let mut connection = Connection::open(port);
    let token = connection.token();
    for token in ["bad", token.as_str(), token.as_str()] {
        connection.ask(&crate::support::imds::get(CREDENTIALS, token));
    }
    let text = metrics();
    let requests = "aws_signing_helper_requests_total{route=";
    for (name, expected) in [
        (format!("{renewals}\"success\"}}"), 1),
        (format!("{requests}\"token\",status=\"200\"}}"), 1),
        (format!("{requests}\"credentials\",status=\"200\"}}"), 2),
        (format!("{requests}\"credentials\",status=\"401\"}}"), 1),
        ("aws_signing_helper_ready".to_owned(), 1),
    ] {
        assert_eq!(value(&text, &name), Some(expected), "{name}\n{text}");
    }
    assert!(!text.contains("last_error{"), "{text}");
    let left = value(&text, "aws_signing_helper_credentials_expiry_seconds").unwrap();
    assert!((3500..=3600).contains(&left), "{text}");
    assert!(value(&text, "aws_signing_helper_certificate_expiry_seconds").unwrap() > 1_000_000);
}

#[test]
fn healthcheck_without_an_answer_fails_and_says_why() {
    let port = ClosedPort::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let output = healthcheck(&address);
    assert_eq!(output.exit, 1);
    let stderr = output.stderr.replace(&address, "[ADDRESS]");
    assert_snapshot("healthcheck-without-an-answer", &stderr);
    let output = Helper::new().args(["serve", "--healthcheck"]).run();
    assert_eq!(output.exit, 1);
    assert!(
        output.stderr.contains("--status-address"),
        "{}",
        output.stderr
    );
    // Something else.
    let service = service(&[]);
    let other = service.url().replace("http://", "");
    let output = healthcheck(&other);
    assert_eq!(output.exit, 1);
    let stderr = output.stderr.replace(&other, "[ADDRESS]");
    assert_snapshot("healthcheck-of-something-else", &stderr);
}

#[test]
fn healthcheck_of_a_wildcard_address_uses_loopback() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--status-address", "0.0.0.0:0"]);
    let server = Server::start(&helper);
    let address = status_address(&server.running.stderr_so_far()).unwrap();
    assert_eq!(healthcheck(&address.to_string()).exit, 0);
    drop(server);
}

#[test]
fn taken_status_address_ends_start_before_any_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = service(&[]);
    let output = serve(&service.url())
        .args(["--status-address", &address])
        .run();
    assert_eq!(output.exit, 1);
    let stderr = failure(&output.stderr).replace(&address, "[ADDRESS]");
    assert_snapshot("status-address-that-is-taken", &stderr);
    assert!(service.requests().is_empty());
}
