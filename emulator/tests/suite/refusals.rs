//! Every refusal is reached by a request that is right but for one thing.

use rolesanywhere_emulator::Parameter;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::VerifiedRequest;
use rolesanywhere_emulator::verify;
use time::Duration;

use crate::support::Draft;
use crate::support::NOW;
use crate::support::PROFILE_ARN;
use crate::support::ROLE_ARN;
use crate::support::TRUST_ANCHOR_ARN;
use crate::support::amz_date;
use crate::support::header_mut;
use crate::support::rsa_root;
use crate::support::simple;

/// Judges a request that was changed before it was signed.
fn drafted(change: impl FnOnce(&mut Draft)) -> Result<VerifiedRequest, Refusal> {
    let (anchors, identity) = simple();
    let mut draft = Draft::new(&identity, NOW);
    change(&mut draft);
    verify(&draft.sign(&identity), &anchors, NOW)
}

/// Judges a request that was changed after it was signed.
fn tampered(change: impl FnOnce(&mut ReceivedRequest)) -> Result<VerifiedRequest, Refusal> {
    let (anchors, identity) = simple();
    let mut request = Draft::new(&identity, NOW).sign(&identity);
    change(&mut request);
    verify(&request, &anchors, NOW)
}

fn with_body(body: &str) -> Result<VerifiedRequest, Refusal> {
    drafted(|draft| draft.body = body.as_bytes().to_vec())
}

fn with_query(parameters: &[(&str, &str)]) -> Result<VerifiedRequest, Refusal> {
    drafted(|draft| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        draft.query = parameters.iter().map(owned).collect();
    })
}

#[test]
fn a_correct_request_is_verified() {
    let verified = drafted(|_| {}).unwrap();
    assert_eq!(verified.trust_anchor_arn, TRUST_ANCHOR_ARN);
    assert_eq!(verified.profile_arn, PROFILE_ARN);
    assert_eq!(verified.role_arn, ROLE_ARN);
    assert_eq!(verified.role_name, "ci-role");
    assert_eq!(verified.region, "eu-central-1");
    assert_eq!(verified.subject, "CN=leaf");
    assert_eq!(verified.common_names, ["leaf"]);
    assert_eq!(verified.duration_seconds, Some(3600));
    assert_eq!(verified.role_session_name, None);
}

#[test]
fn a_correct_request_with_an_rsa_key_is_verified() {
    let (issuer, root) = rsa_root();
    let identity = crate::support::Identity::rsa(&issuer, crate::support::leaf_params("leaf"));
    let request = Draft::new(&identity, NOW).sign(&identity);
    verify(&request, &[root], NOW).unwrap();
}

#[test]
fn another_path_is_not_known() {
    for path in [
        "/",
        "/session",
        "/sessions/",
        "/sessions/x",
        "/xsessions",
        "/SESSIONS",
        "",
    ] {
        let refusal = drafted(|draft| draft.path = path.to_owned()).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::PathUnknown {
                path: path.to_owned()
            }
        );
        assert_eq!(
            (refusal.status(), refusal.code()),
            (404, "UnknownOperationException")
        );
    }
}

#[test]
fn a_path_before_sessions_is_let_through_signed_or_not() {
    for (path, signed) in [
        ("/prefix/sessions", "/sessions"),
        ("/prefix/sessions", "/prefix/sessions"),
        ("/a%20b/sessions", "/a%2520b/sessions"),
        ("/a%20b/sessions", "/a%20b/sessions"),
        ("//x/sessions", "/sessions"),
    ] {
        let verified = drafted(|draft| {
            draft.path = path.to_owned();
            draft.canonical_uri = signed.to_owned();
        });
        verified.unwrap_or_else(|refusal| panic!("{path} {signed}: {refusal}"));
    }
    let refusal = drafted(|draft| draft.canonical_uri = "/other/sessions".to_owned());
    assert_eq!(refusal.unwrap_err(), Refusal::SignatureInvalid);
}

