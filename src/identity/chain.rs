//! [`Chain`]: the intermediate certificates between the end-entity certificate and a trust anchor.

use std::fmt;
use std::ops::RangeInclusive;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry;
use x509_parser::oid_registry::Oid;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::X509Name;

use super::certificate;
use super::certificate::CertificateError;
use super::distinguished_name;
use super::work_budget::WorkBudget;
use crate::text::ShownName;

/// Intermediates as they are sent, nearest issuer first where the order is ours.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    certificates: Vec<Vec<u8>>,
}

impl Chain {
    /// Certificates in the order of their file. The DER of each is checked.
    pub fn in_given_order(certificates: Vec<Vec<u8>>) -> Result<Self, CertificateError> {
        for der in &certificates {
            certificate::parse(der)?;
        }
        Ok(Self { certificates })
    }

    /// The issuers of `leaf` among `candidates`, ordered by issuer; the leaf itself, self-signed
    /// roots and whatever leads nowhere or is not a certificate are left out.
    pub fn by_issuer(leaf: &[u8], candidates: &[Vec<u8>], work: &mut WorkBudget) -> Self {
        Self::above(leaf, candidates, work, |issuer, work| {
            !is_root(issuer, work)
        })
    }

    /// As [`Chain::by_issuer`], with the root where it is among `candidates`: the reference helper
    /// sends all that a PKCS#12 file holds.
    pub fn by_issuer_with_root(leaf: &[u8], candidates: &[Vec<u8>], work: &mut WorkBudget) -> Self {
        Self::above(leaf, candidates, work, |_, _| true)
    }

