//! [`PublicKey`]: what ties a private key to a certificate.

use std::fmt;

use p256::elliptic_curve::sec1::ToSec1Point;
use x509_parser::der_parser::oid;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A kind of key that IAM Roles Anywhere signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA, signing by PKCS#1 v1.5 with SHA-256 (RFC 8017, 8.2).
    Rsa,
    /// ECDSA on a curve, with SHA-256 whatever the curve.
    Ec(Curve),
    /// ML-DSA (FIPS 204), over the message itself.
    MlDsa(MlDsaParameters),
}

/// The parameter sets of ML-DSA (FIPS 204, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlDsaParameters {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

/// The curves the service takes (SEC 2: secp256r1, secp384r1, secp521r1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1, prime256v1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Ec(Curve::P256) => "EC P-256",
            Self::Ec(Curve::P384) => "EC P-384",
            Self::Ec(Curve::P521) => "EC P-521",
            Self::MlDsa(MlDsaParameters::MlDsa44) => "ML-DSA-44",
            Self::MlDsa(MlDsaParameters::MlDsa65) => "ML-DSA-65",
            Self::MlDsa(MlDsaParameters::MlDsa87) => "ML-DSA-87",
        })
    }
}

/// A public key as a `SubjectPublicKeyInfo` holds it (RFC 5280, 4.1.2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// The content of `subjectPublicKey`: the DER of an `RSAPublicKey` (RFC 8017, A.1.1), a point
    /// (RFC 5480, 2.2), always uncompressed here, or the octets of an ML-DSA key (RFC 9881, 4).
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads a certificate's key; the error is the object identifier of a kind that is not supported.
    pub(crate) fn from_subject_public_key_info(
        info: &SubjectPublicKeyInfo<'_>,
    ) -> Result<Self, String> {
        let bytes: &[u8] = info.subject_public_key.as_ref();
        let oid = &info.algorithm.algorithm;
        if *oid == OID_RSA_ENCRYPTION {
            return Ok(Self {
                algorithm: KeyAlgorithm::Rsa,
                bytes: bytes.to_vec(),
            });
        }
        let dotted = oid.to_id_string();
        if let Some(parameters) = MlDsaParameters::from_oid(&dotted) {
            return Ok(Self {
                algorithm: KeyAlgorithm::MlDsa(parameters),
                bytes: bytes.to_vec(),
            });
        }
        if *oid != OID_EC_PUBLIC_KEY {
            return Err(dotted);
        }
        let curve_oid = info
            .algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.as_oid().ok())
            .ok_or_else(|| format!("{oid} without a named curve"))?;
        let curve =
            Curve::from_oid(&curve_oid.to_id_string()).ok_or_else(|| curve_oid.to_id_string())?;
        Ok(Self {
            algorithm: KeyAlgorithm::Ec(curve),
            bytes: curve
                .uncompressed(bytes)
                .ok_or_else(|| format!("{oid} with a point that is not on its curve"))?,
        })
    }
}

impl PublicKey {
    /// The length of an RSA key's modulus in bits; `None` for other keys.
    pub fn rsa_bits(&self) -> Option<usize> {
        let (_, key) = RSAPublicKey::from_der(&self.bytes).ok()?;
        (self.algorithm == KeyAlgorithm::Rsa).then_some(key.key_size())
    }
}

impl MlDsaParameters {
    /// The set named by an object identifier in dotted form (RFC 9881, 2).
    pub(crate) fn from_oid(oid: &str) -> Option<Self> {
        match oid {
            "2.16.840.1.101.3.4.3.17" => Some(Self::MlDsa44),
            "2.16.840.1.101.3.4.3.18" => Some(Self::MlDsa65),
            "2.16.840.1.101.3.4.3.19" => Some(Self::MlDsa87),
            _ => None,
        }
    }
}

impl Curve {
    /// The curve named by an object identifier in dotted form (RFC 5480, 2.1.1.1).
    pub(crate) fn from_oid(oid: &str) -> Option<Self> {
        match oid {
            "1.2.840.10045.3.1.7" => Some(Self::P256),
            "1.3.132.0.34" => Some(Self::P384),
            "1.3.132.0.35" => Some(Self::P521),
            _ => None,
        }
    }

    /// The octets of a field element (SEC 1, 2.3.5); a private key has as many.
    pub(crate) fn field_octets(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// A point in its uncompressed form; some issuers write certificates with compressed ones.
    fn uncompressed(self, point: &[u8]) -> Option<Vec<u8>> {
        let Some(2 | 3) = point.first() else {
            return Some(point.to_vec());
        };
        match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(point)
                .ok()
                .map(|key| key.to_sec1_point(false).as_bytes().to_vec()),
            Self::P384 => p384::PublicKey::from_sec1_bytes(point)
                .ok()
                .map(|key| key.to_sec1_point(false).as_bytes().to_vec()),
            Self::P521 => p521::PublicKey::from_sec1_bytes(point)
                .ok()
                .map(|key| key.to_sec1_point(false).as_bytes().to_vec()),
        }
    }
}

/// `rsaEncryption` (RFC 8017, A.1).
pub(crate) const OID_RSA_ENCRYPTION: Oid<'static> = oid!(1.2.840.113549.1.1.1);

/// `id-ecPublicKey` (RFC 5480, 2.1.1).
pub(crate) const OID_EC_PUBLIC_KEY: Oid<'static> = oid!(1.2.840.10045.2.1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_point_is_written_out() {
        // The base point of P-256 (SEC 2, 2.4.2).
        let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let compressed = hex::decode(format!("03{x}")).unwrap();
        let point = Curve::P256.uncompressed(&compressed).unwrap();
        assert_eq!(hex::encode(point), format!("04{x}{y}"));
        assert_eq!(Curve::P256.uncompressed(&[2, 1, 2, 3]), None);
    }
}