#[test]
fn a_target_in_absolute_form_is_read_as_any_other() {
    tampered(|request| request.target.insert_str(0, "http://127.0.0.1:1")).unwrap();
    let refusal = tampered(|request| request.target = "http://127.0.0.1:1".to_owned());
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::PathUnknown {
            path: "/".to_owned()
        }
    );
}

#[test]
fn another_method_is_not_allowed() {
    for method in ["GET", "PUT", "post", "POST ", ""] {
        let refusal = drafted(|draft| draft.method = method.to_owned()).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::MethodNotAllowed {
                method: method.to_owned()
            }
        );
        assert_eq!(refusal.status(), 405);
    }
}

#[test]
fn a_request_without_authorization_is_refused() {
    let refusal = tampered(|request| {
        request.headers.retain(|(name, _)| name != "Authorization");
    });
    assert_eq!(refusal.unwrap_err(), Refusal::AuthorizationMissing);
}

#[test]
fn a_second_authorization_is_refused() {
    let refusal = tampered(|request| {
        let copy = request.headers.last().unwrap().clone();
        request.headers.push(copy);
    });
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::HeaderRepeated {
            name: "authorization"
        }
    );
}

#[test]
fn a_malformed_authorization_is_refused_with_what_is_wrong() {
    for (value, expected) in [
        ("", "nothing after the algorithm"),
        ("AWS4-X509-ECDSA-SHA256", "nothing after the algorithm"),
        ("AWS4-X509-ECDSA-SHA256 ", "a part without ="),
        ("AWS4-X509-ECDSA-SHA256 Credential", "a part without ="),
        ("AWS4-X509-ECDSA-SHA256 Else=x", "an unknown part"),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=1, Credential=1",
            "a part twice",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 SignedHeaders=a, Signature=00",
            "no Credential",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, Signature=00",
            "no SignedHeaders",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=a",
            "no Signature",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=A, Signature=00",
            "a signed header not in lower case",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=, Signature=00",
            "a signed header not in lower case",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=a, Signature=AB",
            "a signature not in lower-case hex",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=a, Signature=abc",
            "a signature not in lower-case hex",
        ),
        (
            "AWS4-X509-ECDSA-SHA256 Credential=a/b/c/d/e, SignedHeaders=a, Signature=é",
            "a signature not in lower-case hex",
        ),
    ] {
        let refusal = tampered(|request| {
            *header_mut(request, "authorization") = value.to_owned();
        });
        let expected = Refusal::AuthorizationMalformed { reason: expected };
        assert_eq!(refusal.unwrap_err(), expected, "{value}");
    }
}

#[test]
fn an_unknown_algorithm_is_refused() {
    for algorithm in [
        "AWS4-HMAC-SHA256",
        "AWS4-X509-MLDSA-44",
        "aws4-x509-rsa-sha256",
        "",
    ] {
        let refusal = drafted(|draft| draft.algorithm = algorithm.to_owned());
        let expected = Refusal::AlgorithmUnknown {
            sent: algorithm.to_owned(),
        };
        assert_eq!(refusal.unwrap_err(), expected);
    }
}

#[test]
fn the_algorithm_has_to_be_that_of_the_key() {
    for sent in ["AWS4-X509-RSA-SHA256", "AWS4-X509-MLDSA"] {
        let refusal = drafted(|draft| draft.algorithm = sent.to_owned());
        let expected = Refusal::AlgorithmMismatch {
            sent,
            expected: "AWS4-X509-ECDSA-SHA256",
        };
        assert_eq!(refusal.unwrap_err(), expected);
    }
}

#[test]
fn a_header_that_is_required_has_to_be_there_once() {
    for name in ["content-type", "host", "x-amz-date", "x-amz-x509"] {
        let refusal = drafted(|draft| draft.remove(name));
        assert_eq!(refusal.unwrap_err(), Refusal::HeaderMissing { name });
        let refusal = tampered(|request| {
            let mut headers = request.headers.iter();
            let copy = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
            let copy = copy.unwrap().clone();
            request.headers.push(copy);
        });
        assert_eq!(refusal.unwrap_err(), Refusal::HeaderRepeated { name });
    }
}

