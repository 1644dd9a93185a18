//! The tables of README.md say what the code does.

use std::fmt::Debug;

use rolesanywhere_emulator::FaultKind;
use rolesanywhere_emulator::Parameter;
use rolesanywhere_emulator::PathFault;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::StsRefusal;
use rolesanywhere_emulator::UntaggableAttributes;

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
        Refusal::CertificateRevoked {
            serial_number: text(),
        },
        Refusal::AttributesUntaggable {
            role_arn: text(),
            attributes: UntaggableAttributes::default(),
        },
        Refusal::TrustAnchorNotFound { arn: text() },
        Refusal::ProfileNotFound { arn: text() },
    ]
}

/// The name of a variant, as `Debug` has it.
fn name(refusal: &impl Debug) -> String {
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

/// One of each that STS gives.
fn sts_refusals() -> Vec<StsRefusal> {
    let of_any_request = [
        Refusal::BodyTooLarge { limit_bytes: 1 },
        Refusal::MethodNotAllowed {
            method: String::new(),
        },
        Refusal::AuthorizationMissing,
        Refusal::AuthorizationMalformed { reason: "" },
        Refusal::CredentialMalformed {
            sent: String::new(),
        },
        Refusal::SignedHeadersUnsorted,
        Refusal::AlgorithmUnknown {
            sent: String::new(),
        },
        Refusal::HeaderMissing { name: "" },
        Refusal::HeaderRepeated { name: "" },
        Refusal::HeaderUnsigned { name: "" },
        Refusal::SignedHeaderAbsent {
            name: String::new(),
        },
        Refusal::ScopeService {
            sent: String::new(),
        },
        Refusal::ScopeTerminator {
            sent: String::new(),
        },
        Refusal::DateMalformed {
            sent: String::new(),
        },
        Refusal::ScopeDate {
            sent: String::new(),
            expected: String::new(),
        },
    ];
    let text = String::new;
    let mut refusals: Vec<StsRefusal> = of_any_request.map(StsRefusal::Request).into();
    refusals.extend([
        StsRefusal::FormMalformed,
        StsRefusal::ParameterRepeated { name: text() },
        StsRefusal::ActionMissing,
        StsRefusal::ActionUnknown {
            action: text(),
            version: text(),
        },
        StsRefusal::AccessKeyUnknown {
            access_key_id: text(),
        },
        StsRefusal::SessionTokenMissing,
        StsRefusal::SessionTokenMismatch,
        StsRefusal::ScopeRegionUnknown { sent: text() },
        StsRefusal::DateSkewed {
            sent: NOW,
            now: NOW,
        },
        StsRefusal::SignatureInvalid,
        StsRefusal::SessionExpired { expiration: NOW },
        StsRefusal::ParametersInvalid {
            violations: Vec::new(),
        },
        StsRefusal::RoleArnMalformed { sent: text() },
        StsRefusal::PolicyArnMalformed { sent: text() },
        StsRefusal::PolicyMalformed { reason: "" },
        StsRefusal::AssumeRoleDenied {
            caller: text(),
            role_arn: text(),
            reason: "",
        },
        StsRefusal::TagRepeated { key: text() },
        StsRefusal::TransitiveTagInherited { key: text() },
        StsRefusal::TransitiveTagUnsent { key: text() },
        StsRefusal::SourceIdentityDiffers {
            sent: text(),
            set: text(),
        },
        StsRefusal::ChainedDurationTooLong { seconds: 1 },
        StsRefusal::DurationAboveRoleMaximum {
            seconds: 2,
            maximum_seconds: 1,
        },
        StsRefusal::PackedPolicyTooLarge {
            percent: 101,
            has_policy: true,
        },
    ]);
    refusals
}

#[test]
fn every_refusal_of_sts_is_in_its_table() {
    let (_, section) = README.split_once("## STS\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for refusal in sts_refusals() {
        let name = match &refusal {
            StsRefusal::Request(refusal) => format!("Request({})", name(refusal)),
            other => name(other),
        };
        let seen = if refusal.message_was_seen() {
            "yes"
        } else {
            "no"
        };
        let (status, code) = (refusal.status(), refusal.code());
        let row = format!("| `{name}` | {status} | `{code}` | {seen} |");
        assert_eq!(section.matches(&row).count(), 1, "no row {row}");
    }
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), sts_refusals().len());
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
