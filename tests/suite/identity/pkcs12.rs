//! PKCS#12 files: those of other programs, their passwords, and what is in them.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use super::call_of;
use super::fails;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

fn call(emulator: &Emulator, file: &str) -> Helper {
    call_of(emulator).args(["--certificate", file])
}

/// The chain of the last request, as DER in base64.
fn chain_sent(emulator: &Emulator) -> Vec<String> {
    let request = emulator.requests().pop().unwrap();
    let chain = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-x509-chain"));
    chain.map_or(Vec::new(), |(_, value)| {
        value.split(',').map(str::to_owned).collect()
    })
}

/// The certificates of a PEM file, in the same form.
fn certificates(pem: &str) -> Vec<String> {
    let pem = fs::read(vectors().join(pem)).unwrap();
    x509_parser::pem::Pem::iter_from_buffer(&pem)
        .map(|block| BASE64_STANDARD.encode(block.unwrap().contents))
        .collect()
}

const FILE: &str = "pki/rsa2048.aes-password.p12";
const PASSWORD: &str = "correct horse";

#[test]
fn pkcs12_password_comes_from_flag_file_or_variable() {
    let emulator = emulator(Settings::default());
    let helper = || call(&emulator, FILE);
    succeeds(&helper().args(["--pkcs12-password", PASSWORD]).run());
    let variable = "AWS_SIGNING_HELPER_PKCS12_PASSWORD";
    succeeds(&helper().env(variable, PASSWORD).run());
    for ending in ["", "\n", "\r\n"] {
        let password = format!("{PASSWORD}{ending}");
        let helper = helper().flag_of_file("--pkcs12-password-file", "password", password);
        succeeds(&helper.run());
    }
    assert_eq!(emulator.requests().len(), 5);
}

#[test]
fn empty_password_and_none_open_the_same_files() {
    let emulator = emulator(Settings::default());
    for file in [
        "pki/rsa2048.3des-empty.p12",
        "pki/rsa2048.3des-macsha256-empty.p12",
        "pki/rsa2048.aes-empty.p12",
        "pki/rsa2048.plain-certs-empty.p12",
        "../pkcs12/gnutls-null-password.p12",
        "../pkcs12/bouncy-castle-absent-password.p12",
    ] {
        succeeds(&call(&emulator, file).run());
        succeeds(&call(&emulator, file).args(["--pkcs12-password", ""]).run());
        let helper = call(&emulator, file);
        succeeds(
            &helper
                .flag_of_file("--pkcs12-password-file", "empty", "")
                .run(),
        );
    }
    assert_eq!(emulator.requests().len(), 18);
}

#[test]
fn password_of_a_private_key_is_not_tried_on_pkcs12() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, FILE)
        .args(["--pkcs8-password", PASSWORD])
        .run();
    assert_snapshot("pkcs12-without-its-password", fails(&output));
    assert!(emulator.requests().is_empty());
}

#[test]
fn failures_of_pkcs12_have_different_messages() {
    let emulator = emulator(Settings::default());
    let with_password = |file: &str| call(&emulator, file).args(["--pkcs12-password", PASSWORD]);

    let wrong = call(&emulator, FILE).args(["--pkcs12-password", "wrong horse"]);
    // Without a MAC, a wrong password shows by what it does not decrypt.
    let no_mac = call(&emulator, "../pkcs12/openssl-no-mac.p12").args(["--pkcs12-password", "x"]);
    let unknown = with_password("../pkcs12/openssl-rc4.p12");
    let missing = call(&emulator, FILE);
    let said = [wrong, no_mac, unknown, missing].map(|helper| fails(&helper.run()).to_owned());
    assert_snapshot("passwords-of-pkcs12", &said.concat());

    let whole = fs::read(vectors().join(FILE)).unwrap();
    let cut = Helper::new().flag_of_file("--certificate", "cut.p12", &whole[..whole.len() / 2]);
    let path = cut.home().join("cut.p12").display().to_string();
    let damaged = with_password(&path).run();
    let stderr = fails(&damaged).replace(&path, "[FILE]");
    assert_snapshot("damaged-pkcs12", &stderr);
    assert!(emulator.requests().is_empty());
}

