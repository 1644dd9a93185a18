//! Certificates, and a small signer of requests that shares no code with the emulator.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use ring::signature::RsaKeyPair;
use rolesanywhere_emulator::ReceivedRequest;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::ml_dsa_key::MlDsaKey;

/// The clock of all tests that have no captured request.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-04 05:06:07 UTC);

pub(crate) const TRUST_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/0a1b2c3d-1111-2222-3333-444455556666";
pub(crate) const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/aaaabbbb-1111-2222-3333-444455556666";
pub(crate) const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/path/ci-role";

/// A file of the shared fixtures, or the end of the run: without them nothing is proven.
pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let path = fixtures().join(path);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("CANNOT TEST without {}: {error}", path.display()))
}

pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors")
}

/// A certificate authority with a new key.
pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

pub(crate) fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(crate) fn leaf_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

pub(crate) fn root(params: CertificateParams) -> Authority {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn intermediate(params: CertificateParams, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

/// The RSA certificate authority of the fixtures, of which the key is at hand too.
pub(crate) fn rsa_root() -> (Issuer<'static, KeyPair>, Vec<u8>) {
    let params = rsa_root_params();
    let key = String::from_utf8(fixture("pki/root.key")).unwrap();
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().to_vec();
    (Issuer::new(params, key), certificate)
}

/// The name of the RSA certificate authority.
pub(crate) fn rsa_root_params() -> CertificateParams {
    let mut params = ca_params("widget root");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "US");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example Widgets");
    params
        .distinguished_name
        .push(DnType::CommonName, "widget root");
    params
}

/// A certificate, its chain, and the key that signs requests.
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) chain: Vec<Vec<u8>>,
    key: Key,
}

enum Key {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    MlDsa(MlDsaKey),
}

impl Identity {
    pub(crate) fn issued_by(issuer: &Issuer<'_, KeyPair>, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap().der().to_vec();
        Identity::of_key(certificate, &key)
    }

    pub(crate) fn of_key(certificate: Vec<u8>, key: &KeyPair) -> Identity {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.serialized_der(), &SystemRandom::new());
        Identity {
            certificate,
            chain: Vec::new(),
            key: Key::P256(key.unwrap()),
        }
    }

    pub(crate) fn rsa(issuer: &Issuer<'_, KeyPair>, params: CertificateParams) -> Identity {
        let pem = fixture("pki/rsa2048.key");
        let key = String::from_utf8(pem.clone()).unwrap();
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap().der().to_vec();
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap();
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
        Identity {
            certificate,
            chain: Vec::new(),
            key: Key::Rsa(key),
        }
    }

    pub(crate) fn ml_dsa(certificate: Vec<u8>, key: MlDsaKey) -> Identity {
        Identity {
            certificate,
            chain: Vec::new(),
            key: Key::MlDsa(key),
        }
    }

    pub(crate) fn with_chain(mut self, chain: &[&Authority]) -> Identity {
        self.chain = chain
            .iter()
            .map(|authority| authority.der().to_vec())
            .collect();
        self
    }

    pub(crate) fn serial_number(&self) -> String {
        let (_, certificate) = x509_parser::parse_x509_certificate(&self.certificate).unwrap();
        certificate.tbs_certificate.serial.to_string()
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::P256(_) => "AWS4-X509-ECDSA-SHA256",
            Key::Rsa(_) => "AWS4-X509-RSA-SHA256",
            Key::MlDsa(_) => "AWS4-X509-MLDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::P256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Key::MlDsa(key) => key.sign(message),
        }
    }
}

/// A root, and an identity issued by it.
pub(crate) fn simple() -> (Vec<Vec<u8>>, Identity) {
    let root = root(ca_params("root"));
    let identity = Identity::issued_by(&root, leaf_params("leaf"));
    (vec![root.der().to_vec()], identity)
}

/// A request about to be signed: correct, until a test changes it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The path that is signed.
    pub(crate) canonical_uri: String,
    pub(crate) query: Vec<(String, String)>,
    /// All but `Authorization`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) unsigned_headers: Vec<String>,
    /// Taken in place of the list that the headers give.
    pub(crate) signed_headers: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) algorithm: String,
    pub(crate) serial_number: String,
    pub(crate) scope: String,
}

