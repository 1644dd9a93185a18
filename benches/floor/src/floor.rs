//! The least that a cold CreateSession call can be: reads a certificate, a key and the trust roots,
//! signs once with ring, posts once over bare rustls and prints the answer's body.
//!
//! `floor CERTIFICATE PRIVATE_KEY [HOST PORT]`; without a host it ends after the signature. With the
//! trust roots in `AWS_CA_BUNDLE`. It works for an
//! RSA key in PKCS#8 and a server that sends `Content-Length`, and checks nothing that is not needed
//! to get there. The message that is signed is fixed; the request is as large as the helper's.

mod post;

use std::error::Error;
use std::io::Write;

use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use ring::signature::RsaKeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use crate::post::STRING_TO_SIGN;
use crate::post::post;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("an argument is missing");
    let certificate = std::fs::read_to_string(word()?)?;
    let private_key = std::fs::read(word()?)?;
    let signature = sign(&private_key)?;
    let Ok(host) = word() else {
        return Ok(std::io::stdout().write_all(&signature)?);
    };
    let body = post(&certificate, &signature, host, &word()?)?;
    Ok(std::io::stdout().write_all(&body)?)
}

fn sign(private_key: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(private_key)?;
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| "ring refuses the key")?;
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, STRING_TO_SIGN, &mut signature)
        .map_err(|_| "ring does not sign")?;
    Ok(signature)
}
