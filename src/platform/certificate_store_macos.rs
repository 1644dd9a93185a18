//! The keychains of macOS. Compiled, never run by us.

use std::io;

use security_framework::identity::SecIdentity;
use security_framework::item::ItemClass;
use security_framework::item::ItemSearchOptions;
use security_framework::item::Limit;
use security_framework::item::Reference;
use security_framework::item::SearchResult;
use security_framework::key::Algorithm;
use security_framework::key::SecKey;

use super::StoreLocation;
use super::StoreScheme;

/// The system has certificate stores.
pub(crate) const HAS_CERTIFICATE_STORES: bool = true;

/// A signature by ECDSA is an `Ecdsa-Sig-Value`.
pub(crate) const STORE_SIGNATURES_ARE_DER: bool = true;

/// A certificate with a private key in a keychain.
pub(crate) struct StoredCertificate {
    pub(crate) der: Vec<u8>,
    identity: SecIdentity,
}

/// The certificates with keys in the keychains that are searched; they have neither name nor location.
pub(crate) fn stored_certificates(
    _name: &str,
    _location: StoreLocation,
) -> io::Result<Vec<StoredCertificate>> {
    let identities = search(ItemClass::identity())?.into_iter();
    let stored = identities.filter_map(|found| match found {
        SearchResult::Ref(Reference::Identity(identity)) => {
            let certificate = identity.certificate().ok()?;
            let der = certificate.to_der();
            Some(StoredCertificate { der, identity })
        }
        _ => None,
    });
    Ok(stored.collect())
}

/// The DER of certificates that may belong to the chain of one in the keychains.
pub(crate) fn store_intermediates(
    _name: &str,
    _location: StoreLocation,
) -> io::Result<Vec<Vec<u8>>> {
    let certificates = search(ItemClass::certificate())?.into_iter();
    let ders = certificates.filter_map(|found| match found {
        SearchResult::Ref(Reference::Certificate(certificate)) => Some(certificate.to_der()),
        _ => None,
    });
    Ok(ders.collect())
}

/// Everything of a class; nothing is an empty list.
fn search(class: ItemClass) -> io::Result<Vec<SearchResult>> {
    let found = ItemSearchOptions::new()
        .class(class)
        .load_refs(true)
        .limit(Limit::All)
        .search();
    match found {
        Err(error) if error.code() == ITEM_NOT_FOUND => Ok(Vec::new()),
        found => found.map_err(io::Error::other),
    }
}

impl StoredCertificate {
    /// Opens the certificate's key.
    pub(crate) fn key(self) -> io::Result<StoreKey> {
        let key = self.identity.private_key().map_err(io::Error::other)?;
        Ok(StoreKey(key))
    }
}

/// A key in a keychain.
pub(crate) struct StoreKey(SecKey);

impl StoreKey {
    /// Signs a hash of SHA-256, SHA-384 or SHA-512.
    pub(crate) fn sign(&self, scheme: StoreScheme, hash: &[u8]) -> io::Result<Vec<u8>> {
        let algorithm = match (scheme, hash.len()) {
            (StoreScheme::RsaPkcs1, 32) => Algorithm::RSASignatureDigestPKCS1v15SHA256,
            (StoreScheme::RsaPkcs1, 48) => Algorithm::RSASignatureDigestPKCS1v15SHA384,
            (StoreScheme::RsaPkcs1, _) => Algorithm::RSASignatureDigestPKCS1v15SHA512,
            (StoreScheme::Ecdsa, 32) => Algorithm::ECDSASignatureDigestX962SHA256,
            (StoreScheme::Ecdsa, 48) => Algorithm::ECDSASignatureDigestX962SHA384,
            (StoreScheme::Ecdsa, _) => Algorithm::ECDSASignatureDigestX962SHA512,
        };
        let signature = self.0.create_signature(algorithm, hash);
        signature.map_err(|error| io::Error::other(error.description().to_string()))
    }
}

/// `errSecItemNotFound`
const ITEM_NOT_FOUND: i32 = -25_300;
