//! Decryption of what lies in a file: PBES2 (RFC 8018, 6.2) and the older ways of PKCS#12 (RFC 7292,
//! C).

use aes::Aes128;
use aes::Aes192;
use aes::Aes256;
use cbc::Decryptor;
use cbc::cipher::BlockCipherDecrypt;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::KeyInit;
use cbc::cipher::KeyIvInit;
use cbc::cipher::block_padding::Pkcs7;
use des::TdesEde2;
use des::TdesEde3;
use pkcs8::ObjectIdentifier;
use rc2::Rc2;

use super::ber::Algorithm;
use super::ber::OCTET_STRING;
use super::ber::Reader;
use super::error::Pkcs12Error;
use super::key_derivation::Allowance;
use super::key_derivation::Hash;
use super::key_derivation::Password;
use super::key_derivation::Pbkdf2;
use super::key_derivation::Pkcs12Kdf;
use super::key_derivation::Purpose;
use crate::secret::Secret;

/// What `ciphertext` says, which is always one SEQUENCE in these files.
pub(super) fn decrypt(
    algorithm: Algorithm<'_>,
    ciphertext: &[u8],
    password: &Password<'_>,
    allowance: &mut Allowance,
) -> Result<Secret<Vec<u8>>, Pkcs12Error> {
    let parameters = algorithm.parameters.clone().sequence();
    let cipher = match algorithm.oid {
        OID_PBES2 => return decrypt_pbes2(parameters?, ciphertext, password.utf8, allowance),
        OID_SHA1_3DES_3KEY => Cipher::TripleDes3Key,
        OID_SHA1_3DES_2KEY => Cipher::TripleDes2Key,
        OID_SHA1_RC2_128 => Cipher::Rc2Bits128,
        OID_SHA1_RC2_40 => Cipher::Rc2Bits40,
        other => return Err(Pkcs12Error::algorithm(other)),
    };
    let mut parameters = parameters?;
    let kdf = Pkcs12Kdf {
        hash: Hash::Sha1,
        salt: parameters.octets(OCTET_STRING)?,
        iterations: parameters.integer()?,
    };
    for bmp_string in &password.bmp_strings {
        let mut derive =
            |purpose, octets| kdf.derive(purpose, bmp_string.expose(), octets, allowance);
        let key = derive(Purpose::Key, cipher.key_octets())?;
        let iv = derive(Purpose::InitializationVector, IV_OCTETS)?;
        if let Some(plaintext) = cipher.decrypt(key.expose(), iv.expose(), ciphertext) {
            return Ok(plaintext);
        }
    }
    Err(Pkcs12Error::Undecryptable)
}

fn decrypt_pbes2(
    mut parameters: Reader<'_>,
    ciphertext: &[u8],
    password: &str,
    allowance: &mut Allowance,
) -> Result<Secret<Vec<u8>>, Pkcs12Error> {
    let kdf = Pbkdf2::read(parameters.algorithm()?)?;
    let mut scheme = parameters.algorithm()?;
    let cipher = match scheme.oid {
        OID_AES_128_CBC => Cipher::Aes128,
        OID_AES_192_CBC => Cipher::Aes192,
        OID_AES_256_CBC => Cipher::Aes256,
        OID_DES_EDE3_CBC => Cipher::TripleDes3Key,
        other => return Err(Pkcs12Error::algorithm(other)),
    };
    let iv = scheme.parameters.content(OCTET_STRING)?;
    let key = kdf.derive(password, cipher.key_octets(), allowance)?;
    cipher
        .decrypt(key.expose(), iv, ciphertext)
        .ok_or(Pkcs12Error::Undecryptable)
}

/// Block ciphers, in CBC mode with the padding of RFC 8018, 6.1.1.
#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes3Key,
    TripleDes2Key,
    Rc2Bits128,
    Rc2Bits40,
}

impl Cipher {
    fn key_octets(self) -> usize {
        match self {
            Self::Rc2Bits40 => 5,
            Self::Aes128 | Self::TripleDes2Key | Self::Rc2Bits128 => 16,
            Self::Aes192 | Self::TripleDes3Key => 24,
            Self::Aes256 => 32,
        }
    }

    fn decrypt(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Secret<Vec<u8>>> {
        match self {
            Self::Aes128 => decrypt_cbc::<Aes128>(key, iv, ciphertext),
            Self::Aes192 => decrypt_cbc::<Aes192>(key, iv, ciphertext),
            Self::Aes256 => decrypt_cbc::<Aes256>(key, iv, ciphertext),
            Self::TripleDes3Key => decrypt_cbc::<TdesEde3>(key, iv, ciphertext),
            Self::TripleDes2Key => decrypt_cbc::<TdesEde2>(key, iv, ciphertext),
            Self::Rc2Bits128 | Self::Rc2Bits40 => decrypt_cbc::<Rc2>(key, iv, ciphertext),
        }
    }
}

fn decrypt_cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Option<Secret<Vec<u8>>> {
    let mut plaintext = Secret::new(ciphertext.to_vec());
    let octets = Decryptor::<C>::new_from_slices(key, iv)
        .ok()?
        .decrypt_padded::<Pkcs7>(plaintext.expose_mut())
        .ok()?
        .len();
    plaintext.expose_mut().truncate(octets);
    // One wrong key in 256 leaves a padding that looks right, but hardly a SEQUENCE.
    let mut reader = Reader::new(plaintext.expose());
    let is_sequence = reader.sequence().is_ok() && reader.is_empty();
    is_sequence.then_some(plaintext)
}

const OID_PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

const OID_SHA1_3DES_3KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const OID_SHA1_3DES_2KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
const OID_SHA1_RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
const OID_SHA1_RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");

const OID_AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const OID_AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const OID_AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const OID_DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");

/// The block of the older ciphers, which is what their initialization vector fills.
const IV_OCTETS: usize = 8;