#[test]
fn a_header_that_is_required_has_to_be_signed() {
    for name in ["content-type", "host", "x-amz-date", "x-amz-x509"] {
        let refusal = drafted(|draft| draft.unsigned_headers.push(name.to_owned()));
        assert_eq!(refusal.unwrap_err(), Refusal::HeaderUnsigned { name });
    }
}

#[test]
fn further_headers_may_be_signed_in_any_form() {
    drafted(|draft| draft.set("AMZ-Sdk-Request", "attempt=1; max=3")).unwrap();
    tampered(|request| *header_mut(request, "content-type") = "  application/json ".to_owned())
        .unwrap();
}

#[test]
fn a_signed_header_has_to_be_there() {
    let refusal = drafted(|draft| {
        let names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-x509";
        draft.signed_headers = Some(names.to_owned());
    });
    let expected = Refusal::SignedHeaderAbsent {
        name: "x-amz-security-token".to_owned(),
    };
    assert_eq!(refusal.unwrap_err(), expected);
}

#[test]
fn signed_headers_are_sorted_and_listed_once() {
    for names in [
        "host;content-type;x-amz-date;x-amz-x509",
        "content-type;host;host;x-amz-date;x-amz-x509",
    ] {
        let refusal = drafted(|draft| draft.signed_headers = Some(names.to_owned()));
        assert_eq!(refusal.unwrap_err(), Refusal::SignedHeadersUnsorted);
    }
}

#[test]
fn a_date_of_another_form_is_refused() {
    for date in [
        "",
        "20260304T050607",
        "20260304 050607Z",
        "2026-03-04T05:06:07Z",
        "20261304T050607Z",
        "20260304T250607Z",
        "+20260304T050607Z",
        "+2603041T050607Z",
        "20260304T05060éZ",
        "20260304T050607z",
    ] {
        let refusal = drafted(|draft| draft.set("X-Amz-Date", date));
        assert_eq!(
            refusal.unwrap_err(),
            Refusal::DateMalformed {
                sent: date.to_owned()
            }
        );
    }
}

#[test]
fn date_may_be_five_minutes_off_at_most() {
    let (anchors, identity) = simple();
    let request = Draft::new(&identity, NOW).sign(&identity);
    for seconds in [-300, 300] {
        verify(&request, &anchors, NOW + Duration::seconds(seconds)).unwrap();
    }
    for seconds in [-301, 301] {
        let now = NOW + Duration::seconds(seconds);
        let refusal = verify(&request, &anchors, now).unwrap_err();
        assert_eq!(refusal, Refusal::DateSkewed { sent: NOW, now });
        let away = format!("is {} s away", -seconds);
        assert!(refusal.to_string().contains(&away), "{refusal}");
    }
}

#[test]
fn a_credential_has_five_parts() {
    for scope in ["", "20260304/eu-central-1/rolesanywhere", "a/b/c/d/e"] {
        let refusal = drafted(|draft| draft.scope = scope.to_owned()).unwrap_err();
        assert!(
            matches!(refusal, Refusal::CredentialMalformed { .. }),
            "{refusal:?}"
        );
    }
}

#[test]
fn a_serial_number_counts_in_decimal_only() {
    let (anchors, identity) = simple();
    let certificate = identity.serial_number();
    let number: u128 = 0xabc;
    for sent in [
        String::new(),
        "0".to_owned(),
        format!("0{certificate}"),
        format!("+{certificate}"),
        format!("{certificate}0"),
        format!("{number:x}"),
    ] {
        let mut draft = Draft::new(&identity, NOW);
        draft.serial_number.clone_from(&sent);
        let refusal = verify(&draft.sign(&identity), &anchors, NOW).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::SerialMismatch {
                sent,
                certificate: certificate.clone()
            }
        );
    }
}

