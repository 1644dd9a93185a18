//! The JSON document of `read-certificate-data` for a certificate file.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::identity::certificate::Certificate;
use crate::identity::public_key::KeyAlgorithm;

/// One JSON object without a newline, as the reference helper writes it.
pub fn document(certificate: &Certificate) -> Vec<u8> {
    let algorithm = certificate.public_key().algorithm;
    let (key_type, supported_algorithms) = match algorithm {
        KeyAlgorithm::Rsa => ("RSA".to_owned(), digests("RSA")),
        KeyAlgorithm::Ec(_) => ("EC".to_owned(), digests("EC")),
        KeyAlgorithm::MlDsa(_) => (algorithm.to_string(), vec![algorithm.to_string()]),
    };
    let document = Document {
        key_type,
        certificate_data: BASE64_STANDARD.encode(certificate.der()),
        serial_number: certificate.serial_number(),
        supported_algorithms,
    };
    // Texts always serialize.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// `RSASHA256` and so on.
fn digests(key_type: &str) -> Vec<String> {
    ["SHA256", "SHA384", "SHA512"]
        .map(|digest| format!("{key_type}{digest}"))
        .to_vec()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    key_type: String,
    certificate_data: String,
    serial_number: &'a str,
    supported_algorithms: Vec<String>,
}
