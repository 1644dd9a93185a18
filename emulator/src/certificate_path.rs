//! The path from an end-entity certificate to a trust anchor, RFC 5280 section 6.1.
//!
//! Invariant: a certificate is an issuer by its signature, never by its name alone. The
//! intermediates may come in any order; each candidate is tried, within a budget.

use std::error::Error;
use std::fmt;

use time::OffsetDateTime;

use crate::certificate::Certificate;
use crate::certificate::SignedWith;
use crate::escaped::Escaped;
use crate::timestamp::Timestamp;

/// Looks for a path from `end_entity` over `intermediates` to one of `trust_anchors`.
pub(crate) fn find_path(
    end_entity: &Certificate<'_>,
    intermediates: &[Certificate<'_>],
    trust_anchors: &[Certificate<'_>],
    now: OffsetDateTime,
) -> Result<(), PathFault> {
    let mut search = Search {
        intermediates,
        trust_anchors,
        now,
        is_used: vec![false; intermediates.len()],
        signature_checks_left: SIGNATURE_CHECKS_MAX,
    };
    search.extend(end_entity, 0)
}

struct Search<'a> {
    intermediates: &'a [Certificate<'a>],
    trust_anchors: &'a [Certificate<'a>],
    now: OffsetDateTime,
    is_used: Vec<bool>,
    signature_checks_left: usize,
}

impl Search<'_> {
    /// Extends the path by an issuer of `subject`; `below` is the number of intermediates, self
    /// issued ones not counted, between that issuer and the end-entity certificate.
    fn extend(&mut self, subject: &Certificate<'_>, below: u32) -> Result<(), PathFault> {
        let (trust_anchors, intermediates) = (self.trust_anchors, self.intermediates);
        let mut fault = None;
        for anchor in trust_anchors
            .iter()
            .filter(|anchor| subject.names_as_issuer(anchor))
        {
            match self.judge_issuer(subject, anchor, below) {
                Ok(()) => return Ok(()),
                Err(found) => fault = Some(found.or_more_telling(fault)),
            }
        }
        for (index, intermediate) in intermediates.iter().enumerate() {
            let is_used = self.is_used.get(index).copied().unwrap_or(true);
            if is_used || !subject.names_as_issuer(intermediate) {
                continue;
            }
            match self.extend_by(subject, (index, intermediate), below) {
                Ok(()) => return Ok(()),
                Err(found) => fault = Some(found.or_more_telling(fault)),
            }
        }
        Err(fault.unwrap_or_else(|| PathFault::IssuerMissing {
            issuer: subject.issuer(),
        }))
    }

    fn extend_by(
        &mut self,
        subject: &Certificate<'_>,
        (index, issuer): (usize, &Certificate<'_>),
        below: u32,
    ) -> Result<(), PathFault> {
        self.judge_issuer(subject, issuer, below)?;
        self.mark(index, true);
        let counted = u32::from(!issuer.is_self_issued());
        let result = self.extend(issuer, below.saturating_add(counted));
        self.mark(index, false);
        result
    }

    fn mark(&mut self, index: usize, is_used: bool) {
        if let Some(mark) = self.is_used.get_mut(index) {
            *mark = is_used;
        }
    }

    /// True if `issuer`, which has the right name, issued `subject` and was entitled to. The signature
    /// is checked first: faults of an unrelated CA with the same name do not matter.
    fn judge_issuer(
        &mut self,
        subject: &Certificate<'_>,
        issuer: &Certificate<'_>,
        below: u32,
    ) -> Result<(), PathFault> {
        if !subject.names_as_issuer(issuer) {
            return Err(PathFault::IssuerMissing {
                issuer: subject.issuer(),
            });
        }
        self.judge_signature(subject, issuer)?;
        let certificate = issuer.subject();
        if !issuer.is_version_3() {
            return Err(PathFault::NotVersion3 { certificate });
        }
        if !issuer.is_ca() {
            return Err(PathFault::NotCa { certificate });
        }
        if !issuer.may_sign_certificates() {
            return Err(PathFault::KeyCertSignMissing { certificate });
        }
        if let Some(not_after) = issuer.expired_at(self.now) {
            return Err(PathFault::Expired {
                certificate,
                not_after,
            });
        }
        if let Some(not_before) = issuer.not_valid_before(self.now) {
            return Err(PathFault::NotYetValid {
                certificate,
                not_before,
            });
        }
        if let Some(limit) = issuer
            .path_length_constraint()
            .filter(|limit| below > *limit)
        {
            return Err(PathFault::PathLengthExceeded { certificate, limit });
        }
        match issuer.unknown_critical_extension() {
            Some(oid) => Err(PathFault::CriticalExtensionUnknown { certificate, oid }),
            None => Ok(()),
        }
    }

    fn judge_signature(
        &mut self,
        subject: &Certificate<'_>,
        issuer: &Certificate<'_>,
    ) -> Result<(), PathFault> {
        let certificate = subject.subject();
        match subject.signed_with() {
            SignedWith::Strong(_) => {}
            SignedWith::WeakHash(hash) => {
                return Err(PathFault::SignatureHashWeak { certificate, hash });
            }
            SignedWith::Unknown(algorithm) => {
                return Err(PathFault::SignatureAlgorithmUnsupported {
                    certificate,
                    algorithm,
                });
            }
        }
        let Some(left) = self.signature_checks_left.checked_sub(1) else {
            return Err(PathFault::TooManySignatureChecks);
        };
        self.signature_checks_left = left;
        if subject.is_signed_by(issuer) {
            Ok(())
        } else {
            Err(PathFault::SignatureInvalid {
                certificate,
                issuer: issuer.subject(),
            })
        }
    }
}

