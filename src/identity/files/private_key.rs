//! [`PrivateKey`]: an RSA, EC or ML-DSA private key in memory.
//!
//! ring signs with every key that it takes; RustCrypto with the rest: RSA outside 2048 to 4096 bits or
//! with e = 3, P-384 and P-521 (the protocol signs on every curve with SHA-256, ring does not), and
//! P-256 keys without their public half; ML-DSA.

use std::fmt;

use ml_dsa::ExpandedSigningKey;
use ml_dsa::MlDsa44;
use ml_dsa::MlDsa65;
use ml_dsa::MlDsa87;
use ml_dsa::MlDsaParams;
use ml_dsa::Seed;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use pkcs8::AssociatedOid;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use ring::signature::RSA_PKCS1_SHA384;
use ring::signature::RSA_PKCS1_SHA512;
use ring::signature::RsaEncoding;
use ring::signature::RsaKeyPair;
use rsa::PrivateKey as RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::signature::SignatureEncoding;
use rsa::traits::PublicKeyParts;
use sec1::EcPrivateKey;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;

use crate::identity::public_key::Curve;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::public_key::MlDsaParameters;
use crate::identity::public_key::OID_EC_PUBLIC_KEY;
use crate::identity::public_key::OID_RSA_ENCRYPTION;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::identity::signer::Signer;
use crate::secret::Secret;

/// A private key that signs for a certificate. The key's bytes are not kept here, only what the
/// signing library makes of them.
pub struct PrivateKey {
    public_key: PublicKey,
    key: Key,
}

enum Key {
    RingRsa(RsaKeyPair),
    Rsa(Box<RsaPrivateKey>),
    RingP256 {
        pair: EcdsaKeyPair,
        scalar: Secret<Vec<u8>>,
    },
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    MlDsa44(Box<ExpandedSigningKey<MlDsa44>>),
    MlDsa65(Box<ExpandedSigningKey<MlDsa65>>),
    MlDsa87(Box<ExpandedSigningKey<MlDsa87>>),
}

