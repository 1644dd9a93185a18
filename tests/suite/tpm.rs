//! Keys in a TPM: a real swtpm, with keys made by tpm2-tools and tpm2-openssl. The emulator verifies each signature.

mod alone;
mod debug;
mod device;
mod passwords;
mod serving;
mod simulator;

use self::simulator::Tpm;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::service;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

/// `credential-process` with a certificate for the key that `name` stands for.
fn call(tpm: &Tpm, service: &Emulator, certificate: &str, key: &str) -> Helper {
    Helper::command_at("credential-process", &service.url())
        .args(["--certificate", &tpm.path(certificate)])
        .args(["--private-key", key])
        .env("TPM_DEVICE", &tpm.socket())
}

/// The persistent key of `Tpm::persist`, and the certificate `k.crt`.
fn source(tpm: &Tpm) -> rolesanywhere::IdentitySource {
    rolesanywhere::IdentitySource {
        certificate: std::path::PathBuf::from(tpm.path("k.crt")).into(),
        private_key: Some(rolesanywhere::identity::locator::Locator::Tpm {
            name: "handle:0x81000101".into(),
            handle: 0x8100_0101,
        }),
        intermediates: None,
        hardware: rolesanywhere::identity::Hardware {
            tpm: rolesanywhere::identity::tpm::TpmDevice::resolve(
                &[("TPM_DEVICE", &*tpm.socket())].into_iter().collect(),
            ),
        },
    }
}

fn succeeds(helper: &Helper) {
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
}

fn fails(helper: &Helper) -> String {
    let Output { exit, stderr, .. } = helper.run();
    assert_eq!(exit, 1, "{stderr}");
    stderr
}

/// `TPM_CC`s.
const CREATE_PRIMARY: u32 = 0x131;
const LOAD: u32 = 0x157;
const SIGN: u32 = 0x15d;
const FLUSH_CONTEXT: u32 = 0x165;
const READ_PUBLIC: u32 = 0x173;
const START_AUTH_SESSION: u32 = 0x176;

#[test]
fn key_files_of_tpm2_openssl_sign() {
    let Some(tpm) = Tpm::start("key files of tpm2-openssl") else {
        return;
    };
    let service = service(&[]);
    for (name, options) in [
        ("p256", "-algorithm EC -pkeyopt group:P-256"),
        ("p384", "-algorithm EC -pkeyopt group:P-384"),
        ("rsa2048", "-algorithm RSA -pkeyopt bits:2048"),
    ] {
        tpm.openssl(&format!("genpkey {options} -out {name}.pem"));
        tpm.certify(name);
        tpm.forget();
        succeeds(&call(
            &tpm,
            &service,
            &format!("{name}.crt"),
            &tpm.path(&format!("{name}.pem")),
        ));
        let flush = FLUSH_CONTEXT;
        assert_eq!(
            tpm.codes(),
            [CREATE_PRIMARY, LOAD, flush, SIGN, flush],
            "{name}"
        );
        tpm.assert_empty();
    }
    // Certificate and key in one file, in either order.
    let read = |name: &str| std::fs::read_to_string(tpm.path(name)).unwrap();
    for text in [
        read("p256.crt") + &read("p256.pem"),
        read("p256.pem") + &read("p256.crt"),
    ] {
        std::fs::write(tpm.path("both"), text).unwrap();
        let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
        let helper = Helper::new()
            .args(["credential-process", "--endpoint", &service.url()])
            .args(["--certificate", &tpm.path("both")])
            .args(["--trust-anchor-arn", &arn("trust-anchor")])
            .args(["--profile-arn", &arn("profile")])
            .args(["--role-arn", "arn:aws:iam::123456789012:role/ci"])
            .env("TPM_DEVICE", &tpm.socket());
        succeeds(&helper);
    }
}

