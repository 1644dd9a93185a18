//! The start of a continuous `update`: what ends it, and what it waits out.

use std::fs;
use std::thread;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::log::moment;
use crate::support::port;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::snapshots::assert_snapshot;
use crate::update::access_key_id;
use crate::update::file;
use crate::update::issued;
use crate::update::update;

#[test]
fn refusal_ends_the_start_with_message_and_hint() {
    let mut said = String::new();
    for (faults, certificate) in [
        (&[][..], "pki/expired.crt"),
        (&["error=404/ResourceNotFoundException"], "pki/rsa2048.crt"),
    ] {
        let service = service(faults);
        let helper = update(&service.url()).args(["--certificate", certificate]);
        let output = helper.run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        said += &failure(&output.stderr);
        assert_eq!(service.requests().len(), 1);
        assert!(!file(&helper).exists());
    }
    assert_snapshot("refusals-at-the-start-of-update", &said);
}

#[test]
fn bad_input_ends_the_start_before_any_request() {
    let service = service(&[]);
    let cases = [
        ["--certificate", "pki/absent.crt"],
        ["--private-key", "pki/mismatch.key"],
        ["--role-arn", "ci-role"],
        ["--credentials-file", "~root/x"],
        ["--endpoint", "localhost"],
    ];
    let said = cases.map(|flag| {
        let output = update(&service.url()).args(flag).run();
        assert_eq!(output.exit, 1, "{flag:?}");
        failure(&output.stderr)
    });
    assert_snapshot("bad-input-of-update", &said.concat());
    assert!(service.requests().is_empty());
}

/// Runs it against a service that does this first; it has to get through.
fn gets_through(service: &Emulator, code: &str, calls: usize) {
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, code, |_| access_key_id(&helper).is_some());
    wait_until(&mut running, "a line of it", |said| {
        count(said, "credentials_renewed") > 0
    });
    let said = running.stderr_so_far();
    let failed = &events(&said, "renewal_failed")[0];
    assert_eq!(failed["error_code"], code, "{said}");
    assert!(moment(failed, "next_attempt") > moment(failed, "time"));
    assert_eq!(service.requests().len(), calls, "{said}");
}

#[test]
fn unavailable_service_is_retried() {
    thread::scope(|scope| {
        for (fault, code, calls) in [
            ("throttle", "ThrottlingException", 2),
            ("status=503:3", "ServiceUnavailableException", 4),
            ("drop:3", "Connection", 4),
            ("html", "UnexpectedAnswer", 2),
        ] {
            scope.spawn(move || gets_through(&service(&[fault]), code, calls));
        }
        scope.spawn(endpoint_that_appears_later);
        scope.spawn(files_that_are_half_renewed_meanwhile);
    });
}

fn endpoint_that_appears_later() {
    let number = port::unused();
    let helper = update(&format!("http://127.0.0.1:{number}"));
    let mut running = helper.start();
    wait_until(&mut running, "no connection", |said| {
        count(said, "renewal_failed") > 0
    });
    let _service = emulator(Settings {
        port: number,
        ..Settings::default()
    });
    wait_until(&mut running, "the endpoint", |_| {
        access_key_id(&helper) == issued(1)
    });
}

fn files_that_are_half_renewed_meanwhile() {
    let service = service(&["status=503:4"]);
    let helper = update(&service.url()).own_files();
    let mut running = helper.start();
    wait_until(&mut running, "an attempt", |said| {
        count(said, "renewal_failed") > 0
    });
    helper.put("key", "ec256.key");
    wait_until(&mut running, "the key", |said| {
        count(said, "identity_unusable") > 0
    });
    helper.put("crt", "ec256.crt");
    wait_until(&mut running, "the pair", |_| {
        access_key_id(&helper) == issued(1)
    });
}

#[test]
fn short_sessions_cause_a_warning() {
    let service = service(&[]);
    for (seconds, once, is_warned) in [
        ("1799", "--once=false", true),
        ("1800", "--once=false", false),
        ("900", "--once", false),
    ] {
        let helper = update(&service.url()).args(["--session-duration", seconds, once]);
        let mut running = helper.start();
        if once == "--once" {
            assert_eq!(running.end().stderr, "");
            continue;
        }
        wait_until(&mut running, "a line", |said| {
            count(said, "credentials_renewed") > 0
        });
        let said = running.stderr_so_far();
        assert_eq!(count(&said, "short_sessions") == 1, is_warned, "{said}");
    }
}

#[test]
fn cached_set_is_written_first_without_a_call() {
    let service = service(&[]);
    let helper = update(&service.url()).args(["--cache"]);
    for round in 0..2 {
        let mut running = helper.start();
        wait_until(&mut running, "a line", |said| {
            count(said, "credentials_renewed") > 0
        });
        wait_until(&mut running, "an entry", |_| helper.cached_sets() == 1);
        assert_eq!(access_key_id(&helper), issued(1), "{round}");
        fs::remove_file(file(&helper)).unwrap();
    }
    assert_eq!(service.requests().len(), 1);
}
