//! `serve --container-credentials`: credentials for requests with the token, and only for them.

use std::fs;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::port;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::modes::mode;
use crate::support::modes::set_mode;
use crate::support::program::is_there;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

const PATH: &str = "GET /v1/credentials";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// With a token file in its home, which is made by the helper unless it is there.
fn with_token_file(url: &str) -> Helper {
    let helper = serve(url).args(["--container-credentials", "--authorization-token-file"]);
    let path = helper.home().join("token").display().to_string();
    helper.args([path])
}

fn token(helper: &Helper) -> String {
    fs::read_to_string(helper.home().join("token")).unwrap()
}

fn ask(server: &Server<'_>, token: &str) -> Answer {
    server.ask(&request(PATH, &[("Authorization", token)]))
}

/// An error that each SDK can read.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    for name in ["code", "Code"] {
        assert_eq!(answer.field(name), code);
    }
    assert_eq!(answer.field("message"), answer.field("Message"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(!answer.text().contains("AccessKeyId"), "{answer:?}");
}

#[test]
fn token_of_the_file_gets_the_credentials() {
    let service = service(&[]);
    let helper = with_token_file(&service.url());
    let server = Server::start(&helper);
    let token = token(&helper);
    assert!(token.len() >= 43 && !token.contains('\n'), "{token:?}");
    if let Some(mode) = mode(&helper.home().join("token")) {
        assert_eq!(mode, "600");
    }
    let answer = ask(&server, &token);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("AccessKeyId"), issued(1));
    let arn = "arn:aws:iam::123456789012:role/path/ci-role";
    assert_eq!(answer.field("RoleArn"), arn);
    for name in ["SecretAccessKey", "Token", "Expiration"] {
        assert!(!answer.field(name).is_empty());
    }
    assert!(answer.json().get("Code").is_none());
    let said = server.running.stderr_so_far();
    let listening = &events(&said, "listening")[0];
    let url = format!("http://127.0.0.1:{}/v1/credentials", server.port);
    assert_eq!(listening["AWS_CONTAINER_CREDENTIALS_FULL_URI"], url);
    let file = helper.home().join("token").display().to_string();
    assert_eq!(listening["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], file);
    assert!(!said.contains(&token), "{said}");
}

#[test]
fn requests_without_the_token_get_nothing() {
    let service = service(&[]);
    let helper = with_token_file(&service.url());
    let server = Server::start(&helper);
    let token = token(&helper);
    let twice = [("Authorization", token.as_str()); 2];
    for headers in [
        &[][..],
        &[("Authorization", "")],
        &[("Authorization", &token[1..])],
        &[("Authorization", &format!("Bearer {token}"))],
        &[("Authorization", &token.to_uppercase())],
        &twice,
        &[("X-aws-ec2-metadata-token", &token)],
    ] {
        let answer = server.ask(&request(PATH, headers));
        assert_error(&answer, 401, "AccessDeniedException");
    }
    let query = request(&format!("{PATH}?token={token}"), &[]);
    assert_error(&server.ask(&query), 401, "AccessDeniedException");
    let other = request("POST /v1/credentials", &[("Authorization", &token)]);
    assert_error(&server.ask(&other), 405, "MethodNotAllowedException");
    let page = [("Authorization", token.as_str()), ("Origin", "null")];
    assert_error(
        &server.ask(&request(PATH, &page)),
        400,
        "BadRequestException",
    );
}

#[test]
fn imds_is_off_beside_it() {
    let service = service(&[]);
    let helper = with_token_file(&service.url());
    let server = Server::start(&helper);
    let token = token(&helper);
    let asked = [("Authorization", token.as_str())];
    for request in [
        put_token("60"),
        request(&format!("GET {CREDENTIALS}"), &asked),
        request("GET /", &asked),
    ] {
        assert_error(&server.ask(&request), 404, "ResourceNotFoundException");
    }
}

#[test]
fn token_may_come_from_the_variable_and_the_file_wins() {
    let service = service(&[]);
    let helper = serve(&service.url())
        .args(["--container-credentials"])
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN);
    let server = Server::start(&helper);
    assert_eq!(ask(&server, TOKEN).status, 200);
    assert!(!server.running.stderr_so_far().contains("TOKEN_FILE"));
    drop(server);
    let helper = with_token_file(&service.url()).env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN);
    let server = Server::start(&helper);
    assert_eq!(ask(&server, TOKEN).status, 401);
    assert_eq!(ask(&server, &token(&helper)).status, 200);
}

