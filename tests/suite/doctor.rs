//! `doctor` against one broken world for each of its checks: it has to name that check, and no other.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;
use serde_json::Value;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::log;
use crate::support::modes::set_mode;
use crate::support::program::is_there;
use crate::support::service;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

const DEPLOY: &str = "arn:aws:iam::111111111111:role/deploy";

/// `doctor` of the plainest request, with a private key that is only its owner's.
fn doctor(service: &Emulator) -> Helper {
    let helper = Helper::command_at("doctor", &service.url())
        .own_files()
        .args(["--sts-endpoint", &service.url()]);
    set_mode(&helper.home().join("key"), "600");
    helper
}

/// Names and statuses of the checks.
fn checks(output: &Output) -> Vec<(String, String)> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = document["checks"].as_array().unwrap().iter();
    let checks: Vec<_> = checks
        .map(|one| (text(one, "check"), text(one, "status")))
        .collect();
    let is_failed = checks.iter().any(|(_, status)| status == "fail");
    assert_eq!(document["ok"], Value::Bool(!is_failed));
    checks
}

/// Runs it; the names of the checks with this status.
fn with_status(helper: Helper, exit: i32, wanted: &str) -> Vec<String> {
    let output = helper.args(["--format", "json"]).run();
    assert_eq!(
        (output.exit, &*output.stderr),
        (exit, ""),
        "{}",
        output.stdout_text()
    );
    let checks = checks(&output).into_iter();
    let names = checks.filter(|(_, status)| status == wanted);
    names.map(|(name, _)| name).collect()
}

fn failed(helper: Helper) -> Vec<String> {
    with_status(helper, 1, "fail")
}

/// A certificate of the cases in the place of the plainest.
fn with_certificate(service: &Emulator, certificate: &str, key: &str) -> Helper {
    let helper = doctor(service);
    helper.put("crt", certificate);
    helper.put("key", key);
    helper
}

#[test]
fn everything_is_in_order() {
    let service = service(&[]);
    let helper = doctor(&service).args([
        "--assume-role",
        DEPLOY,
        "--identity",
        "--expires-within",
        "14d",
    ]);
    let output = helper.args(["--format", "json"]).run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    let checks = checks(&output);
    let not_ok: Vec<_> = checks.iter().filter(|(_, status)| status != "ok").collect();
    // The emulator is not HTTPS.
    assert_eq!(not_ok, [&("tls".to_owned(), "skip".to_owned())]);
    let names: Vec<&str> = checks.iter().map(|(name, _)| name.as_str()).collect();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md"));
    let page = page.unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), names);
}

#[test]
fn text_has_one_line_a_check() {
    let service = service(&[]);
    let helper = doctor(&service).args(["--offline", "--role-arn", "role/ci"]);
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (1, ""));
    let home = helper.home().display().to_string();
    let text = output.stdout_text().replace(&home, "HOME");
    // How many depends on the day.
    let (before, after) = text.split_once(" days left").unwrap();
    let before = before.trim_end_matches(|digit: char| digit.is_ascii_digit());
    assert_snapshot("doctor", &format!("{before}N days left{after}"));
}

