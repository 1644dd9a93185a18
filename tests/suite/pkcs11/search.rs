//! Which certificate and which key a URI leads to, and the chain that goes with them.

use super::Call;
use super::sign_string;
use crate::support::softhsm::SoftHsm;
use crate::support::softhsm::pem_certificates;
use std::os::unix::fs::symlink;

const URI: &str = "pkcs11:token=test;object=k?pin-value=1234";

#[test]
fn odd_labels_and_ids_are_found() {
    let Some(hsm) = SoftHsm::with_token("odd_labels_and_ids_are_found") else {
        return;
    };
    for (name, id, label, uri) in [
        ("ec256", "2520", "my key", "object=my key"),
        ("ec384", "11", "50%25", "object=50%2525"),
        ("ec521", "12", "schlüssel;?", "object=schlüssel%3b%3F"),
        ("rsa2048", "00ff", "id only", "id=%00%Ff"),
    ] {
        hsm.pair("test", name, &["--id", id, "--label", label]);
        let uri = format!("pkcs11:token=test;{uri}?pin-value=1234");
        let subject = Call::of(&hsm).issued_to(&["--certificate", &uri]);
        assert!(subject.contains(name), "{subject}");
    }
}

#[test]
fn key_is_found_by_id_label_or_public_half() {
    let test = "key_is_found_by_id_label_or_public_half";
    for (certificate, key) in [
        (
            ["--id", "10", "--label", "k"],
            ["--id", "10", "--label", "other"],
        ),
        (
            ["--id", "10", "--label", "k"],
            ["--id", "20", "--label", "k"],
        ),
    ] {
        let Some(hsm) = SoftHsm::with_token(test) else {
            return;
        };
        hsm.certificate("test", "ec256.crt", &certificate);
        hsm.key("test", "ec256.key", &key);
        Call::of(&hsm).issued_to(&["--certificate", URI]);
    }
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.certificate("test", "rsa2048.crt", &["--id", "10", "--label", "k"]);
    hsm.key("test", "rsa2048.key", &["--id", "20", "--label", "other"]);
    Call::of(&hsm).issued_to(&["--certificate", URI]);
}

#[test]
fn key_that_fits_is_taken_of_several() {
    let Some(hsm) = SoftHsm::with_token("key_that_fits_is_taken_of_several") else {
        return;
    };
    let same = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "ec256.crt", &same);
    for key in ["rsa2048.key", "mismatch-ec.key", "ec256.key"] {
        hsm.key("test", key, &same);
    }
    let call = Call::of(&hsm);
    call.issued_to(&["--certificate", URI]);
    // A URI of the key that names just the token.
    let token = "pkcs11:token=test?pin-value=1234";
    let flags = ["--certificate", "pki/ec256.crt", "--private-key"];
    call.issued_to(&[&flags[..], &[token]].concat());
    let several = sign_string(&hsm, &["--private-key", token]);
    assert!(
        several.stderr.contains("multiple matching private keys"),
        "{}",
        several.stderr
    );
    assert!(
        several.stderr.contains("id=%10;object=k"),
        "{}",
        several.stderr
    );
}

#[test]
fn key_of_another_certificate_makes_no_request() {
    let Some(hsm) = SoftHsm::with_token("key_of_another_certificate_makes_no_request") else {
        return;
    };
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let said = call.refusal(&["--certificate", URI]);
    assert!(said.contains("no matching private key"), "{said}");
    hsm.key("test", "mismatch-ec.key", &["--id", "10", "--label", "k"]);
    let said = call.refusal(&["--certificate", URI]);
    assert!(said.contains("private key"), "{said}");
    hsm.key("test", "rsa2048.key", &["--id", "20", "--label", "r"]);
    let key = "pkcs11:token=test;object=r?pin-value=1234";
    let said = call.refusal(&["--certificate", "pki/rsa4096.crt", "--private-key", key]);
    assert!(
        said.contains("unable to find matching private key"),
        "{said}"
    );
}

