//! [`Chain`]: the intermediate certificates between the end-entity certificate and a trust anchor.

use x509_parser::certificate::X509Certificate;

use super::certificate;
use super::certificate::CertificateError;

/// Intermediates as they are sent, nearest issuer first where the order is ours.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    certificates: Vec<Vec<u8>>,
}

impl Chain {
    /// Certificates in the order in which somebody wrote them down. The DER of each is checked.
    pub fn in_given_order(certificates: Vec<Vec<u8>>) -> Result<Self, CertificateError> {
        for der in &certificates {
            certificate::parse(der)?;
        }
        Ok(Self { certificates })
    }

    /// The issuers of `leaf` among `candidates`, ordered by issuer; the leaf itself, self-signed
    /// roots and whatever leads nowhere or is no certificate are left out.
    pub fn by_issuer(leaf: &[u8], candidates: &[Vec<u8>]) -> Self {
        Self::above(leaf, candidates, |issuer| !is_root(issuer))
    }

    /// As [`Chain::by_issuer`], with the root where it is among `candidates`: the reference helper
    /// sends all that a PKCS#12 file holds.
    pub fn by_issuer_with_root(leaf: &[u8], candidates: &[Vec<u8>]) -> Self {
        Self::above(leaf, candidates, |_| true)
    }

    fn above(
        leaf: &[u8],
        candidates: &[Vec<u8>],
        is_sent: fn(&X509Certificate<'_>) -> bool,
    ) -> Self {
        let Ok(leaf) = certificate::parse(leaf) else {
            return Self::default();
        };
        let pool: Vec<_> = candidates
            .iter()
            .filter_map(|der| Some((der, certificate::parse(der).ok()?)))
            .collect();
        let mut found: Vec<&Vec<u8>> = Vec::new();
        let mut next = vec![&leaf];
        // Each certificate is followed once, so this ends also where two certify each other.
        while !next.is_empty() {
            let mut issuers = Vec::new();
            for subject in next {
                for (der, issuer) in &pool {
                    if is_sent(issuer) && !found.contains(der) && issued(issuer, subject) {
                        found.push(der);
                        issuers.push(issuer);
                    }
                }
            }
            next = issuers;
        }
        Self {
            certificates: found.into_iter().cloned().collect(),
        }
    }

    /// The DER of each certificate.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

/// A root is its own issuer; the service knows it as the trust anchor.
fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// Whether `issuer` signed `subject`. Renewed CAs share a name, so the name alone does not tell; a
/// signature by an algorithm that cannot be checked here gets the benefit of the doubt.
fn issued(issuer: &X509Certificate<'_>, subject: &X509Certificate<'_>) -> bool {
    if issuer.subject().as_raw() != subject.issuer().as_raw() {
        return false;
    }
    !matches!(
        subject.verify_signature(Some(issuer.public_key())),
        Err(x509_parser::error::X509Error::SignatureVerificationError)
    )
}

/// The service takes five. More are sent, so that it can say so, but not a whole bundle of roots.
pub const CHAIN_LENGTH_MAX: usize = 32;
