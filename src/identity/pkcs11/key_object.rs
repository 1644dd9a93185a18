//! [`KeyObject`]: a private key on a token, and whether it is a certificate's.

use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use cryptoki::object::KeyType;
use cryptoki::object::MlDsaParameterSetType;
use cryptoki::object::ObjectClass;
use cryptoki::object::ObjectHandle;
use cryptoki::object::ParameterSetType;
use rsa::pkcs1::RsaPublicKey;
use rsa::pkcs1::UintRef;
use rsa::pkcs1::der::Decode;
use rsa::pkcs1::der::Encode;
use rsa::pkcs1::der::asn1::ObjectIdentifier;

use super::algorithm;
use super::error::Pkcs11Error;
use super::session::TokenSession;
use super::token::Token;
use super::uri::ObjectFilter;
use crate::identity::public_key::Curve;
use crate::identity::public_key::KeyAlgorithm;
use crate::identity::public_key::MlDsaParameters;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;
use crate::identity::verification::verifies;

/// A private key object.
#[derive(Debug)]
pub(super) struct KeyObject {
    pub(super) handle: ObjectHandle,
    /// By which it is found again.
    pub(super) filter: ObjectFilter,
    /// True if it wants a PIN for each signature.
    pub(super) is_always_authenticated: bool,
    key_type: Option<KeyType>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// A `SubjectPublicKeyInfo`, or empty.
    public_key_info: Vec<u8>,
    curve: Option<Curve>,
    ml_dsa: Option<MlDsaParameters>,
}

/// Whether a key belongs to a certificate, as far as its attributes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Same,
    /// A public key with its id is the certificate's. Another private key may have that id, too.
    Likely,
    /// A signature has to show it.
    Unknown,
    /// The same, but the public keys with its id are others: they may be left from an older key.
    Doubtful,
    Other,
}

impl TokenSession {
    /// Private keys that this session may see.
    pub(super) fn private_keys(
        &self,
        filter: &ObjectFilter,
    ) -> Result<Vec<KeyObject>, Pkcs11Error> {
        let handles = self.find(ObjectClass::PRIVATE_KEY, filter)?;
        handles
            .into_iter()
            .map(|handle| KeyObject::read(self, handle))
            .collect()
    }

    /// The points of the public keys with this id; each as the token encodes it.
    fn points(&self, filter: &ObjectFilter) -> Result<Vec<Vec<u8>>, Pkcs11Error> {
        let by_id = ObjectFilter {
            id: filter.id.clone(),
            label: None,
        };
        if by_id.id.as_ref().is_none_or(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let mut points = Vec::new();
        for handle in self.find(ObjectClass::PUBLIC_KEY, &by_id)? {
            let attributes = self.raw().get_attributes(handle, &[AttributeType::EcPoint]);
            for attribute in attributes.unwrap_or_default() {
                if let Attribute::EcPoint(point) = attribute {
                    points.push(point);
                }
            }
        }
        Ok(points)
    }
}

impl KeyObject {
    fn read(session: &TokenSession, handle: ObjectHandle) -> Result<Self, Pkcs11Error> {
        let mut key = Self {
            handle,
            filter: ObjectFilter::default(),
            is_always_authenticated: false,
            key_type: None,
            modulus: Vec::new(),
            exponent: Vec::new(),
            public_key_info: Vec::new(),
            curve: None,
            ml_dsa: None,
        };
        for attribute in session.raw().get_attributes(handle, ATTRIBUTES)? {
            match attribute {
                Attribute::KeyType(key_type) => key.key_type = Some(key_type),
                Attribute::Id(id) => key.filter.id = Some(id),
                Attribute::Label(label) => key.filter.label = Some(label),
                Attribute::AlwaysAuthenticate(is_so) => key.is_always_authenticated = is_so,
                Attribute::Modulus(modulus) => key.modulus = modulus,
                Attribute::PublicExponent(exponent) => key.exponent = exponent,
                Attribute::PublicKeyInfo(info) => key.public_key_info = info,
                Attribute::EcParams(parameters) => key.curve = curve(&parameters),
                _ => {}
            }
        }
        if key.key_type == Some(KeyType::ML_DSA) {
            key.ml_dsa = ml_dsa(session, handle);
        }
        Ok(key)
    }

    /// The key on this token, for messages.
    pub(super) fn uri(&self, token: &Token) -> String {
        let ObjectFilter { label, id } = &self.filter;
        let bytes = |value: &Option<Vec<u8>>| value.clone().unwrap_or_default();
        token.object_uri(&bytes(label), &bytes(id))
    }

    /// Whether the key is that of `wanted`.
    pub(super) fn fit(
        &self,
        wanted: &PublicKey,
        session: &TokenSession,
    ) -> Result<Fit, Pkcs11Error> {
        if self.algorithm().ok() != Some(wanted.algorithm) {
            return Ok(Fit::Other);
        }
        if !self.public_key_info.is_empty() {
            return Ok(sure(self.public_key_info.ends_with(&wanted.bytes)));
        }
        Ok(match wanted.algorithm {
            KeyAlgorithm::Rsa if self.modulus.is_empty() => Fit::Unknown,
            KeyAlgorithm::Rsa => sure(is_modulus(&self.modulus, &wanted.bytes)),
            KeyAlgorithm::Ec(_) => match session.points(&self.filter)?.as_slice() {
                [] => Fit::Unknown,
                points if points.iter().any(|point| is_point(point, &wanted.bytes)) => Fit::Likely,
                _ => Fit::Doubtful,
            },
            KeyAlgorithm::MlDsa(_) => Fit::Unknown,
        })
    }

