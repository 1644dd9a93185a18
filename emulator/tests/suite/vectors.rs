//! Requests that AWS's own helper has sent, byte for byte, judged with the clock at their date.

use rolesanywhere_emulator::PathFault;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::trust_anchors_from_pem;
use rolesanywhere_emulator::verify;
use serde_json::Value;
use time::Duration;
use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::support::fixture;
use crate::support::fixtures;
use crate::support::header;

type IsExpected = fn(&Refusal) -> bool;

/// Captured requests that the service would refuse, and why. A case that is not refused any more
/// fails the test as much as one that is refused and not in here.
const REFUSED: [(&str, IsExpected); 30] = [
    ("certificate-ca-as-leaf", |r| matches!(r, Refusal::CaAsLeaf)),
    ("certificate-expired", |r| {
        matches!(r, Refusal::CertificateExpired { .. })
    }),
    ("certificate-no-extensions", |r| {
        matches!(r, Refusal::KeyUsageMissing)
    }),
    ("certificate-not-yet-valid", |r| {
        matches!(r, Refusal::CertificateNotYetValid { .. })
    }),
    ("chain-6", |r| {
        matches!(
            r,
            Refusal::ChainTooLong {
                certificates: 6,
                limit: 5
            }
        )
    }),
    ("chain-fullchain-in-certificate", is_issuer_missing),
    ("chain-missing-but-needed", is_issuer_missing),
    ("duration--1", |r| {
        matches!(r, Refusal::DurationOutOfRange { seconds: -1 })
    }),
    ("duration-0", |r| {
        matches!(r, Refusal::DurationOutOfRange { seconds: 0 })
    }),
    ("duration-2147483647", |r| {
        matches!(r, Refusal::DurationOutOfRange { .. })
    }),
    ("duration-2147483648", |r| {
        matches!(r, Refusal::DurationOutOfRange { .. })
    }),
    ("duration-4294967297", |r| {
        matches!(r, Refusal::DurationOutOfRange { .. })
    }),
    ("duration-43201", |r| {
        matches!(r, Refusal::DurationOutOfRange { seconds: 43201 })
    }),
    ("duration-899", |r| {
        matches!(r, Refusal::DurationOutOfRange { seconds: 899 })
    }),
    ("host-region-flag", |r| {
        matches!(r, Refusal::ScopeRegion { .. })
    }),
    ("key-mismatch-rsa", |r| {
        matches!(r, Refusal::SignatureInvalid)
    }),
    ("key-mismatch-type", |r| {
        matches!(r, Refusal::AlgorithmMismatch { .. })
    }),
    ("pr-arn-wrong-service", |r| {
        matches!(r, Refusal::ProfileArnMalformed { .. })
    }),
    ("region-empty-in-arns", |r| {
        matches!(r, Refusal::TrustAnchorArnMalformed { .. })
    }),
    ("region-override", |r| {
        matches!(r, Refusal::ScopeRegion { .. })
    }),
    ("role-arn-absent", |r| {
        matches!(r, Refusal::RoleArnMalformed { .. })
    }),
    ("role-arn-empty", |r| {
        matches!(r, Refusal::RoleArnMalformed { .. })
    }),
    ("role-arn-not-an-arn", |r| {
        matches!(r, Refusal::RoleArnMalformed { .. })
    }),
    ("role-arn-other-service", |r| {
        matches!(r, Refusal::RoleArnMalformed { .. })
    }),
    // The helper sends a plus sign for a space, and signs the space.
    ("role-arn-spaces", |r| {
        matches!(r, Refusal::SignatureInvalid)
    }),
    ("role-arn-unicode", |r| {
        matches!(r, Refusal::RoleArnMalformed { .. })
    }),
    ("role-session-name-long", |r| {
        matches!(r, Refusal::SessionNameInvalid { .. })
    }),
    ("role-session-name-odd", |r| {
        matches!(r, Refusal::SessionNameInvalid { .. })
    }),
    ("role-session-name-one-letter", |r| {
        matches!(r, Refusal::SessionNameInvalid { .. })
    }),
    ("ta-arn-wrong-service", |r| {
        matches!(r, Refusal::TrustAnchorArnMalformed { .. })
    }),
];