#[test]
fn each_part_of_the_scope_has_to_be_right() {
    let scoped = |scope: &str| drafted(|draft| draft.scope = scope.to_owned()).unwrap_err();
    let other = || "other".to_owned();
    assert_eq!(
        scoped("20260305/eu-central-1/rolesanywhere/aws4_request"),
        Refusal::ScopeDate {
            sent: "20260305".to_owned(),
            expected: "20260304".to_owned()
        }
    );
    assert_eq!(
        scoped("20260304/other/rolesanywhere/aws4_request"),
        Refusal::ScopeRegion {
            sent: other(),
            expected: "eu-central-1".to_owned()
        }
    );
    assert_eq!(
        scoped("20260304/eu-central-1/other/aws4_request"),
        Refusal::ScopeService { sent: other() }
    );
    assert_eq!(
        scoped("20260304/eu-central-1/rolesanywhere/other"),
        Refusal::ScopeTerminator { sent: other() }
    );
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let (anchors, identity) = simple();
    let (_, stranger) = simple();
    let request = Draft::new(&identity, NOW).sign(&stranger);
    assert_eq!(
        verify(&request, &anchors, NOW).unwrap_err(),
        Refusal::SignatureInvalid
    );
}

#[test]
fn malformed_certificate_is_refused_with_its_fault() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let (_, identity) = simple();
    let twice = [identity.certificate.clone(), identity.certificate.clone()].concat();
    for (value, reason) in [
        (String::new(), "no DER certificate"),
        ("AAAA".to_owned(), "no DER certificate"),
        ("not base64!".to_owned(), "no base64"),
        (STANDARD.encode(twice), "bytes after the certificate"),
        ("A".repeat(22_000), "longer than 16 KiB"),
    ] {
        let refusal = drafted(|draft| draft.set("X-Amz-X509", &value));
        assert_eq!(
            refusal.unwrap_err(),
            Refusal::CertificateMalformed { reason }
        );
    }
}

#[test]
fn a_key_that_cannot_be_verified_with_is_refused() {
    use base64::Engine;
    let pem = crate::support::fixture("pki/ed25519.crt");
    let der = rolesanywhere_emulator::trust_anchors_from_pem(&pem).unwrap();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&der[0]);
    let refusal = drafted(|draft| draft.set("X-Amz-X509", &encoded));
    let algorithm = "1.3.101.112".to_owned();
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::PublicKeyUnsupported { algorithm }
    );
}

#[test]
fn a_body_is_a_json_object() {
    for body in ["", "{", "{}x", "\u{feff}{}", "{'a':1}"] {
        assert_eq!(with_body(body).unwrap_err(), Refusal::BodyNotJson, "{body}");
    }
    for body in ["[]", "1", "\"{}\"", "null"] {
        assert_eq!(
            with_body(body).unwrap_err(),
            Refusal::BodyNotObject,
            "{body}"
        );
    }
    let nested = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
    assert_eq!(with_body(&nested).unwrap_err(), Refusal::BodyNotJson);
    assert_eq!(Refusal::BodyNotJson.status(), 400);
}

#[test]
fn a_duration_that_is_absent_is_left_to_the_profile() {
    assert_eq!(with_body("{}").unwrap().duration_seconds, None);
}

#[test]
fn a_duration_is_a_whole_number_from_900_to_43200() {
    for seconds in [900, 43_200] {
        let verified = with_body(&format!("{{\"durationSeconds\":{seconds}}}")).unwrap();
        assert_eq!(verified.duration_seconds, Some(seconds));
    }
    for seconds in [
        -1,
        0,
        1,
        899,
        43_201,
        i128::from(u64::MAX),
        i128::from(i64::MIN),
    ] {
        let refusal = with_body(&format!("{{\"durationSeconds\":{seconds}}}")).unwrap_err();
        assert_eq!(refusal, Refusal::DurationOutOfRange { seconds });
    }
    for sent in ["\"3600\"", "null", "3600.5", "true", "[3600]", "1e300"] {
        let refusal = with_body(&format!("{{\"durationSeconds\":{sent}}}")).unwrap_err();
        assert!(
            matches!(refusal, Refusal::DurationNotInteger { .. }),
            "{sent}: {refusal:?}"
        );
    }
}

