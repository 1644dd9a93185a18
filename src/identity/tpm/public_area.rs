//! [`PublicArea`]: what a TPM says of a key, a `TPMT_PUBLIC` (TPM 2.0 Library, part 2, section 12.2.4).

use sha1::Sha1;
use sha2::Digest as _;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;

use super::error::TpmError;
use super::message::Reader;
use crate::identity::files::der;
use crate::identity::public_key::Curve;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;

/// The public part of a key in a TPM.
#[derive(Debug, Clone)]
pub struct PublicArea {
    /// As the TPM has it.
    pub(super) bytes: Vec<u8>,
    name_hash: u16,
    attributes: u32,
    scheme: Option<(u16, u16)>,
    pub(super) public_key: PublicKey,
}

/// A scheme to sign with, and the digest in the length that it takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SigningScheme {
    pub(super) scheme: u16,
    pub(super) hash: u16,
    pub(super) digest: Vec<u8>,
}

impl PublicArea {
    /// Reads a `TPMT_PUBLIC` that fills `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u16()?;
        let name_hash = reader.u16()?;
        let attributes = reader.u32()?;
        let _policy = reader.sized()?;
        let symmetric = reader.u16()?;
        if symmetric != ALG_NULL {
            reader.take(4)?;
        }
        let scheme = match reader.u16()? {
            ALG_NULL => None,
            // Without a hash.
            ALG_RSAES => Some((ALG_RSAES, ALG_NULL)),
            ALG_ECDAA => {
                let hash = reader.u16()?;
                let _count = reader.u16()?;
                Some((ALG_ECDAA, hash))
            }
            scheme => Some((scheme, reader.u16()?)),
        };
        let public_key = match kind {
            ALG_RSA => rsa(&mut reader)?,
            ALG_ECC => ecc(&mut reader)?,
            _ => return Err(TpmError::KeyKind),
        };
        if !reader.rest().is_empty() {
            return Err(TpmError::Malformed);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            name_hash,
            attributes,
            scheme,
            public_key,
        })
    }

    /// Fails if the key does not sign what it is given.
    pub(super) fn check_use(&self) -> Result<(), TpmError> {
        if self.attributes & SIGN == 0 {
            return Err(TpmError::NotForSigning);
        }
        if self.attributes & RESTRICTED != 0 {
            return Err(TpmError::Restricted);
        }
        if self.attributes & USER_WITH_AUTH == 0 {
            return Err(TpmError::Policy);
        }
        Ok(())
    }

    /// The key's name, over which a command is authorized (part 1, section 16).
    pub(super) fn name(&self) -> Result<Vec<u8>, TpmError> {
        let mut name = self.name_hash.to_be_bytes().to_vec();
        match self.name_hash {
            ALG_SHA1 => name.extend(Sha1::digest(&self.bytes)),
            ALG_SHA256 => name.extend(Sha256::digest(&self.bytes)),
            ALG_SHA384 => name.extend(Sha384::digest(&self.bytes)),
            ALG_SHA512 => name.extend(Sha512::digest(&self.bytes)),
            _ => return Err(TpmError::KeyKind),
        }
        Ok(name)
    }

    /// How the key signs `message` by its `digest`: with its own scheme if it has one, else RSASSA with that digest,
    /// or ECDSA with the hash of the curve's length. A digest that is shorter than the hash gets zeros in front,
    /// which changes no number; a longer one is cut, as ECDSA cuts it.
    pub(super) fn scheme_for(
        &self,
        message: &[u8],
        digest: Digest,
    ) -> Result<SigningScheme, TpmError> {
        let (hash, digest) = match digest {
            Digest::Sha256 => (ALG_SHA256, Sha256::digest(message).to_vec()),
            Digest::Sha384 => (ALG_SHA384, Sha384::digest(message).to_vec()),
            Digest::Sha512 => (ALG_SHA512, Sha512::digest(message).to_vec()),
        };
        match self.public_key.algorithm {
            KeyAlgorithm::Rsa => match self.scheme {
                None => Ok(()),
                Some(scheme) if scheme == (ALG_RSASSA, hash) => Ok(()),
                Some(scheme) => Err(other_scheme(scheme)),
            }
            .map(|()| SigningScheme {
                scheme: ALG_RSASSA,
                hash,
                digest,
            }),
            KeyAlgorithm::Ec(curve) => {
                let of_curve = match curve {
                    Curve::P256 => ALG_SHA256,
                    Curve::P384 => ALG_SHA384,
                    Curve::P521 => ALG_SHA512,
                };
                let hash = match self.scheme {
                    None => of_curve,
                    Some((ALG_ECDSA, hash)) => hash,
                    Some(scheme) => return Err(other_scheme(scheme)),
                };
                let octets = hash_octets(hash).ok_or(other_scheme((ALG_ECDSA, hash)))?;
                // ECDSA takes as many bits as the curve has, from the left. They must stay the same.
                let is_shifted = octets > digest.len() && octets > curve_octets(curve);
                let is_short = octets < digest.len() && octets < curve_octets(curve);
                if is_shifted || is_short {
                    return Err(other_scheme((ALG_ECDSA, hash)));
                }
                let mut padded = vec![0; octets.saturating_sub(digest.len())];
                padded.extend(digest.iter().take(octets));
                Ok(SigningScheme {
                    scheme: ALG_ECDSA,
                    hash,
                    digest: padded,
                })
            }
            KeyAlgorithm::MlDsa(_) => Err(TpmError::KeyKind),
        }
    }
}

