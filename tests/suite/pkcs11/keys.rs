//! Kinds of keys, and where certificate and key may be.

use std::process::Command;

use super::Call;
use super::refused;
use super::sign_string;
use crate::support::helper::Helper;
use crate::support::skip;
use crate::support::softhsm::MODULE;
use crate::support::softhsm::SoftHsm;

/// Names of pairs of the cases that SoftHSM has the mechanisms for.
const PAIRS: [&str; 5] = ["rsa2048", "rsa4096", "ec256", "ec384", "ec521"];

/// All pairs on one token, each with its own id and label.
fn all_pairs(test: &str) -> Option<SoftHsm> {
    let hsm = SoftHsm::with_token(test)?;
    for (index, name) in PAIRS.iter().enumerate() {
        hsm.pair(
            "test",
            name,
            &["--id", &format!("1{index}"), "--label", name],
        );
    }
    Some(hsm)
}

#[test]
fn every_kind_of_key_on_a_token_signs() {
    let Some(hsm) = all_pairs("every_kind_of_key_on_a_token_signs") else {
        return;
    };
    let call = Call::of(&hsm);
    for name in PAIRS {
        let uri = format!("pkcs11:token=test;object={name}?pin-value=1234");
        let certificate = format!("pki/{name}.crt");
        let subject = call.issued_to(&["--certificate", &certificate, "--private-key", &uri]);
        assert!(subject.contains(name), "{subject}");
        let subject = call.issued_to(&["--certificate", &uri]);
        assert!(subject.contains(name), "{subject}");
        for digest in ["SHA256", "SHA384", "SHA512"] {
            let output = sign_string(&hsm, &["--certificate", &uri, "--digest", digest]);
            assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{name}");
        }
    }
}

#[test]
fn certificate_on_a_token_goes_with_a_key_in_a_file() {
    let test = "certificate_on_a_token_goes_with_a_key_in_a_file";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let certificate = ["--certificate", "pkcs11:object=k", "--private-key"];
    let subject = call.issued_to(&[&certificate[..], &["pki/ec256.key"]].concat());
    assert!(subject.contains("ec256"), "{subject}");
    let said = call.refusal(&[&certificate[..], &["pki/ec384.key"]].concat());
    assert!(said.contains("is not the key of the certificate"), "{said}");
}

#[test]
fn signature_equals_that_of_the_key_in_a_file() {
    let test = "signature_equals_that_of_the_key_in_a_file";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.pair("test", "rsa2048", &["--id", "10", "--label", "k"]);
    let uri = "pkcs11:object=k?pin-value=1234";
    let with_key = sign_string(&hsm, &["--certificate", uri]).stdout;
    let file = ["--certificate", "pki/rsa2048.crt", "--private-key"];
    let in_file = sign_string(&hsm, &[&file[..], &["pki/rsa2048.key"]].concat()).stdout;
    assert_eq!(with_key, in_file);
    // As in the reference helper, the constant alone where the certificate is not on a token.
    let alone = sign_string(&hsm, &["--private-key", uri]).stdout;
    assert_eq!(
        sign_string(&hsm, &[&file[..], &[uri]].concat()).stdout,
        alone
    );
    assert_ne!(alone, with_key);
}

