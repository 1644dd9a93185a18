//! [`verifies`]: whether a signature is one of a public key, to check what hardware signed before it is sent.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;

use super::files::private_key::hash;
use super::public_key::Curve;
use super::public_key::KeyAlgorithm;
use super::public_key::PublicKey;
use super::signer::Digest;

/// True if `signature`, as [`Signer::sign`](super::signer::Signer::sign) returns it, is one of `key`. ML-DSA is
/// left to the service.
pub(super) fn verifies(key: &PublicKey, message: &[u8], digest: Digest, signature: &[u8]) -> bool {
    let prehash = hash(message, digest);
    match key.algorithm {
        KeyAlgorithm::Rsa => {
            let scheme = match digest {
                Digest::Sha256 => rsa::Pkcs1v15Sign::new::<Sha256>(),
                Digest::Sha384 => rsa::Pkcs1v15Sign::new::<Sha384>(),
                Digest::Sha512 => rsa::Pkcs1v15Sign::new::<Sha512>(),
            };
            // ring knows no key below 2048 bits.
            let key = rsa::PublicKey::from_pkcs1_der(&key.bytes);
            key.is_ok_and(|key| key.verify(scheme, &prehash, signature).is_ok())
        }
        KeyAlgorithm::Ec(Curve::P256) => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&key.bytes);
            let signature = p256::ecdsa::Signature::from_der(signature);
            matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&prehash, &signature).is_ok())
        }
        KeyAlgorithm::Ec(Curve::P384) => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&key.bytes);
            let signature = p384::ecdsa::Signature::from_der(signature);
            matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&prehash, &signature).is_ok())
        }
        KeyAlgorithm::Ec(Curve::P521) => {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&key.bytes);
            let signature = p521::ecdsa::Signature::from_der(signature);
            matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&prehash, &signature).is_ok())
        }
        KeyAlgorithm::MlDsa(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::identity::IdentitySource;
    use crate::identity::secrets::NoSecrets;

    #[test]
    fn own_signature_verifies_and_no_other() {
        for name in [
            "rsa1024",
            "rsa2048-e3",
            "rsa2048",
            "rsa4096",
            "ec256",
            "ec384",
            "ec521",
        ] {
            let pki = PathBuf::from("fixtures/vectors/pki");
            let source = IdentitySource {
                certificate: pki.join(format!("{name}.crt")).into(),
                private_key: Some(pki.join(format!("{name}.key")).into()),
                intermediates: None,
                hardware: Default::default(),
            };
            let identity = source.open(&NoSecrets::default()).unwrap();
            let key = identity.certificate().public_key();
            let [sha256, sha384] = [Digest::Sha256, Digest::Sha384];
            for digest in [sha256, sha384, Digest::Sha512] {
                let signature = identity.signer().sign(b"message", digest).unwrap();
                assert!(verifies(key, b"message", digest, &signature), "{name}");
                assert!(!verifies(key, b"massage", digest, &signature), "{name}");
                assert!(
                    !verifies(key, b"message", digest, &signature[1..]),
                    "{name}"
                );
            }
            let signature = identity.signer().sign(b"message", sha256).unwrap();
            assert!(!verifies(key, b"message", sha384, &signature), "{name}");
        }
    }
}
