//! The least that a cold CreateSession call with a key on a token can be: loads the module, logs in,
//! finds the key by its label, signs once, posts once over bare rustls and prints the answer's body.
//!
//! `token_floor MODULE PIN LABEL CERTIFICATE HOST PORT`, for a module with one token and for RSA and
//! P-256 keys. Otherwise like `floor`; the signature is sent as the token returns it.

mod post;

use std::error::Error;
use std::io::Write;

use cryptoki::context::CInitializeArgs;
use cryptoki::context::CInitializeFlags;
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::object::ObjectClass;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use ring::digest::SHA256;
use ring::digest::digest;

use crate::post::STRING_TO_SIGN;
use crate::post::post;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("an argument is missing");
    let (module, pin, label) = (word()?, word()?, word()?);
    let certificate = std::fs::read_to_string(word()?)?;
    let signature = sign(&module, pin, label)?;
    let body = post(&certificate, &signature, word()?, &word()?)?;
    Ok(std::io::stdout().write_all(&body)?)
}

fn sign(module: &str, pin: String, label: String) -> Result<Vec<u8>, Box<dyn Error>> {
    let context = Pkcs11::new(module)?;
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slots = context.get_slots_with_initialized_token()?;
    let session = context.open_ro_session(*slots.first().ok_or("there is no token")?)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
    let is_rsa = label.starts_with("rsa");
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Label(label.into_bytes()),
    ];
    let keys = session.find_objects(&template)?;
    let key = *keys.first().ok_or("there is no such key")?;
    let hash = digest(&SHA256, STRING_TO_SIGN);
    let signature = match is_rsa {
        true => session.sign(&Mechanism::Sha256RsaPkcs, key, STRING_TO_SIGN)?,
        false => session.sign(&Mechanism::Ecdsa, key, hash.as_ref())?,
    };
    drop(session);
    context.finalize()?;
    Ok(signature)
}
