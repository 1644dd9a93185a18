//! [`Cipher`]: the block ciphers of encrypted keys and PKCS#12 files.

use aes::Aes128;
use aes::Aes192;
use aes::Aes256;
use cbc::Decryptor;
use cbc::cipher::BlockCipherDecrypt;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::InnerIvInit;
use cbc::cipher::KeyInit;
use cbc::cipher::block_padding::Pkcs7;
use des::Des;
use des::TdesEde2;
use des::TdesEde3;
use pkcs8::ObjectIdentifier;
use rc2::Rc2;

use super::error::DecryptionError;
use crate::identity::files::ber::Algorithm;
use crate::identity::files::ber::INTEGER;
use crate::identity::files::ber::OCTET_STRING;
use crate::identity::files::ber::Reader;
use crate::secret::Secret;

/// Block ciphers, in CBC mode with the padding of RFC 8018, 6.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity::files) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des,
    TripleDes3Key,
    TripleDes2Key,
    Rc2Bits128,
    Rc2Bits64,
    Rc2Bits40,
}

impl Cipher {
    /// The `encryptionScheme` of PBES2 (RFC 8018, B.2), and its initialization vector.
    pub(super) fn read(mut scheme: Algorithm<'_>) -> Result<(Self, Vec<u8>), DecryptionError> {
        let cipher = match scheme.oid {
            OID_AES_128_CBC => Self::Aes128,
            OID_AES_192_CBC => Self::Aes192,
            OID_AES_256_CBC => Self::Aes256,
            OID_DES_CBC => Self::Des,
            OID_DES_EDE3_CBC => Self::TripleDes3Key,
            OID_RC2_CBC => return Self::read_rc2(scheme.parameters.sequence()?),
            other => return Err(DecryptionError::algorithm(other)),
        };
        let iv = scheme.parameters.content(OCTET_STRING)?;
        Ok((cipher, iv.to_vec()))
    }

    /// `RC2-CBC-Parameter` (RFC 8018, B.2.3): a number for the effective bits of the key.
    fn read_rc2(mut parameters: Reader<'_>) -> Result<(Self, Vec<u8>), DecryptionError> {
        let version = match parameters.is_next(INTEGER) {
            true => parameters.integer()?,
            false => RC2_BITS_32,
        };
        let cipher = match version {
            58 => Self::Rc2Bits128,
            120 => Self::Rc2Bits64,
            160 => Self::Rc2Bits40,
            _ => {
                let algorithm = format!("RC2-CBC of version {version}");
                return Err(DecryptionError::Algorithm { algorithm });
            }
        };
        Ok((cipher, parameters.content(OCTET_STRING)?.to_vec()))
    }

    pub(in crate::identity::files) fn key_octets(self) -> usize {
        match self {
            Self::Rc2Bits40 => 5,
            Self::Des | Self::Rc2Bits64 => 8,
            Self::Aes128 | Self::TripleDes2Key | Self::Rc2Bits128 => 16,
            Self::Aes192 | Self::TripleDes3Key => 24,
            Self::Aes256 => 32,
        }
    }

    /// `None` where key or initialization vector are not of its size, and where the padding or what
    /// is in front of it show that the key is wrong.
    pub(in crate::identity::files) fn decrypt(
        self,
        key: &[u8],
        iv: &[u8],
        ciphertext: &[u8],
    ) -> Option<Secret<Vec<u8>>> {
        match self {
            Self::Aes128 => decrypt_cbc::<Aes128>(key, iv, ciphertext),
            Self::Aes192 => decrypt_cbc::<Aes192>(key, iv, ciphertext),
            Self::Aes256 => decrypt_cbc::<Aes256>(key, iv, ciphertext),
            Self::Des => decrypt_cbc::<Des>(key, iv, ciphertext),
            Self::TripleDes3Key => decrypt_cbc::<TdesEde3>(key, iv, ciphertext),
            Self::TripleDes2Key => decrypt_cbc::<TdesEde2>(key, iv, ciphertext),
            Self::Rc2Bits128 | Self::Rc2Bits64 | Self::Rc2Bits40 => {
                decrypt_cbc::<Rc2>(key, iv, ciphertext)
            }
        }
    }
}

fn decrypt_cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Option<Secret<Vec<u8>>> {
    let mut plaintext = Secret::new(ciphertext.to_vec());
    let cipher = C::new_from_slice(key).ok()?;
    let octets = Decryptor::inner_iv_slice_init(cipher, iv)
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

const OID_AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const OID_AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const OID_AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const OID_DES_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.7");
const OID_DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
const OID_RC2_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.2");

/// Default if `RC2-CBC-Parameter` has no number.
const RC2_BITS_32: u64 = 32;
