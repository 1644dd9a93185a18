//! All reasons for refusing a request. One variant is one fact; the client's answer is derived from it
//! in one place.

use std::borrow::Cow;
use std::error::Error;

use time::OffsetDateTime;

use crate::certificate_path::PathFault;
use crate::parameter::Parameter;
use crate::session_tag::UntaggableAttributes;

/// A reason for refusing a request.
///
/// `Display` is the reason, for the operator of the emulator. [`status`](Refusal::status),
/// [`code`](Refusal::code) and [`message`](Refusal::message) are what the client gets.
///
/// Only few of the messages are known from the real service, as
/// [`message_was_seen`](Refusal::message_was_seen) says. All others are **made up here and were never
/// observed**: a client must not depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The path does not end in `/sessions`.
    PathUnknown {
        /// The path.
        path: String,
    },
    /// The method is not `POST`.
    MethodNotAllowed {
        /// The method.
        method: String,
    },
    /// The body is longer than the emulator reads.
    BodyTooLarge {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// The `Authorization` header is missing.
    AuthorizationMissing,
    /// The `Authorization` header is not of the form of SigV4.
    AuthorizationMalformed {
        /// The fault.
        reason: &'static str,
    },
    /// The algorithm is not one of SigV4-X509 that can be verified here.
    AlgorithmUnknown {
        /// The algorithm.
        sent: String,
    },
    /// The algorithm is not that of the certificate's key. (It follows the key, not the
    /// algorithm with which the certificate itself was signed.)
    AlgorithmMismatch {
        /// The algorithm.
        sent: &'static str,
        /// The one for this key.
        expected: &'static str,
    },
    /// A header that has to be there is not.
    HeaderMissing {
        /// Its name.
        name: &'static str,
    },
    /// A header is there more than once.
    HeaderRepeated {
        /// Its name.
        name: &'static str,
    },
    /// A header that has to be signed is not.
    HeaderUnsigned {
        /// Its name.
        name: &'static str,
    },
    /// A header is listed as signed, but it is not there.
    SignedHeaderAbsent {
        /// Its name.
        name: String,
    },
    /// The signed headers are not in ascending order, or one is listed twice.
    SignedHeadersUnsorted,
    /// `X-Amz-Date` is not of the form `YYYYMMDDTHHMMSSZ`.
    DateMalformed {
        /// The date.
        sent: String,
    },
    /// `X-Amz-Date` is more than five minutes away from the service's clock.
    DateSkewed {
        /// The date.
        sent: OffsetDateTime,
        /// The service's time.
        now: OffsetDateTime,
    },
    /// The credential does not have the five parts of `serial/date/region/service/aws4_request`.
    CredentialMalformed {
        /// The credential.
        sent: String,
    },
    /// The serial number is not the certificate's, in decimal.
    SerialMismatch {
        /// The serial number in the credential.
        sent: String,
        /// The certificate's.
        certificate: String,
    },
    /// The scope's date is not the day of `X-Amz-Date`.
    ScopeDate {
        /// The date in the scope.
        sent: String,
        /// The day of `X-Amz-Date`.
        expected: String,
    },
    /// The scope's region is not that of the trust anchor.
    ScopeRegion {
        /// The region in the scope.
        sent: String,
        /// The trust anchor's.
        expected: String,
    },
    /// The scope's service is not `rolesanywhere`.
    ScopeService {
        /// The service.
        sent: String,
    },
    /// The scope does not end in `aws4_request`.
    ScopeTerminator {
        /// The end.
        sent: String,
    },
    /// The key of the certificate did not sign this request.
    SignatureInvalid,
    /// `X-Amz-X509` is not base64 of a DER certificate.
    CertificateMalformed {
        /// The fault.
        reason: &'static str,
    },
    /// The key of the end-entity certificate is of a kind that cannot be verified here.
    PublicKeyUnsupported {
        /// The key's algorithm.
        algorithm: String,
    },
    /// The end-entity certificate is not X.509 version 3.
    CertificateNotVersion3,
    /// The end-entity certificate is a CA (RFC 5280 section 4.2.1.9).
    CaAsLeaf,
    /// The end-entity certificate has no key usage extension (RFC 5280 section 4.2.1.3).
    KeyUsageMissing,
    /// The key usage of the end-entity certificate lacks digitalSignature.
    KeyUsageNotDigitalSignature,
    /// The end-entity certificate is signed with a hash weaker than SHA-256.
    CertificateHashWeak {
        /// The hash.
        hash: &'static str,
    },
    /// The end-entity certificate has a critical extension that is not known here (RFC 5280
    /// section 4.2).
    CertificateExtensionUnknown {
        /// The extension's object identifier.
        oid: String,
    },
    /// The end-entity certificate is not valid any more.
    CertificateExpired {
        /// The end of its validity.
        not_after: OffsetDateTime,
    },
    /// The end-entity certificate is not valid yet.
    CertificateNotYetValid {
        /// The start of its validity.
        not_before: OffsetDateTime,
    },
    /// `X-Amz-X509-Chain` has more certificates than the service takes.
    ChainTooLong {
        /// The number of certificates.
        certificates: usize,
        /// The limit.
        limit: usize,
    },
    /// A certificate of `X-Amz-X509-Chain` is not base64 of a DER certificate.
    ChainMalformed {
        /// Its number, the first being 1.
        position: usize,
        /// The fault.
        reason: &'static str,
    },
    /// No path leads from the end-entity certificate to a trust anchor.
    ChainUntrusted {
        /// Why not.
        reason: PathFault,
    },
    /// The body is not JSON.
    BodyNotJson,
    /// The body is JSON, but no object.
    BodyNotObject,
    /// An ARN is neither in the query nor in the body.
    ArnMissing {
        /// Its name.
        parameter: Parameter,
    },
    /// An ARN is in the query more than once.
    ArnRepeated {
        /// Its name.
        parameter: Parameter,
    },
    /// An ARN in the query is not the one in the body.
    ArnsDiffer {
        /// Its name.
        parameter: Parameter,
    },
    /// `trustAnchorArn` is not an ARN of a trust anchor.
    TrustAnchorArnMalformed {
        /// The text.
        sent: String,
    },
    /// `profileArn` is not an ARN of a profile.
    ProfileArnMalformed {
        /// The text.
        sent: String,
    },
    /// `roleArn` is not an ARN of a role.
    RoleArnMalformed {
        /// The text.
        sent: String,
    },
    /// The trust anchor and the profile are in different regions.
    RegionsDiffer {
        /// The trust anchor's region.
        trust_anchor: String,
        /// The profile's region.
        profile: String,
    },
    /// `durationSeconds` is not a whole JSON number.
    DurationNotInteger {
        /// The value.
        sent: String,
    },
    /// `durationSeconds` is not within 900 to 43200.
    DurationOutOfRange {
        /// The duration.
        seconds: i128,
    },
    /// The session would be longer than the role's MaxSessionDuration.
    DurationAboveRoleMaximum {
        /// The effective duration.
        seconds: u32,
        /// The role's.
        maximum_seconds: u32,
    },
    /// `roleSessionName` is not a text of `[\w+=,.@-]{2,64}`.
    SessionNameInvalid {
        /// The text.
        sent: String,
    },
    /// A `roleSessionName` was sent, and the profile has `acceptRoleSessionName=false`.
    SessionNameNotAccepted {
        /// The name.
        sent: String,
    },
    /// The end-entity certificate is configured as revoked.
    CertificateRevoked {
        /// Its serial number, in decimal.
        serial_number: String,
    },
    /// Attributes of the end-entity certificate have characters that session tags refuse.
    AttributesUntaggable {
        /// The role's ARN.
        role_arn: String,
        /// The attributes.
        attributes: UntaggableAttributes,
    },
    /// The trust anchor is configured as absent.
    TrustAnchorNotFound {
        /// The ARN.
        arn: String,
    },
    /// The profile is configured as absent, or is not one of those that are configured.
    ProfileNotFound {
        /// The ARN.
        arn: String,
    },
}

