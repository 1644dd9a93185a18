//! The content of a file, or a password, given where the path of the file belongs: messages do not show
//! it.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rolesanywhere_emulator::Settings;

use super::ENCRYPTED;
use super::call;
use super::call_of;
use super::fails;
use crate::support::emulator;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

/// A key in each form in which shells and CI systems pass it.
fn forms() -> Vec<String> {
    let pem = fs::read_to_string(vectors().join("pki/ec384.key")).unwrap();
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let der = block.contents;
    let mut forms = vec![
        pem.clone(),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        BASE64_STANDARD.encode(&pem),
        BASE64_STANDARD.encode(&der),
        hex::encode(&der),
    ];
    let variables: Vec<String> = forms.iter().map(|form| format!("env:{form}")).collect();
    forms.extend(variables);
    forms
}

/// No dozen characters in a row of `secret` are in the output.
fn assert_hidden(secret: &str, output: &Output, context: &str) {
    let shown = format!("{}{}", output.stdout_text(), output.stderr);
    let secret: Vec<char> = secret.chars().collect();
    // All keys begin alike, also public ones.
    let begin = if secret.len() > HEADER { HEADER } else { 0 };
    for piece in secret[begin..].windows(12) {
        let piece: String = piece.iter().collect();
        assert!(
            !shown.contains(&piece),
            "{context} shows {piece:?}:\n{shown}"
        );
    }
}

/// The flags of a command that take a value, from its help.
fn flags(command: &str) -> Vec<String> {
    let output = Helper::new().args([command, "--help"]).run();
    let lines = output.stdout_text().lines();
    let flags: Vec<String> = lines
        .filter_map(|line| line.trim_start().strip_prefix("--")?.split_once(" <"))
        .map(|(flag, _)| flag.to_owned())
        .collect();
    assert!(flags.len() > 3, "{flags:?}");
    flags
}

/// The place of files and folders whose name is not a path.
fn in_home() -> Helper {
    Helper::new().in_home()
}

fn pki(name: &str) -> String {
    vectors().join("pki").join(name).display().to_string()
}

/// A command that would work, against a service that refuses all.
fn plain(endpoint: &Endpoint, command: &str) -> Helper {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    let (certificate, key) = (pki("ec256.crt"), pki("ec256.key"));
    let identity = ["--certificate", &certificate];
    let helper = in_home().args([command]).env("AWS_MAX_ATTEMPTS", "1");
    let (trust_anchor, profile) = (arn("trust-anchor"), arn("profile"));
    let call = [
        "--trust-anchor-arn",
        &trust_anchor,
        "--profile-arn",
        &profile,
        "--role-arn",
        "arn:aws:iam::123456789012:role/ci",
        "--endpoint",
        &endpoint.url(),
    ];
    match command {
        "read-certificate-data" => helper.args(identity),
        "sign-string" => helper.args(identity).args(["--private-key", &key]),
        "update" => helper
            .args(identity)
            .args(["--private-key", &key, "--once"])
            .args(call),
        "serve" => helper
            .args(identity)
            .args(["--private-key", &key, "--port", "0"])
            .args(call),
        _ => helper
            .args(identity)
            .args(["--private-key", &key, "--cache", "--debug"])
            .args(call),
    }
}

fn refusing() -> Endpoint {
    let refusal = Response::error(403, "AccessDeniedException", "no");
    Endpoint::start(Script::of([refusal]))
}

const COMMANDS: [&str; 5] = [
    "credential-process",
    "update",
    "serve",
    "sign-string",
    "read-certificate-data",
];

#[test]
fn content_in_place_of_a_path_is_not_shown() {
    let endpoint = refusing();
    for command in COMMANDS {
        for flag in flags(command) {
            let is_file = FILES.contains(&flag.as_str());
            let forms = forms();
            let forms = forms.iter().take(if is_file { forms.len() } else { 1 });
            for form in forms {
                let helper = plain(&endpoint, command).args([&format!("--{flag}={form}")]);
                assert_hidden(form, &helper.run(), &format!("{command} --{flag}"));
            }
        }
    }
}