#[test]
fn several_certificates_are_listed_or_the_latest_taken() {
    let test = "several_certificates_are_listed_or_the_latest_taken";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    for (name, id) in [("expired.crt", "10"), ("ec256.crt", "11")] {
        hsm.certificate("test", name, &["--id", id, "--label", "k"]);
    }
    hsm.key("test", "ec256.key", &["--id", "11", "--label", "k"]);
    let call = Call::of(&hsm);
    let said = call.refusal(&["--certificate", URI]);
    assert!(said.contains("multiple matching certificates"), "{said}");
    assert!(
        said.contains("id=%10;object=k") && said.contains("id=%11;object=k"),
        "{said}"
    );
    let latest = "--use-latest-expiring-certificate";
    let subject = call.issued_to(&["--certificate", URI, latest]);
    assert!(subject.contains("ec256"), "{subject}");
}

#[test]
fn similar_tokens_are_told_apart() {
    let Some(hsm) = SoftHsm::start("similar_tokens_are_told_apart") else {
        return;
    };
    hsm.token("test");
    hsm.token("test2");
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    hsm.pair("test2", "ec384", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let subject = call.issued_to(&["--certificate", URI]);
    assert!(subject.contains("ec256"), "{subject}");
    let both = "pkcs11:object=k?pin-value=1234";
    let said = call.refusal(&["--certificate", both]);
    assert!(said.contains("multiple matching certificates"), "{said}");
    let said = call.refusal(&["--certificate", "pki/ec256.crt", "--private-key", both]);
    assert!(said.contains("multiple matching slots"), "{said}");
    let said = call.refusal(&["--certificate", "pkcs11:token=Test?pin-value=1234"]);
    assert!(said.contains("no matching slots"), "{said}");
    assert!(said.contains("token=test2"), "{said}");
    // The certificate decides between tokens that its key's URI names.
    call.issued_to(&["--certificate", URI, "--private-key", both]);
}

#[test]
fn certificate_and_key_may_be_on_two_tokens() {
    let Some(hsm) = SoftHsm::start("certificate_and_key_may_be_on_two_tokens") else {
        return;
    };
    hsm.token("test");
    hsm.token("keys");
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "k"]);
    hsm.key("keys", "ec256.key", &["--id", "20", "--label", "k2"]);
    let key = "pkcs11:token=keys;object=k2;type=cert?pin-value=1234";
    let certificate = "pkcs11:token=test;object=k;type=private";
    let call = Call::of(&hsm);
    call.issued_to(&["--certificate", certificate, "--private-key", key]);
}

#[test]
fn chain_on_a_token_is_without_leaf_root_and_strangers() {
    let test = "chain_on_a_token_is_without_leaf_root_and_strangers";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.certificate("test", "chain2.crt", &["--id", "10", "--label", "k"]);
    hsm.key(
        "test",
        "chain2.with-key.pem",
        &["--id", "10", "--label", "k"],
    );
    let strangers = [
        "root.pem",
        "ec384.crt",
        "ec521.crt",
        "rsa4096.crt",
        "expired.crt",
    ];
    for (index, name) in strangers.iter().enumerate() {
        hsm.certificate(
            "test",
            name,
            &["--id", &format!("2{index}"), "--label", name],
        );
    }
    for (index, der) in pem_certificates("chain2.intermediates.pem")
        .iter()
        .enumerate()
    {
        hsm.der_certificate(
            "test",
            der,
            &["--id", &format!("3{index}"), "--label", "ca"],
        );
    }
    let call = Call::of(&hsm);
    call.issued_to(&["--certificate", URI]);
    assert_eq!(call.chain_length(), 2);
    let given = "pki/chain2.intermediates.pem";
    call.issued_to(&["--certificate", URI, "--intermediates", given]);
    assert_eq!(call.chain_length(), 2);
}