fn curve_octets(curve: Curve) -> usize {
    match curve {
        Curve::P256 => 32,
        Curve::P384 => 48,
        Curve::P521 => 66,
    }
}

fn hash_octets(hash: u16) -> Option<usize> {
    match hash {
        ALG_SHA256 => Some(32),
        ALG_SHA384 => Some(48),
        ALG_SHA512 => Some(64),
        _ => None,
    }
}

fn other_scheme((scheme, hash): (u16, u16)) -> TpmError {
    let name = match scheme {
        ALG_RSASSA => "RSASSA".to_owned(),
        ALG_RSAPSS => "RSASSA-PSS".to_owned(),
        ALG_ECDSA => "ECDSA".to_owned(),
        ALG_ECDAA => "ECDAA".to_owned(),
        ALG_RSAES => "RSAES".to_owned(),
        other => format!("scheme {other:#06x}"),
    };
    let hash = match hash {
        ALG_SHA1 => "SHA-1".to_owned(),
        ALG_SHA256 => "SHA-256".to_owned(),
        ALG_SHA384 => "SHA-384".to_owned(),
        ALG_SHA512 => "SHA-512".to_owned(),
        other => format!("hash {other:#06x}"),
    };
    TpmError::Scheme {
        scheme: format!("{name} with {hash}"),
    }
}

fn rsa(reader: &mut Reader<'_>) -> Result<PublicKey, TpmError> {
    let _bits = reader.u16()?;
    let exponent = match reader.u32()? {
        0 => RSA_EXPONENT,
        exponent => exponent,
    };
    let modulus = reader.sized()?;
    Ok(PublicKey {
        algorithm: KeyAlgorithm::Rsa,
        bytes: der::two_integers(modulus, &exponent.to_be_bytes()),
    })
}

fn ecc(reader: &mut Reader<'_>) -> Result<PublicKey, TpmError> {
    let curve = match reader.u16()? {
        0x0003 => Curve::P256,
        0x0004 => Curve::P384,
        0x0005 => Curve::P521,
        _ => return Err(TpmError::KeyKind),
    };
    if reader.u16()? != ALG_NULL {
        reader.u16()?;
    }
    let mut point = vec![0x04];
    for coordinate in [reader.sized()?, reader.sized()?] {
        let octets = curve_octets(curve);
        let zeros = octets
            .checked_sub(coordinate.len())
            .ok_or(TpmError::Malformed)?;
        point.resize(point.len() + zeros, 0);
        point.extend_from_slice(coordinate);
    }
    Ok(PublicKey {
        algorithm: KeyAlgorithm::Ec(curve),
        bytes: point,
    })
}

/// `TPM_ALG_ID`s (part 2, section 6.3).
const ALG_RSA: u16 = 0x0001;
const ALG_SHA1: u16 = 0x0004;
pub(super) const ALG_AES: u16 = 0x0006;
pub(super) const ALG_SHA256: u16 = 0x000b;
const ALG_SHA384: u16 = 0x000c;
const ALG_SHA512: u16 = 0x000d;
pub(super) const ALG_NULL: u16 = 0x0010;
pub(super) const ALG_RSASSA: u16 = 0x0014;
const ALG_RSAES: u16 = 0x0015;
const ALG_RSAPSS: u16 = 0x0016;
const ALG_ECDAA: u16 = 0x001a;
pub(super) const ALG_ECDSA: u16 = 0x0018;
pub(super) const ALG_ECC: u16 = 0x0023;
pub(super) const ALG_CFB: u16 = 0x0043;

/// `TPMA_OBJECT` (part 2, section 8.3).
const USER_WITH_AUTH: u32 = 1 << 6;
const RESTRICTED: u32 = 1 << 16;
const SIGN: u32 = 1 << 18;

/// 65537, which a public area writes as zero.
const RSA_EXPONENT: u32 = 65_537;