/// Why certificates do not lead to a trust anchor. Certificates are named by their subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathFault {
    /// Neither the chain nor the trust anchors hold a certificate of this name.
    IssuerMissing {
        /// The issuer that was looked for.
        issuer: String,
    },
    /// The key of the certificate which has the issuer's name did not make the signature.
    SignatureInvalid {
        /// The certificate with this signature.
        certificate: String,
        /// The one that it was verified with.
        issuer: String,
    },
    /// An intermediate is signed with a hash weaker than SHA-256.
    SignatureHashWeak {
        /// The intermediate.
        certificate: String,
        /// The hash.
        hash: &'static str,
    },
    /// A certificate is signed with an algorithm that is not verified here.
    SignatureAlgorithmUnsupported {
        /// The certificate.
        certificate: String,
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// An issuer is not X.509 version 3.
    NotVersion3 {
        /// The issuer.
        certificate: String,
    },
    /// An issuer is not a CA, RFC 5280 section 4.2.1.9.
    NotCa {
        /// The issuer.
        certificate: String,
    },
    /// An issuer may not sign certificates, RFC 5280 section 4.2.1.3.
    KeyCertSignMissing {
        /// The issuer.
        certificate: String,
    },
    /// An issuer is not valid any more.
    Expired {
        /// The issuer.
        certificate: String,
        /// The end of its validity.
        not_after: OffsetDateTime,
    },
    /// An issuer is not valid yet.
    NotYetValid {
        /// The issuer.
        certificate: String,
        /// The start of its validity.
        not_before: OffsetDateTime,
    },
    /// There are more intermediates below an issuer than it allows, RFC 5280 section 4.2.1.9.
    PathLengthExceeded {
        /// The issuer.
        certificate: String,
        /// Its path length constraint.
        limit: u32,
    },
    /// An issuer has a critical extension that is not known here, RFC 5280 section 4.2.
    CriticalExtensionUnknown {
        /// The issuer.
        certificate: String,
        /// The extension's object identifier.
        oid: String,
    },
    /// The chain has so many candidates of the same name that the search was given up.
    TooManySignatureChecks,
}

impl PathFault {
    /// Picks the failure to report of two: a fault of a certificate on the path is the most useful, an
    /// unrelated CA with the same name the least.
    fn or_more_telling(self, earlier: Option<PathFault>) -> PathFault {
        match earlier {
            Some(earlier) if earlier.weight() >= self.weight() => earlier,
            _ => self,
        }
    }

    fn weight(&self) -> u8 {
        match self {
            PathFault::SignatureInvalid { .. } => 0,
            PathFault::IssuerMissing { .. } => 1,
            PathFault::SignatureHashWeak { .. }
            | PathFault::SignatureAlgorithmUnsupported { .. }
            | PathFault::NotVersion3 { .. }
            | PathFault::NotCa { .. }
            | PathFault::KeyCertSignMissing { .. }
            | PathFault::Expired { .. }
            | PathFault::NotYetValid { .. }
            | PathFault::PathLengthExceeded { .. }
            | PathFault::CriticalExtensionUnknown { .. } => 2,
            PathFault::TooManySignatureChecks => 3,
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathFault::IssuerMissing { issuer } => {
                write!(
                    f,
                    "no issuer \"{}\" in the chain or the trust anchors",
                    Escaped(issuer)
                )
            }
            PathFault::SignatureInvalid {
                certificate,
                issuer,
            } => {
                let (certificate, issuer) = (Escaped(certificate), Escaped(issuer));
                write!(
                    f,
                    "\"{certificate}\" is not signed by the key of \"{issuer}\""
                )
            }
            PathFault::SignatureHashWeak { certificate, hash } => {
                write!(f, "\"{}\" is signed with {hash}", Escaped(certificate))
            }
            PathFault::SignatureAlgorithmUnsupported {
                certificate,
                algorithm,
            } => {
                let certificate = Escaped(certificate);
                write!(
                    f,
                    "\"{certificate}\" is signed with {algorithm}, not supported here"
                )
            }
            PathFault::NotVersion3 { certificate } => {
                write!(f, "\"{}\" is not X.509 version 3", Escaped(certificate))
            }
            PathFault::NotCa { certificate } => {
                write!(f, "\"{}\" is not a CA", Escaped(certificate))
            }
            PathFault::KeyCertSignMissing { certificate } => {
                write!(
                    f,
                    "the key usage of \"{}\" lacks keyCertSign",
                    Escaped(certificate)
                )
            }
            PathFault::Expired {
                certificate,
                not_after,
            } => {
                write!(
                    f,
                    "\"{}\" expired at {}",
                    Escaped(certificate),
                    Timestamp(*not_after)
                )
            }
            PathFault::NotYetValid {
                certificate,
                not_before,
            } => {
                let (certificate, not_before) = (Escaped(certificate), Timestamp(*not_before));
                write!(f, "\"{certificate}\" is not valid before {not_before}")
            }
            PathFault::PathLengthExceeded { certificate, limit } => {
                let certificate = Escaped(certificate);
                write!(
                    f,
                    "\"{certificate}\" allows {limit} intermediates below it, not more"
                )
            }
            PathFault::CriticalExtensionUnknown { certificate, oid } => {
                write!(
                    f,
                    "\"{}\" has the unknown critical extension {oid}",
                    Escaped(certificate)
                )
            }
            PathFault::TooManySignatureChecks => {
                f.write_str("gave up after too many candidates of the same name")
            }
        }
    }
}

impl Error for PathFault {}

/// The most signatures verified in the search for one path: with five intermediates a path in
/// any order needs 20 at most, and a chain of namesakes could ask for hundreds.
const SIGNATURE_CHECKS_MAX: usize = 100;
