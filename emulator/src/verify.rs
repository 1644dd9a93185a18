//! The judgement over one request: bytes, trust anchors and time in, facts or a refusal out. It
//! reads no clock, no file and no setting.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::Duration;
use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::authorization::Algorithm;
use crate::authorization::Authorization;
use crate::authorization::Credential;
use crate::canonical_request::CanonicalRequest;
use crate::certificate::CERTIFICATE_BYTES_MAX;
use crate::certificate::Certificate;
use crate::certificate::SignedWith;
use crate::certificate_path::find_path;
use crate::parameters::Arn;
use crate::parameters::Parameters;
use crate::public_key::PublicKey;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::session_tag::UntaggableAttributes;

/// The content of a verified request, signed by the certificate's key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedRequest {
    /// The end-entity certificate's subject, as text.
    pub subject: String,
    /// The subject's common names.
    pub common_names: Vec<String>,
    /// The end-entity certificate's serial number, in decimal.
    pub serial_number: String,
    /// The attributes of the end-entity certificate that session tags refuse.
    pub untaggable: UntaggableAttributes,
    /// The trust anchor's ARN.
    pub trust_anchor_arn: String,
    /// The profile's ARN.
    pub profile_arn: String,
    /// The role's ARN.
    pub role_arn: String,
    /// The trust anchor's partition, for example `aws`.
    pub partition: String,
    /// The region of the scope, the trust anchor and the profile.
    pub region: String,
    /// The account of the trust anchor.
    pub account: String,
    /// The account of the role.
    pub role_account: String,
    /// The role's name, without its path.
    pub role_name: String,
    /// `durationSeconds`, if it was sent.
    pub duration_seconds: Option<u32>,
    /// `roleSessionName`, if it was sent.
    pub role_session_name: Option<String>,
}

/// Verifies a request for `CreateSession`, as the service at the time `now` would.
///
/// In this order: path and method; form of the headers; what is signed; algorithm, serial
/// number, scope and date; the signature; the end-entity certificate; its path to one of
/// `trust_anchors` (DER); the parameters. The first thing that is wrong is the refusal. Trust
/// anchors that are no certificates are passed over.
///
/// # Errors
///
/// A [`Refusal`], for all that is wrong with the request.
pub fn verify(
    request: &ReceivedRequest,
    trust_anchors: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<VerifiedRequest, Refusal> {
    judge_route(request)?;
    let authorization = only_authorization(request).and_then(Authorization::parse)?;
    let algorithm = Algorithm::parse(authorization.algorithm)?;
    judge_headers(request, &REQUIRED_HEADERS)?;
    judge_signed_headers(request, &authorization, &signed_headers(request))?;
    let der = decode(only_header(request, X_AMZ_X509)?)
        .map_err(|reason| Refusal::CertificateMalformed { reason })?;
    let certificate =
        Certificate::from_der(&der).map_err(|reason| Refusal::CertificateMalformed { reason })?;
    let key = certificate
        .public_key()
        .map_err(|algorithm| Refusal::PublicKeyUnsupported { algorithm })?;
    judge_algorithm(algorithm, &key)?;
    judge_credential(&authorization.credential, &certificate)?;
    judge_date(request, &authorization, now)?;
    judge_signature(request, &authorization, &key)?;
    judge_end_entity(&certificate, now)?;
    judge_path(request, &certificate, trust_anchors, now)?;
    let parameters = Parameters::read(request)?;
    judge_region(&authorization, &parameters.trust_anchor)?;
    Ok(VerifiedRequest::new(&certificate, parameters))
}

impl VerifiedRequest {
    fn new(certificate: &Certificate<'_>, parameters: Parameters) -> VerifiedRequest {
        VerifiedRequest {
            subject: certificate.subject(),
            common_names: certificate.common_names(),
            serial_number: certificate.serial_number(),
            untaggable: certificate.untaggable_attributes(),
            role_name: parameters.role.role_name().to_owned(),
            trust_anchor_arn: parameters.trust_anchor.text,
            profile_arn: parameters.profile.text,
            role_arn: parameters.role.text,
            partition: parameters.trust_anchor.partition,
            region: parameters.trust_anchor.region,
            account: parameters.trust_anchor.account,
            role_account: parameters.role.account,
            duration_seconds: parameters.duration_seconds,
            role_session_name: parameters.role_session_name,
        }
    }
}

/// A prefix before `/sessions` is let through: an endpoint may have a path.
fn judge_route(request: &ReceivedRequest) -> Result<(), Refusal> {
    if !request.path().ends_with(SESSIONS_PATH) {
        return Err(Refusal::PathUnknown {
            path: request.path().to_owned(),
        });
    }
    if request.method != "POST" {
        return Err(Refusal::MethodNotAllowed {
            method: request.method.clone(),
        });
    }
    Ok(())
}

pub(crate) fn only_authorization(request: &ReceivedRequest) -> Result<&str, Refusal> {
    only_header(request, AUTHORIZATION).map_err(|refusal| match refusal {
        Refusal::HeaderMissing { .. } => Refusal::AuthorizationMissing,
        other => other,
    })
}

pub(crate) fn only_header<'a>(
    request: &'a ReceivedRequest,
    name: &'static str,
) -> Result<&'a str, Refusal> {
    let mut values = request.header_values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(Refusal::HeaderRepeated { name }),
        (None, _) => Err(Refusal::HeaderMissing { name }),
    }
}

