//! Mechanisms for each kind of key, and what tokens return, in the form of X.509.

use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::dsa::HedgeType;
use cryptoki::mechanism::dsa::SignAdditionalContext;
use cryptoki::object::ObjectHandle;

use super::error::Pkcs11Error;
use super::session::TokenSession;
use crate::identity::files::private_key::hash;
use crate::identity::public_key::Curve;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::signer::Digest;

/// One way to sign: a mechanism and its input.
pub(super) struct Way {
    pub(super) mechanism: Mechanism<'static>,
    pub(super) input: Vec<u8>,
}

impl Way {
    /// True if the input is a digest already; then few tokens take it in parts.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.mechanism, Mechanism::RsaPkcs | Mechanism::Ecdsa)
    }
}

/// The ways to sign `message`, the usual one first. Tokens have one or both.
pub(super) fn ways(algorithm: KeyAlgorithm, message: &[u8], digest: Digest) -> Vec<Way> {
    let way = |mechanism, input| Way { mechanism, input };
    match algorithm {
        KeyAlgorithm::Rsa => vec![
            way(hashed_rsa(digest), message.to_vec()),
            way(Mechanism::RsaPkcs, digest_info(message, digest)),
        ],
        KeyAlgorithm::Ec(_) => vec![
            way(Mechanism::Ecdsa, hash(message, digest)),
            way(hashed_ecdsa(digest), message.to_vec()),
        ],
        KeyAlgorithm::MlDsa(_) => {
            let context = SignAdditionalContext::new(HedgeType::Preferred, None);
            vec![way(Mechanism::MlDsa(context), message.to_vec())]
        }
    }
}

/// Signs by the first way that the token has.
pub(super) fn sign(
    session: &TokenSession,
    key: ObjectHandle,
    algorithm: KeyAlgorithm,
    message: &[u8],
    digest: Digest,
) -> Result<Vec<u8>, Pkcs11Error> {
    first_supported(ways(algorithm, message, digest), |way| {
        session.sign(&way.mechanism, key, &way.input)
    })
}

/// The outcome of the first way whose mechanism the token has.
pub(super) fn first_supported<W, T>(
    ways: Vec<W>,
    attempt: impl Fn(&W) -> Result<T, Error>,
) -> Result<T, Pkcs11Error> {
    let mut failure = None;
    for way in ways {
        match attempt(&way) {
            Err(Error::Pkcs11(RvError::MechanismInvalid, function)) => {
                let error = Error::Pkcs11(RvError::MechanismInvalid, function);
                failure = failure.or(Some(error));
            }
            outcome => return Ok(outcome?),
        }
    }
    Err(failure.map_or(Pkcs11Error::SignatureInvalid, Pkcs11Error::from))
}

/// As [`ways`], those that sign in several parts first: with a PIN between their first and their last.
pub(super) fn ways_in_parts(algorithm: KeyAlgorithm, message: &[u8], digest: Digest) -> Vec<Way> {
    let mut ways = ways(algorithm, message, digest);
    ways.sort_by_key(Way::is_raw);
    ways
}

fn hashed_rsa(digest: Digest) -> Mechanism<'static> {
    match digest {
        Digest::Sha256 => Mechanism::Sha256RsaPkcs,
        Digest::Sha384 => Mechanism::Sha384RsaPkcs,
        Digest::Sha512 => Mechanism::Sha512RsaPkcs,
    }
}

fn hashed_ecdsa(digest: Digest) -> Mechanism<'static> {
    match digest {
        Digest::Sha256 => Mechanism::EcdsaSha256,
        Digest::Sha384 => Mechanism::EcdsaSha384,
        Digest::Sha512 => Mechanism::EcdsaSha512,
    }
}

/// `DigestInfo` (RFC 8017, 9.2, note 1).
fn digest_info(message: &[u8], digest: Digest) -> Vec<u8> {
    let (last_arc, octets) = match digest {
        Digest::Sha256 => (1, 32),
        Digest::Sha384 => (2, 48),
        Digest::Sha512 => (3, 64),
    };
    let mut info = vec![0x30, 17 + octets, 0x30, 13, 0x06, 9];
    // 2.16.840.1.101.3.4.2, id-sha256 and its neighbours (RFC 8017, B.1).
    info.extend([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last_arc]);
    info.extend([0x05, 0x00, 0x04, octets]);
    info.extend(hash(message, digest));
    info
}

/// A token's signature as X.509 has it: ECDSA as DER in place of both numbers side by side. `None` if it is
/// not a signature of such a key.
pub(super) fn encoded(algorithm: KeyAlgorithm, signature: Vec<u8>) -> Option<Vec<u8>> {
    match algorithm {
        KeyAlgorithm::Rsa | KeyAlgorithm::MlDsa(_) => Some(signature),
        KeyAlgorithm::Ec(Curve::P256) => {
            let signature = p256::ecdsa::Signature::from_slice(&signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
        KeyAlgorithm::Ec(Curve::P384) => {
            let signature = p384::ecdsa::Signature::from_slice(&signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
        KeyAlgorithm::Ec(Curve::P521) => {
            let signature = p521::ecdsa::Signature::from_slice(&signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_info_is_that_of_rfc_8017() {
        let info = hex::encode(digest_info(b"", Digest::Sha256));
        assert!(info.starts_with("3031300d060960864801650304020105000420"));
        let info = hex::encode(digest_info(b"", Digest::Sha384));
        assert!(info.starts_with("3041300d060960864801650304020205000430"));
        let info = hex::encode(digest_info(b"", Digest::Sha512));
        assert!(info.starts_with("3051300d060960864801650304020305000440"));
    }

    #[test]
    fn numbers_side_by_side_become_der() {
        let mut raw = vec![0; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let der = encoded(KeyAlgorithm::Ec(Curve::P256), raw).unwrap();
        assert_eq!(&der[..5], &[0x30, 0x26, 0x02, 0x01, 0x01]);
        assert_eq!(&der[5..9], &[0x02, 0x21, 0x00, 0x80]);
        assert_eq!(encoded(KeyAlgorithm::Ec(Curve::P384), vec![1; 64]), None);
    }
}
