//! [`Opening`] of a build that cannot load modules, such as a static one: it says which build can.

use super::error::Pkcs11Error;
use super::place::ListedCertificate;
use super::place::TokenPlace;
use crate::identity::certificate::Certificate;
use crate::identity::public_key::PublicKey;
use crate::identity::secrets::Secrets;
use crate::identity::signer::Signer;

/// One reading of an identity, which fails.
pub(in crate::identity) struct Opening;

/// A certificate that was found on a token.
pub(in crate::identity) struct TokenCertificate {
    pub(in crate::identity) leaf: Certificate,
    pub(in crate::identity) others: Vec<Vec<u8>>,
}

/// The key to look for.
pub(in crate::identity) struct WantedKey<'a> {
    pub(in crate::identity) place: &'a TokenPlace,
    pub(in crate::identity) beside: Option<(&'a TokenPlace, &'a TokenCertificate)>,
    pub(in crate::identity) public_key: Option<&'a PublicKey>,
}

impl Opening {
    pub(in crate::identity) fn new(_secrets: &dyn Secrets) -> Self {
        Self
    }

    pub(in crate::identity) fn certificate(
        &mut self,
        _place: &TokenPlace,
        _key_place: Option<&TokenPlace>,
        _with_others: bool,
    ) -> Result<TokenCertificate, Pkcs11Error> {
        Err(Pkcs11Error::Unsupported)
    }

    pub(in crate::identity) fn visible_certificate(
        &mut self,
        _place: &TokenPlace,
    ) -> Result<Certificate, Pkcs11Error> {
        Err(Pkcs11Error::Unsupported)
    }

    pub(in crate::identity) fn list(
        &mut self,
        _place: &TokenPlace,
    ) -> Result<Vec<ListedCertificate>, Pkcs11Error> {
        Err(Pkcs11Error::Unsupported)
    }

    pub(in crate::identity) fn key(
        &mut self,
        _wanted: WantedKey<'_>,
    ) -> Result<Box<dyn Signer>, Pkcs11Error> {
        Err(Pkcs11Error::Unsupported)
    }
}
