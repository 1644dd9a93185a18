//! [`Authorities`]: the certificates of a trust anchor
//! ([trust model](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::identity::certificate::Certificate;
use crate::identity::chain::Chain;
use crate::identity::work_budget::WorkBudget;

/// Certificates of authorities, for a trust anchor of the type `CERTIFICATE_BUNDLE`.
#[derive(Debug, Clone)]
pub struct Authorities(Chain);

impl Authorities {
    /// Fails where one is not an authority's: the service refuses it.
    pub fn new(certificates: Chain) -> Result<Self, NotAnAuthority> {
        let is_authority = |der: &Vec<u8>| {
            X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.is_ca())
        };
        let mut all = certificates.certificates().iter();
        match all.position(|der| !is_authority(der)) {
            Some(index) => Err(NotAnAuthority { number: index + 1 }),
            None => Ok(Self(certificates)),
        }
    }

    /// True if one of them has issued the certificate.
    pub fn have_issued(&self, certificate: &Certificate) -> bool {
        let candidates = self.0.certificates();
        let mut work = WorkBudget::new();
        let issuers = Chain::by_issuer_with_root(certificate.der(), candidates, &mut work);
        !issuers.certificates().is_empty()
    }

    /// All of them, without the text that files have around them.
    pub fn pem(&self) -> String {
        let mut pem = String::new();
        for der in self.0.certificates() {
            pem += "-----BEGIN CERTIFICATE-----\n";
            let base64 = BASE64_STANDARD.encode(der);
            let mut rest = base64.as_str();
            while !rest.is_empty() {
                let (line, behind) = rest.split_at(rest.len().min(LINE_CHARACTERS));
                pem += line;
                pem += "\n";
                rest = behind;
            }
            pem += "-----END CERTIFICATE-----\n";
        }
        pem
    }
}

/// A certificate that is not an authority's (RFC 5280, 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAuthority {
    number: usize,
}

impl fmt::Display for NotAnAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "certificate {} is not a CA's: its basicConstraints do not say CA:TRUE",
            self.number
        )
    }
}

impl std::error::Error for NotAnAuthority {}

/// RFC 7468, section 2.
const LINE_CHARACTERS: usize = 64;