#[test]
fn slot_attributes_may_be_in_either_uri() {
    let Some(hsm) = SoftHsm::with_token("slot_attributes_may_be_in_either_uri") else {
        return;
    };
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let slot = "pkcs11:slot-manufacturer=SoftHSM%20project;token=test;object=k?pin-value=1234";
    for (certificate, key) in [(URI, slot), (slot, URI)] {
        call.issued_to(&["--certificate", certificate, "--private-key", key]);
    }
}

#[test]
fn stale_public_key_does_not_hide_the_key() {
    let Some(hsm) = SoftHsm::with_token("stale_public_key_does_not_hide_the_key") else {
        return;
    };
    hsm.tool(
        "test",
        &["--keypairgen", "--key-type", "EC:prime256v1", "--id", "10"],
    );
    hsm.tool(
        "test",
        &["--delete-object", "--type", "privkey", "--id", "10"],
    );
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    Call::of(&hsm).issued_to(&["--certificate", URI]);
}

#[test]
fn private_keys_that_share_a_public_key_are_tried() {
    let test = "private_keys_that_share_a_public_key_are_tried";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "ec256.crt", &both);
    hsm.key_pair("test", "ec256.key", &both);
    for _ in 0..3 {
        hsm.key("test", "mismatch-ec.key", &both);
    }
    let call = Call::of(&hsm);
    // In each process, it is chance which key SoftHSM finds first.
    for _ in 0..8 {
        call.issued_to(&["--certificate", URI]);
    }
}

/// A certificate and its public key, without the private one.
fn without_private_key(test: &str) -> Option<SoftHsm> {
    let hsm = SoftHsm::with_token(test)?;
    hsm.certificate("test", "ec256.crt", &BOTH);
    hsm.key_pair("test", "ec256.key", &BOTH);
    hsm.tool(
        "test",
        &["--delete-object", "--type", "privkey", "--id", "10"],
    );
    Some(hsm)
}

/// Id and label of a key and of its certificate.
const BOTH: [&str; 4] = ["--id", "10", "--label", "k"];

#[test]
fn signature_of_another_key_is_not_sent() {
    let test = "signature_of_another_key_is_not_sent";
    let Some(hsm) = without_private_key(test) else {
        return;
    };
    hsm.key("test", "mismatch-ec.key", &BOTH);
    let said = Call::of(&hsm).refusal(&["--certificate", URI]);
    assert!(
        said.contains("id=%10;object=k is not the key of the certificate"),
        "{said}"
    );
}

#[test]
fn keys_that_were_not_tried_are_named_so() {
    let Some(hsm) = SoftHsm::with_token("keys_that_were_not_tried_are_named_so") else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "ec256.crt", &both);
    let more = [&both[..], &["--always-auth"]].concat();
    hsm.key("test", "mismatch-ec.key", &more);
    hsm.key("test", "ec256.key", &more);
    let said = Call::of(&hsm).refusal(&["--certificate", URI, "--reuse-pin"]);
    assert!(said.contains("2 want a PIN for each signature"), "{said}");
}

#[test]
fn first_of_equal_keys_that_cannot_be_tried_signs() {
    let test = "first_of_equal_keys_that_cannot_be_tried_signs";
    let Some(hsm) = without_private_key(test) else {
        return;
    };
    let more = [&BOTH[..], &["--always-auth"]].concat();
    hsm.key("test", "ec256.key", &more);
    hsm.key("test", "ec256.key", &more);
    Call::of(&hsm).issued_to(&["--certificate", URI, "--reuse-pin"]);
}

#[test]
fn module_under_two_names_is_one() {
    let test = "module_under_two_names_is_one";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let Some(shim) = hsm.shim(test) else {
        return;
    };
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let link = hsm.path("link.so");
    symlink(&shim.module, &link).unwrap();
    let certificate = format!("pkcs11:object=k?pin-value=1234&module-path={link}");
    let key = format!("pkcs11:object=k?module-path={}", shim.module);
    let call = Call::of(&hsm);
    let flags = ["--certificate", &certificate, "--private-key", &key];
    let output = shim.on(call.helper(&flags)).run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert_eq!(shim.calls("C_Initialize").len(), 1);
}
