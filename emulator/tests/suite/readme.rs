//! The tables of README.md say what the code does.

use rolesanywhere_emulator::FaultKind;
use rolesanywhere_emulator::Parameter;
use rolesanywhere_emulator::PathFault;
use rolesanywhere_emulator::Refusal;

use crate::support::NOW;

const README: &str = include_str!("../../README.md");

/// One of each.
fn refusals() -> Vec<Refusal> {
    let (text, parameter) = (String::new, Parameter::RoleArn);
    vec![
        Refusal::PathUnknown { path: text() },
        Refusal::MethodNotAllowed { method: text() },
        Refusal::BodyTooLarge { limit_bytes: 1 },
        Refusal::AuthorizationMissing,
        Refusal::AuthorizationMalformed { reason: "" },
        Refusal::AlgorithmUnknown { sent: text() },
        Refusal::AlgorithmMismatch {
            sent: "",
            expected: "",
        },
        Refusal::HeaderMissing { name: "" },
        Refusal::HeaderRepeated { name: "" },
        Refusal::HeaderUnsigned { name: "" },
        Refusal::SignedHeaderAbsent { name: text() },
        Refusal::SignedHeadersUnsorted,
        Refusal::DateMalformed { sent: text() },
        Refusal::DateSkewed {
            sent: NOW,
            now: NOW,
        },
        Refusal::CredentialMalformed { sent: text() },
        Refusal::SerialMismatch {
            sent: text(),
            certificate: text(),
        },
        Refusal::ScopeDate {
            sent: text(),
            expected: text(),
        },
        Refusal::ScopeRegion {
            sent: text(),
            expected: text(),
        },
        Refusal::ScopeService { sent: text() },
        Refusal::ScopeTerminator { sent: text() },
        Refusal::SignatureInvalid,
        Refusal::CertificateMalformed { reason: "" },
        Refusal::PublicKeyUnsupported { algorithm: text() },
        Refusal::CertificateNotVersion3,
        Refusal::CaAsLeaf,
        Refusal::KeyUsageMissing,
        Refusal::KeyUsageNotDigitalSignature,
        Refusal::CertificateHashWeak { hash: "" },
        Refusal::CertificateExtensionUnknown { oid: text() },
        Refusal::CertificateExpired { not_after: NOW },
        Refusal::CertificateNotYetValid { not_before: NOW },
        Refusal::ChainTooLong {
            certificates: 6,
            limit: 5,
        },
        Refusal::ChainMalformed {
            position: 1,
            reason: "",
        },
        Refusal::ChainUntrusted {
            reason: PathFault::TooManySignatureChecks,
        },
        Refusal::BodyNotJson,
        Refusal::BodyNotObject,
        Refusal::ArnMissing { parameter },
        Refusal::ArnRepeated { parameter },
        Refusal::ArnsDiffer { parameter },
        Refusal::TrustAnchorArnMalformed { sent: text() },
        Refusal::ProfileArnMalformed { sent: text() },
        Refusal::RoleArnMalformed { sent: text() },
        Refusal::RegionsDiffer {
            trust_anchor: text(),
            profile: text(),
        },
        Refusal::DurationNotInteger { sent: text() },
        Refusal::DurationOutOfRange { seconds: 1 },
        Refusal::DurationAboveRoleMaximum {
            seconds: 2,
            maximum_seconds: 1,
        },
        Refusal::SessionNameInvalid { sent: text() },
        Refusal::SessionNameNotAccepted { sent: text() },
        Refusal::TrustAnchorNotFound { arn: text() },
        Refusal::ProfileNotFound { arn: text() },
    ]
}

/// The name of a variant, as `Debug` has it.
fn name(refusal: &Refusal) -> String {
    let debug = format!("{refusal:?}");
    debug.split([' ', '(']).next().unwrap().to_owned()
}

#[test]
fn every_refusal_is_in_the_table() {
    for refusal in refusals() {
        let (name, status, code) = (name(&refusal), refusal.status(), refusal.code());
        let seen = if refusal.message_was_seen() {
            "yes"
        } else {
            "no"
        };
        let row = format!("| `{name}` | {status} | `{code}` | {seen} |");
        assert_eq!(README.matches(&row).count(), 1, "no row {row}");
    }
}

#[test]
fn the_table_has_no_refusal_that_is_gone() {
    let rows = README.lines().filter(|line| line.contains("Exception` | "));
    assert_eq!(rows.count(), refusals().len());
}

#[test]
fn every_fault_of_the_table_is_parsed() {
    let specs: Vec<&str> = README
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once("` | ")
                .map(|(spec, _)| spec)
        })
        .filter(|spec| spec.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    let kinds: Vec<FaultKind> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    for (count, is_kind) in [
        (
            1,
            (|kind| matches!(kind, FaultKind::Throttle)) as fn(&FaultKind) -> bool,
        ),
        (1, |kind| matches!(kind, FaultKind::Quota { .. })),
        (1, |kind| matches!(kind, FaultKind::Status { .. })),
        (1, |kind| matches!(kind, FaultKind::Error { .. })),
        (1, |kind| matches!(kind, FaultKind::Drop)),
        (1, |kind| matches!(kind, FaultKind::Slow { .. })),
        (1, |kind| matches!(kind, FaultKind::CutBody)),
        (2, |kind| matches!(kind, FaultKind::Html { .. })),
        (1, |kind| matches!(kind, FaultKind::ClockSkew { .. })),
        (1, |kind| matches!(kind, FaultKind::ExpiresIn { .. })),
    ] {
        assert_eq!(
            kinds.iter().filter(|kind| is_kind(kind)).count(),
            count,
            "{specs:?}"
        );
    }
}
