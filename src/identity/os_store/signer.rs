//! [`StoreSigner`]: a [`Signer`] whose key stays in the operating system.

use std::fmt;
use std::io;
use std::sync::Mutex;

use crate::identity::files::der;
use crate::identity::files::private_key::hash;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::identity::signer::Signer;
use crate::platform;
use crate::platform::StoreKey;
use crate::platform::StoreScheme;

/// A private key of a certificate store.
pub(in crate::identity) struct StoreSigner {
    public_key: PublicKey,
    key: Mutex<StoreKey>,
}

impl StoreSigner {
    pub(super) fn new(public_key: PublicKey, key: StoreKey) -> Self {
        Self {
            public_key,
            key: Mutex::new(key),
        }
    }
}

impl Signer for StoreSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError> {
        let hash = hash(message, digest);
        let key = self.key.lock();
        let key = key.unwrap_or_else(|poisoned| poisoned.into_inner());
        let signature = match self.public_key.algorithm {
            KeyAlgorithm::Rsa => key.sign(StoreScheme::RsaPkcs1, &hash),
            KeyAlgorithm::Ec(_) => key.sign(StoreScheme::Ecdsa, &hash).map(ecdsa),
            KeyAlgorithm::MlDsa(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "ML-DSA keys of certificate stores are not supported",
            )),
        };
        signature.map_err(|error| SignatureError::Signer(Box::new(error)))
    }
}

/// Windows returns both numbers side by side.
fn ecdsa(signature: Vec<u8>) -> Vec<u8> {
    match platform::STORE_SIGNATURES_ARE_DER {
        true => signature,
        false => {
            let (r, s) = signature.split_at(signature.len() / 2);
            der::two_integers(r, s)
        }
    }
}

impl fmt::Debug for StoreSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSigner")
            .field("algorithm", &self.public_key.algorithm)
            .finish_non_exhaustive()
    }
}
