//! The list of `read-certificate-data` for certificates on tokens and in stores.

use std::fmt::Write;

use sha1::Digest;
use sha1::Sha1;

use crate::identity::certificate;
use crate::identity::distinguished_name;
use crate::identity::selector::SerialNumber;

/// The certificates as the reference helper lists them: the DER of each, and its URI if it is on a token.
/// What is not a certificate has its URI alone.
pub fn text<'a>(listed: impl Iterator<Item = (&'a [u8], Option<&'a str>)>) -> String {
    let mut listed = listed.enumerate().peekable();
    if listed.peek().is_none() {
        return "No matching identities\n".to_owned();
    }
    let mut text = String::from("Matching identities\n");
    for (index, (der, uri)) in listed {
        let fingerprint = hex::encode(Sha1::digest(der));
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}) Hex Fingerprint: {fingerprint}", index + 1);
        if let Ok(certificate) = certificate::parse(der) {
            let subject = distinguished_name::describe(certificate.subject());
            let issuer = distinguished_name::describe(certificate.issuer());
            let serial = SerialNumber::from_octets(certificate.raw_serial());
            let _ = writeln!(
                text,
                "Subject: {subject}\nIssuer: {issuer}\nSerial Number: {serial}"
            );
        }
        if let Some(uri) = uri {
            let _ = writeln!(text, "URI: {uri}");
        }
        text.push('\n');
    }
    text
}
