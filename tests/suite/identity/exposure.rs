//! Secrets visible in a running helper: command line, environment and, for root, memory. An endpoint
//! that does not answer keeps the helper running.

use std::fs;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::memory;
use crate::support::memory::Needle;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::skip;
use crate::support::terminal::Terminal;
use crate::support::terminal::wait_until;
use crate::support::vectors;

/// An endpoint that reads a request and then thinks about it.
fn slow() -> Endpoint {
    Endpoint::start(Script::of([Response {
        delay_ms: 60_000,
        ..Response::created()
    }]))
}

fn call(endpoint: &Endpoint) -> Helper {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    Helper::new()
        .args(["credential-process", "--endpoint", &endpoint.url()])
        .args(["--trust-anchor-arn", &arn("trust-anchor")])
        .args(["--profile-arn", &arn("profile")])
        .args(["--role-arn", "arn:aws:iam::123456789012:role/ci"])
}

/// The secrets: the password, and the key as in its file and decrypted.
fn secrets() -> Vec<Needle> {
    let pki = vectors().join("pki");
    let file = fs::read(vectors().join(ENCRYPTED)).unwrap();
    let plain = fs::read(pki.join("rsa2048.key")).unwrap();
    let (_, der) = x509_parser::pem::parse_x509_pem(&plain).unwrap();
    vec![
        Needle::whole("password", PASSWORD.as_bytes()),
        Needle::second_half("file", &file),
        Needle::second_half("plain file", &plain),
        Needle::second_half("key", &der.contents),
    ]
}

/// Looks into the process while it waits for its answer.
fn assert_nothing_is_shown(endpoint: &Endpoint, id: u32) {
    wait_until("a request", || !endpoint.requests().is_empty());
    let command_line = fs::read(format!("/proc/{id}/cmdline")).unwrap();
    assert!(String::from_utf8_lossy(&command_line).contains("credential-process"));
    let secrets = secrets();
    assert_eq!(memory::find(&command_line, &secrets), NOTHING);
    match fs::read(format!("/proc/{id}/environ")) {
        Ok(environment) => {
            assert!(String::from_utf8_lossy(&environment).contains("HOME="));
            assert_eq!(memory::find(&environment, &secrets), NOTHING);
        }
        Err(error) => skip(&format!("environment of a running helper: {error}")),
    }
    match memory::find_in_process(&id.to_string(), &secrets) {
        Ok(found) => assert_eq!(found, []),
        Err(error) => skip(&format!("memory of a running helper: {error}")),
    }
}

/// The process that is run by another.
fn child_of(running: &Running<'_>) -> u32 {
    let id = running.id();
    let children = format!("/proc/{id}/task/{id}/children");
    let children = fs::read_to_string(children).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn scan_of_another_process_finds_what_is_there() {
    // The variable is in the environment of the process, and so in its memory.
    let endpoint = slow();
    let helper = call(&endpoint)
        .args([
            "--certificate",
            "pki/rsa2048.crt",
            "--private-key",
            "pki/rsa2048.key",
        ])
        .env("AWS_SIGNING_HELPER_PKCS8_PASSWORD", PASSWORD);
    let running = helper.start();
    wait_until("a request", || !endpoint.requests().is_empty());
    match memory::find_in_process(&running.id().to_string(), &secrets()) {
        Ok(found) => assert!(
            found.iter().any(|(name, _)| *name == "password"),
            "{found:?}"
        ),
        Err(error) => skip(&format!("memory of a running helper: {error}")),
    }
}

#[test]
fn secrets_that_come_by_file_are_not_shown() {
    let endpoint = slow();
    let helper = call(&endpoint).args(IDENTITY_OF_ENCRYPTED).flag_of_file(
        "--pkcs8-password-file",
        "password",
        PASSWORD,
    );
    let running = helper.start();
    assert_nothing_is_shown(&endpoint, running.id());

    let endpoint = slow();
    let helper = call(&endpoint)
        .args(["--certificate", "../keys/openssl-long.p12"])
        .flag_of_file("--pkcs12-password-file", "password", PASSWORD);
    let running = helper.start();
    assert_nothing_is_shown(&endpoint, running.id());
}

#[test]
fn secrets_from_descriptors_are_not_shown() {
    for (key, file) in [
        ("fd:3", ENCRYPTED),
        ("-", ENCRYPTED),
        ("fd:3", "pki/rsa2048.key"),
        ("-", "pki/rsa2048.key"),
    ] {
        let endpoint = slow();
        let content = fs::read(vectors().join(file)).unwrap();
        let helper = call(&endpoint)
            .args(["--certificate", "pki/rsa2048.crt", "--private-key", key])
            .flag_of_file("--pkcs8-password-file", "password", PASSWORD);
        let helper = match key {
            "-" => helper.standard_input(content),
            _ => helper.descriptor_3(content),
        };
        let running = helper.start();
        assert_nothing_is_shown(&endpoint, running.id());
    }
}

#[test]
fn secrets_that_come_by_prompt_are_not_shown() {
    let Some(mut terminal) = Terminal::open("secrets that come by prompt") else {
        return;
    };
    let endpoint = slow();
    let helper = call(&endpoint).args(IDENTITY_OF_ENCRYPTED);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    let asking = child_of(&running);
    terminal.press(&format!("{PASSWORD}\n"));
    assert_nothing_is_shown(&endpoint, asking);
    drop(endpoint);
    drop(terminal.end(running));
}

const NOTHING: [&str; 0] = [];
const IDENTITY_OF_ENCRYPTED: [&str; 4] = [
    "--certificate",
    "pki/rsa2048.crt",
    "--private-key",
    ENCRYPTED,
];
const ENCRYPTED: &str = "../keys/openssl-long.key";
const PASSWORD: &str = "a pass phrase that is long enough to be searched for";
