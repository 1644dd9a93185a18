//! The variables of the command.

use std::collections::BTreeMap;
use std::fs;

use super::WAYS;
use super::exec;
use super::exec_script;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::issued;
use crate::support::log::JSON;
use crate::support::log::events;
use crate::support::service;
use crate::support::vectors;

/// All variables, each ended by a zero byte.
const ENV: &[&str] = &["env", "-0"];

fn variables(output: &Output) -> BTreeMap<String, String> {
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let entries = output.stdout_text().split_terminator('\0');
    let pairs = entries.map(|entry| entry.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn variables_hold_the_credentials_and_the_region() {
    let service = service(&[]);
    let helper = exec("environment", &service.url(), ENV);
    let output = helper.run();
    assert_eq!(output.stderr, "");
    let variables = variables(&output);
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], issued(1));
    assert!(variables["AWS_SECRET_ACCESS_KEY"].starts_with("emulator/"));
    assert!(variables["AWS_SESSION_TOKEN"].starts_with("EMULATOR/"));
    assert!(variables["AWS_CREDENTIAL_EXPIRATION"].ends_with('Z'));
    assert_eq!(variables["AWS_REGION"], "us-east-1");
    assert_eq!(variables["AWS_DEFAULT_REGION"], "us-east-1");
    assert_eq!(variables["HOME"], helper.home().display().to_string());
}

#[test]
fn region_that_is_set_is_not_contradicted() {
    let service = service(&[]);
    for (name, other) in [
        ("AWS_REGION", "AWS_DEFAULT_REGION"),
        ("AWS_DEFAULT_REGION", "AWS_REGION"),
    ] {
        let helper = exec("environment", &service.url(), ENV).env(name, "eu-central-1");
        let variables = variables(&helper.run());
        assert_eq!(variables[name], "eu-central-1");
        assert_eq!(variables[other], "eu-central-1");
    }
}

/// Variables of other credentials, by the way in which they would win.
const RIVALS: [(&str, &[&str]); 2] = [
    (
        "environment",
        &["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN"],
    ),
    (
        "endpoint",
        &[
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_SECURITY_TOKEN",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_CREDENTIAL_EXPIRATION",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ],
    ),
];

#[test]
fn other_providers_are_removed_and_named() {
    let service = service(&[]);
    for (way, rivals) in RIVALS {
        let helper = exec(way, &service.url(), ENV);
        let helper = rivals
            .iter()
            .fold(helper, |helper, name| helper.env(name, "stale"));
        let output = helper.run();
        let variables = variables(&output);
        for name in rivals {
            assert!(!variables.contains_key(*name), "{way}: {name}");
            assert!(output.stderr.contains(name), "{}", output.stderr);
        }
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(!output.stderr.contains("stale"), "{}", output.stderr);
    }
}

#[test]
fn stale_credentials_are_replaced_without_a_word() {
    let service = service(&[]);
    let helper = exec("environment", &service.url(), ENV)
        .env("AWS_ACCESS_KEY_ID", "stale")
        .env("AWS_CREDENTIAL_EXPIRATION", "stale");
    let output = helper.run();
    assert_eq!(output.stderr, "");
    assert!(!variables(&output).values().any(|value| value == "stale"));
}

#[test]
fn passwords_and_keys_do_not_reach_the_command() {
    let service = service(&[]);
    let key = fs::read_to_string(vectors().join("pki/rsa2048.key")).unwrap();
    let secrets = [
        ("KEY", key.as_str()),
        ("AWS_SIGNING_HELPER_PKCS8_PASSWORD", "hunter2"),
        ("AWS_SIGNING_HELPER_PKCS12_PASSWORD_FILE", "pki/hunter2"),
        ("AWS_SIGNING_HELPER_TPM_KEY_PASSWORD", "hunter2"),
        (
            "AWS_SIGNING_HELPER_CERTIFICATE",
            "pkcs11:object=k?pin-value=1234",
        ),
        (
            "AWS_SIGNING_HELPER_PRIVATE_KEY",
            "pkcs11:object=k?PIN%2dvalue=1234",
        ),
    ];
    let kept = (
        "AWS_SIGNING_HELPER_OF_ANOTHER_VERSION",
        "pkcs11:object=k?pin-source=/pin",
    );
    for way in WAYS {
        let helper = Helper::command_at("exec", &service.url()).args([
            "--private-key",
            "env:KEY",
            "--via",
            way,
            "--",
            "env",
            "-0",
        ]);
        let helper = secrets
            .iter()
            .fold(helper, |helper, (name, value)| helper.env(name, value));
        let output = helper.env(kept.0, kept.1).run();
        assert_eq!(output.stderr, "", "{way}");
        let variables = variables(&output);
        for (name, _) in secrets {
            assert!(!variables.contains_key(name), "{way}: {name}");
        }
        assert_eq!(variables[kept.0], kept.1, "{way}");
    }
}