#[test]
fn a_session_name_has_two_to_64_legal_characters() {
    let named = |name: &str| with_body(&serde_json::json!({"roleSessionName": name}).to_string());
    for name in ["ab", "Az09_+=,.@-", &"n".repeat(64)] {
        assert_eq!(
            named(name).unwrap().role_session_name.as_deref(),
            Some(name)
        );
    }
    for name in ["", "a", &"n".repeat(65), "a b", "a/b", "a:b", "éé", "a\nb"] {
        let refusal = named(name).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::SessionNameInvalid {
                sent: name.to_owned()
            }
        );
    }
    let refusal = with_body("{\"roleSessionName\":12}").unwrap_err();
    assert_eq!(
        refusal,
        Refusal::SessionNameInvalid {
            sent: "12".to_owned()
        }
    );
}

#[test]
fn arns_count_in_the_query_or_in_the_body() {
    let body = serde_json::json!({
        "trustAnchorArn": TRUST_ANCHOR_ARN, "profileArn": PROFILE_ARN, "roleArn": ROLE_ARN,
    });
    let in_body = drafted(|draft| {
        draft.query.clear();
        draft.body = body.to_string().into_bytes();
    });
    assert_eq!(in_body.unwrap().role_arn, ROLE_ARN);
    let in_both = drafted(|draft| draft.body = body.to_string().into_bytes());
    assert_eq!(in_both.unwrap().role_arn, ROLE_ARN);
}

#[test]
fn arns_that_are_missing_repeated_or_different_are_refused() {
    for (parameter, name) in [
        (Parameter::TrustAnchorArn, "trustAnchorArn"),
        (Parameter::ProfileArn, "profileArn"),
        (Parameter::RoleArn, "roleArn"),
    ] {
        let refusal = drafted(|draft| draft.query.retain(|(sent, _)| sent != name));
        assert_eq!(refusal.unwrap_err(), Refusal::ArnMissing { parameter });
        let refusal = drafted(|draft| {
            let sent = draft
                .query
                .iter()
                .find(|(sent, _)| sent == name)
                .unwrap()
                .clone();
            draft.query.push(sent);
        });
        assert_eq!(refusal.unwrap_err(), Refusal::ArnRepeated { parameter });
        let refusal = with_body(&format!("{{\"{name}\":\"arn:aws:x\"}}"));
        assert_eq!(refusal.unwrap_err(), Refusal::ArnsDiffer { parameter });
    }
}

#[test]
fn a_malformed_trust_anchor_or_profile_arn_is_refused() {
    for arn in [
        "",
        "x",
        "arn:aws:rolesanywhere:eu-central-1:123456789012",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a/b",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:subject/a",
        "arn:aws:rolesanywhere:eu-central-1:12345678901:trust-anchor/a",
        "arn:aws:rolesanywhere:eu-central-1:12345678901x:trust-anchor/a",
        "arn:aws:rolesanywhere::123456789012:trust-anchor/a",
        "arn:aws:rolesanywhere:EU:123456789012:trust-anchor/a",
        "arn:aws:iam:eu-central-1:123456789012:trust-anchor/a",
        "arn:other:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
        "arn:aws-:rolesanywhere:eu-central-1:123456789012:trust-anchor/a b",
        "ARN:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
        ROLE_ARN,
        PROFILE_ARN,
    ] {
        let parameters = [
            ("profileArn", PROFILE_ARN),
            ("roleArn", ROLE_ARN),
            ("trustAnchorArn", arn),
        ];
        let expected = Refusal::TrustAnchorArnMalformed {
            sent: arn.to_owned(),
        };
        assert_eq!(with_query(&parameters).unwrap_err(), expected);
        let arn = arn
            .replace("trust-anchor", "profile")
            .replace(PROFILE_ARN, TRUST_ANCHOR_ARN);
        let parameters = [
            ("profileArn", &*arn),
            ("roleArn", ROLE_ARN),
            ("trustAnchorArn", TRUST_ANCHOR_ARN),
        ];
        let expected = Refusal::ProfileArnMalformed { sent: arn.clone() };
        assert_eq!(with_query(&parameters).unwrap_err(), expected);
    }
    let refusal = drafted(|draft| {
        draft.query.retain(|(name, _)| name != "trustAnchorArn");
        draft.body = b"{\"trustAnchorArn\":7}".to_vec();
    });
    let expected = Refusal::TrustAnchorArnMalformed {
        sent: "7".to_owned(),
    };
    assert_eq!(refusal.unwrap_err(), expected);
}