/// Headers that have to be signed; a chain only if there is one.
fn signed_headers(request: &ReceivedRequest) -> Vec<&'static str> {
    let has_chain = request.header_values(X_AMZ_X509_CHAIN).next().is_some();
    let chain = has_chain.then_some(X_AMZ_X509_CHAIN);
    REQUIRED_HEADERS.into_iter().chain(chain).collect()
}

/// These headers are there, once.
pub(crate) fn judge_headers(
    request: &ReceivedRequest,
    required: &[&'static str],
) -> Result<(), Refusal> {
    for name in required {
        only_header(request, name)?;
    }
    Ok(())
}

/// These headers are signed, and all that are signed are there.
pub(crate) fn judge_signed_headers(
    request: &ReceivedRequest,
    authorization: &Authorization<'_>,
    signed: &[&'static str],
) -> Result<(), Refusal> {
    for name in signed {
        if !authorization.signed_headers.contains(name) {
            return Err(Refusal::HeaderUnsigned { name });
        }
    }
    for name in &authorization.signed_headers {
        if request.header_values(name).next().is_none() {
            return Err(Refusal::SignedHeaderAbsent {
                name: (*name).to_owned(),
            });
        }
    }
    Ok(())
}

fn judge_algorithm(sent: Algorithm, key: &PublicKey<'_>) -> Result<(), Refusal> {
    let expected = Algorithm::for_key(key);
    if sent == expected {
        return Ok(());
    }
    Err(Refusal::AlgorithmMismatch {
        sent: sent.name(),
        expected: expected.name(),
    })
}

fn judge_credential(
    credential: &Credential<'_>,
    certificate: &Certificate<'_>,
) -> Result<(), Refusal> {
    let serial_number = certificate.serial_number();
    if credential.key_id != serial_number {
        return Err(Refusal::SerialMismatch {
            sent: credential.key_id.to_owned(),
            certificate: serial_number,
        });
    }
    if credential.service != SERVICE {
        return Err(Refusal::ScopeService {
            sent: credential.service.to_owned(),
        });
    }
    if credential.terminator != TERMINATOR {
        return Err(Refusal::ScopeTerminator {
            sent: credential.terminator.to_owned(),
        });
    }
    Ok(())
}

fn judge_date(
    request: &ReceivedRequest,
    authorization: &Authorization<'_>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let sent = sent_date(request, &authorization.credential)?;
    if (sent - now).abs() > DATE_SKEW_MAX {
        return Err(Refusal::DateSkewed { sent, now });
    }
    Ok(())
}

/// `X-Amz-Date`, which is of the day of the scope.
pub(crate) fn sent_date(
    request: &ReceivedRequest,
    credential: &Credential<'_>,
) -> Result<OffsetDateTime, Refusal> {
    let text = only_header(request, X_AMZ_DATE)?;
    let malformed = || Refusal::DateMalformed {
        sent: text.to_owned(),
    };
    let sent = parse_date(text).ok_or_else(malformed)?;
    let day = text.split('T').next().unwrap_or_default();
    if credential.date != day {
        return Err(Refusal::ScopeDate {
            sent: credential.date.to_owned(),
            expected: day.to_owned(),
        });
    }
    Ok(sent)
}

/// `YYYYMMDDTHHMMSSZ` and nothing else; the digits are checked here since a year may otherwise
/// have a sign.
fn parse_date(text: &str) -> Option<OffsetDateTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let has_form = text.len() == 16
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return None;
    }
    PrimitiveDateTime::parse(text, format)
        .ok()
        .map(PrimitiveDateTime::assume_utc)
}

/// The path may be signed as received, encoded once more (as Signature Version 4 has it for all
/// services but S3), or as `/sessions` alone, as AWS's helper does behind an endpoint's path.
fn judge_signature(
    request: &ReceivedRequest,
    authorization: &Authorization<'_>,
    key: &PublicKey<'_>,
) -> Result<(), Refusal> {
    let date = only_header(request, X_AMZ_DATE)?;
    let path = request.path();
    let encoded_again = path.replace('%', "%25");
    let mut uris = vec![SESSIONS_PATH, path, encoded_again.as_str()];
    uris.dedup();
    let is_valid = uris.into_iter().any(|uri| {
        let canonical = CanonicalRequest::new(request, uri, &authorization.signed_headers);
        let scope = authorization.credential.scope();
        let text = canonical.string_to_sign(authorization.algorithm, date, &scope);
        key.verifies(
            key.request_scheme(),
            text.as_bytes(),
            &authorization.signature,
        )
    });
    if is_valid {
        Ok(())
    } else {
        Err(Refusal::SignatureInvalid)
    }
}