    /// True if a signature of this key is one of `wanted`.
    pub(super) fn signs_for(
        &self,
        wanted: &PublicKey,
        session: &TokenSession,
    ) -> Result<bool, Pkcs11Error> {
        let signature = algorithm::sign(session, self.handle, wanted.algorithm, TEST, DIGEST)?;
        let signature = algorithm::encoded(wanted.algorithm, signature);
        Ok(signature.is_some_and(|one| verifies(wanted, TEST, DIGEST, &one)))
    }

    /// The public half, as far as the token shows it; its bytes may be missing.
    pub(super) fn public_key(&self, session: &TokenSession) -> Result<PublicKey, Pkcs11Error> {
        let algorithm = self.algorithm()?;
        let bytes = match algorithm {
            KeyAlgorithm::Rsa => rsa_public_key(&self.modulus, &self.exponent).unwrap_or_default(),
            KeyAlgorithm::Ec(curve) => {
                let octets = 1 + 2 * curve.field_octets();
                let points = session.points(&self.filter)?;
                let point = points.first().map(Vec::as_slice).unwrap_or_default();
                let begin = point.len().saturating_sub(octets);
                point.get(begin..).unwrap_or_default().to_vec()
            }
            KeyAlgorithm::MlDsa(_) => Vec::new(),
        };
        Ok(PublicKey { algorithm, bytes })
    }

    fn algorithm(&self) -> Result<KeyAlgorithm, Pkcs11Error> {
        let algorithm = match self.key_type {
            Some(KeyType::RSA) => Some(KeyAlgorithm::Rsa),
            Some(KeyType::EC) => self.curve.map(KeyAlgorithm::Ec),
            Some(KeyType::ML_DSA) => self.ml_dsa.map(KeyAlgorithm::MlDsa),
            Some(_) | None => None,
        };
        algorithm.ok_or_else(|| Pkcs11Error::KeyType {
            key_type: match self.key_type {
                Some(KeyType::EC) => "EC on another curve".to_owned(),
                Some(key_type) => key_type.to_string(),
                None => "unknown".to_owned(),
            },
        })
    }
}

fn sure(is_same: bool) -> Fit {
    match is_same {
        true => Fit::Same,
        false => Fit::Other,
    }
}

fn is_modulus(modulus: &[u8], rsa_public_key: &[u8]) -> bool {
    let Ok(key) = RsaPublicKey::from_der(rsa_public_key) else {
        return false;
    };
    UintRef::new(modulus).is_ok_and(|modulus| modulus == key.modulus)
}

fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus).ok()?,
        public_exponent: UintRef::new(exponent).ok()?,
    };
    key.to_der().ok()
}

/// `CKA_EC_POINT` is an OCTET STRING around the point, or in some modules the point alone.
fn is_point(encoded: &[u8], point: &[u8]) -> bool {
    let header = encoded.len().saturating_sub(point.len());
    encoded.ends_with(point) && header <= OCTET_STRING_HEADER_MAX
}

/// `CKA_EC_PARAMS` is the object identifier of a curve.
fn curve(parameters: &[u8]) -> Option<Curve> {
    let oid: ObjectIdentifier = ObjectIdentifier::from_der(parameters).ok()?;
    Curve::from_oid(&oid.to_string())
}

fn ml_dsa(session: &TokenSession, handle: ObjectHandle) -> Option<MlDsaParameters> {
    let attributes = session
        .raw()
        .get_attributes(handle, &[AttributeType::ParameterSet])
        .ok()?;
    let sets = [
        (MlDsaParameterSetType::ML_DSA_44, MlDsaParameters::MlDsa44),
        (MlDsaParameterSetType::ML_DSA_65, MlDsaParameters::MlDsa65),
        (MlDsaParameterSetType::ML_DSA_87, MlDsaParameters::MlDsa87),
    ];
    let set = attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            Attribute::ParameterSet(set) => Some(set),
            _ => None,
        })?;
    let found = sets
        .into_iter()
        .find(|(known, _)| ParameterSetType::from(*known) == set);
    found.map(|(_, parameters)| parameters)
}

/// Signed to find the key that fits; no request is like it.
const TEST: &[u8] = b"which of several private keys is that of the certificate";

const DIGEST: Digest = Digest::Sha256;

const ATTRIBUTES: &[AttributeType] = &[
    AttributeType::KeyType,
    AttributeType::Id,
    AttributeType::Label,
    AttributeType::AlwaysAuthenticate,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
    AttributeType::PublicKeyInfo,
    AttributeType::EcParams,
];

/// The tag and up to two octets of length: a point on P-521 has 133.
const OCTET_STRING_HEADER_MAX: usize = 3;
