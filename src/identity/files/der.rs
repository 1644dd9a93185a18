//! DER without PEM around it, as Windows and hardware export it: a certificate, a key, or the certificates
//! of a PKCS#7 file (`.p7b`), distinguished by the first elements.

use pkcs8::ObjectIdentifier;

use super::ber;
use super::ber::Malformed;
use super::ber::Reader;
use super::pem::PemBlock;
use crate::secret::Secret;

/// The blocks that the same content would be in PEM; `None` for anything else.
pub fn blocks(der: &[u8]) -> Option<Vec<PemBlock>> {
    // Text tools leave a line break behind it.
    let (der, label) = [der, der.trim_ascii_end()]
        .into_iter()
        .find_map(|der| Some((der, label(der).ok()?)))?;
    match label {
        LABEL_PKCS7 => certificates_of_pkcs7(der),
        label => Some(vec![block(label, der)]),
    }
}

/// The certificates of a SignedData without a signer (RFC 2315, 9.1), in their order.
pub(in crate::identity) fn certificates_of_pkcs7(der: &[u8]) -> Option<Vec<PemBlock>> {
    let read = || {
        let mut content_info = Reader::new(der).sequence()?;
        if content_info.object_identifier()? != OID_SIGNED_DATA {
            return Err(Malformed);
        }
        let mut signed_data = content_info.explicit()?.sequence()?;
        signed_data.integer()?;
        signed_data.content(SET)?;
        signed_data.sequence()?;
        let mut certificates = signed_data.explicit()?;
        let mut blocks = Vec::new();
        while !certificates.is_empty() {
            let certificate = certificates.whole_sequence()?;
            blocks.push(block(LABEL_CERTIFICATE, certificate.expose()));
        }
        Ok(blocks)
    };
    read().ok()
}

/// A SEQUENCE of two positive integers: an `RSAPublicKey` (RFC 8017, A.1.1), or an `Ecdsa-Sig-Value` (RFC 3279,
/// 2.2.3).
pub(in crate::identity) fn two_integers(one: &[u8], other: &[u8]) -> Vec<u8> {
    let content = [integer(one), integer(other)].concat();
    element(ber::SEQUENCE, &content)
}

fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let octets = octets.get(zeros..).unwrap_or_default();
    match octets.first() {
        // One more, so that it is not negative.
        None | Some(0x80..) => element(ber::INTEGER, &[&[0], octets].concat()),
        Some(_) => element(ber::INTEGER, octets),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let octets = match content.len() {
        ..0x80 => length.last().copied().into_iter().collect(),
        _ => {
            let octets: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
            // A length has eight octets at most.
            let count = 0x80 | u8::try_from(octets.len()).unwrap_or_default();
            [vec![count], octets].concat()
        }
    };
    [vec![tag], octets, content.to_vec()].concat()
}

fn block(label: &str, der: &[u8]) -> PemBlock {
    PemBlock {
        label: label.to_owned(),
        dek_info: None,
        der: Secret::new(der.to_vec()),
    }
}

/// PEM label for the content. Its reader checks the content itself.
fn label(der: &[u8]) -> Result<&'static str, Malformed> {
    let mut outer = Reader::new(der);
    let mut elements = outer.sequence()?;
    outer.finish()?;
    if elements.is_next(ber::OBJECT_IDENTIFIER) {
        return Ok(LABEL_PKCS7);
    }
    if elements.is_next(ber::SEQUENCE) {
        // An AlgorithmIdentifier in front of the encrypted key, or what is signed of a certificate.
        let mut first = elements.sequence()?;
        return match first.object_identifier() {
            Ok(_) if elements.is_next(ber::BIT_STRING) => Ok("PUBLIC KEY"),
            Ok(_) => Ok("ENCRYPTED PRIVATE KEY"),
            Err(_) => Ok(LABEL_CERTIFICATE),
        };
    }
    elements.integer()?;
    if elements.is_next(ber::SEQUENCE) {
        Ok("PRIVATE KEY")
    } else if elements.is_next(ber::INTEGER) {
        Ok("RSA PRIVATE KEY")
    } else if elements.is_next(ber::OCTET_STRING) {
        Ok("EC PRIVATE KEY")
    } else {
        Err(Malformed)
    }
}

/// `signedData` of PKCS#7.
const OID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const SET: u8 = 0x31;

const LABEL_CERTIFICATE: &str = "CERTIFICATE";
pub(super) const LABEL_PKCS7: &str = "PKCS7";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::files::pem;

    fn label_of(der: &[u8]) -> Option<String> {
        Some(blocks(der)?.first()?.label.clone())
    }

    #[test]
    fn line_break_behind_der_is_ignored() {
        for (file, label) in [
            ("ec256.crt", "CERTIFICATE"),
            ("ec256.key", "PRIVATE KEY"),
            ("rsa2048.pkcs1.key", "RSA PRIVATE KEY"),
        ] {
            let text = std::fs::read(format!("fixtures/vectors/pki/{file}")).unwrap();
            let block = pem::read_blocks(&text).remove(0).unwrap();
            let der = block.der.expose();
            for end in ["", "\n", "\r\n"] {
                let der = [der, end.as_bytes()].concat();
                assert_eq!(label_of(&der).as_deref(), Some(label), "{file} {end:?}");
            }
            assert_eq!(label_of(&[der, b"x".as_slice()].concat()), None, "{file}");
        }
    }

    #[test]
    fn public_key_is_not_an_encrypted_one() {
        let text = std::fs::read("fixtures/vectors/pki/ec256.crt").unwrap();
        let block = pem::read_blocks(&text).remove(0).unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(block.der.expose()).unwrap();
        let public_key = certificate.public_key().raw;
        assert_eq!(label_of(public_key).as_deref(), Some("PUBLIC KEY"));
    }
}