impl Refusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The error code, which is sent in `x-amzn-errortype`.
    pub fn code(&self) -> &'static str {
        self.answer().1
    }

    /// The message in the answer's body.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Refusal::SignatureInvalid => Cow::Borrowed("Invalid signature"),
            Refusal::ChainUntrusted { .. } => Cow::Borrowed("Untrusted Signing Certificate"),
            Refusal::ProfileNotFound { .. } => Cow::Borrowed("Invalid or empty profile provided."),
            Refusal::AttributesUntaggable {
                role_arn,
                attributes,
            } => Cow::Owned(format!(
                "Unable to assume role for {role_arn}. Some attributes failed to be mapped into \
                 session tags. {attributes}"
            )),
            unseen => Cow::Owned(unseen.to_string()),
        }
    }

    /// True if this message was observed from the real service.
    pub fn message_was_seen(&self) -> bool {
        matches!(
            self,
            Refusal::SignatureInvalid
                | Refusal::ChainUntrusted { .. }
                | Refusal::ProfileNotFound { .. }
                | Refusal::AttributesUntaggable { .. }
        )
    }

    fn answer(&self) -> (u16, &'static str) {
        match self {
            Refusal::PathUnknown { .. } => (404, "UnknownOperationException"),
            Refusal::MethodNotAllowed { .. } => (405, "UnknownOperationException"),
            Refusal::BodyTooLarge { .. } => (413, "RequestEntityTooLargeException"),
            Refusal::TrustAnchorNotFound { .. } => (404, "ResourceNotFoundException"),
            Refusal::BodyNotJson
            | Refusal::BodyNotObject
            | Refusal::ArnMissing { .. }
            | Refusal::ArnRepeated { .. }
            | Refusal::ArnsDiffer { .. }
            | Refusal::TrustAnchorArnMalformed { .. }
            | Refusal::ProfileArnMalformed { .. }
            | Refusal::RoleArnMalformed { .. }
            | Refusal::RegionsDiffer { .. }
            | Refusal::DurationNotInteger { .. }
            | Refusal::DurationOutOfRange { .. }
            | Refusal::DurationAboveRoleMaximum { .. }
            | Refusal::SessionNameInvalid { .. } => (400, "ValidationException"),
            Refusal::AuthorizationMissing
            | Refusal::AuthorizationMalformed { .. }
            | Refusal::AlgorithmUnknown { .. }
            | Refusal::AlgorithmMismatch { .. }
            | Refusal::HeaderMissing { .. }
            | Refusal::HeaderRepeated { .. }
            | Refusal::HeaderUnsigned { .. }
            | Refusal::SignedHeaderAbsent { .. }
            | Refusal::SignedHeadersUnsorted
            | Refusal::DateMalformed { .. }
            | Refusal::DateSkewed { .. }
            | Refusal::CredentialMalformed { .. }
            | Refusal::SerialMismatch { .. }
            | Refusal::ScopeDate { .. }
            | Refusal::ScopeRegion { .. }
            | Refusal::ScopeService { .. }
            | Refusal::ScopeTerminator { .. }
            | Refusal::SignatureInvalid
            | Refusal::CertificateMalformed { .. }
            | Refusal::PublicKeyUnsupported { .. }
            | Refusal::CertificateNotVersion3
            | Refusal::CaAsLeaf
            | Refusal::KeyUsageMissing
            | Refusal::KeyUsageNotDigitalSignature
            | Refusal::CertificateHashWeak { .. }
            | Refusal::CertificateExtensionUnknown { .. }
            | Refusal::CertificateExpired { .. }
            | Refusal::CertificateNotYetValid { .. }
            | Refusal::ChainTooLong { .. }
            | Refusal::ChainMalformed { .. }
            | Refusal::ChainUntrusted { .. }
            | Refusal::CertificateRevoked { .. }
            | Refusal::AttributesUntaggable { .. }
            | Refusal::ProfileNotFound { .. }
            | Refusal::SessionNameNotAccepted { .. } => (403, "AccessDeniedException"),
        }
    }
}

impl Error for Refusal {}