#[test]
fn key_in_a_stream_does_not_reach_the_command() {
    let service = service(&[]);
    let key = fs::read(vectors().join("pki/rsa2048.key")).unwrap();
    for way in WAYS {
        let from = |place: &str, script: &str| {
            Helper::command_at("exec", &service.url())
                .args(["--private-key", place, "--via", way])
                .args(["--", "/bin/sh", "-c", script])
        };
        let helper = from("fd:3", "cat <&3 || echo closed").descriptor_3(key.clone());
        let output = helper.run();
        assert_eq!(output.stdout_text(), "closed\n", "{}", output.stderr);
        let helper = from("-", "cat && echo empty").standard_input(key.clone());
        let output = helper.run();
        assert_eq!(output.stdout_text(), "empty\n", "{}", output.stderr);
    }
}

/// A regular file could be read there again, from its begin.
#[test]
fn file_behind_a_descriptor_does_not_reach_the_command() {
    let service = service(&[]);
    let plain = "5<pki/rsa2048.key 6</dev/null";
    let encrypted = "5<pki/rsa2048.aes-256-cbc-hmacSHA256.key 6<\"$HOME/password\"";
    for way in WAYS {
        for (key, password, redirections) in [
            ("/dev/fd/5", "", plain),
            ("/proc/self/fd/5", "", plain),
            ("/dev//fd/5", "", plain),
            ("/dev/fd/5", "/dev/fd/6", encrypted),
        ] {
            let password_flags: &[&str] = match password {
                "" => &[],
                _ => &["--pkcs8-password-file", password],
            };
            let helper = Helper::command_at("exec", &service.url())
                .args(["--private-key", key])
                .args(password_flags.iter().copied())
                .args(["--via", way, "--", "/bin/sh", "-c"])
                .args(["for n in 5 6; do cat <&$n || echo closed; done"])
                .file("password", "correct horse");
            let script = format!("exec \"$@\" {redirections}");
            let output = helper.command(&["/bin/sh", "-c", &script, "sh"]).output();
            let output = output.unwrap();
            let expected = match password {
                "" => "closed\n",
                _ => "closed\nclosed\n",
            };
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "{way} {key}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn default_profile_does_not_win_over_the_endpoint() {
    let service = service(&[]);
    let script = r#"printf %s "${AWS_SHARED_CREDENTIALS_FILE-unset}""#;
    let with = |file: &str, text: &str| {
        let helper = Helper::command_at("exec", &service.url())
            .args(["--via", "endpoint"])
            .args(JSON);
        let helper = helper.args(["--", "/bin/sh", "-c", script]);
        helper.file(file, text).run()
    };
    let keys = "[default]\naws_access_key_id = A\naws_secret_access_key = S\n";
    let output = with(".aws/credentials", keys);
    assert_eq!(output.stdout_text(), "/dev/null");
    assert_eq!(events(&output.stderr, "credentials_hidden").len(), 1);
    let output = with(".aws/credentials", &keys.replace("default", "other"));
    assert_eq!((output.stdout_text(), &*output.stderr), ("unset", ""));
    let output = with(".aws/config", "[default]\ncredential_process = x\n");
    assert_eq!(output.stdout_text(), "unset");
    assert_eq!(events(&output.stderr, "credentials_rival").len(), 1);
}

#[test]
fn no_secret_is_in_an_argument() {
    let service = service(&[]);
    let script = r#"tr '\0' ' ' </proc/$$/cmdline; tr '\0' ' ' </proc/$PPID/cmdline"#;
    for way in WAYS {
        let output = exec_script(way, &service.url(), script).run();
        let shown = output.stdout_text();
        assert!(shown.contains("/bin/sh"), "{shown}");
        for secret in ["ASIAEMULATOR", "emulator/fake", "EMULATOR/"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn help_names_every_variable_that_is_removed() {
    let output = Helper::new().args(["exec", "--help"]).run();
    let rivals = RIVALS.iter().flat_map(|(_, names)| *names);
    for name in rivals.chain(&["AWS_SIGNING_HELPER_*PASSWORD*", "pin-value", "env:NAME"]) {
        assert!(output.stdout_text().contains(name), "{name}");
    }
}

#[test]
fn nothing_is_left_on_disk() {
    let service = service(&[]);
    for way in WAYS {
        let helper = exec(way, &service.url(), &["true"]);
        assert_eq!(helper.run().exit, 0);
        assert_eq!(fs::read_dir(helper.home()).unwrap().count(), 0, "{way}");
    }
}