impl Draft {
    pub(crate) fn new(identity: &Identity, now: OffsetDateTime) -> Draft {
        let date = amz_date(now);
        let scope = format!("{}/eu-central-1/rolesanywhere/aws4_request", &date[..8]);
        let mut headers = vec![
            ("Host".to_owned(), "127.0.0.1:1".to_owned()),
            ("User-Agent".to_owned(), "test".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Amz-Date".to_owned(), date),
            (
                "X-Amz-X509".to_owned(),
                STANDARD.encode(&identity.certificate),
            ),
        ];
        if !identity.chain.is_empty() {
            let chain: Vec<_> = identity
                .chain
                .iter()
                .map(|der| STANDARD.encode(der))
                .collect();
            headers.push(("X-Amz-X509-Chain".to_owned(), chain.join(",")));
        }
        Draft {
            method: "POST".to_owned(),
            path: "/sessions".to_owned(),
            canonical_uri: "/sessions".to_owned(),
            query: vec![
                ("profileArn".to_owned(), PROFILE_ARN.to_owned()),
                ("roleArn".to_owned(), ROLE_ARN.to_owned()),
                ("trustAnchorArn".to_owned(), TRUST_ANCHOR_ARN.to_owned()),
            ],
            headers,
            unsigned_headers: vec!["user-agent".to_owned()],
            signed_headers: None,
            body: br#"{"durationSeconds":3600}"#.to_vec(),
            algorithm: identity.algorithm().to_owned(),
            serial_number: identity.serial_number(),
            scope,
        }
    }

    /// Sets a header, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
    }

    pub(crate) fn sign(&self, identity: &Identity) -> ReceivedRequest {
        let mut canonical = format!("{}\n{}\n", self.method, self.canonical_uri);
        let mut query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let target = match query.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, query.join("&")),
        };
        query.sort();
        writeln!(canonical, "{}", query.join("&")).unwrap();
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        headers.retain(|(name, _)| !self.unsigned_headers.contains(name));
        headers.sort();
        for (name, value) in &headers {
            writeln!(canonical, "{name}:{}", value.trim()).unwrap();
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = self
            .signed_headers
            .clone()
            .unwrap_or_else(|| names.join(";"));
        write!(canonical, "\n{names}\n{}", sha256(&self.body)).unwrap();
        let date = headers.iter().find(|(name, _)| name == "x-amz-date");
        let date = date.map_or("", |(_, date)| date.as_str());
        let hash = sha256(canonical.as_bytes());
        let text = format!("{}\n{date}\n{}\n{hash}", self.algorithm, self.scope);
        let signature = hex::encode(identity.sign(text.as_bytes()));
        let (algorithm, serial_number) = (&self.algorithm, &self.serial_number);
        let credential = format!("{serial_number}/{}", self.scope);
        let authorization = format!(
            "{algorithm} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        );
        let mut headers = self.headers.clone();
        headers.push(("Authorization".to_owned(), authorization));
        ReceivedRequest {
            method: self.method.clone(),
            target,
            headers,
            body: self.body.clone(),
        }
    }
}

pub(crate) fn amz_date(time: OffsetDateTime) -> String {
    let (date, clock) = (time.date(), time.time());
    let (hour, minute, second) = clock.as_hms();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Percent-encodes all but the unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// The value of a header.
pub(crate) fn header<'a>(request: &'a ReceivedRequest, name: &str) -> &'a str {
    let mut headers = request.headers.iter();
    &headers
        .find(|(header, _)| header.eq_ignore_ascii_case(name))
        .unwrap()
        .1
}

/// The value of a header, to be changed.
pub(crate) fn header_mut<'a>(request: &'a mut ReceivedRequest, name: &str) -> &'a mut String {
    let mut headers = request.headers.iter_mut();
    &mut headers
        .find(|(header, _)| header.eq_ignore_ascii_case(name))
        .unwrap()
        .1
}
