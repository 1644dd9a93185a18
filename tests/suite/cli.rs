//! The command line: flags, variables, exclusions, help. Exit status and messages as people see them.

use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::snapshots::assert_snapshot;

const IDENTITY: [&str; 4] = [
    "--certificate",
    "pki/ec256.crt",
    "--private-key",
    "pki/ec256.key",
];
const ARNS: [&str; 6] = [
    "--trust-anchor-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1-2",
    "--profile-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/1-2",
    "--role-arn",
    "arn:aws:iam::123456789012:role/ci",
];

fn credential_process() -> Helper {
    Helper::new().args(["credential-process"])
}

fn fails(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    output.stderr
}

fn help(args: &[&str]) -> String {
    let Output {
        exit,
        stderr,
        stdout,
        ..
    } = Helper::new().args(args.iter().copied()).run();
    assert_eq!((exit, stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(stdout).unwrap()
}

#[test]
fn help_is_the_manual() {
    assert_snapshot("help", &help(&["help"]));
    let of_command = help(&["credential-process", "--help"]);
    assert_snapshot("help-credential-process", &of_command);
    assert_eq!(help(&["help", "credential-process"]), of_command);
    assert_eq!(help(&[]), help(&["help"]));
    assert_eq!(help(&["--help"]), help(&["help"]));
    assert_eq!(help(&["help", "nosuch"]), help(&["help"]));
}

#[test]
fn help_names_variables_and_never_shows_their_values() {
    let output = credential_process()
        .args(["--help"])
        .env("AWS_SIGNING_HELPER_ROLE_ARN", "value-of-the-role")
        .run();
    assert!(output.stdout_text().contains("AWS_SIGNING_HELPER_ROLE_ARN"));
    assert!(!output.stdout_text().contains("value-of-the-role"));
}

#[test]
fn every_flag_may_come_from_the_environment() {
    let emulator = emulator(Settings::default());
    let mut helper = credential_process().env("AWS_SIGNING_HELPER_ENDPOINT", &emulator.url());
    for pair in IDENTITY.chunks(2).chain(ARNS.chunks(2)) {
        let variable = pair[0].trim_start_matches('-').to_uppercase();
        let variable = format!("AWS_SIGNING_HELPER_{}", variable.replace('-', "_"));
        helper = helper.env(&variable, pair[1]);
    }
    let output = helper
        .env("AWS_SIGNING_HELPER_SESSION_DURATION", "1234")
        .env("AWS_SIGNING_HELPER_ROLE_SESSION_NAME", "")
        .env("AWS_SIGNING_HELPER_DEBUG", "false")
        .run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    let request = emulator.requests().pop().unwrap();
    assert_eq!(request.body, br#"{"durationSeconds":1234}"#);
}

#[test]
fn flag_that_is_typed_beats_its_variable() {
    let emulator = emulator(Settings::default());
    let output = credential_process()
        .args(IDENTITY)
        .args(ARNS)
        .args(["--endpoint", &emulator.url(), "--session-duration=900"])
        .env("AWS_SIGNING_HELPER_SESSION_DURATION", "not a number")
        .env("AWS_SIGNING_HELPER_CERTIFICATE", "absent")
        .run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let request = emulator.requests().pop().unwrap();
    assert_eq!(request.body, br#"{"durationSeconds":900}"#);
}

#[test]
fn variable_yields_to_an_excluding_flag() {
    let emulator = emulator(Settings::default());
    let output = credential_process()
        .args(IDENTITY)
        .args(ARNS)
        .args(["--endpoint", &emulator.url()])
        .env(
            "AWS_SIGNING_HELPER_CERT_SELECTOR",
            "Key=x509Subject,Value=CN=x",
        )
        .env("AWS_SIGNING_HELPER_SYSTEM_STORE_NAME", "MY")
        .run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
}

#[test]
fn wrong_variable_is_named() {
    let helper = credential_process()
        .args(IDENTITY)
        .args(ARNS)
        .env("AWS_SIGNING_HELPER_SESSION_DURATION", "1h");
    assert_snapshot("wrong-variable", &fails(&helper));
}

#[test]
fn flags_that_exclude_each_other_are_both_named() {
    let helper = credential_process()
        .args(IDENTITY)
        .args(["--use-latest-expiring-certificate=false"]);
    assert_snapshot("flags-that-exclude-each-other", &fails(&helper));
}

#[test]
fn stray_words_are_quoted_when_a_flag_is_missing() {
    let helper = credential_process()
        .args(IDENTITY)
        .args(ARNS[..4].iter().copied())
        .args(["\\", "role-arn"]);
    assert_snapshot("stray-words", &fails(&helper));
}

/// AWS's helper has none of these commands.
#[test]
fn commands_of_our_own_refuse_stray_words() {
    for command in ["configure", "export", "doctor"] {
        let helper = Helper::command_at(command, "http://127.0.0.1:1").args(["stray"]);
        let output = helper.run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""), "{command}");
        assert!(output.stderr.contains("stray"), "{}", output.stderr);
        assert!(!helper.home().join(".aws/config").exists());
    }
}

#[test]
fn boolean_without_equals_takes_no_value() {
    let emulator = emulator(Settings::default());
    let output = credential_process()
        .args(IDENTITY)
        .args(ARNS)
        .args(["--endpoint", &emulator.url(), "--debug", "false"])
        .run();
    assert_eq!(output.exit, 0);
    assert!(output.stderr.contains("AWS4-X509-"));
}

#[test]
fn swapped_arns_are_refused_before_any_request() {
    let helper = credential_process().args(IDENTITY).args([
        "--trust-anchor-arn",
        ARNS[3],
        "--profile-arn",
        ARNS[1],
        "--role-arn",
        ARNS[5],
    ]);
    assert_snapshot("swapped-arns", &fails(&helper));
}

#[test]
fn unsupported_identities_are_refused_by_name() {
    let mut said = String::new();
    for (flag, value) in [
        ("--cert-selector", "Key=x509Subject,Value=CN=x"),
        ("--system-store-name", "MY"),
    ] {
        said += &fails(&credential_process().args(ARNS).args([flag, value]));
    }
    let helper = credential_process().args(ARNS).args([
        "--certificate",
        "pki/ec256.crt",
        "--private-key",
        "handle:0x81000001",
    ]);
    said += &fails(&helper);
    assert_snapshot("unsupported-identities", &said);
}

#[test]
fn unknown_flag_is_named_with_the_one_that_was_meant() {
    let helper = credential_process().args(["--certificat", "x"]);
    assert_snapshot("unknown-flag", &fails(&helper));
    let stderr = fails(&credential_process().args(["--nosuch"]));
    assert_snapshot("unknown-flag-like-no-other", &stderr);
}