#[test]
fn module_is_found_by_flag_uri_variable_and_name() {
    let test = "module_is_found_by_flag_uri_variable_and_name";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let wrong = ("PKCS11_MODULE_PATH", "/nosuch/module.so");
    let by_path = format!("pkcs11:object=k?pin-value=1234&module-path={MODULE}");
    let by_name = "pkcs11:object=k?pin-value=1234&module-name=softhsm2";
    let elsewhere = "pkcs11:object=k?pin-value=1234&module-path=/nosuch/uri.so";
    let plain = "pkcs11:object=k?pin-value=1234";
    for (flags, variable) in [
        (vec![plain, "--pkcs11-lib", MODULE], wrong),
        (vec![elsewhere, "--pkcs11-lib", MODULE], wrong),
        (vec![&*by_path], wrong),
        (vec![by_name], wrong),
        (vec![plain], ("PKCS11_MODULE_PATH", MODULE)),
        // p11-kit's proxy, which knows SoftHSM by its configuration.
        (vec![plain], ("PKCS11_MODULE_PATH", "")),
    ] {
        if variable.1.is_empty() && Command::new("p11-kit").output().is_err() {
            skip(&format!("{test}: there is no p11-kit"));
            continue;
        }
        let helper = Helper::new().args(["sign-string", "--certificate"]);
        let helper = hsm.on(helper.args(flags.iter().copied()));
        let output = helper.env(variable.0, variable.1).run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{flags:?}");
    }
}

#[test]
fn build_says_whether_it_loads_modules() {
    let run = |words: &[&str]| Helper::new().args(words.iter().copied()).run();
    let version = run(&["version", "--verbose"]);
    let version = version.stdout_text();
    let plain = run(&["version"]);
    assert!(version.starts_with(plain.stdout_text()), "{version}");
    let (is_able, expected) = match version.contains("\npkcs11: yes\n") {
        true => (true, "cannot load the PKCS#11 module /nosuch"),
        false => (
            false,
            "this build cannot load PKCS#11 modules; the one for Linux with glibc",
        ),
    };
    let certificate = ["--certificate", "pkcs11:", "--pkcs11-lib", "/nosuch"];
    let private_key = ["--private-key", "pkcs11:", "--pkcs11-lib", "/nosuch"];
    for (command, flags) in [
        (vec!["sign-string"], certificate),
        (vec!["sign-string"], private_key),
        (vec!["read-certificate-data"], certificate),
        (vec!["doctor", "--offline"], certificate),
    ] {
        let output = run(&[command.as_slice(), &flags].concat());
        let said = output.stdout_text().to_owned() + &output.stderr;
        assert!(said.contains(expected), "{command:?} {flags:?}: {said}");
    }
    assert!(is_able || version.contains("\npkcs11: no "), "{version}");
}

#[test]
fn malformed_uri_is_named_without_its_pin() {
    for (uri, shown) in [
        ("pkcs11:token?pin-value=97531", "\"=\""),
        ("pkcs11:token=%?pin-value=97531", "\"token\""),
        (
            "pkcs11:?pin-value=97531&pin-value=97531",
            "\"pin-value\" twice",
        ),
        ("pkcs11:pin-value=97531", "pkcs11:: \"pin-value\" has"),
        ("pkcs11:token=x;pin-value=1;97531", "after a \"?\""),
        ("pkcs11:slot-id=x?pin_value=97531", "\"slot-id\""),
        (
            "pkcs11:slot-id=99999999999999999999",
            "\"slot-id\" is larger",
        ),
    ] {
        for flag in ["--certificate", "--private-key"] {
            let identity = ["--certificate", "pki/ec256.crt", flag, uri];
            let output = Helper::new().args(["sign-string"]).args(identity).run();
            let said = refused(&output);
            assert!(said.contains(shown) && said.contains("pkcs11:"), "{said}");
            assert!(!said.contains("97531"), "{said}");
        }
    }
}

#[test]
fn module_that_cannot_be_loaded_is_named_with_the_reason() {
    let test = "module_that_cannot_be_loaded_is_named_with_the_reason";
    let Some(hsm) = SoftHsm::start(test) else {
        return;
    };
    let call = Call::of(&hsm);
    let text = hsm.file("text.so", "no library");
    for (path, reason) in [
        ("/nosuch/module.so", "No such file"),
        (text.as_str(), "file too short"),
        ("libc.so.6", "C_GetFunctionList"),
    ] {
        let said = call.refusal(&["--certificate", "pkcs11:", "--pkcs11-lib", path]);
        assert!(said.contains(path) && said.contains(reason), "{said}");
    }
}
