//! Private keys under a password: PKCS#8 with PBES2 (RFC 8018, 6.2), and OpenSSL's older encryption of
//! PEM blocks (`DEK-Info`, RFC 1421, 4.6.1.3).
//!
//! The key is derived once per password. How much work a file may demand is capped: a hostile one must
//! not hold the machine.

use std::fmt;

use aes::Aes128;
use aes::Aes192;
use aes::Aes256;
use cbc::Decryptor;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::KeyIvInit;
use cbc::cipher::block_padding::Pkcs7;
use des::TdesEde3;
use md5::Digest;
use md5::Md5;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::ObjectIdentifier;
use pkcs8::der::AnyRef;
use pkcs8::der::Decode;
use pkcs8::der::SliceReader;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::spki::AlgorithmIdentifierRef;
use zeroize::Zeroize;

use crate::secret::Secret;

/// Decrypts an `EncryptedPrivateKeyInfo` to the `PrivateKeyInfo` in it.
pub fn decrypt_pkcs8(der: &[u8], password: &str) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| unreadable(der))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(unreadable(der));
    };
    check_work(&parameters.kdf)?;
    let mut key = Secret::new(info.encrypted_data.as_bytes().to_vec());
    let length = parameters
        .decrypt_in_place(password, key.expose_mut())
        .map_err(|_| DecryptionError::Password)?
        .len();
    key.expose_mut().truncate(length);
    Ok(key)
}

/// Refuses what would take seconds, or hundreds of megabytes.
fn check_work(kdf: &Kdf) -> Result<(), DecryptionError> {
    let is_bounded = match kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= PBKDF2_ITERATIONS_MAX,
        Kdf::Scrypt(parameters) => {
            let memory = SCRYPT_BLOCK_BYTES
                .saturating_mul(parameters.cost_parameter)
                .saturating_mul(parameters.block_size.into());
            memory <= SCRYPT_BYTES_MAX
                && u64::from(parameters.parallelization) <= SCRYPT_PARALLELIZATION_MAX
        }
        _ => false,
    };
    match is_bounded {
        true => Ok(()),
        false => Err(DecryptionError::WorkFactor),
    }
}

/// What an `EncryptedPrivateKeyInfo` that was not understood is encrypted with.
fn unreadable(der: &[u8]) -> DecryptionError {
    match algorithms(der) {
        Some(names) if !names.is_empty() => DecryptionError::Algorithm {
            algorithm: names.join(" with "),
        },
        Some(_) | None => DecryptionError::Malformed,
    }
}

/// The names of the algorithms in it, outermost first: the scheme, and for PBES2 its parts.
fn algorithms(der: &[u8]) -> Option<Vec<String>> {
    let mut reader = SliceReader::new(AnyRef::from_der(der).ok()?.value()).ok()?;
    let scheme = AlgorithmIdentifierRef::decode(&mut reader).ok()?;
    let mut names = vec![name(scheme.oid)];
    if let Some(parameters) = scheme.parameters {
        let mut reader = SliceReader::new(parameters.value()).ok()?;
        while let Ok(part) = AlgorithmIdentifierRef::decode(&mut reader) {
            names.push(name(part.oid));
        }
    }
    Some(names)
}

/// The names that people meet, and the dotted form of all others.
fn name(oid: ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.5.3" => "pbeWithMD5AndDES-CBC",
        "1.2.840.113549.1.5.10" => "pbeWithSHA1AndDES-CBC",
        "1.2.840.113549.1.5.12" => "PBKDF2",
        "1.2.840.113549.1.5.13" => "PBES2",
        "1.2.840.113549.1.12.1.1" => "pbeWithSHA1And128BitRC4",
        "1.2.840.113549.1.12.1.3" => "pbeWithSHA1And3-KeyTripleDES-CBC",
        "1.2.840.113549.1.12.1.6" => "pbeWithSHA1And40BitRC2-CBC",
        "1.2.840.113549.3.2" => "RC2-CBC",
        "1.3.14.3.2.7" => "DES-CBC",
        other => other,
    };
    name.to_owned()
}