#[test]
fn key_file_under_a_persistent_parent_signs() {
    let Some(tpm) = Tpm::start("key file under a persistent parent") else {
        return;
    };
    let service = service(&[]);
    tpm.parent();
    tpm.openssl("genpkey -algorithm EC -pkeyopt group:P-256 -pkeyopt parent:0x81000001 -out k.pem");
    tpm.certify("k");
    tpm.forget();
    succeeds(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    assert_eq!(tpm.codes(), [LOAD, SIGN, FLUSH_CONTEXT]);
    tpm.assert_empty();
}

#[test]
fn key_file_under_each_hierarchy_signs() {
    let Some(tpm) = Tpm::start("key file under each hierarchy") else {
        return;
    };
    let service = service(&[]);
    for (hierarchy, handle, template) in [
        (
            "o",
            0x4000_0001,
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt",
        ),
        (
            "n",
            0x4000_0007,
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt",
        ),
        (
            "e",
            0x4000_000b,
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt",
        ),
        // Without noda, as older tools make the parent.
        (
            "o",
            0x4000_0001,
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt",
        ),
    ] {
        let words =
            format!("-Q -C {hierarchy} -g sha256 -G ecc256:aes128cfb -a {template} -c parent.ctx");
        tpm.tool("tpm2_createprimary", &words);
        tpm.key("ecc256", "sign", "");
        tpm.write_key_file("k.pem", handle, true);
        tpm.certify_loaded("k");
        succeeds(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
        tpm.assert_empty();
    }
}

#[test]
fn persistent_key_signs_by_two_commands() {
    let Some(tpm) = Tpm::start("persistent key") else {
        return;
    };
    let service = service(&[]);
    tpm.parent();
    tpm.key("ecc256", "sign|noda", "");
    tpm.persist();
    tpm.certify_loaded("k");
    for handle in ["handle:0x81000101", "handle:81000101"] {
        tpm.forget();
        let helper = call(&tpm, &service, "k.crt", handle).args(["--no-tpm-key-password"]);
        succeeds(&helper);
        assert_eq!(tpm.codes(), [READ_PUBLIC, SIGN]);
    }
    tpm.assert_empty();
}

#[test]
fn key_signs_by_its_own_scheme() {
    let Some(tpm) = Tpm::start("schemes") else {
        return;
    };
    let service = service(&[]);
    tpm.parent();
    for algorithm in [
        "ecc256:ecdsa-sha256",
        "ecc384:ecdsa-sha256",
        "ecc384",
        "rsa2048:rsassa-sha256",
    ] {
        tpm.key(algorithm, "sign", "");
        tpm.write_key_file("k.pem", 0x8100_0001, true);
        tpm.certify_loaded("k");
        succeeds(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    }
    for (algorithm, attributes, said) in [
        (
            "rsa2048:rsapss-sha256:null",
            "sign",
            "RSASSA-PSS with SHA-256",
        ),
        ("ecc256:ecdsa-sha384", "sign", "ECDSA with SHA-384"),
        ("rsa2048", "decrypt", "not for signing"),
        ("rsa2048:rsaes", "decrypt", "not for signing"),
        ("ecc256:ecdsa-sha256:null", "sign|restricted", "restricted"),
    ] {
        tpm.key(algorithm, attributes, "");
        tpm.write_key_file("k.pem", 0x8100_0001, true);
        tpm.certify_loaded("k");
        let before = service.requests().len();
        let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(service.requests().len(), before);
    }
    tpm.assert_empty();
}

#[test]
fn key_of_another_certificate_is_found_out_before_any_call() {
    let Some(tpm) = Tpm::start("another certificate") else {
        return;
    };
    let service = emulator(Settings::default());
    tpm.parent();
    tpm.key("ecc256", "sign", "");
    tpm.write_key_file("k.pem", 0x8100_0001, true);
    let helper = Helper::command_at("credential-process", &service.url())
        .args(["--private-key", &tpm.path("k.pem")])
        .env("TPM_DEVICE", &tpm.socket());
    let stderr = fails(&helper);
    assert!(
        stderr.contains("is not the key of the certificate"),
        "{stderr}"
    );
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn key_of_another_tpm_or_parent_is_named() {
    let Some(tpm) = Tpm::start("another parent") else {
        return;
    };
    let service = service(&[]);
    tpm.parent();
    tpm.key("ecc256", "sign", "");
    tpm.certify_loaded("k");
    // Made under the persistent key, and said to be under the owner's.
    tpm.write_key_file("k.pem", 0x4000_000b, true);
    let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    assert!(
        stderr.contains("another TPM, or another parent"),
        "{stderr}"
    );
    tpm.write_key_file("k.pem", 0x0100_0001, true);
    let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    assert!(stderr.contains("0x01000001"), "{stderr}");
    tpm.assert_empty();
}

#[test]
fn thousand_signatures_leave_nothing_behind() {
    let Some(tpm) = Tpm::start("many signatures") else {
        return;
    };
    tpm.parent();
    tpm.key("ecc256", "sign|noda", "secret");
    tpm.persist();
    tpm.certify_loaded("k");
    let source = source(&tpm);
    let identity = source.open(&passwords::Given::new("secret")).unwrap();
    for _ in 0..1000 {
        let digest = rolesanywhere::identity::signer::Digest::Sha256;
        identity.signer().sign(b"message", digest).unwrap();
    }
    tpm.assert_empty();
    let sessions = tpm
        .codes()
        .into_iter()
        .filter(|code| *code == START_AUTH_SESSION);
    assert_eq!(sessions.count(), 1000);
}
