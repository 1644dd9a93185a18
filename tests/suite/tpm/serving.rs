//! A key that is replaced, at its handle or in its file, while a process uses it.

use std::fs;

use rolesanywhere::identity::signer::Digest;
use rolesanywhere::identity::signer::SignatureError;

use super::FLUSH_CONTEXT;
use super::READ_PUBLIC;
use super::SIGN;
use super::START_AUTH_SESSION;
use super::fails;
use super::passwords::Given;
use super::simulator::Tpm;
use super::source;
use crate::support::helper::Helper;
use crate::support::imds::Server;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::running::wait_until;
use crate::support::service;

#[test]
fn key_replaced_at_its_handle_is_noticed_before_a_request_and_recovers() {
    let test = "key replaced at its handle";
    // RSA signs nothing with the scheme of EC, and EC signs as if it were the same key.
    for other in ["ecc256", "rsa2048"] {
        let Some(tpm) = persistent(test, "sign|noda", "") else {
            return;
        };
        tpm.key(other, "sign|noda", "");
        tpm.load("other.ctx");
        let service = service(&RENEWED_OFTEN);
        let helper = serve(&service.url())
            .args(["--certificate", &tpm.path("k.crt")])
            .args(["--private-key", HANDLE, "--no-tpm-key-password"])
            .env("TPM_DEVICE", &tpm.socket());
        let mut server = Server::start(&helper);
        wait_until(&mut server.running, "a second set", |said| {
            count(said, "credentials_renewed") > 1
        });
        tpm.evict();
        tpm.persist_context("other.ctx");
        wait_until(&mut server.running, "that it is another", |said| {
            let failed = events(said, "renewal_failed");
            failed
                .iter()
                .any(|one| one.to_string().contains("replaced"))
        });
        let failed = events(&server.running.stderr_so_far(), "renewal_failed");
        let failed = failed
            .iter()
            .find(|one| one["message"].to_string().contains(OTHER_KEY));
        let hint = failed.unwrap()["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains("put the certificate's key back"), "{hint}");
        let sent = service.requests().len();
        assert_eq!(
            count(&server.running.stderr_so_far(), "credentials_renewed"),
            sent
        );
        tpm.evict();
        tpm.persist_context("k.ctx");
        wait_until(&mut server.running, "a set after that", |said| {
            count(said, "credentials_renewed") > sent
        });
        assert_eq!(server.access_key_id(), issued(sent + 1));
        tpm.assert_empty();
    }
}

#[test]
fn key_file_replaced_while_serving_is_not_used_and_the_right_one_is() {
    let test = "key file replaced while serving";
    let Some(tpm) = Tpm::with_key(test) else {
        return;
    };
    let right = fs::read(tpm.path("k.pem")).unwrap();
    tpm.key("ecc256", "sign", "");
    tpm.write_key_file("other.pem", 0x8100_0001, true);
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url())
        .args(["--certificate", &tpm.path("k.crt")])
        .args(["--private-key", &tpm.path("k.pem")])
        .env("TPM_DEVICE", &tpm.socket());
    let mut server = Server::start(&helper);
    fs::rename(tpm.path("other.pem"), tpm.path("k.pem")).unwrap();
    wait_until(&mut server.running, "that it is another", |said| {
        count(said, "identity_unusable") > 0
    });
    let unusable = events(&server.running.stderr_so_far(), "identity_unusable")[0].to_string();
    let key = tpm.path("k.pem");
    assert!(
        unusable.contains(&key) && unusable.contains("is not the key of the certificate"),
        "{unusable}"
    );
    // What was read before stays in use, and the service verifies each signature.
    let before = count(&server.running.stderr_so_far(), "credentials_renewed");
    wait_until(&mut server.running, "a set with the old one", |said| {
        count(said, "credentials_renewed") > before
    });
    fs::write(tpm.path("new.pem"), right).unwrap();
    fs::rename(tpm.path("new.pem"), &key).unwrap();
    let before = count(&server.running.stderr_so_far(), "credentials_renewed");
    wait_until(&mut server.running, "a set after that", |said| {
        count(said, "credentials_renewed") > before
    });
    assert_eq!(count(&server.running.stderr_so_far(), "renewal_failed"), 0);
    tpm.assert_empty();
}

