//! Refusals put into words for the operator. What came from outside is escaped in all of them.

use std::fmt;

use crate::escaped::Escaped;
use crate::refusal::Refusal;
use crate::timestamp::Timestamp;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::PathUnknown { path } => {
                write!(
                    f,
                    "the path \"{}\" does not end in /sessions",
                    Escaped(path)
                )
            }
            Refusal::MethodNotAllowed { method } => {
                write!(f, "the method {} is not POST", Escaped(method))
            }
            Refusal::BodyTooLarge { limit_bytes } => {
                write!(f, "the body is longer than {limit_bytes} bytes")
            }
            Refusal::AuthorizationMissing => f.write_str("there is no Authorization header"),
            Refusal::AuthorizationMalformed { reason } => {
                write!(f, "the Authorization header is malformed: {reason}")
            }
            Refusal::AlgorithmUnknown { sent } => {
                write!(f, "the algorithm \"{}\" is not known here", Escaped(sent))
            }
            Refusal::AlgorithmMismatch { sent, expected } => {
                write!(
                    f,
                    "the algorithm is {sent}, and the certificate's key is for {expected}"
                )
            }
            Refusal::HeaderMissing { name } => write!(f, "there is no {name} header"),
            Refusal::HeaderRepeated { name } => write!(f, "the {name} header is there twice"),
            Refusal::HeaderUnsigned { name } => write!(f, "the {name} header is not signed"),
            Refusal::SignedHeaderAbsent { name } => {
                write!(f, "the signed header \"{}\" is not there", Escaped(name))
            }
            Refusal::SignedHeadersUnsorted => {
                f.write_str("the signed headers are not in ascending order")
            }
            Refusal::DateMalformed { sent } => {
                write!(
                    f,
                    "the date \"{}\" is not of the form YYYYMMDDTHHMMSSZ",
                    Escaped(sent)
                )
            }
            Refusal::DateSkewed { sent, now } => {
                let seconds = (*sent - *now).whole_seconds();
                let (sent, now) = (Timestamp(*sent), Timestamp(*now));
                write!(
                    f,
                    "the date {sent} is {seconds} s away from the service's {now}"
                )
            }
            Refusal::CredentialMalformed { sent } => {
                write!(
                    f,
                    "the credential \"{}\" does not have five parts",
                    Escaped(sent)
                )
            }
            Refusal::SerialMismatch { sent, certificate } => {
                let sent = Escaped(sent);
                write!(
                    f,
                    "the serial number \"{sent}\" is not the certificate's {certificate}"
                )
            }
            Refusal::ScopeDate { sent, expected } => {
                write!(
                    f,
                    "the scope's date \"{}\" is not {expected}",
                    Escaped(sent)
                )
            }
            Refusal::ScopeRegion { sent, expected } => {
                let sent = Escaped(sent);
                write!(
                    f,
                    "the scope's region \"{sent}\" is not the trust anchor's {expected}"
                )
            }
            Refusal::ScopeService { sent } => {
                write!(
                    f,
                    "the scope's service \"{}\" is not rolesanywhere",
                    Escaped(sent)
                )
            }
            Refusal::ScopeTerminator { sent } => {
                write!(
                    f,
                    "the scope's end \"{}\" is not aws4_request",
                    Escaped(sent)
                )
            }
            Refusal::SignatureInvalid => {
                f.write_str("the key of the certificate did not sign this request")
            }
            Refusal::CertificateMalformed { reason } => {
                write!(f, "x-amz-x509 is not a certificate: {reason}")
            }
            Refusal::PublicKeyUnsupported { algorithm } => {
                write!(
                    f,
                    "the certificate's key cannot be verified here: {algorithm}"
                )
            }
            Refusal::CertificateNotVersion3 => {
                f.write_str("the end-entity certificate is not X.509 version 3")
            }
            Refusal::CaAsLeaf => f.write_str("the end-entity certificate is a CA"),
            Refusal::KeyUsageMissing => {
                f.write_str("the end-entity certificate has no key usage extension")
            }
            Refusal::KeyUsageNotDigitalSignature => {
                f.write_str("the key usage of the end-entity certificate lacks digitalSignature")
            }
            Refusal::CertificateHashWeak { hash } => {
                write!(f, "the end-entity certificate is signed with {hash}")
            }
            Refusal::CertificateExtensionUnknown { oid } => {
                write!(
                    f,
                    "the end-entity certificate has the unknown critical extension {oid}"
                )
            }
            Refusal::CertificateExpired { not_after } => {
                write!(
                    f,
                    "the end-entity certificate expired at {}",
                    Timestamp(*not_after)
                )
            }
            Refusal::CertificateNotYetValid { not_before } => {
                let not_before = Timestamp(*not_before);
                write!(
                    f,
                    "the end-entity certificate is not valid before {not_before}"
                )
            }
            Refusal::ChainTooLong {
                certificates,
                limit,
            } => {
                write!(
                    f,
                    "the chain has {certificates} certificates, more than {limit}"
                )
            }
            Refusal::ChainMalformed { position, reason } => {
                write!(
                    f,
                    "number {position} of the chain is not a certificate: {reason}"
                )
            }
            Refusal::ChainUntrusted { reason } => {
                write!(f, "the chain does not lead to a trust anchor: {reason}")
            }
            Refusal::BodyNotJson => f.write_str("the body is not JSON"),
            Refusal::BodyNotObject => f.write_str("the body is not a JSON object"),
            Refusal::ArnMissing { parameter } => {
                write!(f, "{parameter} is neither in the query nor in the body")
            }
            Refusal::ArnRepeated { parameter } => {
                write!(f, "{parameter} is in the query more than once")
            }
            Refusal::ArnsDiffer { parameter } => {
                write!(f, "{parameter} in the query differs from that in the body")
            }
            Refusal::TrustAnchorArnMalformed { sent } => {
                write!(
                    f,
                    "trustAnchorArn \"{}\" is not an ARN of a trust anchor",
                    Escaped(sent)
                )
            }
            Refusal::ProfileArnMalformed { sent } => {
                write!(
                    f,
                    "profileArn \"{}\" is not an ARN of a profile",
                    Escaped(sent)
                )
            }
            Refusal::RoleArnMalformed { sent } => {
                write!(f, "roleArn \"{}\" is not an ARN of a role", Escaped(sent))
            }
            Refusal::RegionsDiffer {
                trust_anchor,
                profile,
            } => {
                write!(
                    f,
                    "the trust anchor is in {trust_anchor}, the profile in {profile}"
                )
            }
            Refusal::DurationNotInteger { sent } => {
                write!(f, "durationSeconds {} is not a whole number", Escaped(sent))
            }
            Refusal::DurationOutOfRange { seconds } => {
                write!(f, "durationSeconds {seconds} is not within 900 to 43200")
            }
            Refusal::DurationAboveRoleMaximum {
                seconds,
                maximum_seconds,
            } => {
                write!(
                    f,
                    "{seconds} s are longer than the role's maximum of {maximum_seconds} s"
                )
            }
            Refusal::SessionNameInvalid { sent } => {
                write!(
                    f,
                    "roleSessionName \"{}\" is not [\\w+=,.@-]{{2,64}}",
                    Escaped(sent)
                )
            }
            Refusal::SessionNameNotAccepted { sent } => {
                write!(
                    f,
                    "roleSessionName \"{}\" is not accepted by the profile",
                    Escaped(sent)
                )
            }
            Refusal::CertificateRevoked { serial_number } => {
                write!(
                    f,
                    "the certificate with serial number {serial_number} is revoked"
                )
            }
            Refusal::AttributesUntaggable { attributes, .. } => {
                let attributes = attributes.to_string();
                let attributes = Escaped(&attributes);
                write!(
                    f,
                    "session tags refuse characters of the certificate. {attributes}"
                )
            }
            Refusal::TrustAnchorNotFound { arn } => {
                write!(f, "there is no trust anchor {}", Escaped(arn))
            }
            Refusal::ProfileNotFound { arn } => write!(f, "there is no profile {}", Escaped(arn)),
        }
    }
}
