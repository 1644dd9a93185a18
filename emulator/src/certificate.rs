//! One X.509 certificate and the facts about it that `CreateSession` asks for. Parsing judges
//! nothing but the form: what a certificate may be used for is decided by its user.

use std::error::Error;
use std::fmt;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::extensions::ParsedExtension;
use x509_parser::objects::oid_registry;
use x509_parser::objects::oid2abbrev;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;
use x509_parser::x509::X509Name;
use x509_parser::x509::X509Version;

use crate::der::Frame;
use crate::public_key::Hash;
use crate::public_key::ML_DSA_44;
use crate::public_key::ML_DSA_65;
use crate::public_key::ML_DSA_87;
use crate::public_key::PublicKey;
use crate::public_key::Scheme;
use crate::session_tag::UntaggableAttributes;
use crate::session_tag::untaggable;

/// A parsed certificate.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    x509: X509Certificate<'a>,
    frame: Frame<'a>,
}

/// A certificate's signature algorithm, RFC 5280 section 4.1.1.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignedWith {
    Strong(Scheme),
    /// MD2, MD5, SHA-1 or SHA-224, by its name.
    WeakHash(&'static str),
    /// By its object identifier.
    Unknown(String),
}

impl<'a> Certificate<'a> {
    /// Parses exactly one DER certificate; the error says what is wrong.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Certificate<'a>, &'static str> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err("longer than 16 KiB");
        }
        let frame = Frame::from_der(der)?;
        let (_, x509) = X509Certificate::from_der(der).map_err(|_| "no DER certificate")?;
        let certificate = Certificate { x509, frame };
        if certificate.x509.extensions_map().is_err() {
            return Err("an extension twice");
        }
        let unread = |extension: &ParsedExtension<'_>| extension.error().is_some();
        if certificate
            .x509
            .extensions()
            .iter()
            .any(|e| unread(e.parsed_extension()))
        {
            return Err("a malformed extension");
        }
        Ok(certificate)
    }

    pub(crate) fn public_key(&self) -> Result<PublicKey<'a>, String> {
        PublicKey::from_spki(&self.x509.tbs_certificate.subject_pki)
    }

    /// The serial number in decimal, of any length.
    pub(crate) fn serial_number(&self) -> String {
        self.x509.tbs_certificate.serial.to_string()
    }

    /// The subject as text, for people.
    pub(crate) fn subject(&self) -> String {
        self.x509.subject().to_string()
    }

    pub(crate) fn issuer(&self) -> String {
        self.x509.issuer().to_string()
    }

    pub(crate) fn common_names(&self) -> Vec<String> {
        let names = self.x509.subject().iter_common_name();
        names
            .filter_map(|name| name.as_str().ok().map(str::to_owned))
            .collect()
    }

    /// The attributes that the service would map to session tags, and cannot: of the issuer, of the
    /// subject, and of the subject alternative name.
    pub(crate) fn untaggable_attributes(&self) -> UntaggableAttributes {
        UntaggableAttributes {
            issuer: untaggable(&attributes(self.x509.issuer())),
            subject: untaggable(&attributes(self.x509.subject())),
            san: untaggable(&self.alternative_names()),
        }
    }

    /// The kinds of names that are mapped by default.
    fn alternative_names(&self) -> Vec<(String, String)> {
        let extension = self.x509.subject_alternative_name().ok().flatten();
        let names = extension.map_or(&[] as &[_], |extension| &extension.value.general_names);
        let mut attributes_of_names = Vec::new();
        for name in names {
            match name {
                GeneralName::DNSName(name) => {
                    attributes_of_names.push(("DNS".to_owned(), (*name).to_owned()));
                }
                GeneralName::URI(uri) => {
                    attributes_of_names.push(("URI".to_owned(), (*uri).to_owned()));
                }
                GeneralName::DirectoryName(name) => {
                    let of_name = attributes(name).into_iter();
                    attributes_of_names
                        .extend(of_name.map(|(name, value)| (format!("Name/{name}"), value)));
                }
                _ => {}
            }
        }
        attributes_of_names
    }

    /// True if the names say that `issuer` issued this. That proves nothing.
    pub(crate) fn names_as_issuer(&self, issuer: &Certificate<'_>) -> bool {
        self.x509.issuer().as_raw() == issuer.x509.subject().as_raw()
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.names_as_issuer(self)
    }

    pub(crate) fn is_version_3(&self) -> bool {
        self.x509.version() == X509Version::V3
    }

    /// Basic constraints, RFC 5280 section 4.2.1.9; without the extension it is not a CA.
    pub(crate) fn is_ca(&self) -> bool {
        self.x509.is_ca()
    }

    pub(crate) fn path_length_constraint(&self) -> Option<u32> {
        let constraints = self.x509.basic_constraints().ok().flatten()?;
        constraints.value.path_len_constraint
    }

    /// Key usage, RFC 5280 section 4.2.1.3: digitalSignature, or `None` without the extension.
    pub(crate) fn may_sign(&self) -> Option<bool> {
        let usage = self.x509.key_usage().ok().flatten()?;
        Some(usage.value.digital_signature())
    }

    /// Key usage: keyCertSign.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        let usage = self.x509.key_usage().ok().flatten();
        usage.is_some_and(|usage| usage.value.key_cert_sign())
    }

    /// An extension that is critical and unknown, by its object identifier: RFC 5280 section 4.2
    /// has such a certificate refused.
    pub(crate) fn unknown_critical_extension(&self) -> Option<String> {
        let extensions = self.x509.extensions().iter();
        extensions
            .filter(|extension| extension.critical && extension.parsed_extension().unsupported())
            .map(|extension| extension.oid.to_id_string())
            .next()
    }

    /// The end of validity, if `now` is after it.
    pub(crate) fn expired_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        Some(self.x509.validity().not_after.to_datetime()).filter(|not_after| now > *not_after)
    }

    /// The start of validity, if `now` is before it.
    pub(crate) fn not_valid_before(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        Some(self.x509.validity().not_before.to_datetime()).filter(|not_before| now < *not_before)
    }

    pub(crate) fn signed_with(&self) -> SignedWith {
        let algorithm = self.x509.signature_algorithm.algorithm.to_id_string();
        match algorithm.as_str() {
            "1.2.840.113549.1.1.11" => SignedWith::Strong(Scheme::Rsa(Hash::Sha256)),
            "1.2.840.113549.1.1.12" => SignedWith::Strong(Scheme::Rsa(Hash::Sha384)),
            "1.2.840.113549.1.1.13" => SignedWith::Strong(Scheme::Rsa(Hash::Sha512)),
            "1.2.840.10045.4.3.2" => SignedWith::Strong(Scheme::Ecdsa(Hash::Sha256)),
            "1.2.840.10045.4.3.3" => SignedWith::Strong(Scheme::Ecdsa(Hash::Sha384)),
            "1.2.840.10045.4.3.4" => SignedWith::Strong(Scheme::Ecdsa(Hash::Sha512)),
            ML_DSA_44 => SignedWith::Strong(Scheme::MlDsa44),
            ML_DSA_65 => SignedWith::Strong(Scheme::MlDsa65),
            ML_DSA_87 => SignedWith::Strong(Scheme::MlDsa87),
            "1.2.840.113549.1.1.2" => SignedWith::WeakHash("MD2"),
            "1.2.840.113549.1.1.4" => SignedWith::WeakHash("MD5"),
            "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => {
                SignedWith::WeakHash("SHA-1")
            }
            "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => SignedWith::WeakHash("SHA-224"),
            _ => SignedWith::Unknown(algorithm),
        }
    }

    /// True if `issuer`'s key made this certificate's signature.
    pub(crate) fn is_signed_by(&self, issuer: &Certificate<'_>) -> bool {
        let SignedWith::Strong(scheme) = self.signed_with() else {
            return false;
        };
        let Ok(key) = issuer.public_key() else {
            return false;
        };
        key.verifies(scheme, self.frame.to_be_signed, self.frame.signature)
    }
}