#[test]
fn each_fault_of_the_identity_is_named() {
    let service = service(&[]);
    let worlds: [(&str, Helper); 13] = [
        (
            "files",
            doctor(&service).args(["--certificate", "no/such/file"]),
        ),
        (
            "files",
            doctor(&service).args(["--certificate", "env:NOT_SET"]),
        ),
        (
            "encryption",
            doctor(&service).args(["--private-key", "pki/rsa2048.aes-256-cbc-hmacSHA256.key"]),
        ),
        (
            "certificate",
            doctor(&service).args(["--certificate", "pki/ec256.key"]),
        ),
        (
            "private-key",
            doctor(&service).args(["--private-key", "pki/root.pem"]),
        ),
        (
            "key-match",
            doctor(&service).args(["--private-key", "pki/ec256.key"]),
        ),
        (
            "chain",
            doctor(&service).args(["--intermediates", "pki/rsa2048.key"]),
        ),
        (
            "chain",
            with_certificate(&service, "chain6.crt", "rsa2048.key")
                .args(["--intermediates", "pki/chain6.intermediates.pem"]),
        ),
        (
            "validity",
            with_certificate(&service, "expired.crt", "rsa2048.key"),
        ),
        (
            "validity",
            with_certificate(&service, "not-yet-valid.crt", "rsa2048.key"),
        ),
        (
            "session-name",
            doctor(&service).args(["--role-session-name", "a b"]),
        ),
        (
            "session-duration",
            doctor(&service).args(["--session-duration", "899"]),
        ),
        ("role-chain", doctor(&service).args(["--external-id", "x"])),
    ];
    for (check, helper) in worlds {
        assert_eq!(failed(helper), [check]);
    }
}

