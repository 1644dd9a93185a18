//! Descriptors that are handed down by their number.

use rolesanywhere_emulator::Settings;

use crate::identity::call_of;
use crate::identity::fails;
use crate::identity::inputs::pki;
use crate::identity::succeeds;
use crate::support::emulator;
use crate::support::snapshots::assert_snapshot;

#[test]
fn certificate_and_key_may_share_a_descriptor() {
    let emulator = emulator(Settings::default());
    let output = call_of(&emulator)
        .args(["--certificate", "fd:3", "--private-key", "fd:3"])
        .descriptor_3(pki("rsa2048.crt") + &pki("rsa2048.key"))
        .run();
    succeeds(&output);
    for (certificate, key, content) in [
        ("fd:3", "pki/rsa2048.key", "rsa2048.crt"),
        ("pki/rsa2048.crt", "fd:3", "rsa2048.key"),
    ] {
        let output = call_of(&emulator)
            .args(["--certificate", certificate, "--private-key", key])
            .descriptor_3(pki(content))
            .run();
        succeeds(&output);
    }
    assert_eq!(emulator.requests().len(), 3);
}

#[test]
fn encrypted_key_from_a_descriptor_uses_password_file() {
    let emulator = emulator(Settings::default());
    let key = pki("rsa2048.aes-256-cbc-hmacSHA256.key");
    let output = call_of(&emulator)
        .args(["--certificate", "pki/rsa2048.crt", "--private-key", "fd:3"])
        .flag_of_file("--pkcs8-password-file", "password", "correct horse")
        .descriptor_3(key.as_str())
        .run();
    succeeds(&output);
    let wrong = call_of(&emulator)
        .args(["--certificate", "pki/rsa2048.crt", "--private-key", "fd:3"])
        .args(["--pkcs8-password", "wrong"])
        .descriptor_3(key)
        .run();
    assert_snapshot("wrong-password-of-a-descriptor", fails(&wrong));
}

#[test]
fn descriptor_that_is_none_is_named() {
    let emulator = emulator(Settings::default());
    let run = |name: &str| call_of(&emulator).args(["--certificate", name]).run();
    let mut said = fails(&run("fd:9")).to_owned();
    // The working directory as descriptor 3.
    let folder = call_of(&emulator).args(["--certificate", "fd:3"]);
    let starter = ["/bin/sh", "-c", r#"exec "$0" "$@" 3<. "#];
    let folder = folder.command(&starter).output().unwrap();
    said += str::from_utf8(&folder.stderr).unwrap();
    for name in ["fd:", "fd:x", "fd:-1", "fd:99999999999"] {
        said += fails(&run(name));
    }
    assert_snapshot("descriptors-that-cannot-be-read", &said);
    assert!(emulator.requests().is_empty());
}
