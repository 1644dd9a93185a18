//! SigV4-X509 from the other end: rebuilds from a received request what must have been signed, and
//! verifies the signature with the key of the certificate that came with it. It shares nothing
//! with `src/`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p521::ecdsa::signature::hazmat::PrehashVerifier;
use ring::digest;
use ring::signature::ECDSA_P256_SHA256_ASN1;
use ring::signature::ECDSA_P384_SHA256_ASN1;
use ring::signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
use ring::signature::UnparsedPublicKey;
use ring::signature::VerificationAlgorithm;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::support::http::Request;

/// A signed request, taken apart.
#[derive(Debug)]
pub(crate) struct SignedRequest {
    pub(crate) algorithm: String,
    /// `<serial number>/<scope>`.
    pub(crate) credential: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) canonical_request: String,
    pub(crate) string_to_sign: String,
    date: String,
    signature: Vec<u8>,
    certificate: Vec<u8>,
}

impl SignedRequest {
    /// Rebuilds canonical request and string to sign from what was received.
    pub(crate) fn rebuild(request: &Request) -> Result<SignedRequest, String> {
        let authorization = header(request, "authorization")?;
        let (algorithm, fields) = authorization
            .split_once(' ')
            .ok_or("authorization has no fields")?;
        let [credential, signed_headers, signature] = fields.split(", ").collect::<Vec<_>>()[..]
        else {
            return Err(format!("authorization has not three fields: {fields}"));
        };
        let credential = field(credential, "Credential=")?;
        let signed_headers: Vec<&str> = field(signed_headers, "SignedHeaders=")?
            .split(';')
            .collect();
        let signature = field(signature, "Signature=")?;
        if signature.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err("the signature is not in lower case".to_owned());
        }
        let date = header(request, "x-amz-date")?;
        let canonical_request = canonical_request(request, &signed_headers)?;
        let (_, scope) = credential
            .split_once('/')
            .ok_or("the credential has no scope")?;
        let string_to_sign = format!(
            "{algorithm}\n{date}\n{scope}\n{}",
            sha256(&canonical_request)
        );
        Ok(SignedRequest {
            algorithm: algorithm.to_owned(),
            credential: credential.to_owned(),
            signed_headers: signed_headers.into_iter().map(str::to_owned).collect(),
            canonical_request,
            string_to_sign,
            date: date.to_owned(),
            signature: hex::decode(signature).map_err(|error| error.to_string())?,
            certificate: STANDARD
                .decode(header(request, "x-amz-x509")?)
                .map_err(|error| error.to_string())?,
        })
    }

    /// Verifies the signature as the service would, which trusts the certificate's issuer.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let (_, certificate) = X509Certificate::from_der(&self.certificate)
            .map_err(|error| format!("x-amz-x509: {error}"))?;
        self.verify_scope(&certificate)?;
        self.verify_headers()?;

        let key = &certificate.public_key().subject_public_key.data;
        let curve = certificate.public_key().algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.as_oid().ok());
        let (algorithm, verifier) = match certificate
            .public_key()
            .algorithm
            .algorithm
            .to_id_string()
            .as_str()
        {
            RSA => (
                RSA_SHA256,
                Verifier::Ring(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
            ),
            EC => match curve
                .ok_or("a key without a curve")?
                .to_id_string()
                .as_str()
            {
                P256 => (ECDSA_SHA256, Verifier::Ring(&ECDSA_P256_SHA256_ASN1)),
                P384 => (ECDSA_SHA256, Verifier::Ring(&ECDSA_P384_SHA256_ASN1)),
                P521 => (ECDSA_SHA256, Verifier::P521),
                curve => return Err(format!("no verifier for curve {curve}")),
            },
            ML_DSA_44 => (MLDSA, Verifier::MlDsa44),
            ML_DSA_65 => (MLDSA, Verifier::MlDsa65),
            ML_DSA_87 => (MLDSA, Verifier::MlDsa87),
            key => return Err(format!("no verifier for key {key}")),
        };
        if self.algorithm != algorithm {
            return Err(format!(
                "algorithm {}, but the key wants {algorithm}",
                self.algorithm
            ));
        }
        match verifier.accepts(key, self.string_to_sign.as_bytes(), &self.signature) {
            true => Ok(()),
            false => Err("the signature is not the key's over the string to sign".to_owned()),
        }
    }

    fn verify_scope(&self, certificate: &X509Certificate<'_>) -> Result<(), String> {
        let serial = certificate.tbs_certificate.serial.to_string();
        let [number, day, _region, "rolesanywhere", "aws4_request"] =
            self.credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(format!("credential {}", self.credential));
        };
        if number != serial {
            return Err(format!(
                "credential of {number}, but the serial number is {serial}"
            ));
        }
        match self.date.split_once('T') {
            Some((date, _)) if date == day => Ok(()),
            _ => Err(format!("scope of {day}, but the date is {}", self.date)),
        }
    }

    fn verify_headers(&self) -> Result<(), String> {
        if !self.signed_headers.is_sorted() {
            return Err(format!(
                "unsorted signed headers: {:?}",
                self.signed_headers
            ));
        }
        match REQUIRED
            .iter()
            .find(|name| !self.signed_headers.iter().any(|signed| signed == *name))
        {
            Some(name) => Err(format!("{name} is not signed")),
            None => Ok(()),
        }
    }
}