#[test]
fn a_malformed_role_arn_is_refused() {
    let long = format!("arn:aws:iam::123456789012:role/{}", "r".repeat(1000));
    for arn in [
        "",
        "ci-role",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/path/",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:iam::123456789012:role/é",
        "arn:aws:iam::123456789012:user/ci-role",
        "arn:aws:iam:eu-central-1:123456789012:role/ci-role",
        "arn:aws:iam:::role/ci-role",
        "arn:aws:sts::123456789012:assumed-role/ci-role/x",
        TRUST_ANCHOR_ARN,
        &long,
    ] {
        let parameters = [
            ("profileArn", PROFILE_ARN),
            ("roleArn", arn),
            ("trustAnchorArn", TRUST_ANCHOR_ARN),
        ];
        let expected = Refusal::RoleArnMalformed {
            sent: arn.to_owned(),
        };
        assert_eq!(with_query(&parameters).unwrap_err(), expected);
    }
}

#[test]
fn other_partitions_are_as_good() {
    let in_china = |arn: &str| arn.replace("arn:aws:", "arn:aws-cn:");
    let verified = drafted(|draft| {
        for (_, arn) in &mut draft.query {
            *arn = in_china(arn);
        }
    });
    assert_eq!(verified.unwrap().partition, "aws-cn");
}

#[test]
fn the_trust_anchor_and_the_profile_are_in_one_region() {
    let profile = PROFILE_ARN.replace("eu-central-1", "us-east-1");
    let parameters = [
        ("profileArn", &*profile),
        ("roleArn", ROLE_ARN),
        ("trustAnchorArn", TRUST_ANCHOR_ARN),
    ];
    let expected = Refusal::RegionsDiffer {
        trust_anchor: "eu-central-1".to_owned(),
        profile: "us-east-1".to_owned(),
    };
    assert_eq!(with_query(&parameters).unwrap_err(), expected);
}

#[test]
fn signature_is_checked_before_the_parameters() {
    // A wrong signature hides faults of the parameters.
    let refusal = tampered(|request| request.body = b"not json".to_vec());
    assert_eq!(refusal.unwrap_err(), Refusal::SignatureInvalid);
    let refusal = tampered(|request| {
        let later = amz_date(NOW + Duration::seconds(1));
        *header_mut(request, "x-amz-date") = later;
    });
    assert_eq!(refusal.unwrap_err(), Refusal::SignatureInvalid);
}

#[test]
fn messages_of_the_real_service_are_marked() {
    assert_eq!(Refusal::SignatureInvalid.message(), "Invalid signature");
    assert!(Refusal::SignatureInvalid.message_was_seen());
    assert_eq!(Refusal::SignatureInvalid.code(), "AccessDeniedException");
    let (_, identity) = simple();
    let refusal = verify(&Draft::new(&identity, NOW).sign(&identity), &[], NOW).unwrap_err();
    assert_eq!(refusal.message(), "Untrusted Signing Certificate");
    assert!(refusal.message_was_seen());
    assert!(!Refusal::AuthorizationMissing.message_was_seen());
}