#[test]
fn each_fault_of_the_request_is_named() {
    let service = service(&[]);
    let arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/1-2";
    for (check, flags) in [
        ("arns", ["--trust-anchor-arn", "arn"]),
        ("arns", ["--profile-arn", ""]),
        ("arns", ["--role-arn", "arn:aws:iam::123456789012:role/"]),
        ("region", ["--profile-arn", arn]),
        ("region", ["--region", "a.b"]),
        ("endpoint", ["--endpoint", "localhost:1"]),
    ] {
        assert_eq!(failed(doctor(&service).args(flags)), [check], "{flags:?}");
    }
    let helper = doctor(&service).args(["--identity", "--sts-endpoint", "ftp://x"]);
    assert_eq!(failed(helper), ["endpoint"]);
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn each_fault_of_the_certificate_is_named() {
    if !is_there("openssl", &["version"]) {
        return skip("doctor: no openssl");
    }
    let service = service(&[]);
    let usage = "keyUsage=critical,digitalSignature";
    for (check, digest, subject, extensions) in [
        (
            "key-usage",
            "-sha256",
            "/CN=a",
            "keyUsage=critical,keyEncipherment",
        ),
        (
            "basic-constraints",
            "-sha256",
            "/CN=a",
            "keyUsage=digitalSignature\nbasicConstraints=CA:TRUE",
        ),
        ("signature-hash", "-sha1", "/CN=a", usage),
        ("session-tags", "-sha256", "/CN=a!b", usage),
        ("version", "-sha256", "/CN=a", ""),
    ] {
        let helper = doctor(&service).file("extensions", extensions);
        make(helper.home(), digest, subject, !extensions.is_empty());
        let output = helper.args(["--offline", "--format", "json"]).run();
        let failed: Vec<_> = checks(&output)
            .into_iter()
            .filter(|(_, status)| status == "fail")
            .map(|(name, _)| name)
            .collect();
        assert_eq!(failed, [check], "{}", output.stdout_text());
    }
}

#[test]
fn long_running_commands_warn_of_the_end() {
    if !is_there("openssl", &["version"]) {
        return skip("doctor: no openssl");
    }
    let service = service(&[]);
    for command in ["serve", "update"] {
        let helper = Helper::command_at(command, &service.url())
            .own_files()
            .args(log::JSON)
            .file("extensions", "keyUsage=digitalSignature");
        let helper = match command {
            "serve" => helper.args(["--port", "0"]),
            _ => helper,
        };
        make(helper.home(), "-sha256", "/CN=a", true);
        // The emulator does not trust it, which ends the command.
        let output = helper.run();
        assert_eq!(output.exit, 1, "{}", output.stderr);
        let events = log::events(&output.stderr, "certificate_ends_soon");
        assert_eq!(events.len(), 1, "{}", output.stderr);
    }
}

/// Makes `crt` for `key`, signed by itself, that ends in 20 days.
fn make(folder: &Path, digest: &str, subject: &str, has_extensions: bool) {
    let extensions: &[&str] = match has_extensions {
        true => &["-extfile", "extensions"],
        false => &[],
    };
    let request = [
        "req", "-new", "-key", "key", "-out", "csr", "-subj", subject,
    ];
    let sign = [
        "x509", "-req", "-in", "csr", "-signkey", "key", "-days", "20", "-out", "crt", digest,
    ];
    for words in [&request[..], &[&sign[..], extensions].concat()] {
        let output = Command::new("openssl")
            .args(words)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn what_is_only_inadvisable_is_a_warning() {
    let service = service(&[]);
    let exposed = doctor(&service).args(["--private-key", "pki/rsa2048.key"]);
    assert_eq!(with_status(exposed, 0, "warn"), ["key-permissions"]);
    let small = with_certificate(&service, "rsa1024.crt", "rsa1024.key");
    let warned = with_status(small, 0, "warn");
    assert!(warned.contains(&"key-size".to_owned()), "{warned:?}");
    let unordered = doctor(&service).args(["--intermediates", "pki/chain2.intermediates.pem"]);
    assert_eq!(with_status(unordered, 0, "warn"), ["chain"]);
}

#[test]
fn each_fault_of_the_network_is_named() {
    let service = service(&[]);
    // Nothing listens there.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = |url: &str| doctor(&service).args(["--endpoint", url]);
    let worlds = [
        ("dns", endpoint("http://no.such.host.invalid")),
        ("tcp", endpoint(&format!("http://{closed}"))),
        ("tls", endpoint(&service.url().replace("http:", "https:"))),
        (
            "proxy",
            endpoint("http://service.example")
                .args(["--with-proxy"])
                .env("HTTP_PROXY", "ftp://x"),
        ),
    ];
    for (check, helper) in worlds {
        assert_eq!(failed(helper), [check]);
    }
}

#[test]
fn untrusted_server_is_named() {
    let service = emulator(Settings {
        tls: true,
        ..Settings::default()
    });
    assert_eq!(failed(doctor(&service)), ["tls"]);
    assert!(
        failed(
            doctor(&service)
                .args(["--no-verify-ssl"])
                .args(["--session-duration", "1"])
        ) == ["session-duration"]
    );
}

#[test]
fn each_answer_of_the_services_is_explained() {
    let clock = service(&["clock-skew=1200:*"]);
    assert_eq!(failed(doctor(&clock)), ["clock"]);
    let refused = service(&["error=403/AccessDeniedException:*"]);
    assert_eq!(failed(doctor(&refused)), ["create-session"]);
    let expired = service(&["expires-in=-600:*"]);
    assert_eq!(failed(doctor(&expired)), ["create-session"]);
    let captive = service(&["html:*"]);
    assert_eq!(failed(doctor(&captive)), ["create-session"]);
    let role = emulator(Settings {
        chained_roles: vec![format!("{DEPLOY},external-id=x").parse().unwrap()],
        ..Settings::default()
    });
    let helper = doctor(&role).args(["--assume-role", DEPLOY, "--identity"]);
    assert_eq!(failed(helper), ["assume-role"]);
    let twice = service(&["slow=0:2", "error=403/AccessDenied:*"]);
    let helper = doctor(&twice).args(["--assume-role", DEPLOY, "--assume-role", DEPLOY]);
    let output = helper.args(["--format", "json"]).run();
    let roles: Vec<_> = checks(&output)
        .into_iter()
        .filter(|(name, _)| name == "assume-role")
        .map(|(_, status)| status)
        .collect();
    assert_eq!(roles, ["ok", "fail"]);
    let caller = service(&["slow=0", "error=403/AccessDenied:*"]);
    assert_eq!(
        failed(doctor(&caller).args(["--identity"])),
        ["caller-identity"]
    );
}

#[test]
fn flags_are_checked_one_by_one() {
    let service = service(&[]);
    let helper = doctor(&service)
        .args(["--role-arn", "ci", "--session-duration", "5"])
        .args(["--role-session-name", "a b"]);
    assert_eq!(failed(helper), ["arns", "session-name", "session-duration"]);
    let helper = doctor(&service)
        .args(["--trust-anchor-arn", "ours", "--profile-arn", ""])
        .args(["--role-arn", "arn:aws:iam::123456789012:role/"]);
    let output = helper.run();
    for fault in ["\"ours\"", "--profile-arn is missing", "names no role"] {
        assert!(
            output.stdout_text().contains(fault),
            "{}",
            output.stdout_text()
        );
    }
    let helper = doctor(&service).args(["--region", "eu-west-1", "--offline"]);
    assert_eq!(failed(helper), ["region"]);
    let output = doctor(&service).args(["--region", "eu-west-1"]).run();
    assert!(
        output.stdout_text().contains("leave --region out"),
        "{}",
        output.stdout_text()
    );
}

#[test]
fn chain_is_checked_without_a_key() {
    let service = service(&[]);
    let helper = with_certificate(&service, "chain2.crt", "ec256.key")
        .args(["--intermediates", "pki/chain2.intermediates.pem"]);
    let output = helper.args(["--format", "json"]).run();
    let checks = checks(&output);
    let status = |name: &str| {
        checks
            .iter()
            .find(|(check, _)| check == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        (status("key-match"), status("chain")),
        ("fail".into(), "ok".into())
    );
}

#[test]
fn every_failure_comes_with_advice() {
    let service = service(&["cut-body:*"]);
    let unavailable = crate::support::service(&["status=503:*"]);
    let worlds = [
        doctor(&service),
        doctor(&unavailable),
        doctor(&service).args(["--certificate", "no/such/file"]),
        doctor(&service).env("AWS_CA_BUNDLE", "no/such/file"),
    ];
    for helper in worlds {
        let output = helper.args(["--format", "json"]).run();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = document["checks"].as_array().unwrap().iter();
        let failed: Vec<_> = checks.filter(|one| one["status"] == "fail").collect();
        assert_eq!(failed.len(), 1, "{document}");
        assert!(failed[0]["advice"].is_string(), "{document}");
    }
}

#[test]
fn offline_makes_no_call() {
    let service = service(&[]);
    let helper = doctor(&service).args(["--offline", "--identity", "--assume-role", DEPLOY]);
    let skipped = with_status(helper, 0, "skip");
    assert_eq!(
        skipped,
        [
            "endpoint",
            "proxy",
            "dns",
            "tcp",
            "tls",
            "clock",
            "create-session",
            "assume-role",
            "caller-identity"
        ]
    );
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn certificate_that_ends_soon_is_exit_3() {
    let service = service(&[]);
    // It ends with the year 2099.
    let days = |days: &str| doctor(&service).args(["--offline", "--expires-within", days]);
    assert_eq!(with_status(days("30000d"), 3, "fail"), ["expires-within"]);
    assert_eq!(with_status(days("720000h"), 3, "fail"), ["expires-within"]);
    assert!(with_status(days("14d"), 0, "fail").is_empty());
    let both = days("30000d").args(["--session-duration", "1"]);
    assert_eq!(failed(both), ["session-duration", "expires-within"]);
    for wrong in ["14", "d", "-1d", "1w", "99999999999d"] {
        let output = days(wrong).run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""), "{wrong}");
    }
}

#[test]
fn no_secret_is_shown() {
    let service = service(&[]);
    let output = doctor(&service)
        .args(["--debug", "--identity", "--assume-role", DEPLOY])
        .run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let key = fs::read_to_string(vectors().join("pki/rsa2048.key")).unwrap();
    let line = key.lines().nth(3).unwrap();
    let said = output.stdout_text().to_owned() + &output.stderr;
    for secret in ["EMULATOR/", "emulator/fake", line] {
        assert!(!said.contains(secret), "{said}");
    }
}