#[test]
fn password_is_not_called_wrong_when_the_key_is_another() {
    for attributes in ["sign", "sign|noda"] {
        let Some(tpm) = persistent("password and another key", attributes, "secret") else {
            return;
        };
        tpm.key("ecc256", attributes, "secret");
        tpm.load("other.ctx");
        let identity = source(&tpm).open(&Given::new("secret")).unwrap();
        let sign = || identity.signer().sign(b"message", Digest::Sha256);
        sign().unwrap();
        tpm.evict();
        tpm.persist_context("other.ctx");
        tpm.forget();
        for _ in 0..3 {
            let said = cause(sign().unwrap_err());
            assert!(said.contains(OTHER_KEY), "{said}");
        }
        // The password is tried on the other key once: dictionary attack protection counts.
        assert_eq!(
            tpm.codes(),
            [
                START_AUTH_SESSION,
                SIGN,
                FLUSH_CONTEXT,
                READ_PUBLIC,
                READ_PUBLIC,
                READ_PUBLIC
            ]
        );
        tpm.evict();
        let said = cause(sign().unwrap_err());
        assert!(said.contains("there is no key at 0x81000101"), "{said}");
        tpm.persist_context("k.ctx");
        sign().unwrap();
        tpm.forget();
        sign().unwrap();
        assert_eq!(tpm.codes(), [START_AUTH_SESSION, SIGN]);
        tpm.assert_empty();
    }
}

#[test]
fn same_key_with_other_attributes_signs_on() {
    let Some(tpm) = Tpm::start("same key with other attributes") else {
        return;
    };
    tpm.parent();
    tpm.import("sign|noda", "secret", "k.ctx");
    tpm.persist_context("k.ctx");
    tpm.certify_loaded("k");
    tpm.import("sign", "secret", "other.ctx");
    let identity = source(&tpm).open(&Given::new("secret")).unwrap();
    let sign = || identity.signer().sign(b"message", Digest::Sha256);
    sign().unwrap();
    tpm.evict();
    tpm.persist_context("other.ctx");
    sign().unwrap();
    tpm.assert_empty();
}

#[test]
fn no_password_is_asked_for_if_the_key_is_another() {
    let Some(tpm) = persistent("no password for another key", "sign", "secret") else {
        return;
    };
    tpm.write_key_file("k.pem", 0x8100_0001, false);
    tpm.forget();
    let service = service(&[]);
    for key in [HANDLE.to_owned(), tpm.path("k.pem")] {
        let helper = Helper::command_at("credential-process", &service.url())
            .args(["--private-key", &key])
            .env("TPM_DEVICE", &tpm.socket());
        let stderr = fails(&helper);
        assert!(
            stderr.contains("is not the key of the certificate"),
            "{stderr}"
        );
        assert!(stderr.contains(&key), "{stderr}");
    }
    assert_eq!(tpm.codes(), [READ_PUBLIC]);
    assert_eq!(service.requests().len(), 0);
}

/// A TPM with a persistent key, in `k.ctx` too, and its certificate.
fn persistent(test: &str, attributes: &str, password: &str) -> Option<Tpm> {
    let tpm = Tpm::start(test)?;
    tpm.parent();
    tpm.key("ecc256", attributes, password);
    tpm.persist();
    tpm.certify_loaded("k");
    Some(tpm)
}

/// What the TPM's key says of its failure.
fn cause(error: SignatureError) -> String {
    std::error::Error::source(&error).unwrap().to_string()
}

const HANDLE: &str = "handle:0x81000101";

const OTHER_KEY: &str =
    "the key at handle:0x81000101 was replaced: it is not the key of the certificate";

/// Sets of 12 s, so that a renewal is never far.
const RENEWED_OFTEN: [&str; 1] = ["expires-in=12:*"];