/// One per kind of key, and chains: if these were missing, the run would prove little.
const INDISPENSABLE: [&str; 15] = [
    "key-rsa2048",
    "key-rsa3072",
    "key-rsa4096",
    "key-ec256",
    "key-ec384",
    "key-ec521",
    "key-mldsa44",
    "key-mldsa65",
    "key-mldsa87",
    "chain-5",
    "chain-unordered",
    "chain-with-root",
    "chain-ec",
    "certificate-serial-20-octets",
    "endpoint-path",
];

struct Captured {
    case: String,
    request: ReceivedRequest,
    is_verified: bool,
    now: OffsetDateTime,
}

fn captured() -> Vec<Captured> {
    let folder = fixtures().join("create_session");
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("CANNOT TEST without {}: {error}", folder.display()));
    let mut captured: Vec<Captured> = files
        .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
        .flat_map(|case: Value| captured_in(&case))
        .collect();
    captured.sort_by(|left, right| left.case.cmp(&right.case));
    captured
}

fn captured_in(case: &Value) -> Vec<Captured> {
    let requests = case["expect"]["requests"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    // A CONNECT to a proxy is not a request to the service; it has no headers here.
    requests
        .iter()
        .filter(|request| request["headers"].is_array())
        .map(|r| one(case, r))
        .collect()
}

fn one(case: &Value, request: &Value) -> Captured {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = request["headers"].as_array().unwrap().iter();
    let received = ReceivedRequest {
        method: text(&request["method"]),
        target: text(&request["target"]),
        headers: headers
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
        body: text(&request["body"]).into_bytes(),
    };
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let now = PrimitiveDateTime::parse(header(&received, "x-amz-date"), format).unwrap();
    Captured {
        case: text(&case["name"]),
        request: received,
        is_verified: request["signature_verified"] == true,
        now: now.assume_utc(),
    }
}

#[test]
fn every_captured_request_is_judged_as_the_service_would() {
    let anchors = trust_anchors_from_pem(&fixture("pki/root.pem")).unwrap();
    let captured = captured();
    for captured in &captured {
        let judged = verify(&captured.request, &anchors, captured.now);
        let expected = REFUSED.iter().find(|(case, _)| *case == captured.case);
        match (&judged, expected) {
            (Ok(_), None) => {}
            (Err(refusal), Some((_, is_expected))) if is_expected(refusal) => {}
            _ => panic!("{}: {judged:?}", captured.case),
        }
        if judged.is_ok() {
            assert!(captured.is_verified, "{}", captured.case);
        }
    }
    for case in REFUSED.iter().map(|(case, _)| case).chain(&INDISPENSABLE) {
        let is_there = captured.iter().any(|captured| captured.case == *case);
        assert!(is_there, "no captured request of the case {case}");
    }
    assert!(captured.len() > 200, "only {} requests", captured.len());
}

#[test]
fn no_captured_request_is_accepted_more_than_five_minutes_off() {
    let anchors = trust_anchors_from_pem(&fixture("pki/root.pem")).unwrap();
    for captured in captured() {
        if !INDISPENSABLE.contains(&captured.case.as_str()) {
            continue;
        }
        for (seconds, is_accepted) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let now = captured.now + Duration::seconds(seconds);
            let judged = verify(&captured.request, &anchors, now);
            let is_skewed = matches!(judged, Err(Refusal::DateSkewed { .. }));
            assert_eq!(
                (judged.is_ok(), is_skewed),
                (is_accepted, !is_accepted),
                "{seconds}"
            );
        }
    }
}

#[test]
fn no_captured_request_is_accepted_by_another_trust_anchor() {
    let anchors = trust_anchors_from_pem(&fixture("pki/tls-ca.pem")).unwrap();
    for captured in captured() {
        if INDISPENSABLE.contains(&captured.case.as_str()) {
            let refusal = verify(&captured.request, &anchors, captured.now).unwrap_err();
            assert!(
                is_issuer_missing(&refusal),
                "{}: {refusal:?}",
                captured.case
            );
        }
    }
}

fn is_issuer_missing(refusal: &Refusal) -> bool {
    let Refusal::ChainUntrusted { reason } = refusal else {
        return false;
    };
    matches!(reason, PathFault::IssuerMissing { .. })
}