enum Verifier {
    Ring(&'static dyn VerificationAlgorithm),
    P521,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// With an empty context, as the protocol has it.
fn ml_dsa_accepts<P: ml_dsa::MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = ml_dsa::EncodedVerifyingKey::<P>::try_from(key) else {
        return false;
    };
    let Ok(signature) = ml_dsa::Signature::<P>::try_from(signature) else {
        return false;
    };
    ml_dsa::VerifyingKey::<P>::decode(&key).verify_with_context(message, &[], &signature)
}

impl Verifier {
    fn accepts(&self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match self {
            Verifier::Ring(algorithm) => UnparsedPublicKey::new(*algorithm, key)
                .verify(message, signature)
                .is_ok(),
            Verifier::MlDsa44 => ml_dsa_accepts::<ml_dsa::MlDsa44>(key, message, signature),
            Verifier::MlDsa65 => ml_dsa_accepts::<ml_dsa::MlDsa65>(key, message, signature),
            Verifier::MlDsa87 => ml_dsa_accepts::<ml_dsa::MlDsa87>(key, message, signature),
            Verifier::P521 => {
                // A hash in front of which stand zeros is the same number; the crate takes no
                // shorter one for this curve.
                let mut hash = [0; 64];
                hash[32..].copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key);
                let signature = p521::ecdsa::Signature::from_der(signature);
                match (key, signature) {
                    (Ok(key), Ok(signature)) => key.verify_prehash(&hash, &signature).is_ok(),
                    _ => false,
                }
            }
        }
    }
}

/// `/sessions` whatever the path in front of it, which is the endpoint's affair.
fn canonical_request(request: &Request, signed_headers: &[&str]) -> Result<String, String> {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    if !path.ends_with("/sessions") {
        return Err(format!("a request to {path}"));
    }
    let mut pairs = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push(format!("{}={}", recode(name)?, recode(value)?));
    }
    pairs.sort();
    let mut text = format!("{}\n/sessions\n{}\n", request.method, pairs.join("&"));
    for name in signed_headers {
        let value = header(request, name)?
            .split(' ')
            .filter(|word| !word.is_empty());
        text += &format!("{name}:{}\n", value.collect::<Vec<_>>().join(" "));
    }
    let body = sha256(request.body_text());
    Ok(format!("{text}\n{}\n{body}", signed_headers.join(";")))
}

/// Decodes what is percent-encoded, and encodes it as RFC 3986 has it. A plus stays a plus.
fn recode(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let mut coded = String::new();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
                hex::decode(digits).map_err(|_| format!("broken escape in {text}"))?[0]
            }
            plain => plain,
        };
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                coded.push(char::from(byte))
            }
            other => coded += &format!("%{other:02X}"),
        }
    }
    Ok(coded)
}

/// The only header of this name.
fn header<'a>(request: &'a Request, name: &str) -> Result<&'a str, String> {
    let count = request
        .headers
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .count();
    match request.header(name) {
        Some(value) if count == 1 => Ok(value),
        _ => Err(format!("{count} headers {name}")),
    }
}

fn field<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    text.strip_prefix(name)
        .ok_or_else(|| format!("authorization: {text} is not {name}.."))
}

fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

const REQUIRED: [&str; 4] = ["content-type", "host", "x-amz-date", "x-amz-x509"];
const RSA_SHA256: &str = "AWS4-X509-RSA-SHA256";
const MLDSA: &str = "AWS4-X509-MLDSA";
const ML_DSA_44: &str = "2.16.840.1.101.3.4.3.17";
const ML_DSA_65: &str = "2.16.840.1.101.3.4.3.18";
const ML_DSA_87: &str = "2.16.840.1.101.3.4.3.19";
const ECDSA_SHA256: &str = "AWS4-X509-ECDSA-SHA256";
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";

#[cfg(test)]
mod tests;
