//! Private keys under a password: `EncryptedPrivateKeyInfo` (PKCS#8, RFC 5958), and OpenSSL's older
//! encryption of PEM blocks (`DEK-Info`, RFC 1421, 4.6.1.3).

use md5::Digest;
use md5::Md5;
use zeroize::Zeroize;

use super::ber::OCTET_STRING;
use super::ber::Reader;
use super::decryption;
use super::decryption::cipher::Cipher;
use super::decryption::error::DecryptionError;
use super::decryption::key_derivation::Password;
use crate::identity::work_budget::WorkBudget;
use crate::secret::Secret;
use crate::text::Printable;

/// Decrypts an `EncryptedPrivateKeyInfo` to the `PrivateKeyInfo` in it.
pub fn decrypt_pkcs8(
    der: &[u8],
    password: &str,
    work: &mut WorkBudget,
) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let mut info = Reader::new(der).sequence()?;
    let algorithm = info.algorithm()?;
    let ciphertext = info.octets(OCTET_STRING)?;
    let password = Password::new(password);
    decryption::decrypt(algorithm, ciphertext.expose(), &password, work)
}

/// Decrypts the content of a PEM block whose header says `DEK-Info: <cipher>,<salt in hexadecimal>`. Its
/// key derivation is one round of a hash and needs no budget.
pub fn decrypt_dek_info(
    dek_info: &str,
    der: &[u8],
    password: &str,
) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let (cipher, iv) = dek_info.split_once(',').ok_or(DecryptionError::Malformed)?;
    let iv = hex::decode(iv.trim()).map_err(|_| DecryptionError::Malformed)?;
    let salt = iv.get(..8).ok_or(DecryptionError::Malformed)?;
    let cipher = match cipher.trim() {
        "AES-128-CBC" => Cipher::Aes128,
        "AES-192-CBC" => Cipher::Aes192,
        "AES-256-CBC" => Cipher::Aes256,
        "DES-CBC" => Cipher::Des,
        "DES-EDE3-CBC" => Cipher::TripleDes3Key,
        other => {
            let algorithm = Printable::new(other, CIPHER_CHARACTERS_MAX).to_string();
            return Err(DecryptionError::Algorithm { algorithm });
        }
    };
    let key = bytes_to_key(password, salt, cipher.key_octets());
    cipher
        .decrypt(key.expose(), &iv, der)
        .ok_or(DecryptionError::Password)
}

/// OpenSSL's EVP_BytesToKey with MD5 and one round.
fn bytes_to_key(password: &str, salt: &[u8], octets: usize) -> Secret<Vec<u8>> {
    let whole_blocks = octets.next_multiple_of(Md5::output_size());
    let mut key = Secret::new(Vec::with_capacity(whole_blocks));
    while key.expose().len() < octets {
        let mut hash = Md5::new();
        // Each block of the key goes into the next.
        let previous = key.expose().len().saturating_sub(Md5::output_size());
        hash.update(key.expose().get(previous..).unwrap_or_default());
        hash.update(password);
        hash.update(salt);
        let mut block = hash.finalize();
        key.expose_mut().extend_from_slice(&block);
        block.as_mut_slice().zeroize();
    }
    key.expose_mut().truncate(octets);
    key
}

/// The names in use have some 15.
const CIPHER_CHARACTERS_MAX: usize = 40;
