//! Public keys and the signatures that they verify.
//!
//! The libraries are deliberately not those that a client of the same workspace signs with:
//! RSA, P-256 and P-521 are verified by RustCrypto, P-384 by *ring*, ML-DSA by fips204.

use fips204::ml_dsa_44;
use fips204::ml_dsa_65;
use fips204::ml_dsa_87;
use fips204::traits::SerDes;
use fips204::traits::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::signature::ECDSA_P384_SHA256_ASN1;
use ring::signature::ECDSA_P384_SHA384_ASN1;
use ring::signature::UnparsedPublicKey;
use rsa::Pkcs1v15Sign;
use rsa::PublicKey as RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A hash of the SHA-2 family, strong enough for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Algorithm of a signature. ML-DSA signs the message itself, without a separate hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Rsa(Hash),
    Ecdsa(Hash),
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// A public key of a kind that can be verified with.
pub(crate) enum PublicKey<'a> {
    Rsa(Box<RsaPublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    P384(&'a [u8]),
    P521(p521::ecdsa::VerifyingKey),
    MlDsa44(Box<ml_dsa_44::PublicKey>),
    MlDsa65(Box<ml_dsa_65::PublicKey>),
    MlDsa87(Box<ml_dsa_87::PublicKey>),
}

impl<'a> PublicKey<'a> {
    /// Reads a key of RFC 5280 section 4.1.2.7; the error is the key's algorithm, as an object
    /// identifier, or what is wrong with the key.
    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfo<'a>) -> Result<PublicKey<'a>, String> {
        let algorithm = spki.algorithm.algorithm.to_id_string();
        let key = spki.subject_public_key.data.clone();
        match algorithm.as_str() {
            RSA_ENCRYPTION => RsaPublicKey::from_pkcs1_der(&key)
                .map(|key| PublicKey::Rsa(Box::new(key)))
                .map_err(|_| "a malformed RSA key".to_owned()),
            EC_PUBLIC_KEY => PublicKey::from_point(spki),
            ML_DSA_44 => from_octets(&key).map(PublicKey::MlDsa44),
            ML_DSA_65 => from_octets(&key).map(PublicKey::MlDsa65),
            ML_DSA_87 => from_octets(&key).map(PublicKey::MlDsa87),
            _ => Err(algorithm),
        }
    }

    fn from_point(spki: &SubjectPublicKeyInfo<'a>) -> Result<PublicKey<'a>, String> {
        let curve = spki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|curve| curve.as_oid().ok());
        let Some(curve) = curve.map(|curve| curve.to_id_string()) else {
            return Err("an elliptic curve without a name".to_owned());
        };
        let point = raw_key(spki)?;
        let malformed = || "a malformed elliptic curve point".to_owned();
        match curve.as_str() {
            SECP256R1 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map(PublicKey::P256)
                .map_err(|_| malformed()),
            SECP384R1 => Ok(PublicKey::P384(point)),
            SECP521R1 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map(PublicKey::P521)
                .map_err(|_| malformed()),
            _ => Err(curve),
        }
    }

    /// The scheme in which the key signs requests; RSA and ECDSA with SHA-256, whatever its size.
    pub(crate) fn request_scheme(&self) -> Scheme {
        match self {
            PublicKey::Rsa(_) => Scheme::Rsa(Hash::Sha256),
            PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => {
                Scheme::Ecdsa(Hash::Sha256)
            }
            PublicKey::MlDsa44(_) => Scheme::MlDsa44,
            PublicKey::MlDsa65(_) => Scheme::MlDsa65,
            PublicKey::MlDsa87(_) => Scheme::MlDsa87,
        }
    }

    /// True if `signature` is this key's over `message`: RSASSA-PKCS1-v1_5 (RFC 8017 section
    /// 8.2), ECDSA as a DER sequence of r and s (RFC 3279 section 2.2.3), or ML-DSA with an empty
    /// context (FIPS 204 section 5.3). For ECDSA the hash may be shorter or longer than the order
    /// of the curve; both occur here. A scheme of another kind of key does not verify.
    pub(crate) fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        match (self, scheme) {
            (PublicKey::Rsa(key), Scheme::Rsa(hash)) => {
                let (scheme, digest) = match hash {
                    Hash::Sha256 => (Pkcs1v15Sign::new::<Sha256>(), hash.digest(message)),
                    Hash::Sha384 => (Pkcs1v15Sign::new::<Sha384>(), hash.digest(message)),
                    Hash::Sha512 => (Pkcs1v15Sign::new::<Sha512>(), hash.digest(message)),
                };
                key.verify(scheme, &digest, signature).is_ok()
            }
            (PublicKey::P256(key), Scheme::Ecdsa(hash)) => {
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
                    key.verify_prehash(&hash.digest(message), &signature)
                        .is_ok()
                })
            }
            (PublicKey::P384(point), Scheme::Ecdsa(hash)) => {
                p384_verifies(point, hash, message, signature)
            }
            (PublicKey::P521(key), Scheme::Ecdsa(hash)) => {
                p521::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
                    key.verify_prehash(&hash.digest(message), &signature)
                        .is_ok()
                })
            }
            (PublicKey::MlDsa44(key), Scheme::MlDsa44) => {
                ml_dsa_verifies(key.as_ref(), message, signature)
            }
            (PublicKey::MlDsa65(key), Scheme::MlDsa65) => {
                ml_dsa_verifies(key.as_ref(), message, signature)
            }
            (PublicKey::MlDsa87(key), Scheme::MlDsa87) => {
                ml_dsa_verifies(key.as_ref(), message, signature)
            }
            (PublicKey::Rsa(_), _)
            | (PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_), _)
            | (PublicKey::MlDsa44(_) | PublicKey::MlDsa65(_) | PublicKey::MlDsa87(_), _) => false,
        }
    }
}

