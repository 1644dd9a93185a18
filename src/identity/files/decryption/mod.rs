//! `decrypt`: decrypts encrypted keys and PKCS#12 files: PBES2 (RFC 8018, 6.2)
//! and the older ways of PKCS#12 (RFC 7292, C).

pub(super) mod cipher;
pub mod error;
pub(super) mod key_derivation;

use pkcs8::ObjectIdentifier;

use self::cipher::Cipher;
use self::error::DecryptionError;
use self::key_derivation::Hash;
use self::key_derivation::OID_PBKDF2;
use self::key_derivation::OID_SCRYPT;
use self::key_derivation::Password;
use self::key_derivation::Pbkdf2;
use self::key_derivation::Pkcs12Kdf;
use self::key_derivation::Purpose;
use self::key_derivation::Scrypt;
use super::ber::Algorithm;
use super::ber::OCTET_STRING;
use super::ber::Reader;
use crate::identity::work_budget::WorkBudget;
use crate::secret::Secret;

/// Decrypts `ciphertext`, which is always one SEQUENCE in these files.
pub(super) fn decrypt(
    algorithm: Algorithm<'_>,
    ciphertext: &[u8],
    password: &Password<'_>,
    work: &mut WorkBudget,
) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let parameters = algorithm.parameters.clone().sequence();
    let cipher = match algorithm.oid {
        OID_PBES2 => return decrypt_pbes2(parameters?, ciphertext, password.utf8, work),
        OID_SHA1_3DES_3KEY => Cipher::TripleDes3Key,
        OID_SHA1_3DES_2KEY => Cipher::TripleDes2Key,
        OID_SHA1_RC2_128 => Cipher::Rc2Bits128,
        OID_SHA1_RC2_40 => Cipher::Rc2Bits40,
        other => return Err(DecryptionError::algorithm(other)),
    };
    let mut parameters = parameters?;
    let kdf = Pkcs12Kdf {
        hash: Hash::Sha1,
        salt: parameters.octets(OCTET_STRING)?,
        iterations: parameters.integer()?,
    };
    for bmp_string in &password.bmp_strings {
        let mut derive = |purpose, octets| kdf.derive(purpose, bmp_string.expose(), octets, work);
        let key = derive(Purpose::Key, cipher.key_octets())?;
        let iv = derive(Purpose::InitializationVector, IV_OCTETS)?;
        if let Some(plaintext) = cipher.decrypt(key.expose(), iv.expose(), ciphertext) {
            return Ok(plaintext);
        }
    }
    Err(DecryptionError::Password)
}

fn decrypt_pbes2(
    mut parameters: Reader<'_>,
    ciphertext: &[u8],
    password: &str,
    work: &mut WorkBudget,
) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let mut function = parameters.algorithm()?;
    let (cipher, iv) = Cipher::read(parameters.algorithm()?)?;
    let octets = cipher.key_octets();
    let key = match function.oid {
        OID_PBKDF2 => Pbkdf2::read(&mut function)?.derive(password, octets, work)?,
        OID_SCRYPT => Scrypt::read(&mut function)?.derive(password, octets, work)?,
        other => return Err(DecryptionError::algorithm(other)),
    };
    cipher
        .decrypt(key.expose(), &iv, ciphertext)
        .ok_or(DecryptionError::Password)
}

const OID_PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

const OID_SHA1_3DES_3KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const OID_SHA1_3DES_2KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
const OID_SHA1_RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
const OID_SHA1_RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");

/// The block of the older ciphers, which is what their initialization vector fills.
const IV_OCTETS: usize = 8;