    fn above(
        leaf: &[u8],
        candidates: &[Vec<u8>],
        work: &mut WorkBudget,
        is_sent: fn(&X509Certificate<'_>, &mut WorkBudget) -> bool,
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
        // More than are sent is an error in any case, so nothing is looked for beyond that.
        while !next.is_empty() && found.len() <= CHAIN_LENGTH_MAX {
            let mut issuers = Vec::new();
            for subject in next {
                for (der, issuer) in &pool {
                    if found.len() <= CHAIN_LENGTH_MAX
                        && is_same_name(issuer.subject(), subject.issuer())
                        && !found.contains(der)
                        && issued(issuer, subject, work)
                        && is_sent(issuer, work)
                    {
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

    /// What is wrong with the chain, as it is sent with `leaf`, at `now`. The service decides.
    pub fn concerns(&self, leaf: &[u8], now: OffsetDateTime) -> Vec<ChainConcern> {
        let mut concerns = Vec::new();
        let count = self.certificates.len();
        if count > CHAIN_LENGTH_SERVICE_MAX {
            concerns.push(ChainConcern::TooLong { count });
        }
        let parsed = self.certificates.iter().map(Vec::as_slice);
        let parsed: Vec<_> = parsed
            .filter_map(|der| certificate::parse(der).ok())
            .collect();
        for intermediate in &parsed {
            let not_after = intermediate.validity().not_after.to_datetime();
            if now > not_after {
                let subject = distinguished_name::describe(intermediate.subject());
                concerns.push(ChainConcern::Expired { subject, not_after });
            }
        }
        let mut work = WorkBudget::new();
        let leaf = certificate::parse(leaf).ok();
        let subjects = leaf.iter().chain(&parsed);
        for (subject, issuer) in subjects.zip(&parsed) {
            if !issued(issuer, subject, &mut work) {
                let subject = distinguished_name::describe(issuer.subject());
                concerns.push(ChainConcern::Misplaced { subject });
            }
        }
        concerns
    }

    /// The first moment at which one of the certificates is no longer valid.
    pub fn not_after(&self) -> Option<OffsetDateTime> {
        let certificates = self.certificates.iter();
        let parsed = certificates.filter_map(|der| certificate::parse(der).ok());
        parsed
            .map(|one| one.validity().not_after.to_datetime())
            .min()
    }

    /// The DER of each certificate.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

/// A root is signed with its own key; the service knows it as the trust anchor. A CA's certificate for
/// its new key, signed with its old one, has the same two names and is an intermediate.
fn is_root(certificate: &X509Certificate<'_>, work: &mut WorkBudget) -> bool {
    issued(certificate, certificate, work)
}

/// True if `issuer` signed `subject`. Renewed CAs share a name, so the signature decides. A signature by
/// an algorithm that cannot be checked here gets the benefit of the doubt.
fn issued(
    issuer: &X509Certificate<'_>,
    subject: &X509Certificate<'_>,
    work: &mut WorkBudget,
) -> bool {
    if !is_same_name(issuer.subject(), subject.issuer()) {
        return false;
    }
    // So does one that is too many to check.
    !is_verifiable(issuer, subject)
        || !work.spend(SIGNATURE_NANOSECONDS)
        || subject.verify_signature(Some(issuer.public_key())).is_ok()
}

/// RFC 5280, 7.1: whatever string type a value has, in any case, and with any white space.
fn is_same_name(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    if one.as_raw() == other.as_raw() {
        return true;
    }
    let count = |name: &X509Name<'_>| name.iter_attributes().count();
    let mut pairs = one.iter_attributes().zip(other.iter_attributes());
    count(one) == count(other)
        && pairs.all(|(one, other)| {
            let is_same_text = match (one.as_str(), other.as_str()) {
                (Ok(one), Ok(other)) => folded(one) == folded(other),
                (Ok(_) | Err(_), Ok(_) | Err(_)) => one.as_slice() == other.as_slice(),
            };
            one.attr_type() == other.attr_type() && is_same_text
        })
}

fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// True if the signing library supports this algorithm with such a key. Without support, a check fails
/// like one of a wrong signature.
fn is_verifiable(issuer: &X509Certificate<'_>, subject: &X509Certificate<'_>) -> bool {
    let is_checked_key = match issuer.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => RSA_BITS.contains(&key.key_size()),
        Ok(PublicKey::EC(point)) => match point.data() {
            [0x04, rest @ ..] => EC_POINT_OCTETS.contains(&rest.len()),
            _ => false,
        },
        Ok(_) => true,
        Err(_) => false,
    };
    let is_checked_signature = match SignatureAlgorithm::try_from(&subject.signature_algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            let oid = parameters.hash_algorithm_oid();
            PSS_SALT_OCTETS
                .iter()
                .any(|(hash, octets)| oid == hash && parameters.salt_length() == *octets)
        }
        Ok(_) => true,
        Err(_) => false,
    };
    is_checked_key && is_checked_signature
}

/// As long as RSA of 8192 bits takes.
const SIGNATURE_NANOSECONDS: u64 = 400_000;

/// RSA keys that ring verifies with.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// Uncompressed points on P-256 and P-384, without their first octet.
const EC_POINT_OCTETS: [usize; 2] = [64, 96];

/// The salts that ring expects: as long as the digest.
const PSS_SALT_OCTETS: [(Oid<'static>, u32); 3] = [
    (oid_registry::OID_NIST_HASH_SHA256, 32),
    (oid_registry::OID_NIST_HASH_SHA384, 48),
    (oid_registry::OID_NIST_HASH_SHA512, 64),
];

/// Something in a chain that the service may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainConcern {
    /// It has more certificates than the service takes.
    TooLong {
        /// Number of certificates.
        count: usize,
    },
    /// One is no longer valid.
    Expired {
        /// Its subject.
        subject: String,
        /// The end of its validity.
        not_after: OffsetDateTime,
    },
    /// One did not issue the certificate before it.
    Misplaced {
        /// Its subject.
        subject: String,
    },
}

impl fmt::Display for ChainConcern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { count } => write!(
                f,
                "the chain has {count} intermediates, the service takes {CHAIN_LENGTH_SERVICE_MAX}"
            ),
            Self::Expired { subject, not_after } => {
                write!(
                    f,
                    "{} expired at {}",
                    ShownName::of(subject),
                    certificate::rfc3339(*not_after)
                )
            }
            Self::Misplaced { subject } => {
                write!(
                    f,
                    "{} did not issue the certificate before it",
                    ShownName::of(subject)
                )
            }
        }
    }
}

/// The most certificates that the service accepts in `X-Amz-X509-Chain`.
pub const CHAIN_LENGTH_SERVICE_MAX: usize = 5;

/// The service takes five. More are sent, so that it can say so, but not a whole bundle of roots.
pub const CHAIN_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identity::files::pem;

    /// Positions in `fixtures/chains/NAME.pem` of what is sent with its first certificate.
    fn sent(name: &str) -> Vec<usize> {
        let text = fs::read(format!("fixtures/chains/{name}.pem")).unwrap();
        let blocks = pem::read_blocks(&text).into_iter();
        let ders: Vec<Vec<u8>> = blocks
            .map(|block| block.unwrap().der.expose().clone())
            .collect();
        let chain = Chain::by_issuer(&ders[0], &ders[1..], &mut WorkBudget::new());
        let place = |der| ders.iter().position(|one| one == der).unwrap();
        chain.certificates().iter().map(place).collect()
    }

    #[test]
    fn rollover_certificate_is_sent_and_roots_are_not() {
        // The leaf, the CA's new key signed with its old one, the new root, the old root.
        assert_eq!(sent("rollover"), [1]);
    }

    #[test]
    fn issuer_that_cannot_be_verified_is_sent() {
        for name in ["compressed-point", "pss-salt", "rsa1024"] {
            assert_eq!(sent(name), [1], "{name}");
        }
    }

    /// Certificates of one name that all certify each other, judging by names.
    fn crossed(count: usize) -> Vec<Vec<u8>> {
        let mut name = rcgen::DistinguishedName::new();
        name.push(rcgen::DnType::CommonName, "crossed");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::Issuer::new(params.clone(), rcgen::KeyPair::generate().unwrap());
        let certificate = |_| {
            let key = rcgen::KeyPair::generate().unwrap();
            params.signed_by(&key, &issuer).unwrap().der().to_vec()
        };
        (0..count).map(certificate).collect()
    }

    #[test]
    fn certificates_of_one_name_cost_what_work_is_left() {
        let ders = crossed(400);
        let mut work = WorkBudget::new();
        let chain = Chain::by_issuer(&ders[0], &ders[1..], &mut work);
        assert!(chain.certificates().len() <= CHAIN_LENGTH_MAX + 1);
        // None is spent beyond the allowance: then the next are taken unchecked, and are too many.
        let mut spent = WorkBudget::new();
        while spent.spend(SIGNATURE_NANOSECONDS) {}
        let chain = Chain::by_issuer(&ders[0], &ders[1..], &mut spent);
        assert!(chain.certificates().is_empty() || chain.certificates().len() > CHAIN_LENGTH_MAX);
    }

    #[test]
    fn names_are_the_same_in_another_encoding() {
        let issuer_key = rcgen::KeyPair::generate().unwrap();
        let named = |value: rcgen::DnValue| {
            let mut params = rcgen::CertificateParams::default();
            let mut name = rcgen::DistinguishedName::new();
            name.push(rcgen::DnType::CommonName, value);
            params.distinguished_name = name;
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        };
        let root_key = rcgen::KeyPair::generate().unwrap();
        let root = rcgen::Issuer::new(named(rcgen::DnValue::Utf8String("Root".into())), root_key);
        let utf8 = named(rcgen::DnValue::Utf8String("Issuing  ca".into()));
        let intermediate = utf8.signed_by(&issuer_key, &root).unwrap();
        // The leaf's issuer has the same name as a PrintableString, in another case.
        let printable = named(rcgen::DnValue::PrintableString(
            "Issuing CA".try_into().unwrap(),
        ));
        let issuer = rcgen::Issuer::new(printable, issuer_key);
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let mut leaf = rcgen::CertificateParams::default();
        leaf.distinguished_name
            .push(rcgen::DnType::OrganizationName, "leaf");
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        let candidates = [intermediate.der().to_vec()];
        let chain = Chain::by_issuer(leaf.der(), &candidates, &mut WorkBudget::new());
        assert_eq!(chain.certificates(), candidates);
    }
}