fn judge_end_entity(certificate: &Certificate<'_>, now: OffsetDateTime) -> Result<(), Refusal> {
    if !certificate.is_version_3() {
        return Err(Refusal::CertificateNotVersion3);
    }
    if certificate.is_ca() {
        return Err(Refusal::CaAsLeaf);
    }
    match certificate.may_sign() {
        Some(true) => {}
        Some(false) => return Err(Refusal::KeyUsageNotDigitalSignature),
        None => return Err(Refusal::KeyUsageMissing),
    }
    if let SignedWith::WeakHash(hash) = certificate.signed_with() {
        return Err(Refusal::CertificateHashWeak { hash });
    }
    if let Some(oid) = certificate.unknown_critical_extension() {
        return Err(Refusal::CertificateExtensionUnknown { oid });
    }
    if let Some(not_after) = certificate.expired_at(now) {
        return Err(Refusal::CertificateExpired { not_after });
    }
    match certificate.not_valid_before(now) {
        Some(not_before) => Err(Refusal::CertificateNotYetValid { not_before }),
        None => Ok(()),
    }
}

fn judge_path(
    request: &ReceivedRequest,
    certificate: &Certificate<'_>,
    trust_anchors: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let chain = chain(request)?;
    let mut intermediates = Vec::with_capacity(chain.len());
    for (index, der) in chain.iter().enumerate() {
        let malformed = |reason| Refusal::ChainMalformed {
            position: index + 1,
            reason,
        };
        intermediates.push(Certificate::from_der(der).map_err(malformed)?);
    }
    let anchors: Vec<Certificate<'_>> = trust_anchors
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    find_path(certificate, &intermediates, &anchors, now)
        .map_err(|reason| Refusal::ChainUntrusted { reason })
}

/// The certificates of `X-Amz-X509-Chain` as DER, in the order sent; none without the header.
fn chain(request: &ReceivedRequest) -> Result<Vec<Vec<u8>>, Refusal> {
    let value = match only_header(request, X_AMZ_X509_CHAIN) {
        Ok(value) => value,
        Err(Refusal::HeaderMissing { .. }) => return Ok(Vec::new()),
        Err(refusal) => return Err(refusal),
    };
    let certificates = value.split(',').count();
    if certificates > CHAIN_LENGTH_MAX {
        return Err(Refusal::ChainTooLong {
            certificates,
            limit: CHAIN_LENGTH_MAX,
        });
    }
    let decode_one = |(index, text): (usize, &str)| {
        decode(text.trim()).map_err(|reason| Refusal::ChainMalformed {
            position: index + 1,
            reason,
        })
    };
    value.split(',').enumerate().map(decode_one).collect()
}

fn decode(base64: &str) -> Result<Vec<u8>, &'static str> {
    // Four characters for three bytes.
    if base64.len() > CERTIFICATE_BYTES_MAX / 3 * 4 + 4 {
        return Err("longer than 16 KiB");
    }
    STANDARD.decode(base64).map_err(|_| "no base64")
}

fn judge_region(authorization: &Authorization<'_>, trust_anchor: &Arn) -> Result<(), Refusal> {
    let sent = authorization.credential.region;
    if sent == trust_anchor.region {
        return Ok(());
    }
    Err(Refusal::ScopeRegion {
        sent: sent.to_owned(),
        expected: trust_anchor.region.clone(),
    })
}

pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const X_AMZ_DATE: &str = "x-amz-date";
pub(crate) const X_AMZ_X509: &str = "x-amz-x509";
const X_AMZ_X509_CHAIN: &str = "x-amz-x509-chain";

/// Headers that have to be there, once, and signed.
const REQUIRED_HEADERS: [&str; 4] = ["content-type", "host", X_AMZ_DATE, X_AMZ_X509];

const SESSIONS_PATH: &str = "/sessions";
const SERVICE: &str = "rolesanywhere";
pub(crate) const TERMINATOR: &str = "aws4_request";

/// The largest difference between `X-Amz-Date` and the service's clock, by Signature Version 4.
const DATE_SKEW_MAX: Duration = Duration::minutes(5);

/// The most certificates in `X-Amz-X509-Chain`, the documented depth of a chain.
const CHAIN_LENGTH_MAX: usize = 5;
