//! Identities as files hold them: passwords and the ways to give them.

#[cfg(target_os = "linux")]
mod derivation;
#[cfg(target_os = "linux")]
mod exposure;
mod forms;
mod inputs;
mod key_files;
mod names;
mod pkcs12;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod wiping;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

/// A call with this key of the certificate `rsa2048.crt`.
fn call(emulator: &Emulator, key: &str) -> Helper {
    let key = format!("pki/{key}");
    call_of(emulator).args(["--certificate", "pki/rsa2048.crt", "--private-key", &key])
}

/// A call that lacks an identity.
fn call_of(emulator: &Emulator) -> Helper {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    Helper::new().args([
        "credential-process",
        "--trust-anchor-arn",
        &arn("trust-anchor"),
        "--profile-arn",
        &arn("profile"),
        "--role-arn",
        "arn:aws:iam::123456789012:role/ci",
        "--endpoint",
        &emulator.url(),
    ])
}

fn succeeds(output: &Output) {
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
}

/// It fails and writes nothing to stdout; its stderr.
#[track_caller]
fn fails(output: &Output) -> &str {
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    &output.stderr
}

const ENCRYPTED: &str = "rsa2048.aes-256-cbc-hmacSHA256.key";

#[test]
fn password_comes_from_flag_file_or_variable() {
    let emulator = emulator(Settings::default());
    let right = "correct horse";
    succeeds(
        &call(&emulator, ENCRYPTED)
            .args(["--pkcs8-password", right])
            .run(),
    );
    succeeds(
        &call(&emulator, ENCRYPTED)
            .env("AWS_SIGNING_HELPER_PKCS8_PASSWORD", right)
            .run(),
    );
    for ending in ["", "\n", "\r\n"] {
        let helper = call(&emulator, ENCRYPTED).file("password", &format!("{right}{ending}"));
        let path = helper.home().join("password").display().to_string();
        succeeds(&helper.args(["--pkcs8-password-file", &path]).run());
    }
    assert_eq!(emulator.requests().len(), 5);
}

#[test]
fn password_may_be_utf8() {
    let emulator = emulator(Settings::default());
    let helper = call(&emulator, "rsa2048.utf8-password.key").file("password", "pässwörd-✓\n");
    let path = helper.home().join("password").display().to_string();
    succeeds(&helper.args(["--pkcs8-password-file", &path]).run());
}

#[test]
fn older_encryption_of_pem_blocks_is_read() {
    let emulator = emulator(Settings::default());
    succeeds(
        &call(&emulator, "rsa2048.dek-info.key")
            .args(["--pkcs8-password", "correct horse"])
            .run(),
    );
    let wrong = call(&emulator, "rsa2048.dek-info.key")
        .args(["--pkcs8-password", "wrong"])
        .run();
    assert_snapshot("wrong-password-of-an-older-key", fails(&wrong));
}

#[test]
fn failures_of_passwords_have_different_messages() {
    let emulator = emulator(Settings::default());
    let wrong = call(&emulator, ENCRYPTED)
        .args(["--pkcs8-password", "wrong horse"])
        .run();
    let missing = call(&emulator, ENCRYPTED).run();
    let unknown = call(&emulator, "../../keys/openssl-pbe-RC4-128.key")
        .args(["--pkcs8-password", "correct horse"])
        .run();
    let said = [fails(&wrong), fails(&missing), fails(&unknown)].concat();
    assert!(!said.contains("horse"), "{said}");
    assert_snapshot("passwords-of-a-key", &said);
    assert!(emulator.requests().is_empty());
}

#[test]
fn password_file_that_cannot_be_read_is_named() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, ENCRYPTED)
        .args(["--pkcs8-password-file", "pki/absent.password"])
        .run();
    let stderr = fails(&output);
    assert!(stderr.contains("pki/absent.password"), "{stderr}");
}

#[test]
fn key_derivation_without_bounds_is_refused_at_once() {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let emulator = emulator(Settings::default());
    let pem = std::fs::read_to_string(vectors().join("pki").join(ENCRYPTED)).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = BASE64_STANDARD.decode(body).unwrap();
    // The iterations, INTEGER 2048, become as many as two octets hold; four would change lengths.
    let at = der
        .windows(4)
        .position(|window| window == [2, 2, 8, 0])
        .unwrap();
    // salt OCTET STRING(n) in front: its last two octets are given to the number.
    let salt = (0..at).rev().find(|index| der[*index] == 4).unwrap();
    der[salt + 1] -= 2;
    der.splice(at - 2..at + 4, [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    let pem = format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(der)
    );
    let helper = call(&emulator, "absent").file("hostile.key", &pem);
    let path = helper.home().join("hostile.key").display().to_string();
    let begin = std::time::Instant::now();
    let output = helper
        .args(["--private-key", &path, "--pkcs8-password", "x"])
        .run();
    let stderr = fails(&output).replace(&path, "[FILE]");
    assert_snapshot("unbounded-derivation-of-a-key", &stderr);
    assert!(begin.elapsed().as_secs() < 40, "{:?}", begin.elapsed());
}
