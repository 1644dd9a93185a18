//! The start of a continuous `update`: what ends it, and what it waits out.

use std::fs;
use std::thread;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::port;
use crate::support::running::wait_until;
use crate::support::service;
use crate::update::access_key_id;
use crate::update::file;
use crate::update::issued;
use crate::update::update;

#[test]
fn refusal_ends_the_start_with_message_and_hint() {
    for (faults, certificate, hint) in [
        (
            &[][..],
            "pki/expired.crt",
            "hint: the certificate: it expired at",
        ),
        (
            &["error=404/ResourceNotFoundException"],
            "pki/rsa2048.crt",
            "hint: check that",
        ),
    ] {
        let service = service(faults);
        let helper = update(&service.url()).args(["--certificate", certificate]);
        let output = helper.run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        let said = "aws_signing_helper: error: CreateSession was refused: 40";
        assert!(output.stderr.starts_with(said), "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{}", output.stderr);
        assert_eq!(service.requests().len(), 1);
        assert!(!file(&helper).exists());
    }
}

#[test]
fn bad_input_ends_the_start_before_any_request() {
    let service = service(&[]);
    for (flag, value, word) in [
        ("--certificate", "pki/absent.crt", "absent.crt"),
        (
            "--private-key",
            "pki/mismatch.key",
            "is not the key of the certificate",
        ),
        ("--role-arn", "ci-role", "--role-arn"),
        ("--credentials-file", "~root/x", "~root/x"),
        ("--endpoint", "localhost", "no scheme"),
    ] {
        let output = update(&service.url()).args([flag, value]).run();
        assert_eq!(output.exit, 1, "{flag}");
        assert!(output.stderr.contains(word), "{}", output.stderr);
    }
    assert!(service.requests().is_empty());
}

/// Runs it against a service that does this first; it has to get through.
fn gets_through(service: &Emulator, told: &str, calls: usize) {
    let helper = update(&service.url());
    let mut running = helper.start();
    wait_until(&mut running, told, |_| access_key_id(&helper).is_some());
    wait_until(&mut running, "a line of it", |said| {
        said.contains("profile \"default\"")
    });
    let said = running.stderr_so_far();
    let mut lines = said.lines();
    let first = lines.next().unwrap();
    assert!(first.contains("error: ") && first.contains(told), "{said}");
    assert!(
        said.contains("aws_signing_helper: next attempt at 2"),
        "{said}"
    );
    assert_eq!(service.requests().len(), calls, "{said}");
}

#[test]
fn service_that_cannot_answer_now_is_tried_again() {
    thread::scope(|scope| {
        for (fault, told, calls) in [
            ("throttle", "429 ThrottlingException", 2),
            ("status=503:3", "503 ", 4),
            ("drop:3", "broke: ", 4),
            ("html", "not a CreateSession response", 2),
        ] {
            scope.spawn(move || gets_through(&service(&[fault]), told, calls));
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
        said.contains("error: cannot connect to 127.0.0.1") && said.contains("next attempt at")
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
        said.contains("next attempt at")
    });
    helper.put("key", "ec256.key");
    wait_until(&mut running, "the key", |said| {
        said.contains("is not the key of the certificate")
    });
    helper.put("crt", "ec256.crt");
    wait_until(&mut running, "the pair", |_| {
        access_key_id(&helper) == issued(1)
    });
}

#[test]
fn short_sessions_are_warned_of_where_they_are_renewed() {
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
            said.contains("profile \"default\"")
        });
        let said = running.stderr_so_far();
        let warning = "aws_signing_helper: warning: sessions of less than 1800 s";
        assert_eq!(said.starts_with(warning), is_warned, "{said}");
    }
}

#[test]
fn cached_set_is_written_first_without_a_call() {
    let service = service(&[]);
    let helper = update(&service.url()).args(["--cache"]);
    for round in 0..2 {
        let mut running = helper.start();
        wait_until(&mut running, "a line", |said| {
            said.contains("profile \"default\"")
        });
        assert_eq!(access_key_id(&helper), issued(1), "{round}");
        fs::remove_file(file(&helper)).unwrap();
    }
    assert_eq!(service.requests().len(), 1);
}
