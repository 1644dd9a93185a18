//! Certificates in the stores of Windows and in the keychains of macOS, whose keys sign inside the system.
//!
//! A [`StorePlace`] names one by a selector. All of a store is read and matched here, by the same rules on
//! every system.

pub mod error;
mod signer;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use self::error::StoreError;
use self::signer::StoreSigner;
use crate::identity::certificate;
use crate::identity::certificate::Certificate;
use crate::identity::distinguished_name;
use crate::identity::selector::CertSelector;
use crate::identity::selector::SerialNumber;
use crate::platform;
use crate::platform::StoreLocation;
use crate::platform::StoredCertificate;

/// The place of a certificate in a store.
#[derive(Debug)]
pub struct StorePlace {
    name: PathBuf,
    selector: CertSelector,
    store: String,
    locations: Vec<StoreLocation>,
    is_latest_taken: bool,
}

impl StorePlace {
    /// The certificate that `selector` matches in `store`. Without a location, the machine's store is searched
    /// where the user's has no match. Fails where the system has no stores.
    pub fn new(
        selector: CertSelector,
        store: Option<String>,
        location: Option<StoreLocation>,
        is_latest_taken: bool,
    ) -> Result<Self, StoreError> {
        if !platform::HAS_CERTIFICATE_STORES {
            return Err(StoreError::Unsupported);
        }
        let store = store.unwrap_or_else(|| DEFAULT_STORE.to_owned());
        let both = || vec![StoreLocation::CurrentUser, StoreLocation::LocalMachine];
        Ok(Self {
            name: PathBuf::from(format!("store:{store}")),
            selector,
            store,
            locations: location.map_or_else(both, |location| vec![location]),
            is_latest_taken,
        })
    }

    /// Name in messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The DER of each certificate that matches.
    pub fn list(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let matching = self.matching()?;
        Ok(matching.into_iter().map(|stored| stored.der).collect())
    }

    /// The certificate, without its key.
    pub(super) fn certificate(&self) -> Result<Certificate, StoreError> {
        self.chosen().map(|(_, certificate)| certificate)
    }

    /// The certificate, those that may be its chain, and the key.
    pub(super) fn open(&self) -> Result<(Certificate, Vec<Vec<u8>>, StoreSigner), StoreError> {
        let (stored, certificate) = self.chosen()?;
        let mut others = Vec::new();
        for location in &self.locations {
            let found = platform::store_intermediates(&self.store, *location);
            others.extend(found.map_err(unreadable)?);
        }
        let description = described(&stored.der);
        let key = stored.key().map_err(|source| StoreError::Key {
            certificate: description,
            source,
        })?;
        let signer = StoreSigner::new(certificate.public_key().clone(), key);
        Ok((certificate, others, signer))
    }

    /// A value that differs once other certificates match.
    pub(super) fn fingerprint(&self) -> Result<[u8; 32], StoreError> {
        let mut hash = Sha256::new();
        hash.update(format!("{self:?}"));
        for stored in self.matching()? {
            hash.update([0]);
            hash.update(stored.der);
        }
        Ok(hash.finalize().into())
    }

    fn chosen(&self) -> Result<(StoredCertificate, Certificate), StoreError> {
        let stored = choose(self.matching()?, self.is_latest_taken)?;
        let certificate = Certificate::from_der(&stored.der);
        let certificate = certificate.map_err(|source| StoreError::Certificate { source })?;
        Ok((stored, certificate))
    }

    /// What matches in the first location that has any.
    fn matching(&self) -> Result<Vec<StoredCertificate>, StoreError> {
        for location in &self.locations {
            let stored = platform::stored_certificates(&self.store, *location);
            let mut stored = stored.map_err(unreadable)?;
            // Of most names, the user's store of Windows contains the machine's.
            let mut seen = HashSet::new();
            stored.retain(|stored| {
                is_match(&self.selector, &stored.der) && seen.insert(stored.der.clone())
            });
            if !stored.is_empty() {
                return Ok(stored);
            }
        }
        Ok(Vec::new())
    }
}

fn unreadable(source: io::Error) -> StoreError {
    StoreError::Unreadable { source }
}

fn is_match(selector: &CertSelector, der: &[u8]) -> bool {
    certificate::parse(der).is_ok_and(|certificate| selector.matches(&certificate))
}

/// The one certificate, or the one that expires last.
fn choose<T: AsRef<[u8]>>(mut matching: Vec<T>, is_latest_taken: bool) -> Result<T, StoreError> {
    if is_latest_taken {
        matching.sort_by_key(|one| {
            let parsed = certificate::parse(one.as_ref()).ok();
            parsed.map(|parsed| parsed.validity().not_after.timestamp())
        });
        matching.drain(..matching.len().saturating_sub(1));
    }
    if matching.len() > 1 {
        return Err(StoreError::Several {
            matching: matching.iter().map(|der| described(der.as_ref())).collect(),
        });
    }
    matching.pop().ok_or(StoreError::NoMatch)
}

impl AsRef<[u8]> for StoredCertificate {
    fn as_ref(&self) -> &[u8] {
        &self.der
    }
}

/// Subject, serial number and end of a certificate, by which a person tells it from others.
fn described(der: &[u8]) -> String {
    let Ok(parsed) = certificate::parse(der) else {
        return "a certificate that cannot be read".to_owned();
    };
    format!(
        "{} (serial number {}, valid until {})",
        distinguished_name::describe(parsed.subject()),
        SerialNumber::from_octets(parsed.raw_serial()),
        certificate::rfc3339(parsed.validity().not_after.to_datetime()),
    )
}

/// Windows keeps certificates with private keys there.
const DEFAULT_STORE: &str = "MY";

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn certificate(name: &str, year: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        assert!(params.not_after > OffsetDateTime::UNIX_EPOCH);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn several_matches_are_an_error_that_lists_them() {
        let all = vec![certificate("a", 2040), certificate("b", 2041)];
        let Err(StoreError::Several { matching }) = choose(all, false) else {
            panic!("one was chosen");
        };
        assert_eq!(matching.len(), 2);
        assert!(
            matching[0].starts_with("CN=a (serial number "),
            "{matching:?}"
        );
        assert!(
            matching[1].ends_with("valid until 2041-01-01T00:00:00Z)"),
            "{matching:?}"
        );
    }

    #[test]
    fn latest_expiring_certificate_is_taken_if_wanted() {
        let all = [2041, 2043, 2042].map(|year| certificate("a", year));
        assert_eq!(choose(all.to_vec(), true).unwrap(), all[1]);
        assert_eq!(choose(vec![all[0].clone()], false).unwrap(), all[0]);
        let none = choose(Vec::<Vec<u8>>::new(), true);
        assert!(matches!(none, Err(StoreError::NoMatch)));
    }
}
