//! Identities that never lie on disk: variables, descriptors and standard input.

#[cfg(unix)]
mod unix;

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rolesanywhere_emulator::Settings;

use super::call_of;
use super::fails;
use super::succeeds;
use crate::support::emulator;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

fn pki(name: &str) -> String {
    fs::read_to_string(vectors().join("pki").join(name)).unwrap()
}

#[test]
fn variable_holds_a_file_as_ci_systems_keep_it() {
    let emulator = emulator(Settings::default());
    let chain = ["chain2.crt", "rsa2048.key", "chain2.intermediates.pem"].map(pki);
    let forms: [fn(&str) -> String; 5] = [
        str::to_owned,
        |pem| pem.trim_end().to_owned(),
        |pem| pem.replace('\n', "\\n"),
        |pem| pem.replace('\n', "\\r\\n"),
        |pem| BASE64_STANDARD.encode(pem),
    ];
    for form in forms {
        let [certificate, key, intermediates] = chain.each_ref().map(|pem| form(pem));
        let output = call_of(&emulator)
            .args(["--certificate", "env:CI_CERTIFICATE"])
            .args(["--private-key", "env:CI_KEY"])
            .args(["--intermediates", "env:CI_CHAIN"])
            .env("CI_CERTIFICATE", &certificate)
            .env("CI_KEY", &key)
            .env("CI_CHAIN", &intermediates)
            .run();
        succeeds(&output);
    }
    assert_eq!(emulator.requests().len(), 5);
}

#[test]
fn variable_holds_a_pkcs12_file_in_base64() {
    let emulator = emulator(Settings::default());
    let file = fs::read(vectors().join("pki/chain2.aes-password.p12")).unwrap();
    let base64 = BASE64_STANDARD.encode(file);
    let (first, second) = base64.split_at(76);
    for value in [base64.clone(), format!("{first}\n{second}\n")] {
        let output = call_of(&emulator)
            .args(["--certificate", "env:CI_IDENTITY"])
            .env("CI_IDENTITY", &value)
            .env("AWS_SIGNING_HELPER_PKCS12_PASSWORD", "correct horse")
            .run();
        succeeds(&output);
    }
}

#[test]
fn variable_may_be_named_in_a_variable() {
    let emulator = emulator(Settings::default());
    let output = call_of(&emulator)
        .env("AWS_SIGNING_HELPER_CERTIFICATE", "env:CI_IDENTITY")
        .env("CI_IDENTITY", &(pki("rsa2048.crt") + &pki("rsa2048.key")))
        .run();
    succeeds(&output);
}

#[test]
fn certificate_key_or_intermediates_come_on_standard_input() {
    let emulator = emulator(Settings::default());
    let files = [
        ("--certificate", "chain2.crt"),
        ("--private-key", "rsa2048.key"),
        ("--intermediates", "chain2.intermediates.pem"),
    ];
    for name in ["-", "fd:0"] {
        for (on_input, content) in files {
            let mut helper = call_of(&emulator).standard_input(pki(content));
            for (flag, file) in files {
                let file = match flag == on_input {
                    true => name.to_owned(),
                    false => format!("pki/{file}"),
                };
                helper = helper.args([flag, &file]);
            }
            succeeds(&helper.run());
        }
    }
    assert_eq!(emulator.requests().len(), 6);
}

#[test]
fn certificate_key_and_chain_may_share_standard_input() {
    let emulator = emulator(Settings::default());
    let all = pki("chain2.fullchain.pem") + &pki("rsa2048.key");
    for key in [&[][..], &["--private-key", "-"], &["--private-key", "fd:0"]] {
        let output = call_of(&emulator)
            .args(["--certificate", "-"])
            .args(key.iter().copied())
            .standard_input(all.as_str())
            .run();
        succeeds(&output);
    }
    let pkcs12 = fs::read(vectors().join("pki/rsa2048.3des-empty.p12")).unwrap();
    let output = call_of(&emulator)
        .args(["--certificate", "-"])
        .standard_input(pkcs12)
        .run();
    succeeds(&output);
}

#[test]
fn variable_that_is_not_set_is_named() {
    let emulator = emulator(Settings::default());
    let helper = || call_of(&emulator).env("CI_EMPTY", "");
    let mut said = String::new();
    for (flag, name) in [
        ("certificate", "CI_ABSENT"),
        ("private-key", "CI_ABSENT"),
        ("intermediates", "CI_EMPTY"),
        ("certificate", ""),
    ] {
        // The last of a repeated flag counts.
        let output = helper()
            .args(["--certificate", "pki/rsa2048.crt"])
            .args([&format!("--{flag}"), &format!("env:{name}")])
            .run();
        said += fails(&output);
    }
    assert_snapshot("variables-that-are-not-set", &said);
    assert!(emulator.requests().is_empty());
}

#[test]
fn variable_without_a_key_is_named_not_shown() {
    let emulator = emulator(Settings::default());
    // Cut off, so that it cannot be put right.
    let key = pki("rsa2048.key").replace('\n', " ");
    let key = key.split("-----END").next().unwrap().to_owned();
    for value in ["/run/secrets/key.pem", "c2VjcmV0", &key] {
        let output = call_of(&emulator)
            .args(["--certificate", "pki/rsa2048.crt"])
            .args(["--private-key", "env:CI_KEY"])
            .env("CI_KEY", value)
            .run();
        assert_eq!(output.exit, 1);
        assert!(output.stderr.contains("env:CI_KEY"), "{}", output.stderr);
        let shown: String = value.chars().skip(40).take(20).collect();
        assert!(shown.is_empty() || !output.stderr.contains(&shown));
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    }
}

#[test]
fn empty_and_endless_standard_input_are_errors() {
    let emulator = emulator(Settings::default());
    let helper = || call_of(&emulator).args(["--certificate", "-"]);
    assert_snapshot("empty-standard-input", fails(&helper().run()));
    let endless = helper().standard_input(vec![b'\n'; 2_000_000]).run();
    assert_snapshot("endless-standard-input", fails(&endless));
}

#[test]
fn files_with_such_names_are_reached_by_a_path() {
    let emulator = emulator(Settings::default());
    let helper = call_of(&emulator)
        .file("-", &pki("rsa2048.crt"))
        .file("env:x", &pki("rsa2048.key"))
        .file("fd:3", &pki("rsa2048.crt"));
    let [certificate, key, other] = ["-", "env:x", "fd:3"].map(|name| format!("./{name}"));
    let helper = helper.in_home();
    succeeds(
        &helper
            .args(["--certificate", &certificate, "--private-key", &key])
            .run(),
    );
    let helper = call_of(&emulator)
        .file("env:x", &pki("rsa2048.key"))
        .file("fd:3", &pki("rsa2048.crt"))
        .in_home();
    succeeds(
        &helper
            .args(["--certificate", &other, "--private-key", &key])
            .run(),
    );
}