impl PrivateKey {
    /// Reads a `PrivateKeyInfo` (PKCS#8, RFC 5958), with or without the public key in it.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let info = PrivateKeyInfoRef::from_der_partial(der)
            .map_err(|_| PrivateKeyError::Malformed)?
            .0;
        let algorithm = info.algorithm.oid.to_string();
        if algorithm == OID_RSA_ENCRYPTION.to_id_string() {
            return Self::from_pkcs1(info.private_key.as_bytes());
        }
        if let Some(parameters) = MlDsaParameters::from_oid(&algorithm) {
            return Self::from_ml_dsa(parameters, info.private_key.as_bytes());
        }
        if algorithm != OID_EC_PUBLIC_KEY.to_id_string() {
            return Err(PrivateKeyError::Algorithm { algorithm });
        }
        let curve = info
            .algorithm
            .parameters_oid()
            .map_err(|_| PrivateKeyError::CurveMissing)?;
        let key = EcPrivateKey::from_der(info.private_key.as_bytes())
            .map_err(|_| PrivateKeyError::Malformed)?;
        Self::from_ec(curve_named(curve)?, &key)
    }

    /// Reads an `RSAPrivateKey` (PKCS#1, RFC 8017, A.1.2) of 1024 to 8192 bits.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        if let Ok(pair) = RsaKeyPair::from_der(der) {
            return Ok(Self {
                public_key: PublicKey {
                    algorithm: KeyAlgorithm::Rsa,
                    bytes: pair.public_key().as_ref().to_vec(),
                },
                key: Key::RingRsa(pair),
            });
        }
        // The size is looked at first: checking a huge key would keep the machine busy for minutes.
        let bits = modulus_bits(der)?;
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(PrivateKeyError::RsaBits { bits });
        }
        let key = RsaPrivateKey::from_pkcs1_der(der).map_err(|_| PrivateKeyError::Malformed)?;
        debug_assert_eq!(key.n().bit_width() as usize, bits);
        let public = key
            .to_public_key()
            .to_pkcs1_der()
            .map_err(|_| PrivateKeyError::Malformed)?;
        Ok(Self {
            public_key: PublicKey {
                algorithm: KeyAlgorithm::Rsa,
                bytes: public.as_bytes().to_vec(),
            },
            key: Key::Rsa(Box::new(key)),
        })
    }

    /// Reads an `ECPrivateKey` (SEC 1, C.4; RFC 5915), with or without the public key in it. Without a
    /// named curve, the length of the key decides.
    pub fn from_sec1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        // Bytes after the key are passed over, as they are by other programs.
        let (key, _) =
            EcPrivateKey::from_der_partial(der).map_err(|_| PrivateKeyError::Malformed)?;
        let curve = match key.parameters.as_ref() {
            Some(parameters) => curve_named(
                parameters
                    .named_curve()
                    .ok_or(PrivateKeyError::CurveMissing)?,
            )?,
            None => [Curve::P256, Curve::P384, Curve::P521]
                .into_iter()
                .find(|curve| curve.field_octets() == key.private_key.len())
                .ok_or(PrivateKeyError::CurveMissing)?,
        };
        Self::from_ec(curve, &key)
    }

    fn from_ec(curve: Curve, key: &EcPrivateKey<'_>) -> Result<Self, PrivateKeyError> {
        let malformed = |_| PrivateKeyError::Malformed;
        let scalar = strip_leading_zeros(key.private_key, curve);
        if let (Curve::P256, Some(public)) = (curve, key.public_key) {
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                scalar,
                public,
                &SystemRandom::new(),
            );
            if let Ok(pair) = pair {
                let public = pair.public_key().as_ref().to_vec();
                let scalar = Secret::new(scalar.to_vec());
                return Ok(Self::ec(curve, public, Key::RingP256 { pair, scalar }));
            }
        }
        match curve {
            Curve::P256 => p256::ecdsa::SigningKey::from_slice(scalar)
                .map(|key| {
                    let point = key.verifying_key().to_sec1_point(false);
                    Self::ec(curve, point.as_bytes().to_vec(), Key::P256(key))
                })
                .map_err(malformed),
            Curve::P384 => p384::ecdsa::SigningKey::from_slice(scalar)
                .map(|key| {
                    let point = key.verifying_key().to_sec1_point(false);
                    Self::ec(curve, point.as_bytes().to_vec(), Key::P384(key))
                })
                .map_err(malformed),
            Curve::P521 => p521::ecdsa::SigningKey::from_slice(scalar)
                .map(|key| {
                    let point = key.verifying_key().to_sec1_point(false);
                    Self::ec(curve, point.as_bytes().to_vec(), Key::P521(key))
                })
                .map_err(malformed),
        }
    }

    /// Reads an ML-DSA private key (RFC 9881, 6): the seed, or the seed with the expanded key. From
    /// the expanded key alone the public key cannot be derived, so that is rejected.
    fn from_ml_dsa(parameters: MlDsaParameters, key: &[u8]) -> Result<Self, PrivateKeyError> {
        let seed = ml_dsa_seed(key)?;
        let (bytes, key) = match parameters {
            MlDsaParameters::MlDsa44 => {
                let key = Box::new(ExpandedSigningKey::from_seed(seed));
                (key.verifying_key().encode().to_vec(), Key::MlDsa44(key))
            }
            MlDsaParameters::MlDsa65 => {
                let key = Box::new(ExpandedSigningKey::from_seed(seed));
                (key.verifying_key().encode().to_vec(), Key::MlDsa65(key))
            }
            MlDsaParameters::MlDsa87 => {
                let key = Box::new(ExpandedSigningKey::from_seed(seed));
                (key.verifying_key().encode().to_vec(), Key::MlDsa87(key))
            }
        };
        Ok(Self {
            public_key: PublicKey {
                algorithm: KeyAlgorithm::MlDsa(parameters),
                bytes,
            },
            key,
        })
    }

    fn ec(curve: Curve, point: Vec<u8>, key: Key) -> Self {
        Self {
            public_key: PublicKey {
                algorithm: KeyAlgorithm::Ec(curve),
                bytes: point,
            },
            key,
        }
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError> {
        match &self.key {
            Key::RingRsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(ring_rsa_encoding(digest), &random, message, &mut signature)
                    .map_err(|_| SignatureError::Refused)?;
                Ok(signature)
            }
            Key::Rsa(key) => match digest {
                Digest::Sha256 => sign_rsa::<Sha256>(key, message),
                Digest::Sha384 => sign_rsa::<Sha384>(key, message),
                Digest::Sha512 => sign_rsa::<Sha512>(key, message),
            },
            Key::RingP256 { pair, scalar } => match digest {
                Digest::Sha256 => pair
                    .sign(&SystemRandom::new(), message)
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| SignatureError::Refused),
                // ring knows no other digest for this curve.
                Digest::Sha384 | Digest::Sha512 => {
                    let key = p256::ecdsa::SigningKey::from_slice(scalar.expose())
                        .map_err(|_| SignatureError::Refused)?;
                    sign_p256(&key, message, digest)
                }
            },
            Key::P256(key) => sign_p256(key, message, digest),
            Key::P384(key) => {
                let signature: p384::ecdsa::Signature = key
                    .sign_prehash(&hash(message, digest))
                    .map_err(|_| SignatureError::Refused)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Key::P521(key) => {
                let signature: p521::ecdsa::Signature = key
                    .sign_prehash(&hash(message, digest))
                    .map_err(|_| SignatureError::Refused)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Key::MlDsa44(key) => sign_ml_dsa(key, message),
            Key::MlDsa65(key) => sign_ml_dsa(key, message),
            Key::MlDsa87(key) => sign_ml_dsa(key, message),
        }
    }
}

fn ring_rsa_encoding(digest: Digest) -> &'static dyn RsaEncoding {
    match digest {
        Digest::Sha256 => &RSA_PKCS1_SHA256,
        Digest::Sha384 => &RSA_PKCS1_SHA384,
        Digest::Sha512 => &RSA_PKCS1_SHA512,
    }
}

