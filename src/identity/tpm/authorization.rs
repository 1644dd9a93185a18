//! Authorizations of commands (TPM 2.0 Library, part 1, section 19): the empty password, and HMAC sessions, by
//! which a key's password is proven and never sent.

use aes::Aes128;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::KeyInit;
use ring::hmac;
use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use sha2::Digest;
use sha2::Sha256;

use super::device::Connection;
use super::error::TpmError;
use super::message::Command;
use super::message::CommandCode;
use super::message::Reader;
use super::message::Response;
use super::public_area::ALG_AES;
use super::public_area::ALG_CFB;
use super::public_area::ALG_SHA256;
use crate::secret::Secret;

/// The authorization area of an empty password: handle, empty nonce, attributes, empty password.
pub(super) const EMPTY_PASSWORD: [u8; 9] = [0x40, 0x00, 0x00, 0x09, 0, 0, 0, 0, 0];

/// An HMAC session that is neither salted nor bound, for one command.
pub(super) struct HmacSession {
    pub(super) handle: u32,
    nonce_tpm: Vec<u8>,
}

impl HmacSession {
    pub(super) fn start(connection: &mut Connection) -> Result<Self, TpmError> {
        let command = Command::new(CommandCode::StartAuthSession, &[HANDLE_NULL, HANDLE_NULL])
            .sized(&nonce()?)
            .sized(&[])
            .bytes(&[SESSION_HMAC])
            .u16(ALG_AES)
            .u16(AES_BITS)
            .u16(ALG_CFB)
            .u16(ALG_SHA256);
        let response = connection.send(&command, None)?;
        let mut reader = Reader::new(&response.body);
        let handle = reader.u32()?;
        match reader.sized() {
            Ok(nonce) => Ok(Self {
                handle,
                nonce_tpm: nonce.to_vec(),
            }),
            Err(error) => {
                connection.flush(handle);
                Err(error)
            }
        }
    }

    /// Sends a command with one handle, whose first parameter is a `TPM2B` that is encrypted on the way. `name` is
    /// that of the object behind the handle, `password` its authorization value. The TPM ends the session if the
    /// command succeeds. Gives the response's parameters, verified.
    pub(super) fn send(
        &self,
        connection: &mut Connection,
        mut command: Command,
        (name, password): (&[u8], &Secret<Vec<u8>>),
    ) -> Result<Vec<u8>, TpmError> {
        let nonce_caller = nonce()?;
        self.encrypt_first_parameter(&mut command, &nonce_caller, password)?;
        let mut hashed = Sha256::new();
        hashed.update(command.code.to_be_bytes());
        hashed.update(name);
        hashed.update(&command.parameters);
        let parts = [
            &hashed.finalize()[..],
            &nonce_caller,
            &self.nonce_tpm,
            &[DECRYPT],
        ];
        let proof = mac(password, &parts);
        let mut area = self.handle.to_be_bytes().to_vec();
        push_sized(&mut area, &nonce_caller);
        area.push(DECRYPT);
        push_sized(&mut area, proof.as_ref());
        let response = connection.send(&command, Some(&area))?;
        verified(&response, command.code, &nonce_caller, password)
    }

    /// CFB with a key of the password and both nonces (part 1, section 21).
    fn encrypt_first_parameter(
        &self,
        command: &mut Command,
        nonce_caller: &[u8],
        password: &Secret<Vec<u8>>,
    ) -> Result<(), TpmError> {
        let material = kdf(password, b"CFB", nonce_caller, &self.nonce_tpm);
        let (key, iv) = material
            .expose()
            .split_at_checked(16)
            .ok_or(TpmError::Malformed)?;
        let cipher = Aes128::new_from_slice(key).map_err(|_| TpmError::Malformed)?;
        let length: usize = Reader::new(&command.parameters).u16()?.into();
        let data = command
            .parameters
            .get_mut(2..2 + length)
            .ok_or(TpmError::Malformed)?;
        let mut register: [u8; 16] = iv.try_into().map_err(|_| TpmError::Malformed)?;
        for block in data.chunks_mut(16) {
            let mut stream = register.into();
            cipher.encrypt_block(&mut stream);
            for ((byte, key), slot) in block.iter_mut().zip(stream.iter()).zip(&mut register) {
                *byte ^= key;
                *slot = *byte;
            }
        }
        Ok(())
    }
}

/// The parameters of a response, once its HMAC is verified.
fn verified(
    response: &Response,
    code: CommandCode,
    nonce_caller: &[u8],
    password: &Secret<Vec<u8>>,
) -> Result<Vec<u8>, TpmError> {
    let mut reader = Reader::new(&response.body);
    let length = usize::try_from(reader.u32()?).map_err(|_| TpmError::Malformed)?;
    let parameters = reader.take(length)?;
    let nonce_tpm = reader.sized()?;
    let attributes = reader.take(1)?;
    let proof = reader.sized()?;
    let mut hashed = Sha256::new();
    hashed.update(0_u32.to_be_bytes());
    hashed.update(code.to_be_bytes());
    hashed.update(parameters);
    let parts = [&hashed.finalize()[..], nonce_tpm, nonce_caller, attributes];
    let key = hmac::Key::new(hmac::HMAC_SHA256, password.expose());
    hmac::verify(&key, &parts.concat(), proof).map_err(|_| TpmError::Forged)?;
    Ok(parameters.to_vec())
}

fn mac(password: &Secret<Vec<u8>>, parts: &[&[u8]]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, password.expose());
    hmac::sign(&key, &parts.concat())
}

/// `KDFa` with SHA-256 for 256 bits (part 1, section 11.4.10.2).
fn kdf(password: &Secret<Vec<u8>>, label: &[u8], one: &[u8], other: &[u8]) -> Secret<Vec<u8>> {
    let parts = [
        &1_u32.to_be_bytes()[..],
        label,
        &[0],
        one,
        other,
        &256_u32.to_be_bytes(),
    ];
    Secret::new(mac(password, &parts).as_ref().to_vec())
}

fn push_sized(area: &mut Vec<u8>, bytes: &[u8]) {
    // A nonce and a digest.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    area.extend(length.to_be_bytes());
    area.extend_from_slice(bytes);
}

fn nonce() -> Result<[u8; 32], TpmError> {
    let mut nonce = [0; 32];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map(|()| nonce).map_err(|_| TpmError::Randomness)
}

/// `TPM_RH_NULL`: neither salted nor bound.
const HANDLE_NULL: u32 = 0x4000_0007;
/// `TPM_SE_HMAC`
const SESSION_HMAC: u8 = 0;
const AES_BITS: u16 = 128;
/// `TPMA_SESSION`: the TPM decrypts the first parameter, and ends the session afterwards.
const DECRYPT: u8 = 1 << 5;
