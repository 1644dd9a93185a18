//! `sign-string` with a key in a TPM and no certificate.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rolesanywhere::identity::open_certificate;
use rolesanywhere::output::sign_string::message;

use super::SIGN;
use super::fails;
use super::simulator::Tpm;
use crate::support::helper::Helper;

/// `sign-string` with this key.
fn sign(tpm: &Tpm, key: &str) -> Helper {
    Helper::new()
        .args(["sign-string", "--private-key", key])
        .env("TPM_DEVICE", &tpm.socket())
}

#[test]
fn key_alone_signs_its_hash_with_every_digest() {
    let Some(tpm) = Tpm::start("sign-string with a TPM's key alone") else {
        return;
    };
    tpm.parent();
    for algorithm in ["rsa2048", "ecc256", "ecc256:ecdsa-sha256", "ecc384"] {
        tpm.key(algorithm, "sign|noda", "");
        tpm.persist();
        tpm.certify_loaded("k");
        tpm.write_key_file("k.pem", 0x8100_0001, true);
        let certificate = open_certificate(&PathBuf::from(tpm.path("k.crt")).into()).unwrap();
        fs::write(tpm.path("message"), message(Some(certificate.public_key()))).unwrap();
        for key in ["handle:0x81000101", &tpm.path("k.pem")] {
            for digest in ["SHA256", "SHA384", "SHA512"] {
                let helper = sign(&tpm, key).args([
                    "--digest",
                    digest,
                    "--format",
                    "bin",
                    "--no-tpm-key-password",
                ]);
                let output = helper.run();
                assert_eq!(
                    (output.exit, &*output.stderr),
                    (0, ""),
                    "{algorithm} {digest}"
                );
                fs::write(tpm.path("signature"), &output.stdout).unwrap();
                let verified = Command::new("openssl")
                    .args(["dgst", &format!("-{}", digest.to_lowercase())])
                    .args(["-verify", &tpm.path("public.pem")])
                    .args(["-signature", &tpm.path("signature"), &tpm.path("message")])
                    .output()
                    .unwrap();
                assert!(
                    verified.status.success(),
                    "{algorithm} {digest}: {verified:?}"
                );
            }
        }
        tpm.evict();
    }
    tpm.assert_empty();
}

#[test]
fn longer_digest_is_not_cut_below_the_curve() {
    let Some(tpm) = Tpm::start("digest longer than a scheme's") else {
        return;
    };
    tpm.parent();
    tpm.key("ecc384:ecdsa-sha256", "sign", "");
    tpm.write_key_file("k.pem", 0x8100_0001, true);
    let stderr = fails(&sign(&tpm, &tpm.path("k.pem")).args(["--digest", "SHA384"]));
    assert!(stderr.contains("ECDSA with SHA-256 only"), "{stderr}");
    assert!(!tpm.codes().contains(&SIGN));
    tpm.assert_empty();
}

#[test]
fn key_alone_takes_its_password_and_presents_a_wrong_one_once() {
    let Some(tpm) = Tpm::start("password of a TPM's key alone") else {
        return;
    };
    tpm.parent();
    tpm.key("ecc256", "sign", "secret");
    tpm.persist();
    tpm.write_key_file("k.pem", 0x8100_0001, false);
    for key in ["handle:0x81000101", &tpm.path("k.pem")] {
        let helper = sign(&tpm, key).env("AWS_SIGNING_HELPER_TPM_KEY_PASSWORD", "secret");
        super::succeeds(&helper);
        tpm.forget();
        let stderr = fails(&sign(&tpm, key).args(["--tpm-key-password", "wrong"]));
        assert!(stderr.contains("incorrect TPM key password"), "{stderr}");
        assert_eq!(tpm.codes().iter().filter(|code| **code == SIGN).count(), 1);
        let stderr = fails(&sign(&tpm, key));
        assert!(
            stderr.contains("unable to read your TPM key password"),
            "{stderr}"
        );
    }
    tpm.assert_empty();
}

#[test]
fn other_key_alone_is_still_without_a_certificate() {
    for key in ["pki/ec256.key", "pki/nosuch.key"] {
        let stderr = fails(&Helper::new().args(["sign-string", "--private-key", key]));
        assert!(
            stderr.contains("--certificate is missing"),
            "{key}: {stderr}"
        );
    }
}