/// Blinded, which is the crate's default.
fn sign_rsa<D: sha2::Digest + AssociatedOid>(
    key: &RsaPrivateKey,
    message: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    rsa::pkcs1v15::SigningKey::<D>::new(key.clone())
        .sign_prehash(&D::digest(message))
        .map(|signature| signature.to_vec())
        .map_err(|_| SignatureError::Refused)
}

fn sign_p256(
    key: &p256::ecdsa::SigningKey,
    message: &[u8],
    digest: Digest,
) -> Result<Vec<u8>, SignatureError> {
    let signature: p256::ecdsa::Signature = key
        .sign_prehash(&hash(message, digest))
        .map_err(|_| SignatureError::Refused)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// Deterministic, with an empty context: the same bytes as the reference helper's.
fn sign_ml_dsa<P: MlDsaParams>(
    key: &ExpandedSigningKey<P>,
    message: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    key.sign_deterministic(message, &[])
        .map(|signature| signature.encode().to_vec())
        .map_err(|_| SignatureError::Refused)
}

pub(in crate::identity) fn hash(message: &[u8], digest: Digest) -> Vec<u8> {
    use sha2::Digest as _;
    match digest {
        Digest::Sha256 => Sha256::digest(message).to_vec(),
        Digest::Sha384 => Sha384::digest(message).to_vec(),
        Digest::Sha512 => Sha512::digest(message).to_vec(),
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.public_key.algorithm)
            .finish_non_exhaustive()
    }
}

/// Some programs write a scalar with zeros in front, as an INTEGER has them (RFC 5915, 3 does not).
fn strip_leading_zeros(scalar: &[u8], curve: Curve) -> &[u8] {
    match scalar.split_at_checked(scalar.len().saturating_sub(curve.field_octets())) {
        Some((zeros, rest)) if zeros.iter().all(|octet| *octet == 0) => rest,
        Some(_) | None => scalar,
    }
}

/// The seed of `ML-DSA-PrivateKey ::= CHOICE { seed [0] OCTET STRING, expandedKey OCTET STRING, both
/// SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }`.
fn ml_dsa_seed(key: &[u8]) -> Result<&Seed, PrivateKeyError> {
    let seed = match key.split_first_chunk::<2>() {
        Some(([0x80, 32], seed)) => seed,
        Some(([0x04, _], _)) => return Err(PrivateKeyError::SeedMissing),
        Some(([0x30, 0x82], both)) => match both.split_at_checked(4) {
            Some(([_, _, 0x04, 32], rest)) => rest.get(..32).unwrap_or_default(),
            Some(_) | None => return Err(PrivateKeyError::Malformed),
        },
        Some(_) | None => return Err(PrivateKeyError::Malformed),
    };
    seed.try_into().map_err(|_| PrivateKeyError::Malformed)
}

fn curve_named(oid: pkcs8::ObjectIdentifier) -> Result<Curve, PrivateKeyError> {
    let algorithm = oid.to_string();
    Curve::from_oid(&algorithm).ok_or(PrivateKeyError::Algorithm { algorithm })
}

fn modulus_bits(pkcs1: &[u8]) -> Result<usize, PrivateKeyError> {
    let key =
        rsa::pkcs1::RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| PrivateKeyError::Malformed)?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus
        .first()
        .map_or(0, |octet| octet.leading_zeros() as usize);
    Ok(modulus.len() * 8 - leading)
}

/// Bytes that are not a private key to work with. They are not shown: they may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// They are no key of the kind their label says, or its parts do not fit together.
    Malformed,
    /// The service does not work with keys of this kind.
    Algorithm {
        /// The object identifier of the kind or curve.
        algorithm: String,
    },
    /// An EC key without its curve.
    CurveMissing,
    /// An ML-DSA key in its expanded form alone.
    SeedMissing,
    /// An RSA key of a size that is not taken.
    RsaBits {
        /// The bits of its modulus.
        bits: usize,
    },
}

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed private key"),
            Self::Algorithm { algorithm } => write!(
                f,
                "the key is of a kind that is not supported ({algorithm}); RSA, EC on P-256, P-384 \
                 and P-521, and ML-DSA are"
            ),
            Self::CurveMissing => f.write_str("the EC key does not name its curve"),
            Self::SeedMissing => f.write_str(
                "the ML-DSA key is the expanded key alone; a file with its seed is needed",
            ),
            Self::RsaBits { bits } => write!(
                f,
                "the RSA key has {bits} bits; {RSA_BITS_MIN} to {RSA_BITS_MAX} are read"
            ),
        }
    }
}

impl std::error::Error for PrivateKeyError {}

/// Smaller keys are broken (RFC 8017 gives no minimum; the service's own is 2048 in practice).
const RSA_BITS_MIN: usize = 1024;

/// A signature by a larger key takes longer than any client waits.
const RSA_BITS_MAX: usize = 8192;