/// Decrypts the content of a PEM block whose header says `DEK-Info: <cipher>,<salt in hexadecimal>`.
pub fn decrypt_dek_info(
    dek_info: &str,
    der: &[u8],
    password: &str,
) -> Result<Secret<Vec<u8>>, DecryptionError> {
    let (cipher, iv) = dek_info.split_once(',').ok_or(DecryptionError::Malformed)?;
    let iv = hex::decode(iv.trim()).map_err(|_| DecryptionError::Malformed)?;
    let salt = iv.get(..8).ok_or(DecryptionError::Malformed)?;
    let mut data = Secret::new(der.to_vec());
    let decrypt = match cipher.trim() {
        "AES-128-CBC" => decrypt_cbc::<Decryptor<Aes128>>,
        "AES-192-CBC" => decrypt_cbc::<Decryptor<Aes192>>,
        "AES-256-CBC" => decrypt_cbc::<Decryptor<Aes256>>,
        "DES-EDE3-CBC" => decrypt_cbc::<Decryptor<TdesEde3>>,
        other => {
            return Err(DecryptionError::Algorithm {
                algorithm: other.to_owned(),
            });
        }
    };
    let length = decrypt(&bytes_to_key(password, salt), &iv, data.expose_mut())?;
    data.expose_mut().truncate(length);
    Ok(data)
}

/// Decrypts in place, and tells the length without the padding.
fn decrypt_cbc<D: KeyIvInit + BlockModeDecrypt>(
    key: &Secret<Vec<u8>>,
    iv: &[u8],
    data: &mut [u8],
) -> Result<usize, DecryptionError> {
    let key = key
        .expose()
        .get(..D::key_size())
        .ok_or(DecryptionError::Malformed)?;
    let decryptor = D::new_from_slices(key, iv).map_err(|_| DecryptionError::Malformed)?;
    decryptor
        .decrypt_padded::<Pkcs7>(data)
        .map(<[u8]>::len)
        .map_err(|_| DecryptionError::Password)
}

/// OpenSSL's EVP_BytesToKey with MD5 and one round: as many octets as the longest key has.
fn bytes_to_key(password: &str, salt: &[u8]) -> Secret<Vec<u8>> {
    let mut key = Secret::new(Vec::with_capacity(DEK_KEY_OCTETS_MAX));
    while key.expose().len() < DEK_KEY_OCTETS_MAX {
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
    key
}

/// Why a private key was not decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptionError {
    /// It is not of the form its label says.
    Malformed,
    /// It is encrypted in a way that is not supported.
    Algorithm {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// It demands more work than any honest file.
    WorkFactor,
    /// The password is wrong, or the data damaged: nothing in these formats tells which.
    Password,
}

impl fmt::Display for DecryptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed encrypted private key"),
            Self::Algorithm { algorithm } => {
                write!(
                    f,
                    "it is encrypted with {algorithm}, which is not supported"
                )
            }
            Self::WorkFactor => write!(
                f,
                "its key derivation demands more than {PBKDF2_ITERATIONS_MAX} iterations of PBKDF2 \
                 or {} MB of scrypt",
                SCRYPT_BYTES_MAX / 1_000_000
            ),
            Self::Password => f.write_str("the password is wrong, or the file is damaged"),
        }
    }
}

impl std::error::Error for DecryptionError {}

/// Ten times what is recommended today, and some seconds.
const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;

/// Sixteen times what OpenSSL takes.
const SCRYPT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// OpenSSL takes one.
const SCRYPT_PARALLELIZATION_MAX: u64 = 16;

/// RFC 7914, 2: a block has 128 octets times the block size.
const SCRYPT_BLOCK_BYTES: u64 = 128;

/// The key of AES-256.
const DEK_KEY_OCTETS_MAX: usize = 32;