impl Hash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// The key's bytes, borrowed for as long as the certificate lives.
fn raw_key<'a>(spki: &SubjectPublicKeyInfo<'a>) -> Result<&'a [u8], String> {
    // The BIT STRING ends the sequence, and all keys here are whole octets.
    let length = spki.subject_public_key.data.len();
    let start = spki.raw.len().checked_sub(length);
    start
        .and_then(|start| spki.raw.get(start..))
        .ok_or_else(|| "a malformed key".to_owned())
}

/// *ring* has no P-384 with SHA-512; such a certificate does not verify.
fn p384_verifies(point: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let algorithm = match hash {
        Hash::Sha256 => &ECDSA_P384_SHA256_ASN1,
        Hash::Sha384 => &ECDSA_P384_SHA384_ASN1,
        Hash::Sha512 => return false,
    };
    UnparsedPublicKey::new(algorithm, point)
        .verify(message, signature)
        .is_ok()
}

/// Reads a public key of ML-DSA, which is its octets alone (RFC 9881 section 4).
fn from_octets<K, const LENGTH: usize>(octets: &[u8]) -> Result<Box<K>, String>
where
    K: SerDes<ByteArray = [u8; LENGTH]>,
{
    let malformed = || "a malformed ML-DSA key".to_owned();
    let octets = octets.try_into().map_err(|_| malformed())?;
    K::try_from_bytes(octets)
        .map(Box::new)
        .map_err(|_| malformed())
}

fn ml_dsa_verifies<const LENGTH: usize>(
    key: &impl Verifier<Signature = [u8; LENGTH]>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    signature
        .try_into()
        .is_ok_and(|signature| key.verify(message, signature, EMPTY_CONTEXT))
}

const EMPTY_CONTEXT: &[u8] = &[];

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const SECP256R1: &str = "1.2.840.10045.3.1.7";
const SECP384R1: &str = "1.3.132.0.34";
const SECP521R1: &str = "1.3.132.0.35";

/// RFC 9881 section 2: of the key and of the signatures made with it.
pub(crate) const ML_DSA_44: &str = "2.16.840.1.101.3.4.3.17";
pub(crate) const ML_DSA_65: &str = "2.16.840.1.101.3.4.3.18";
pub(crate) const ML_DSA_87: &str = "2.16.840.1.101.3.4.3.19";
