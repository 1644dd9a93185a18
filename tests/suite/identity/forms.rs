//! Certificates and keys changed in transit: other forms, other orders, changed text.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rolesanywhere_emulator::Settings;

use super::call_of;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::skip;
use crate::support::vectors;

fn pem(name: &str) -> String {
    fs::read_to_string(vectors().join("pki").join(name)).unwrap()
}

/// The DER of the first block.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"));
    let base64: String = lines
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    BASE64_STANDARD.decode(base64).unwrap()
}

/// Certificate and key come as these files.
fn call_with(certificate: &[u8], key: &[u8]) -> (Helper, rolesanywhere_emulator::Emulator) {
    let service = emulator(Settings::default());
    let helper = call_of(&service)
        .flag_of_file("--certificate", "certificate", certificate)
        .flag_of_file("--private-key", "key", key);
    (helper, service)
}

type Change<'a> = &'a dyn Fn(&str) -> Vec<u8>;

#[test]
fn changed_text_is_put_right() {
    let (certificate, key) = (pem("ec256.crt"), pem("ec256.key"));
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let changes: [Change; 7] = [
        &|text| text.replace('\n', " ").into_bytes(),
        &|text| text.replace('\n', "").into_bytes(),
        &|text| text.replace('\n', "\\n").into_bytes(),
        &|text| text.replace('\n', "%0A").into_bytes(),
        &|text| format!("\"{}\"", text.replace('\n', "\\r\\n")).into_bytes(),
        &|text| text.replace('\n', "\r").into_bytes(),
        &|text| utf16(text),
    ];
    for (number, change) in changes.iter().enumerate() {
        let (certificate, key) = (change(&certificate), change(&key));
        let (helper, _service) = call_with(&certificate, &key);
        let output = helper.run();
        assert_eq!(output.exit, 0, "{number}: {}", output.stderr);
        // The same in variables.
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
        if let (Ok(certificate), Ok(key)) = (text(&certificate), text(&key)) {
            let service = emulator(Settings::default());
            let output = call_of(&service)
                .args(["--certificate", "env:CRT", "--private-key", "env:KEY"])
                .env("CRT", &certificate)
                .env("KEY", &key)
                .run();
            assert_eq!(output.exit, 0, "{number}: {}", output.stderr);
        }
    }
}

#[test]
fn leaf_is_the_certificate_that_the_key_fits() {
    let leaf = pem("chain2.crt");
    let intermediates = pem("chain2.intermediates.pem");
    let key = pem("chain2.with-key.pem");
    let key = &key[key
        .find("-----BEGIN PRIVATE")
        .or(key.find("-----BEGIN RSA"))
        .unwrap_or(0)..];
    for certificate in [
        format!("{intermediates}{leaf}"),
        format!("Bag Attributes\n    friendlyName: CA\n{intermediates}Bag Attributes\n{leaf}"),
        format!("\u{feff}{intermediates}\u{feff}{leaf}"),
        format!("{intermediates}{leaf}").replace("-----\n-----", "----------"),
    ] {
        let (helper, service) = call_with(certificate.as_bytes(), key.as_bytes());
        let output = helper.run();
        assert_eq!(output.exit, 0, "{}", output.stderr);
        let sent = service.requests().pop().unwrap().headers;
        let header = |wanted: &str| {
            let mut headers = sent.iter().filter(|(name, _)| name == wanted);
            headers.next().map(|(_, value)| value.clone()).unwrap()
        };
        assert_eq!(header("x-amz-x509"), BASE64_STANDARD.encode(der(&leaf)));
        let count = intermediates.matches("-----BEGIN").count();
        assert_eq!(header("x-amz-x509-chain").split(',').count(), count);
    }
}

#[test]
fn der_is_read_for_certificate_and_key() {
    for (certificate, key) in [
        ("ec256.crt", "ec256.key"),
        ("ec256.crt", "ec256.sec1.key"),
        ("rsa2048.crt", "rsa2048.key"),
        ("mldsa44.crt", "mldsa44.seed.key"),
    ] {
        let (helper, _service) = call_with(&der(&pem(certificate)), &der(&pem(key)));
        let output = helper.run();
        assert_eq!(output.exit, 0, "{key}: {}", output.stderr);
    }
    let key = "ec256.aes-256-cbc-hmacSHA256.key";
    let (helper, _service) = call_with(&der(&pem("ec256.crt")), &der(&pem(key)));
    let output = helper.args(["--pkcs8-password", "correct horse"]).run();
    succeeds(&output);
}

#[test]
fn intermediates_may_be_der_or_pkcs7() {
    let folder = tempfile::tempdir().unwrap();
    let intermediates = vectors().join("pki/chain2.intermediates.pem");
    let p7b = |form: &str| -> Option<PathBuf> {
        let path = folder.path().join(form);
        let made = Command::new("openssl")
            .args(["crl2pkcs7", "-nocrl", "-outform", form, "-certfile"])
            .arg(&intermediates)
            .arg("-out")
            .arg(&path)
            .status();
        made.is_ok_and(|status| status.success()).then_some(path)
    };
    let key = pem("chain2.with-key.pem");
    let leaf = pem("chain2.crt");
    for form in ["DER", "PEM"] {
        let Some(path) = p7b(form) else {
            skip("intermediates_may_be_der_or_pkcs7: no openssl");
            return;
        };
        let (helper, service) = call_with(leaf.as_bytes(), key.as_bytes());
        let path = path.display().to_string();
        let output = helper.args(["--intermediates", &path]).run();
        assert_eq!(output.exit, 0, "{form}: {}", output.stderr);
        let sent = service.requests().pop().unwrap().headers;
        assert!(sent.iter().any(|(name, _)| name == "x-amz-x509-chain"));
    }
    let one = der(&pem("chain1.intermediates.pem"));
    let service = emulator(Settings::default());
    let output = call_of(&service)
        .args(["--certificate", "pki/chain1.crt"])
        .flag_of_file("--intermediates", "ca.der", one)
        .flag_of_file("--private-key", "key", pem("chain2.with-key.pem"))
        .run();
    // Each chain of the cases has its own leaf; the file itself is read.
    assert!(
        !output.stderr.contains("intermediates"),
        "{}",
        output.stderr
    );
}

#[test]
fn header_needs_no_empty_line_behind_it() {
    let key = pem("ec256.dek-info.key").replace("\n\n", "\n");
    let (helper, _service) = call_with(pem("ec256.crt").as_bytes(), key.as_bytes());
    let output = helper.args(["--pkcs8-password", "correct horse"]).run();
    succeeds(&output);
}