/// The attributes of a name with their abbreviations. A value that is not text is passed over.
fn attributes(name: &X509Name<'_>) -> Vec<(String, String)> {
    let attribute = |attribute: &AttributeTypeAndValue<'_>| {
        let value = attribute.as_str().ok()?.to_owned();
        let oid = attribute.attr_type();
        let name =
            oid2abbrev(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned);
        Some((name, value))
    };
    name.iter_attributes().filter_map(attribute).collect()
}

/// Reads the certificates of a PEM file (RFC 7468), as DER, to be trust anchors; other blocks are
/// skipped.
///
/// # Errors
///
/// If there is no certificate, a block is malformed, or the file or the number of certificates
/// is beyond any bundle.
pub fn trust_anchors_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, TrustAnchorError> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(TrustAnchorError::FileTooLong {
            limit_bytes: PEM_BYTES_MAX,
        });
    }
    let mut anchors = Vec::new();
    for block in Pem::iter_from_buffer(pem) {
        let block = block.map_err(|_| TrustAnchorError::PemMalformed)?;
        if block.label != "CERTIFICATE" {
            continue;
        }
        let position = anchors.len() + 1;
        if position > TRUST_ANCHORS_MAX {
            return Err(TrustAnchorError::TooMany {
                limit: TRUST_ANCHORS_MAX,
            });
        }
        Certificate::from_der(&block.contents)
            .map_err(|reason| TrustAnchorError::CertificateMalformed { position, reason })?;
        anchors.push(block.contents);
    }
    if anchors.is_empty() {
        return Err(TrustAnchorError::NoCertificate);
    }
    Ok(anchors)
}

/// Why certificates cannot be trust anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustAnchorError {
    /// The file has no `CERTIFICATE` block.
    NoCertificate,
    /// A block has no end, or is not base64.
    PemMalformed,
    /// A block is not an X.509 certificate.
    CertificateMalformed {
        /// Number of the certificate, the first being 1.
        position: usize,
        /// The fault.
        reason: &'static str,
    },
    /// The file is too long.
    FileTooLong {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// There are too many certificates.
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for TrustAnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustAnchorError::NoCertificate => f.write_str("there is no CERTIFICATE block"),
            TrustAnchorError::PemMalformed => f.write_str("malformed PEM"),
            TrustAnchorError::CertificateMalformed { position, reason } => {
                write!(f, "malformed certificate number {position}: {reason}")
            }
            TrustAnchorError::FileTooLong { limit_bytes } => {
                write!(f, "longer than {limit_bytes} bytes")
            }
            TrustAnchorError::TooMany { limit } => write!(f, "more than {limit} certificates"),
        }
    }
}

impl Error for TrustAnchorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TrustAnchorError::NoCertificate
            | TrustAnchorError::PemMalformed
            | TrustAnchorError::CertificateMalformed { .. }
            | TrustAnchorError::FileTooLong { .. }
            | TrustAnchorError::TooMany { .. } => None,
        }
    }
}

/// The longest certificate, in bytes of DER: more than twice that of an RSA-8192 key with a
/// signature of the same length and crowded extensions.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// The longest PEM file of trust anchors, in bytes: the bundle of a whole operating system is
/// about 250 KiB.
const PEM_BYTES_MAX: usize = 1024 * 1024;

/// The most trust anchors of one file: a limit against mistakes. The service takes two.
const TRUST_ANCHORS_MAX: usize = 500;
