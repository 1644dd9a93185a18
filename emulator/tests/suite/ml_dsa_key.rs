//! ML-DSA keys, made from a seed, and certificates signed by them: a P-256 certificate of rcgen gets
//! another key and is signed again.

use fips204::ml_dsa_44;
use fips204::ml_dsa_65;
use fips204::ml_dsa_87;
use fips204::traits::KeyGen;
use fips204::traits::SerDes;
use fips204::traits::Signer;

type Sign = dyn Fn(&[u8], &[u8]) -> Vec<u8>;

/// A private key with its public half.
pub(crate) struct MlDsaKey {
    /// 44, 65 or 87.
    pub(crate) parameter_set: u8,
    pub(crate) public: Vec<u8>,
    /// Empty, as both RFC 9881 and SigV4-X509 have it, until a test changes it.
    pub(crate) context: Vec<u8>,
    sign: Box<Sign>,
}

impl MlDsaKey {
    pub(crate) fn from_seed(parameter_set: u8, seed: [u8; 32]) -> MlDsaKey {
        let (public, sign) = match parameter_set {
            44 => halves::<ml_dsa_44::KG>(seed),
            65 => halves::<ml_dsa_65::KG>(seed),
            87 => halves::<ml_dsa_87::KG>(seed),
            other => panic!("no ML-DSA-{other}"),
        };
        MlDsaKey {
            parameter_set,
            public,
            context: Vec::new(),
            sign,
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        (self.sign)(message, &self.context)
    }

    /// SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7.
    fn spki(&self) -> Vec<u8> {
        let bits = [&[0], self.public.as_slice()].concat();
        element(
            SEQUENCE,
            &[algorithm(self.parameter_set), element(BIT_STRING, &bits)].concat(),
        )
    }

    /// A certificate with its key replaced by this one, signed again by `issuer`.
    pub(crate) fn certified(&self, der: &[u8], issuer: &MlDsaKey) -> Vec<u8> {
        signed_anew(der, Some(self.spki()), issuer.parameter_set, issuer)
    }
}

/// A certificate signed again by `issuer`, with the given parameter set.
pub(crate) fn signed_anew(
    der: &[u8],
    spki: Option<Vec<u8>>,
    parameter_set: u8,
    issuer: &MlDsaKey,
) -> Vec<u8> {
    let certificate = elements(content(der));
    let mut to_be_signed = elements(content(&certificate[0]));
    let algorithm = algorithm(parameter_set);
    to_be_signed[2] = algorithm.clone();
    if let Some(spki) = spki {
        to_be_signed[6] = spki;
    }
    let to_be_signed = element(SEQUENCE, &to_be_signed.concat());
    let signature = [vec![0], issuer.sign(&to_be_signed)].concat();
    let parts = [to_be_signed, algorithm, element(BIT_STRING, &signature)];
    element(SEQUENCE, &parts.concat())
}

fn halves<G>(seed: [u8; 32]) -> (Vec<u8>, Box<Sign>)
where
    G: KeyGen,
    G::PublicKey: SerDes<ByteArray: AsRef<[u8]>>,
    G::PrivateKey: Signer<Signature: AsRef<[u8]>> + 'static,
{
    let (public, private) = G::keygen_from_seed(&seed);
    let sign = move |message: &[u8], context: &[u8]| {
        let signature = private.try_sign_with_seed(&[0; 32], message, context);
        signature.unwrap().as_ref().to_vec()
    };
    (public.into_bytes().as_ref().to_vec(), Box::new(sign))
}

/// AlgorithmIdentifier without parameters, RFC 9881 section 2: 2.16.840.1.101.3.4.3.17 to 19.
fn algorithm(parameter_set: u8) -> Vec<u8> {
    let last = match parameter_set {
        44 => 17,
        65 => 18,
        _ => 19,
    };
    let oid = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, last];
    element(SEQUENCE, &element(OBJECT_IDENTIFIER, &oid))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}

fn elements(mut der: &[u8]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (element, rest) = der.split_at(der.len() - after(der).len());
        elements.push(element.to_vec());
        der = rest;
    }
    elements
}

/// The content of the first element.
fn content(der: &[u8]) -> &[u8] {
    &der[head(der).0..][..head(der).1]
}

/// The rest after it.
fn after(der: &[u8]) -> &[u8] {
    &der[head(der).0 + head(der).1..]
}

/// The lengths of its tag and length, and of its content.
fn head(der: &[u8]) -> (usize, usize) {
    match der[1] {
        0x81 => (3, der[2].into()),
        0x82 => (4, u16::from_be_bytes([der[2], der[3]]).into()),
        short => (2, short.into()),
    }
}

const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
