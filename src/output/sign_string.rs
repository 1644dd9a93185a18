//! The fixed text that `sign-string` signs, to show what a private key can do.

use sha2::Digest;
use sha2::Sha256;

use crate::identity::public_key::KeyAlgorithm;
use crate::identity::public_key::PublicKey;

/// Text to sign for a key: a fixed text, and for RSA and EC the hash of the public key behind it, if one is
/// given.
pub fn message(key: Option<&PublicKey>) -> Vec<u8> {
    let mut message = TEXT.as_bytes().to_vec();
    let Some(key) = key else {
        return message;
    };
    match key.algorithm {
        KeyAlgorithm::Rsa | KeyAlgorithm::Ec(_) => {
            let mut hash = Sha256::new();
            hash.update(KEY_PREFIX);
            hash.update(&key.bytes);
            message.extend_from_slice(&hash.finalize());
        }
        KeyAlgorithm::MlDsa(_) => {}
    }
    message
}

/// The text with its version behind it.
const TEXT: &str = "AWS Roles Anywhere Credential Helper Signing Test1";

const KEY_PREFIX: &str = "IAM RA";