#[test]
fn renewed_token_is_used_unless_its_file_is_bad() {
    let service = service(&[]);
    let helper = with_token_file(&service.url()).file("token", TOKEN);
    let server = Server::start(&helper);
    assert_eq!(ask(&server, TOKEN).status, 200);
    let path = helper.home().join("token");
    fs::write(&path, "short").unwrap();
    assert_eq!(ask(&server, "short").status, 401);
    assert_eq!(ask(&server, TOKEN).status, 200);
    let renewed = TOKEN.replace('0', "9");
    fs::write(&path, &renewed).unwrap();
    // At the first attempt, however soon.
    assert_eq!(ask(&server, &renewed).status, 200);
    assert_eq!(ask(&server, TOKEN).status, 401);
}

#[test]
fn renewed_token_with_a_line_break_ends_the_previous_one() {
    let service = service(&[]);
    let helper = with_token_file(&service.url()).file("token", TOKEN);
    let mut server = Server::start(&helper);
    let renewed = TOKEN.replace('0', "9");
    let path = helper.home().join("token");
    fs::write(helper.home().join("new"), format!("{renewed}\n")).unwrap();
    fs::rename(helper.home().join("new"), &path).unwrap();
    wait_until(&mut server.running, "two looks", |said| {
        count(said, "token_file_unusable") == 2
    });
    let said = server.running.stderr_so_far();
    let events = events(&said, "token_file_unusable");
    let messages = events
        .iter()
        .map(|event| event["message"].as_str().unwrap());
    let messages: Vec<_> = messages.collect();
    let messages = messages.join("\n");
    assert_snapshot(
        "token-file-that-became-unusable",
        &messages.replace(&path.display().to_string(), "[FILE]"),
    );
    assert_eq!(ask(&server, TOKEN).status, 401);
    assert_eq!(ask(&server, &renewed).status, 401);
    fs::write(&path, &renewed).unwrap();
    assert_eq!(ask(&server, &renewed).status, 200);
}

#[test]
fn replaced_token_becomes_invalid_without_requests() {
    let service = service(&[]);
    let helper = with_token_file(&service.url()).file("token", TOKEN);
    let mut server = Server::start(&helper);
    assert_eq!(ask(&server, TOKEN).status, 200);
    let renewed = TOKEN.replace('0', "9");
    fs::write(helper.home().join("new"), &renewed).unwrap();
    fs::rename(helper.home().join("new"), helper.home().join("token")).unwrap();
    wait_until(&mut server.running, "the new token", |said| {
        count(said, "token_changed") > 0
    });
    assert_eq!(ask(&server, TOKEN).status, 401);
    assert_eq!(ask(&server, &renewed).status, 200);
}

#[test]
fn removed_token_is_invalid_until_there_is_a_file() {
    let service = service(&[]);
    let helper = with_token_file(&service.url()).file("token", TOKEN);
    let mut server = Server::start(&helper);
    assert_eq!(ask(&server, TOKEN).status, 200);
    let path = helper.home().join("token");
    fs::remove_file(&path).unwrap();
    wait_until(&mut server.running, "that it is gone", |said| {
        count(said, "token_file_removed") > 0
    });
    assert_error(&ask(&server, TOKEN), 401, "AccessDeniedException");
    assert!(!path.exists());
    fs::write(&path, TOKEN).unwrap();
    assert_eq!(ask(&server, TOKEN).status, 200);
}

#[cfg(unix)]
#[test]
fn link_of_another_user_gets_them_no_credentials() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--container-credentials"]);
    let shared = helper.home().join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, "777");
    let path = shared.join("token");
    let known = TOKEN.replace('0', "9");
    let public = helper.home().join("public");
    let helper = helper
        .file("public", &known)
        .args(["--authorization-token-file", &path.display().to_string()]);
    let mut server = Server::start(&helper);
    let token = fs::read_to_string(&path).unwrap();
    assert_eq!(ask(&server, &token).status, 200);
    // At once, so that no look finds a link of ours.
    let link = helper.home().join("link");
    std::os::unix::fs::symlink(public, &link).unwrap();
    if std::os::unix::fs::lchown(&link, Some(12345), None).is_err() {
        skip("link_of_another_user_gets_them_no_credentials: not run by root");
        return;
    }
    fs::rename(link, &path).unwrap();
    assert_eq!(ask(&server, &known).status, 401);
    wait_until(&mut server.running, "the warning", |said| {
        count(said, "token_file_unusable") > 0
    });
    let said = server.running.stderr_so_far();
    let unusable = &events(&said, "token_file_unusable")[0];
    let message = unusable["message"].as_str().unwrap();
    let message = message.replace(&path.display().to_string(), "[FILE]");
    assert_snapshot("token-file-behind-a-link-of-others", &message);
    drop(server);
    // Nor does it start.
    assert_eq!(helper.run().exit, 1);
}

