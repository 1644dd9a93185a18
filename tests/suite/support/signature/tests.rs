//! The verifier, judged by the requests that were captured from the reference.

use std::collections::BTreeMap;

use crate::support::case::Case;
use crate::support::case::ExpectedRequest;
use crate::support::signature::SignedRequest;

/// Every signed request that was captured, with the name of the case.
fn captured() -> Vec<(String, ExpectedRequest)> {
    let mut captured = Vec::new();
    for case in Case::all("create_session") {
        let mut requests = case.reference().requests.unwrap_or_default();
        if case.reference_defect {
            requests.extend(case.expected().requests.unwrap_or_default());
        }
        // Derived requests, which were not captured, have no signature.
        requests.retain(|request| !request.string_to_sign.is_empty());
        captured.extend(
            requests
                .into_iter()
                .map(|request| (case.name.clone(), request)),
        );
    }
    captured
}

fn captured_in(name: &str) -> ExpectedRequest {
    let captured = captured().into_iter().find(|(case, _)| case == name);
    captured.unwrap().1
}

#[test]
fn requests_of_the_reference_are_rebuilt_to_the_byte() {
    let captured = captured();
    assert_eq!(captured.len(), CAPTURED);
    for (name, request) in captured {
        let signed = SignedRequest::rebuild(&request.as_received()).unwrap();
        assert_eq!(
            signed.canonical_request, request.canonical_request,
            "{name}"
        );
        assert_eq!(signed.string_to_sign, request.string_to_sign, "{name}");
        assert_eq!(signed.algorithm, request.algorithm, "{name}");
        assert_eq!(signed.credential, request.credential, "{name}");
        assert_eq!(signed.signed_headers, request.signed_headers, "{name}");
    }
}

#[test]
fn signatures_of_the_reference_verify_as_captured() {
    let mut counts = BTreeMap::<(String, bool), usize>::new();
    for (name, request) in captured() {
        if request.algorithm == "AWS4-X509-MLDSA" {
            // No crate of this project verifies it.
            continue;
        }
        let verdict = SignedRequest::rebuild(&request.as_received())
            .unwrap()
            .verify();
        assert_eq!(
            verdict.is_ok(),
            request.signature_verified,
            "{name}: {verdict:?}"
        );
        *counts
            .entry((request.algorithm, request.signature_verified))
            .or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|((name, good), count)| (&**name, *good, *count))
        .collect();
    assert_eq!(counts, COUNTS);
}

#[test]
fn a_request_that_was_changed_on_the_way_is_refused() {
    for name in ["key-rsa2048", "key-ec256", "key-ec384", "key-ec521"] {
        let good = captured_in(name).as_received();
        assert_eq!(
            SignedRequest::rebuild(&good).unwrap().verify(),
            Ok(()),
            "{name}"
        );

        let mut other_body = good.clone();
        other_body.body = b"{\"durationSeconds\":3601}".to_vec();
        let mut other_target = good.clone();
        other_target.target = good.target.replace("ci-role", "admin");
        let mut other_date = good.clone();
        for (key, value) in &mut other_date.headers {
            if key == "X-Amz-Date" {
                value.replace_range(14..15, "9");
            }
        }
        for changed in [other_body, other_target, other_date] {
            let verdict = SignedRequest::rebuild(&changed).unwrap().verify();
            assert!(verdict.unwrap_err().contains("not the key's"), "{name}");
        }
    }
}

#[test]
fn wrong_field_of_authorization_is_named() {
    let change = |from: &str, to: &str| {
        let mut request = captured_in("certificate-serial-128").as_received();
        for (name, value) in &mut request.headers {
            if name == "Authorization" {
                assert!(value.contains(from), "{value}");
                *value = value.replace(from, to);
            }
        }
        SignedRequest::rebuild(&request)
            .unwrap()
            .verify()
            .unwrap_err()
    };

    assert!(change("Credential=128/", "Credential=80/").contains("serial number is 128"));
    assert!(change("=128/20", "=128/19").contains("scope of 19"));
    assert!(change("/rolesanywhere/", "/sts/").contains("credential 128/"));
    assert!(change("-RSA-", "-ECDSA-").contains("the key wants AWS4-X509-RSA-SHA256"));
    assert!(change(";host;", ";").contains("host is not signed"));
    assert!(change("content-type;host", "host;content-type").contains("unsorted"));
}

const CAPTURED: usize = 286;

/// Algorithm, whether the captured signature is good, and how many there are. Bad are those of the
/// two mismatched keys, and the one over a space that was sent as a plus.
const COUNTS: [(&str, bool, usize); 4] = [
    ("AWS4-X509-ECDSA-SHA256", false, 1),
    ("AWS4-X509-ECDSA-SHA256", true, 22),
    ("AWS4-X509-RSA-SHA256", false, 2),
    ("AWS4-X509-RSA-SHA256", true, 252),
];
