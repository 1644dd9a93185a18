//! `sign-string` and `read-certificate-data`: every case that was recorded from the reference, byte
//! for byte, and EC signatures, which differ each time, verified.

use std::fs;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::digest;
use serde_json::Value;
use x509_parser::prelude::FromDer;

use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::vectors;

/// Every case of a folder, by name.
fn cases(folder: &str) -> Vec<Value> {
    let mut cases: Vec<Value> = fs::read_dir(vectors().join(folder))
        .unwrap()
        .map(|entry| serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .collect();
    cases.sort_by_key(|case| case["name"].to_string());
    cases
}

fn run(case: &Value) -> Output {
    let args = case["args"].as_array().unwrap();
    Helper::new()
        .args(args.iter().map(|arg| arg.as_str().unwrap()))
        .run()
}

/// The fault of a case's result, if any.
fn judge(case: &Value, output: &Output) -> Option<String> {
    let expect = &case["expect"];
    let is_refused = output.exit == 1 && output.stdout.is_empty() && !output.stderr.is_empty();
    let is_free = case["informative"] == true || case["may_succeed"] == true;
    let is_read = output.exit == 0 && !output.stdout.is_empty() && output.stderr.is_empty();
    if is_free && (is_refused || is_read) {
        return None;
    }
    if i64::from(output.exit) != expect["exit"].as_i64().unwrap() {
        return Some(format!("exit {}: {}", output.exit, output.stderr));
    }
    for word in expect["stderr_words"].as_array().into_iter().flatten() {
        let word = word.as_str().unwrap().to_lowercase();
        if !output.stderr.to_lowercase().contains(&word) {
            return Some(format!("stderr lacks {word:?}: {}", output.stderr));
        }
    }
    if output.exit != 0 {
        return (!is_refused).then(|| "a failure says why, on stderr alone".to_owned());
    }
    let is_debug = case["args"].as_array().unwrap().contains(&"--debug".into());
    if !is_debug && !output.stderr.is_empty() {
        return Some(format!("stderr: {}", output.stderr));
    }
    if expect["stdout_match"] == "signature" {
        return (!verifies(&expect["signature"], &output.stdout))
            .then(|| "the signature does not verify".to_owned());
    }
    use base64::Engine;
    let stdout = match expect["stdout_base64"].as_str() {
        Some(base64) => base64::prelude::BASE64_STANDARD.decode(base64).unwrap(),
        None => expect["stdout"].as_str().unwrap().as_bytes().to_vec(),
    };
    (output.stdout != stdout)
        .then(|| format!("stdout: {}", String::from_utf8_lossy(&output.stdout)))
}

/// True if an EC signature is the certificate's key's over the fixed text.
fn verifies(signature: &Value, stdout: &[u8]) -> bool {
    let der = match signature["format"].as_str().unwrap() {
        "bin" => stdout.to_vec(),
        "text" => hex::decode(stdout).unwrap(),
        "json" => hex::decode(serde_json::from_slice::<String>(stdout).unwrap()).unwrap(),
        other => panic!("format {other}"),
    };
    let path = vectors().join(signature["certificate"].as_str().unwrap());
    let (_, pem) = x509_parser::pem::parse_x509_pem(&fs::read(path).unwrap()).unwrap();
    let (_, certificate) =
        x509_parser::certificate::X509Certificate::from_der(&pem.contents).unwrap();
    let point = certificate.public_key().subject_public_key.data.to_vec();

    let key = digest::digest(&digest::SHA256, &[b"IAM RA".as_slice(), &point].concat());
    let text = b"AWS Roles Anywhere Credential Helper Signing Test1";
    let message = [text.as_slice(), key.as_ref()].concat();
    let algorithm = match signature["digest"].as_str().unwrap() {
        "SHA256" => &digest::SHA256,
        "SHA384" => &digest::SHA384,
        "SHA512" => &digest::SHA512,
        other => panic!("digest {other}"),
    };
    let hash = digest::digest(algorithm, &message);
    match point.len() {
        65 => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)
            .unwrap()
            .verify_prehash(
                hash.as_ref(),
                &p256::ecdsa::Signature::from_der(&der).unwrap(),
            )
            .is_ok(),
        97 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&point)
            .unwrap()
            .verify_prehash(
                hash.as_ref(),
                &p384::ecdsa::Signature::from_der(&der).unwrap(),
            )
            .is_ok(),
        133 => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point)
            .unwrap()
            .verify_prehash(
                hash.as_ref(),
                &p521::ecdsa::Signature::from_der(&der).unwrap(),
            )
            .is_ok(),
        other => panic!("a point of {other} octets"),
    }
}

/// Runs every case of a folder; those that wait have to fail.
fn assert_all(folder: &str, waiting: &[&str], count: usize) {
    let cases = cases(folder);
    assert_eq!(cases.len(), count);
    let mut failures = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let wrong = judge(case, &run(case));
        match (wrong, waiting.contains(&name)) {
            (Some(wrong), false) => failures.push(format!("{name}: {wrong}")),
            (None, true) => failures.push(format!("{name}: passes, and waits no more")),
            (None, false) | (Some(_), true) => {}
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn sign_string_cases_match_the_reference() {
    assert_all("sign_string", &[], 78);
}

#[test]
fn read_certificate_data_cases_match_the_reference() {
    // Elsewhere there is a certificate store to select from.
    let waiting: &[&str] = match cfg!(windows) {
        true => &["selector-on-linux"],
        false => &[],
    };
    assert_all("read_certificate_data", waiting, 72);
}

#[test]
fn digest_of_sign_string_does_not_affect_requests() {
    // Each command passes its digest when it signs; there is no shared setting.
    let output = Helper::new()
        .args(["credential-process", "--digest", "SHA512"])
        .run();
    assert_eq!(output.exit, 1);
    assert!(output.stderr.contains("--digest"), "{}", output.stderr);
}

#[test]
fn variable_does_not_undo_a_digest_that_was_typed() {
    let sign = |helper: Helper| {
        let output = helper.run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
        output.stdout
    };
    let typed = ["sign-string", "--digest", "SHA384", "--format", "text"];
    let flags = [
        "--certificate",
        "pki/rsa2048.crt",
        "--private-key",
        "pki/rsa2048.key",
    ];
    let expected = sign(Helper::new().args(typed).args(flags));
    let helper = Helper::new()
        .args(typed)
        .env("AWS_SIGNING_HELPER_CERTIFICATE", "pki/rsa2048.crt")
        .env("AWS_SIGNING_HELPER_PRIVATE_KEY", "pki/rsa2048.key");
    assert_eq!(sign(helper), expected);
}