#[test]
fn costly_pkcs12_is_refused_at_once() {
    let mut file = fs::read(vectors().join("../pkcs12/openssl-legacy.p12")).unwrap();
    // The iterations of the MAC, INTEGER 2048, are the file's last element; two octets would still be an
    // honest number, so the salt in front gives up two of its octets.
    let end = file.len() - 4;
    assert_eq!(file[end..], [2, 2, 8, 0]);
    let salt = end - 10;
    assert_eq!(file[salt..salt + 2], [4, 8]);
    file[salt + 1] = 6;
    file.splice(end - 2.., [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    let begin = std::time::Instant::now();
    let helper = Helper::new()
        .args(["sign-string", "--pkcs12-password", PASSWORD])
        .flag_of_file("--certificate", "hostile.p12", file);
    let output = helper.run();
    let home = helper.home().display().to_string();
    let stderr = fails(&output).replace(&home, "[HOME]");
    assert_snapshot("unbounded-derivation-of-pkcs12", &stderr);
    assert!(begin.elapsed().as_secs() < 40, "{:?}", begin.elapsed());
}

#[test]
fn nothing_may_stand_beside_pkcs12() {
    let emulator = emulator(Settings::default());
    let helper = || call(&emulator, FILE).args(["--pkcs12-password", PASSWORD]);
    let key = ["--private-key", "pki/rsa2048.key"];
    let chain = ["--intermediates", "pki/chain2.intermediates.pem"];
    // And PKCS#12 may not stand beside PEM.
    let pem = || call(&emulator, "pki/rsa2048.crt");
    let said = [
        helper().args(key),
        helper().args(chain),
        pem().args(["--private-key", FILE]),
        pem().args(key).args(["--intermediates", FILE]),
    ]
    .map(|helper| fails(&helper.run()).to_owned());
    assert_snapshot("files-beside-pkcs12", &said.concat());
    assert!(emulator.requests().is_empty());
}

#[test]
fn pkcs12_with_two_identities_or_without_a_key_is_refused() {
    let emulator = emulator(Settings::default());
    let helper = |file: &str| call(&emulator, file).args(["--pkcs12-password", PASSWORD]);
    let files = ["keytool-two-keys", "keytool-legacy", "openssl-no-key"];
    let said = files.map(|file| {
        let output = helper(&format!("../pkcs12/{file}.p12")).run();
        fails(&output).to_owned()
    });
    assert_snapshot("pkcs12-without-one-identity", &said.concat());
    assert!(emulator.requests().is_empty());
}

#[test]
fn chain_in_pkcs12_is_sent_in_order_without_the_leaf() {
    let emulator = emulator(Settings::default());
    for name in ["chain2", "chain3"] {
        succeeds(&call(&emulator, &format!("pki/{name}.3des-empty.p12")).run());
        let expected = certificates(&format!("pki/{name}.intermediates.pem"));
        let leaf = &certificates(&format!("pki/{name}.crt"))[0];
        let sent = chain_sent(&emulator);
        assert!(!sent.contains(leaf), "{name}");
        // The root, where the file holds it, comes last.
        assert_eq!(sent[..expected.len()], expected, "{name}");
    }
    let password = ["--pkcs12-password", PASSWORD];
    let helper = call(&emulator, "pki/chain2.aes-password.p12");
    succeeds(&helper.args(password).run());
    let expected = certificates("pki/chain2.intermediates.pem");
    assert_eq!(chain_sent(&emulator)[..2], expected);
}

#[test]
fn leaf_in_pkcs12_is_found_by_its_key() {
    let emulator = emulator(Settings::default());
    // The root and the intermediates stand in front of the leaf.
    succeeds(&call(&emulator, "../pkcs12/gnutls-leaf-last.p12").run());
    let request = emulator.requests().pop().unwrap();
    let leaf = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-x509"));
    let expected = certificates("pki/chain3.crt");
    assert_eq!(leaf.map(|(_, value)| value), expected.first());
    let expected = certificates("pki/chain3.intermediates.pem");
    assert_eq!(chain_sent(&emulator)[..expected.len()], expected);
}

#[test]
fn files_of_every_program_give_credentials() {
    let emulator = emulator(Settings::default());
    let utf8 = "pässwörd-✓ 🐎";
    let files = [
        ("bouncy-castle-absent-password", None),
        ("bouncy-castle-key-store", Some(PASSWORD)),
        ("bouncy-castle-pbmac1-sha224", Some(PASSWORD)),
        ("bouncy-castle-pbmac1-sha384", Some(PASSWORD)),
        ("gnutls-null-password", None),
        ("keytool-imported", Some(PASSWORD)),
        ("nss", Some(PASSWORD)),
        ("openssl-3des-2key", Some(PASSWORD)),
        ("openssl-aes-128-192", Some(PASSWORD)),
        ("openssl-des3", Some(PASSWORD)),
        ("openssl-legacy", Some(PASSWORD)),
        ("openssl-no-encryption", Some(PASSWORD)),
        ("openssl-no-mac", Some(PASSWORD)),
        ("openssl-no-mac-empty", None),
        ("openssl-no-protection", None),
        ("openssl-one-iteration", Some(PASSWORD)),
        ("openssl-rc2-128", Some(PASSWORD)),
        ("openssl-utf8", Some(utf8)),
        ("python-3des", Some(PASSWORD)),
        ("python-best", Some(PASSWORD)),
        ("python-none", None),
        ("python-sha512", Some(PASSWORD)),
    ];
    for (name, password) in files {
        let helper = call(&emulator, &format!("../pkcs12/{name}.p12"));
        let helper = match password {
            Some(password) => helper.args(["--pkcs12-password", password]),
            None => helper,
        };
        let output = helper.run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{name}");
    }
    assert_eq!(emulator.requests().len(), files.len());
}

#[test]
fn examples_of_rfc_9579_sign_or_are_refused() {
    let sign = |name: &str| {
        let file = format!("../pkcs12/rfc9579-{name}.p12");
        let arguments = ["sign-string", "--pkcs12-password", "1234", "--certificate"];
        Helper::new().args(arguments).args([file]).run()
    };
    for name in ["a1", "a2", "a3"] {
        succeeds(&sign(name));
    }
    for name in ["a4", "a5", "a6"] {
        assert_eq!(sign(name).exit, 1, "{name}");
    }
}