#[test]
fn hanging_disk_delays_no_client_with_the_token() {
    let test = "hanging_disk_delays_no_client_with_the_token";
    if !is_there("strace", &["-e", "inject=none:signal=KILL", "true"]) {
        skip(&format!("{test}: no strace, or it cannot trace"));
        return;
    }
    let service = service(&[]);
    let helper = with_token_file(&service.url()).file("token", TOKEN);
    // From the second time on, opening the file in its folder takes 40 s.
    let hangs = "inject=openat:delay_enter=40000000:when=2+";
    let starter = [
        "strace",
        "-D",
        "-f",
        "-o",
        "/dev/null",
        "-P",
        "token",
        "-e",
        hangs,
    ];
    let mut running = start(&helper, &starter);
    wait_until(&mut running, "it listens", |said| port(said).is_some());
    let port = port(&running.stderr_so_far()).unwrap();
    let wrong = TOKEN.replace('0', "9");
    let begin = Instant::now();
    let mut waiting: Vec<_> = (0..20).map(|_| Connection::open(port)).collect();
    for connection in &mut waiting {
        let wrong = request(PATH, &[("Authorization", &wrong)]);
        connection.send(&wrong).unwrap();
    }
    let right = request(PATH, &[("Authorization", TOKEN)]);
    for _ in 0..20 {
        assert_eq!(Connection::open(port).ask(&right).status, 200);
    }
    for connection in &mut waiting {
        let answer = connection.answer(false).unwrap().unwrap();
        assert_error(&answer, 401, "AccessDeniedException");
    }
    assert!(begin.elapsed() < Duration::from_secs(35));
}

/// Starts it by the words of another program.
fn start<'a>(helper: &'a Helper, starter: &[&str]) -> Running<'a> {
    let child = helper
        .command(starter)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running::new(child, helper)
}

#[test]
fn allowed_host_is_answered_here_too() {
    let service = service(&[]);
    let helper = with_token_file(&service.url()).args(["--allow-host", "relay.example"]);
    let server = Server::start(&helper);
    let token = token(&helper);
    for (host, status) in [("Relay.example.:9911", 200), ("other.example", 400)] {
        let request = format!("{PATH} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
        assert_eq!(server.ask(&request).status, status, "{host}");
    }
}

#[test]
fn unsafe_token_ends_the_start() {
    let service = service(&[]);
    let failure_of = |helper: &Helper| {
        let output = helper.run();
        assert_eq!(output.exit, 1, "{}", output.stderr);
        assert!(count(&output.stderr, "listening") == 0);
        let path = helper.home().join("token").display().to_string();
        failure(&output.stderr).replace(&path, "[FILE]")
    };
    let without = serve(&service.url()).args(["--container-credentials"]);
    let mut said = failure_of(&without);
    said += &failure_of(&without.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "short"));
    for text in [
        "",
        &TOKEN[1..],
        &format!("{TOKEN}\n"),
        &format!("{TOKEN} x"),
    ] {
        let helper = with_token_file(&service.url()).file("token", text);
        said += &failure_of(&helper);
        assert_eq!(token(&helper), text, "it is left as it is");
    }
    assert_snapshot("authorization-tokens-that-are-refused", &said);
    let shared = with_token_file(&service.url()).file("token", TOKEN);
    let path = shared.home().join("token");
    set_mode(&path, "622");
    if mode(&path).is_some() {
        assert_snapshot("token-file-that-others-can-write", &failure_of(&shared));
    }
    assert!(service.requests().is_empty());
}

#[test]
fn without_a_set_the_error_is_temporary() {
    let service = service(&["status=503:*"]);
    let helper = with_token_file(&service.url());
    let server = Server::start(&helper);
    let answer = ask(&server, &token(&helper));
    assert_error(&answer, 500, "InternalServiceException");
}
