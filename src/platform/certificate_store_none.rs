//! No certificate stores: other systems keep certificates in files and on tokens.

use std::io;

use super::StoreLocation;
use super::StoreScheme;

/// The system has no certificate stores.
pub(crate) const HAS_CERTIFICATE_STORES: bool = false;

/// There are no signatures.
pub(crate) const STORE_SIGNATURES_ARE_DER: bool = true;

/// A certificate in a store: none, here.
pub(crate) struct StoredCertificate {
    pub(crate) der: Vec<u8>,
}

/// Fails: there are no stores.
pub(crate) fn stored_certificates(
    _name: &str,
    _location: StoreLocation,
) -> io::Result<Vec<StoredCertificate>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Fails: there are no stores.
pub(crate) fn store_intermediates(
    _name: &str,
    _location: StoreLocation,
) -> io::Result<Vec<Vec<u8>>> {
    Err(io::ErrorKind::Unsupported.into())
}

impl StoredCertificate {
    /// Fails: there are no stores.
    pub(crate) fn key(self) -> io::Result<StoreKey> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A key in a store: none, here.
pub(crate) struct StoreKey;

impl StoreKey {
    /// Fails: there are no stores.
    pub(crate) fn sign(&self, _scheme: StoreScheme, _hash: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
