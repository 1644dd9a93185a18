//! Certificate and key that are renewed on disk while they are in use.

#[cfg(unix)]
mod unix;

use std::fs;
use std::path::Path;
use std::thread;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use serde_json::Value;

use crate::serve::answers_until;
use crate::serve::is_set;
use crate::serve::set_number;
use crate::support::imds::Server;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

/// The algorithms of all requests so far, none of which may have been refused.
fn algorithms(service: &Emulator) -> Vec<String> {
    let requests = service.requests().into_iter();
    let algorithm = |request: rolesanywhere_emulator::RequestRecord| {
        assert!(
            matches!(request.outcome, Outcome::Issued { .. }),
            "{request}"
        );
        let mut headers = request.headers.iter();
        let (_, value) = headers.find(|(name, _)| name == "authorization").unwrap();
        value.split_once(' ').unwrap().0.to_owned()
    };
    requests.map(algorithm).collect()
}

const RSA: &str = "AWS4-X509-RSA-SHA256";
const ECDSA: &str = "AWS4-X509-ECDSA-SHA256";

/// Sets of 12 s, so that a renewal is never far.
const RENEWED_OFTEN: [&str; 1] = ["expires-in=12:*"];

/// Every answer until the next set but one: each of them has to be whole.
fn two_more_sets(server: &Server<'_>) {
    let now = set_number(&server.credentials());
    for answer in answers_until(server, "two more sets", is_set(now + 2)) {
        set_number(&answer);
    }
}

fn logs(server: &mut Server<'_>, event: &str) {
    wait_until(&mut server.running, event, |said| count(said, event) > 0);
}

/// Waits for a request that is signed with the other key.
fn uses_ecdsa(server: &mut Server<'_>, service: &Emulator) {
    wait_until(&mut server.running, "the new pair", |_| {
        algorithms(service).last().unwrap() == ECDSA
    });
    set_number(&server.credentials());
}

#[test]
fn half_of_a_new_pair_waits_for_the_other() {
    thread::scope(|scope| {
        scope.spawn(|| one_before_the_other("key", "crt"));
        scope.spawn(|| one_before_the_other("crt", "key"));
    });
}

fn one_before_the_other(one: &str, other: &str) {
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).own_files();
    let mut server = Server::start(&helper);
    helper.put(one, &format!("ec256.{one}"));
    logs(&mut server, "identity_unusable");
    two_more_sets(&server);
    assert!(algorithms(&service).iter().all(|one| one == RSA));
    helper.put(other, &format!("ec256.{other}"));
    uses_ecdsa(&mut server, &service);
}

#[test]
fn half_written_or_missing_files_leave_the_pair_in_use() {
    thread::scope(|scope| {
        scope.spawn(|| spoilt("crt", |path| cut(path, "rsa2048.crt")));
        scope.spawn(|| spoilt("key", |path| cut(path, "rsa2048.key")));
        scope.spawn(|| spoilt("crt", |path| fs::write(path, "").unwrap()));
        scope.spawn(|| spoilt("key", |path| fs::remove_file(path).unwrap()));
    });
}

/// Writes the first half of a file of the cases.
fn cut(path: &Path, from: &str) {
    let bytes = fs::read(vectors().join("pki").join(from)).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn spoilt(name: &str, spoil: impl Fn(&Path)) {
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).own_files();
    let mut server = Server::start(&helper);
    let path = helper.home().join(name);
    spoil(&path);
    wait_until(&mut server.running, "the file", |said| {
        let unusable = events(said, "identity_unusable");
        let names_it = |event: &Value| {
            let message = event["message"].as_str().unwrap();
            message.contains(&path.display().to_string())
        };
        unusable.iter().any(names_it)
    });
    two_more_sets(&server);
    assert!(algorithms(&service).iter().all(|one| one == RSA));
    helper.put("crt", "ec256.crt");
    helper.put("key", "ec256.key");
    uses_ecdsa(&mut server, &service);
}

#[test]
fn files_written_in_place_are_picked_up() {
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).own_files();
    let mut server = Server::start(&helper);
    for (name, from) in [("crt", "ec256.crt"), ("key", "ec256.key")] {
        let bytes = fs::read(vectors().join("pki").join(from)).unwrap();
        fs::write(helper.home().join(name), bytes).unwrap();
    }
    uses_ecdsa(&mut server, &service);
}

#[test]
fn rejected_new_pair_leaves_old_one_in_use() {
    // At first long enough for a failure before the set lapses.
    let service = service(&["expires-in=24:2", "expires-in=12:*"]);
    let helper = serve(&service.url()).own_files();
    let mut server = Server::start(&helper);
    helper.put("crt", "expired.crt");
    logs(&mut server, "renewal_failed");
    let now = set_number(&server.credentials());
    for answer in answers_until(&server, "another set", is_set(now + 1)) {
        set_number(&answer);
    }
    helper.put("crt", "ec256.crt");
    helper.put("key", "ec256.key");
    wait_until(&mut server.running, "the new pair", |_| {
        let requests = service.requests();
        let headers = &requests.last().unwrap().headers;
        headers.iter().any(|(_, value)| value.starts_with(ECDSA))
    });
}

#[test]
fn new_file_waits_for_its_password() {
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).own_files().flag_of_file(
        "--pkcs8-password-file",
        "password",
        "hunter2",
    );
    let mut server = Server::start(&helper);
    // In this order, the password is refused first, also where only one of the two is read.
    helper.put("key", "../../keys/openssl-default.key");
    helper.put("crt", "ec256.crt");
    wait_until(&mut server.running, "the refused password", |said| {
        count(said, "identity_unusable") > 0
    });
    // As long as it takes to look at the files once more.
    two_more_sets(&server);
    two_more_sets(&server);
    let said = server.running.stderr_so_far();
    let [refused] = &events(&said, "identity_unusable")[..] else {
        panic!("{said}");
    };
    let key = helper.home().join("key").display().to_string();
    let message = refused["message"].as_str().unwrap();
    assert_snapshot(
        "key-that-waits-for-its-password",
        &message.replace(&key, "[FILE]"),
    );
    assert!(!said.contains("hunter2"), "{said}");
    // The file with the key stays as it is.
    fs::write(helper.home().join("password"), "correct horse").unwrap();
    uses_ecdsa(&mut server, &service);
}