#[test]
fn content_in_a_variable_for_a_path_is_not_shown() {
    let endpoint = refusing();
    for command in ["credential-process", "update"] {
        let named = flags(command)
            .into_iter()
            .filter(|flag| FILES.contains(&flag.as_str()))
            .map(|flag| flag.to_uppercase().replace('-', "_"))
            .map(|flag| format!("AWS_SIGNING_HELPER_{flag}"));
        for variable in named.chain(VARIABLES.map(str::to_owned)) {
            for form in forms() {
                // The command line precedes a variable.
                let mut helper = in_home().args([command, "--debug"]);
                if command == "update" {
                    helper = helper.args(["--once"]);
                }
                let flag = |name: &str| format!("AWS_SIGNING_HELPER_{name}");
                let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:1:{kind}/1-2");
                let helper = helper
                    .env("AWS_MAX_ATTEMPTS", "1")
                    .env(&flag("CERTIFICATE"), &pki("ec256.crt"))
                    .env(&flag("PRIVATE_KEY"), &pki("ec256.key"))
                    .env(&flag("TRUST_ANCHOR_ARN"), &arn("trust-anchor"))
                    .env(&flag("PROFILE_ARN"), &arn("profile"))
                    .env(&flag("ROLE_ARN"), "arn:aws:iam::123456789012:role/ci")
                    .env(&flag("ENDPOINT"), &endpoint.url())
                    .env(&flag("CACHE"), "true")
                    .env(&variable, &form);
                assert_hidden(&form, &helper.run(), &format!("{command} {variable}"));
            }
        }
    }
}

#[test]
fn content_anywhere_on_the_command_line_is_not_shown() {
    let key = fs::read_to_string(vectors().join("pki/rsa2048.key")).unwrap();
    let unquoted: Vec<String> = key.split_whitespace().map(str::to_owned).collect();
    let call = || vec!["credential-process".to_owned()];
    let mut lines: Vec<(Vec<String>, Vec<String>)> = vec![
        (call(), unquoted.clone()),
        (
            [call(), vec!["--private-key".to_owned()]].concat(),
            unquoted,
        ),
    ];
    for form in forms() {
        lines.push((Vec::new(), vec![form.clone()]));
        lines.push((call(), vec![form.clone()]));
        lines.push((vec!["help".to_owned()], vec![form.clone()]));
        for flag in ["--private-kye", "--debug", "--port", "-k", "--"] {
            lines.push((
                vec!["serve".to_owned(), flag.to_owned()],
                vec![form.clone()],
            ));
            lines.push((vec!["serve".to_owned()], vec![format!("{flag}={form}")]));
        }
    }
    for (words, secrets) in lines {
        let helper = Helper::new().args(words.clone()).args(secrets.clone());
        let output = helper.run();
        for secret in secrets {
            assert_hidden(&secret, &output, &words.join(" "));
        }
    }
}

#[test]
fn content_in_place_of_a_path_gets_a_hint() {
    let emulator = emulator(Settings::default());
    let mut said = String::new();
    for form in forms() {
        let output = call(&emulator, "ec256.key")
            .args(["--private-key", &form])
            .run();
        said += fails(&output);
    }
    assert_snapshot("content-in-place-of-a-path", &said);
}

#[test]
fn password_in_place_of_its_file_is_not_shown() {
    let emulator = emulator(Settings::default());
    let pkcs12 = ["--certificate", "pki/rsa2048.aes-password.p12"];
    let mut said = String::new();
    for password in [
        "hunter2",
        "hunter2 hunter2",
        "hunter2/hunter2",
        "hunter2\\x",
        "~hunter2",
    ] {
        for (flag, helper) in [
            ("--pkcs8-password-file", call(&emulator, ENCRYPTED)),
            ("--pkcs12-password-file", call_of(&emulator).args(pkcs12)),
        ] {
            let output = helper.args([flag, password]).run();
            said += fails(&output);
        }
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert_snapshot("password-in-place-of-its-file", &said);
}

#[test]
fn password_file_that_is_absent_is_named_by_its_path() {
    let emulator = emulator(Settings::default());
    let mut said = String::new();
    for path in ["/run/secrets/absent", "./absent", "pki/absent"] {
        let output = call(&emulator, ENCRYPTED)
            .args(["--pkcs8-password-file", path])
            .run();
        said += fails(&output);
    }
    assert_snapshot("absent-password-files", &said);
}

/// Flags that name a file or folder.
const FILES: [&str; 10] = [
    "certificate",
    "private-key",
    "intermediates",
    "pkcs8-password-file",
    "pkcs12-password-file",
    "pkcs11-lib",
    "pkcs11-pin-file",
    "credentials-file",
    "authorization-token-file",
    "cache-dir",
];

/// Variables that name a file or folder, besides those of the flags.
const VARIABLES: [&str; 4] = [
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
];

/// The characters before the secret part of a key, whatever its form, with a flag in front.
const HEADER: usize = 110;
