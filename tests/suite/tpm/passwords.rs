//! Passwords of keys in a TPM.

use std::fs;

use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::secret::Secret;

use super::LOAD;
use super::SIGN;
use super::START_AUTH_SESSION;
use super::call;
use super::fails;
use super::simulator::Tpm;
use super::source;
use super::succeeds;
use crate::support::helper::Helper;
use crate::support::service;
use crate::support::terminal::Terminal;

/// One password, for everything.
pub(super) struct Given {
    password: &'static str,
    refusals: RefusedSecrets,
}

impl Given {
    pub(super) fn new(password: &'static str) -> Given {
        Given {
            password,
            refusals: RefusedSecrets::default(),
        }
    }
}

impl Secrets for Given {
    fn secret(&self, _wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        Ok(Some(Secret::new(self.password.to_owned())))
    }

    fn is_given(&self, _purpose: Purpose) -> bool {
        true
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

/// A persistent key with the password `secret`.
fn protected(test: &str, attributes: &str) -> Option<Tpm> {
    let tpm = Tpm::start(test)?;
    tpm.parent();
    tpm.key("ecc256", attributes, "secret");
    tpm.persist();
    tpm.certify_loaded("k");
    tpm.write_key_file("k.pem", 0x8100_0001, false);
    tpm.forget();
    Some(tpm)
}

#[test]
fn password_comes_from_flag_file_or_variable() {
    let Some(tpm) = protected("password of a TPM's key", "sign|noda") else {
        return;
    };
    let service = service(&[]);
    for key in ["handle:0x81000101".to_owned(), tpm.path("k.pem")] {
        let helper = || call(&tpm, &service, "k.crt", &key);
        succeeds(&helper().args(["--tpm-key-password", "secret"]));
        succeeds(&helper().flag_of_file("--tpm-key-password-file", "password", "secret\n"));
        succeeds(&helper().env("AWS_SIGNING_HELPER_TPM_KEY_PASSWORD", "secret"));
    }
    let codes = tpm.codes();
    let count = |wanted| codes.iter().filter(|code| **code == wanted).count();
    // One signature a call.
    assert_eq!((count(START_AUTH_SESSION), count(SIGN)), (6, 6));
    tpm.assert_empty();
}

#[test]
fn password_of_a_key_file_of_tpm2_openssl_opens_it() {
    let Some(tpm) = Tpm::start("password of a key file") else {
        return;
    };
    let service = service(&[]);
    tpm.openssl("genpkey -algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:secret -out k.pem");
    tpm.certify("k");
    let helper = call(&tpm, &service, "k.crt", &tpm.path("k.pem"));
    succeeds(&helper.args(["--tpm-key-password", "secret"]));
    tpm.assert_empty();
}

#[test]
fn wrong_password_is_presented_once() {
    // With and without dictionary attack protection: the TPM answers AUTH_FAIL and BAD_AUTH.
    for (attributes, code) in [
        ("sign", "TPM_RC_AUTH_FAIL"),
        ("sign|noda", "TPM_RC_BAD_AUTH"),
    ] {
        let Some(tpm) = protected("wrong password of a TPM's key", attributes) else {
            return;
        };
        let service = service(&[]);
        let helper = call(&tpm, &service, "k.crt", "handle:0x81000101");
        let stderr = fails(&helper.args(["--tpm-key-password", "wrong"]));
        assert!(stderr.contains("incorrect TPM key password"), "{stderr}");
        assert!(stderr.contains(code), "{stderr}");
        let signed = tpm.codes().into_iter().filter(|code| *code == SIGN);
        assert_eq!(signed.count(), 1);
        assert_eq!(service.requests().len(), 0);
        tpm.assert_empty();
    }
}

#[test]
fn refused_password_ends_services_for_good() {
    let Some(tpm) = protected("refused password ends a service", "sign") else {
        return;
    };
    let service = service(&[]);
    for (command, flags) in [("serve", &["--port", "0"][..]), ("update", &[])] {
        let helper = Helper::command_at(command, &service.url())
            .args(["--certificate", &tpm.path("k.crt")])
            .args([
                "--private-key",
                "handle:0x81000101",
                "--tpm-key-password",
                "wrong",
            ])
            .args(flags.iter().copied())
            .env("TPM_DEVICE", &tpm.socket());
        let output = helper.run();
        assert_eq!(output.exit, 77, "{command}: {}", output.stderr);
        assert!(
            output.stderr.contains("incorrect TPM key password"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn password_that_was_refused_is_not_presented_at_the_next_signature() {
    let Some(tpm) = protected("refused password of a TPM's key", "sign") else {
        return;
    };
    let source = source(&tpm);
    let identity = source.open(&Given::new("wrong")).unwrap();
    let digest = rolesanywhere::identity::signer::Digest::Sha256;
    for _ in 0..3 {
        assert!(identity.signer().sign(b"message", digest).is_err());
    }
    let signed = tpm.codes().into_iter().filter(|code| *code == SIGN);
    assert_eq!(signed.count(), 1);
    tpm.assert_empty();
}

#[test]
fn key_with_a_name_by_sha_1_takes_a_password() {
    let Some(tpm) = Tpm::start("name by SHA-1") else {
        return;
    };
    let service = service(&[]);
    tpm.parent();
    tpm.key("ecc256 -g sha1", "sign|noda", "secret");
    tpm.persist();
    tpm.certify_loaded("k");
    let helper = call(&tpm, &service, "k.crt", "handle:0x81000101");
    succeeds(&helper.args(["--tpm-key-password", "secret"]));
    tpm.assert_empty();
}

#[test]
fn lockout_is_named() {
    let Some(tpm) = protected("lockout of a TPM", "sign") else {
        return;
    };
    let service = service(&[]);
    tpm.tool("tpm2_dictionarylockout", "-s -n 1 -t 1000 -l 1000");
    let call = || call(&tpm, &service, "k.crt", "handle:0x81000101");
    let said: Vec<String> = (0..3)
        .map(|_| fails(&call().args(["--tpm-key-password", "wrong"])))
        .collect();
    let last = &said[2];
    assert!(
        last.contains("locked") && last.contains("TPM_RC_LOCKOUT"),
        "{said:?}"
    );
    assert!(!last.contains("incorrect"), "{said:?}");
    // It ends by itself: a service may be started again.
    let serve = Helper::command_at("serve", &service.url())
        .args(["--certificate", &tpm.path("k.crt"), "--port", "0"])
        .args([
            "--private-key",
            "handle:0x81000101",
            "--tpm-key-password",
            "wrong",
        ])
        .env("TPM_DEVICE", &tpm.socket());
    assert!(fails(&serve).contains("TPM_RC_LOCKOUT"));
}

#[test]
fn password_that_is_not_needed_is_an_error() {
    let Some(tpm) = Tpm::with_key("password that is not needed") else {
        return;
    };
    let service = service(&[]);
    let helper = || call(&tpm, &service, "k.crt", &tpm.path("k.pem"));
    let stderr = fails(&helper().args(["--tpm-key-password", "x"]));
    assert!(stderr.contains("one isn't required"), "{stderr}");
    succeeds(&helper().args(["--no-tpm-key-password"]));
}

#[test]
fn missing_password_is_named_without_a_terminal() {
    let Some(tpm) = protected("no terminal", "sign") else {
        return;
    };
    let service = service(&[]);
    for key in ["handle:0x81000101".to_owned(), tpm.path("k.pem")] {
        let stderr = fails(&call(&tpm, &service, "k.crt", &key));
        assert!(
            stderr.contains("unable to read your TPM key password: there is none for"),
            "{stderr}"
        );
        assert!(stderr.contains("--no-tpm-key-password"), "{stderr}");
    }
    assert!(!tpm.codes().contains(&SIGN));
}

#[test]
fn key_that_has_a_password_all_the_same_is_named_so() {
    let Some(tpm) = protected("password that is denied", "sign") else {
        return;
    };
    let service = service(&[]);
    for key in ["handle:0x81000101".to_owned(), tpm.path("k.pem")] {
        let helper = call(&tpm, &service, "k.crt", &key).args(["--no-tpm-key-password"]);
        let stderr = fails(&helper);
        assert!(stderr.contains("the key has a password"), "{stderr}");
        assert!(!stderr.contains("incorrect"), "{stderr}");
    }
}

#[test]
fn parent_with_a_password_is_named_and_not_tried_again() {
    let Some(tpm) = Tpm::start("parent with a password") else {
        return;
    };
    tpm.parent_with_password("parent");
    tpm.write_key_file("k.pem", 0x8100_0001, true);
    tpm.certify_loaded("k");
    let service = service(&[]);
    let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    let said = "the parent 0x81000001 has a password, which is not supported";
    assert!(stderr.contains(said), "{stderr}");
    tpm.forget();
    let source = rolesanywhere::IdentitySource {
        private_key: Some(std::path::PathBuf::from(tpm.path("k.pem")).into()),
        ..source(&tpm)
    };
    let identity = source.open(&NoSecrets::default()).unwrap();
    let digest = rolesanywhere::identity::signer::Digest::Sha256;
    for _ in 0..3 {
        assert!(identity.signer().sign(b"message", digest).is_err());
    }
    assert_eq!(tpm.codes(), [LOAD]);
}

#[test]
fn typed_password_is_asked_for_again_after_a_wrong_one() {
    for attributes in ["sign", "sign|noda"] {
        let Some(mut terminal) = Terminal::open("TPM key password at the terminal") else {
            return;
        };
        let Some(tpm) = protected("TPM key password at the terminal", attributes) else {
            return;
        };
        let service = service(&[]);
        let helper = call(&tpm, &service, "k.crt", "handle:0x81000101");
        let running = terminal.start(&helper);
        terminal.wait_for_text("Please enter your TPM key password:");
        terminal.press("wrong\n");
        terminal.wait_for_text("Incorrect TPM key password. Please try again:");
        terminal.press("secret\n");
        let ending = terminal.end(running);
        assert_eq!((ending.output.exit, &*ending.output.stderr), (0, ""));
        assert!(!ending.shown.contains("secret"), "{}", ending.shown);
        tpm.assert_empty();
    }
}

#[test]
fn password_is_never_on_the_wire() {
    let Some(tpm) = protected("password on the wire", "sign|noda") else {
        return;
    };
    let service = service(&[]);
    let log = tpm.path("wire");
    let helper = call(&tpm, &service, "k.crt", "handle:0x81000101")
        .env("TPM_DEVICE", &tpm.recorded(&log))
        .args(["--tpm-key-password", "secret", "--debug"]);
    let output = helper.run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let wire = fs::read(&log).unwrap();
    assert!(!wire.is_empty());
    let holds = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"secret");
    assert!(!holds(&wire) && !holds(output.stderr.as_bytes()));
}
