//! [`Certificate`]: the end-entity certificate that the session is asked for with.
//!
//! It is sent byte for byte as it was read; what is parsed here only serves the signature, the match
//! with the private key, and the explanation when the service refuses it.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid;
use x509_parser::oid_registry;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Version;

use super::distinguished_name;
use super::public_key::PublicKey;
use crate::text::Printable;

/// An X.509 certificate (RFC 5280, 4.1).
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    subject: String,
    serial_number: String,
    public_key: PublicKey,
    is_version_3: bool,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    is_certificate_authority: bool,
    has_digital_signature: bool,
    weak_digest: Option<&'static str>,
}

impl Certificate {
    /// Reads the DER of a certificate.
    ///
    /// Fails where that is not a certificate, has bytes after it, or holds a key of a kind with which
    /// the service does not work.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = parse(der)?;
        check_serial_number(certificate.raw_serial())?;
        let public_key = PublicKey::from_subject_public_key_info(certificate.public_key())
            .map_err(|algorithm| CertificateError::KeyAlgorithm {
                algorithm: Printable::new(&algorithm, ALGORITHM_CHARACTERS_MAX).to_string(),
            })?;
        let key_usage = certificate
            .key_usage()
            .map_err(|_| CertificateError::Malformed)?;
        Ok(Self {
            der: der.to_vec(),
            subject: distinguished_name::describe(certificate.subject()),
            is_version_3: certificate.version() == X509Version::V3,
            serial_number: certificate.serial.to_string(),
            public_key,
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            is_certificate_authority: certificate.is_ca(),
            has_digital_signature: key_usage
                .is_some_and(|extension| extension.value.digital_signature()),
            weak_digest: weak_digest(&certificate),
        })
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject, for people.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The serial number in decimal, at whatever length (RFC 5280, 4.1.2.2: up to 20 octets).
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// The first and the last moment of its validity (RFC 5280, section 4.1.2.5).
    pub fn validity(&self) -> (OffsetDateTime, OffsetDateTime) {
        (self.not_before, self.not_after)
    }

    /// The key it certifies.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Faults that the service is known to reject at `now`. The service decides, so this is shown
    /// only once it has refused.
    pub fn concerns(&self, now: OffsetDateTime) -> Vec<CertificateConcern> {
        let mut concerns = Vec::new();
        if now > self.not_after {
            concerns.push(CertificateConcern::Expired {
                not_after: self.not_after,
            });
        }
        if now < self.not_before {
            concerns.push(CertificateConcern::NotYetValid {
                not_before: self.not_before,
            });
        }
        if !self.is_version_3 {
            concerns.push(CertificateConcern::NotVersion3);
        }
        if self.is_certificate_authority {
            concerns.push(CertificateConcern::CertificateAuthority);
        }
        if !self.has_digital_signature {
            concerns.push(CertificateConcern::DigitalSignatureMissing);
        }
        if let Some(digest) = self.weak_digest {
            concerns.push(CertificateConcern::WeakDigest { digest });
        }
        concerns
    }
}

/// Parses a certificate that fills `der` to its end.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(CertificateError::Malformed),
    }
}

/// Refuses a serial number that is empty, negative, or so long that writing it in decimal would take
/// its time. RFC 5280, 4.1.2.2 allows 20 octets.
fn check_serial_number(octets: &[u8]) -> Result<(), CertificateError> {
    let is_positive = octets.first().is_some_and(|octet| *octet < 0x80);
    match is_positive && octets.len() <= SERIAL_NUMBER_OCTETS_MAX {
        true => Ok(()),
        false => Err(CertificateError::SerialNumber),
    }
}

/// The digest below SHA-256 with which the issuer signed, if it is one.
fn weak_digest(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let oid = &certificate.signature_algorithm.algorithm;
    let sha1 = [
        oid_registry::OID_PKCS1_SHA1WITHRSA,
        OID_ECDSA_WITH_SHA1,
        oid_registry::OID_SHA1_WITH_RSA,
    ];
    if sha1.contains(oid) {
        Some("SHA-1")
    } else if *oid == oid_registry::OID_PKCS1_MD5WITHRSAENC {
        Some("MD5")
    } else {
        None
    }
}

/// Something in the end-entity certificate that the service is known to refuse
/// ([requirements](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateConcern {
    /// It is no longer valid.
    Expired {
        /// The end of its validity.
        not_after: OffsetDateTime,
    },
    /// It is not yet valid.
    NotYetValid {
        /// The beginning of its validity.
        not_before: OffsetDateTime,
    },
    /// It has no extensions: it is not of version 3 (RFC 5280, 4.1.2.1).
    NotVersion3,
    /// It is a CA's own certificate (RFC 5280, 4.2.1.9).
    CertificateAuthority,
    /// Its key usage does not include `digitalSignature` (RFC 5280, 4.2.1.3).
    DigitalSignatureMissing,
    /// Its issuer signed it with a digest below SHA-256.
    WeakDigest {
        /// The digest.
        digest: &'static str,
    },
}

impl fmt::Display for CertificateConcern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { not_after } => write!(f, "it expired at {}", rfc3339(*not_after)),
            Self::NotYetValid { not_before } => {
                write!(f, "it is not valid before {}", rfc3339(*not_before))
            }
            Self::NotVersion3 => f.write_str("it is not of x.509 version 3"),
            Self::CertificateAuthority => f.write_str("it is a CA's own certificate"),
            Self::DigitalSignatureMissing => {
                f.write_str("its key usage does not include digitalSignature")
            }
            Self::WeakDigest { digest } => write!(f, "it is signed with {digest}"),
        }
    }
}

pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

/// Bytes that are not a certificate to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// They are no X.509 certificate, or more than one.
    Malformed,
    /// Its serial number is empty, negative or far too long.
    SerialNumber,
    /// The service does not work with keys of this kind.
    KeyAlgorithm {
        /// The object identifier of the key's kind or curve.
        algorithm: String,
    },
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed x.509 certificate"),
            Self::SerialNumber => {
                f.write_str("its serial number is not a positive number of at most 64 octets")
            }
            Self::KeyAlgorithm { algorithm } => write!(
                f,
                "its key is of a kind that is not supported ({algorithm}); RSA, EC on P-256, P-384 \
                 and P-521, and ML-DSA are"
            ),
        }
    }
}

impl std::error::Error for CertificateError {}

/// `ecdsa-with-SHA1` (RFC 3279, 2.2.3).
const OID_ECDSA_WITH_SHA1: Oid<'static> = oid!(1.2.840.10045.4.1);

/// Object identifiers in use have some 30 characters; a hostile one has a million.
const ALGORITHM_CHARACTERS_MAX: usize = 100;

/// Three times what RFC 5280 allows.
const SERIAL_NUMBER_OCTETS_MAX: usize = 64;
