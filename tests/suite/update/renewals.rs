//! A continuous `update` over several sessions, of seconds here.

#[cfg(unix)]
mod unix;

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::OnRequest;
use rolesanywhere_emulator::RequestRecord;
use rolesanywhere_emulator::Settings;
use serde_json::Value;
use time::OffsetDateTime;

use crate::support::emulator;
use crate::support::endpoint::Endpoint;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::moment;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::update::access_key_id;
use crate::update::file;
use crate::update::issued;
use crate::update::update;

/// The events of renewals.
fn renewed(stderr: &str) -> Vec<Value> {
    events(stderr, "credentials_renewed")
}

#[test]
fn sets_are_renewed_in_time_and_file_repaired() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&calls);
    let service = emulator(Settings {
        faults: vec!["expires-in=12:*".parse().unwrap()],
        on_request: Some(OnRequest::new(move |_| {
            record.lock().unwrap().push(Instant::now())
        })),
        ..Settings::default()
    });
    let helper = update(&service.url()).args(["--debug"]);
    fs::write(file(&helper), "[other]\naws_access_key_id = AKIAOTHER\n").unwrap();
    let mut running = helper.start();
    let has = |number| move |said: &str| renewed(said).len() == number;
    wait_until(&mut running, "a set", has(1));
    fs::remove_file(file(&helper)).unwrap();
    wait_until(&mut running, "a second one", has(2));
    assert_eq!(access_key_id(&helper), issued(2), "a file that was deleted");
    fs::write(
        file(&helper),
        "[default]\naws_access_key_id = AKIA\n[mine]\na = b\n",
    )
    .unwrap();
    wait_until(&mut running, "a third one", has(3));
    assert_eq!(access_key_id(&helper), issued(3), "a file that was changed");
    let text = fs::read_to_string(file(&helper)).unwrap();
    assert!(text.contains("[mine]\na = b\n"), "{text}");

    let calls = calls.lock().unwrap().clone();
    for pair in calls.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart > Duration::from_millis(4900), "{apart:?}");
        assert!(apart < Duration::from_secs(88), "{apart:?}");
    }
    let said = running.stderr_so_far();
    for event in renewed(&said) {
        assert_eq!(event["profile"], "default");
        assert_eq!(event["file"], file(&helper).display().to_string());
        assert!(
            moment(&event, "next_renewal") < moment(&event, "expiration"),
            "{event}"
        );
    }
    // The written file and the sent request: never in the log.
    let mut secrets: Vec<&str> = text.lines().filter_map(secret).collect();
    assert_eq!(secrets.len(), 2);
    let sent = service.requests().pop().unwrap().headers;
    let sent = sent
        .iter()
        .find(|(name, _)| name == "authorization")
        .unwrap();
    secrets.push(sent.1.split("Signature=").nth(1).unwrap());
    for secret in secrets {
        for piece in secret.as_bytes().windows(12) {
            let piece = str::from_utf8(piece).unwrap();
            assert!(!said.contains(piece), "{piece}");
        }
    }
}

fn secret(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(" = ")?;
    ["aws_secret_access_key", "aws_session_token"]
        .contains(&name)
        .then_some(value)
}

#[test]
fn renewed_pair_is_used_and_half_does_no_harm() {
    let service = service(&["expires-in=12:*"]);
    let helper = update(&service.url()).args(["--cache"]).own_files();
    let mut running = helper.start();
    wait_until(&mut running, "a set", |said| renewed(said).len() == 1);
    helper.put("key", "ec256.key");
    wait_until(&mut running, "the key", |said| {
        count(said, "identity_unusable") > 0
    });
    let is_new = |request: &RequestRecord| {
        let mut headers = request.headers.iter();
        headers.any(|(_, value)| value.starts_with("AWS4-X509-ECDSA-SHA256 "))
    };
    assert!(!service.requests().iter().any(is_new));
    wait_until(&mut running, "an entry", |_| helper.cached_sets() == 1);
    helper.put("crt", "ec256.crt");
    wait_until(&mut running, "the pair", |_| {
        service.requests().iter().any(is_new)
    });
    // Others with the new files find what it got.
    wait_until(&mut running, "another entry", |_| helper.cached_sets() == 2);
}

#[test]
fn failed_renewals_are_logged_and_retried() {
    let service = service(&[
        "expires-in=20",
        "throttle",
        "error=403/AccessDeniedException",
    ]);
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "another set", |_| {
        access_key_id(&helper) == issued(2)
    });
    let failed = events(&running.stderr_so_far(), "renewal_failed");
    let codes: Vec<_> = failed.iter().map(|event| &event["error_code"]).collect();
    assert_eq!(codes, ["ThrottlingException", "AccessDeniedException"]);
    let attempts: Vec<_> = failed.iter().map(|event| &event["attempt"]).collect();
    assert_eq!(attempts, [1, 2]);
    assert!(failed[0]["hint"].is_string(), "{failed:?}");
}

#[test]
fn sets_that_have_lapsed_are_renewed_all_the_same() {
    let service = service(&["expires-in=6", "status=500"]);
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "another set", |_| {
        access_key_id(&helper) == issued(2)
    });
    let said = running.stderr_so_far();
    assert_eq!(count(&said, "renewal_failed"), 1, "{said}");
}

#[test]
fn failed_write_is_retried_without_another_call() {
    let service = service(&["expires-in=12"]);
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, "a set", |said| renewed(said).len() == 1);
    fs::remove_file(file(&helper)).unwrap();
    fs::create_dir(file(&helper)).unwrap();
    wait_until(&mut running, "an error", |said| {
        count(said, "write_failed") > 0
    });
    fs::remove_dir(file(&helper)).unwrap();
    wait_until(&mut running, "another set", |said| renewed(said).len() == 2);
    assert_eq!(access_key_id(&helper), issued(2));
    assert_eq!(service.requests().len(), 2);
}

#[test]
fn clock_that_is_wrong_by_20_minutes_renews_in_time() {
    thread::scope(|scope| {
        for ahead in [1200, -1200] {
            scope.spawn(move || {
                let script = Script::of([Response::expiring(ahead + 12, ahead)]);
                let service = Endpoint::start(script);
                let helper = update(&service.url());
                let mut running = helper.start();
                wait_until(&mut running, "renewed", |said| renewed(said).len() == 2);
                let requests = service.requests();
                let apart = requests[1]
                    .arrived
                    .duration_since(requests[0].arrived)
                    .unwrap();
                assert!(apart > Duration::from_millis(4900), "{ahead}: {apart:?}");
                assert!(apart < Duration::from_secs(88), "{ahead}: {apart:?}");
            });
        }
    });
}

#[test]
fn clock_skew_costs_one_more_request() {
    for skew in ["clock-skew=1200:*", "clock-skew=-1200:*"] {
        let service = service(&[skew]);
        let helper = update(&service.url());
        let mut running = helper.start();
        wait_until(&mut running, "a set", |said| renewed(said).len() == 1);
        assert_eq!(service.requests().len(), 2);
        let said = running.stderr_so_far();
        let next = moment(&renewed(&said)[0], "next_renewal");
        let wait = next - OffsetDateTime::now_utc();
        // Of 3599 s, 0.6 to 0.7 are left then.
        assert!(
            (1060..=1440).contains(&wait.whole_seconds()),
            "{skew}: {said}"
        );
    }
}
