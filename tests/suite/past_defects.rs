//! Known defects of the reference helper that have no better place: each is a test here, named in
//! `docs/past-defects.md`, which is checked to name tests that exist.

use std::fs;
use std::path::Path;

use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::script::Response;
use crate::support::script::Script;

/// A call with everything but what a test changes; the last of a repeated flag counts.
fn call(endpoint: &str) -> Helper {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    Helper::new().args([
        "credential-process",
        "--certificate",
        "pki/rsa2048.crt",
        "--private-key",
        "pki/rsa2048.key",
        "--trust-anchor-arn",
        &arn("trust-anchor"),
        "--profile-arn",
        &arn("profile"),
        "--role-arn",
        "arn:aws:iam::123456789012:role/ci",
        "--endpoint",
        endpoint,
    ])
}

#[test]
fn regions_that_do_not_match_are_an_error() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator.url())
        .args(["--profile-arn"])
        .args(["arn:aws:rolesanywhere:eu-west-1:123456789012:profile/1"])
        .run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert!(
        output
            .stderr
            .contains("trust anchor and profile regions don't match: us-east-1 and eu-west-1"),
        "{}",
        output.stderr
    );
    assert!(emulator.requests().is_empty());
}

#[test]
fn serial_number_is_sent_in_decimal_at_any_length() {
    let emulator = emulator(Settings::default());
    for (certificate, digits) in [
        ("serial-1.crt", 1),
        ("serial-128.crt", 3),
        ("serial-u64max.crt", 20),
        ("serial-20-octets.crt", 48),
    ] {
        let output = call(&emulator.url())
            .args(["--certificate", &format!("pki/{certificate}")])
            .run();
        // The emulator compares the number with the certificate's.
        assert_eq!(output.exit, 0, "{certificate}: {}", output.stderr);
        let request = emulator.requests().pop().unwrap();
        let authorization = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.as_str())
            .unwrap();
        let serial = authorization
            .split("Credential=")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap();
        assert!(serial.bytes().all(|byte| byte.is_ascii_digit()), "{serial}");
        assert_eq!(serial.len(), digits, "{serial}");
    }
}

#[test]
fn algorithm_follows_key_not_certificate_signature() {
    let emulator = emulator(Settings::default());
    // Both are signed by RSA with another hash than SHA-256.
    for (certificate, key) in [
        ("sha512-signed.crt", "ec256.key"),
        ("sha384-signed.crt", "rsa2048.key"),
    ] {
        let output = call(&emulator.url())
            .args(["--certificate", &format!("pki/{certificate}")])
            .args(["--private-key", &format!("pki/{key}")])
            .run();
        assert_eq!(output.exit, 0, "{certificate}: {}", output.stderr);
    }
}

#[test]
fn duration_beyond_32_bits_is_an_error() {
    let emulator = emulator(Settings::default());
    for duration in ["2147483648", "4294967297", "-2147483649"] {
        let output = call(&emulator.url())
            .args(["--session-duration", duration])
            .run();
        assert_eq!(output.exit, 1, "{duration}");
        assert!(
            output.stderr.contains("--session-duration"),
            "{}",
            output.stderr
        );
    }
    assert!(emulator.requests().is_empty());
}

#[test]
fn space_in_an_arn_is_sent_as_it_is_signed() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator.url())
        .args(["--role-arn", "arn:aws:iam::123456789012:role/a b"])
        .run();
    // IAM knows no such role; that is judged once the signature has been verified.
    assert!(
        output.stderr.contains("ValidationException"),
        "{}",
        output.stderr
    );
    let target = emulator.requests().pop().unwrap().target;
    assert!(target.contains("role%2Fa%20b"), "{target}");
}

#[test]
fn empty_files_are_errors_and_no_crash() {
    for flag in ["--certificate", "--private-key"] {
        let output = call("http://127.0.0.1:1")
            .args([flag, "pki/empty.pem"])
            .run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        assert!(output.stderr.contains("pki/empty.pem"), "{}", output.stderr);
    }
}

#[test]
fn incomplete_credentials_are_an_error_and_no_crash() {
    for body in [
        r#"{"credentialSet":[{}]}"#,
        r#"{"credentialSet":[{"credentials":{"accessKeyId":"A"}}]}"#,
        r#"{"credentialSet":null}"#,
    ] {
        let endpoint = Endpoint::start(Script::of([Response {
            body: body.to_owned(),
            ..Response::created()
        }]));
        let output = call(&endpoint.url()).run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""), "{body}");
        assert!(output.stderr.contains("CreateSession"), "{}", output.stderr);
    }
}

#[test]
fn shared_configuration_files_and_profiles_are_not_read() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator.url())
        .file(".aws/config", "[default\nbroken")
        .file(".aws/credentials", "[default]\naws_access_key_id = AKIAX\n")
        .env("AWS_PROFILE", "nobody")
        .run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
}

#[test]
fn past_defects_name_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/past-defects.md")).unwrap();
    let mut sources = String::new();
    let mut folders = vec![root.join("tests"), root.join("src"), root.join("emulator")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<usize>() else {
            continue;
        };
        rows += 1;
        assert_eq!(number, rows, "rows in order, none missing");
        assert_eq!(cells.len(), 4, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        let named = cells[3]
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('_') && !name.contains(['.', '-']));
        for name in named {
            assert!(
                sources.contains(&format!("fn {name}(")),
                "row {number} names `{name}`, which is no test"
            );
        }
    }
    assert_eq!(rows, 61);
}
