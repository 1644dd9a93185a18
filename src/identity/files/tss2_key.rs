//! [`Tss2Key`]: a private key of a TPM in a PEM file, wrapped by its parent
//! ([TSS2 PRIVATE KEY](https://www.hansenpartnership.com/draft-bottomley-tpm2-keys.html)).

use std::fmt;

use pkcs8::ObjectIdentifier;

use super::ber::INTEGER;
use super::ber::Malformed;
use super::ber::OCTET_STRING;
use super::ber::Reader;
use crate::secret::Secret;

/// What a key file holds.
#[derive(Debug)]
pub struct Tss2Key {
    /// False if the key needs a password.
    pub is_password_empty: bool,
    /// The handle of the key that wraps it.
    pub parent: u32,
    /// A `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// Wrapped by the parent; only its TPM opens it.
    pub private: Secret<Vec<u8>>,
}

impl Tss2Key {
    /// Reads the DER of a key file.
    pub fn from_der(der: &[u8]) -> Result<Self, Tss2KeyError> {
        let mut file = Reader::new(der);
        let mut key = file.sequence()?;
        file.finish()?;
        if key.object_identifier()? != LOADABLE_KEY {
            return Err(Tss2KeyError::Kind);
        }
        let mut is_password_empty = false;
        if key.is_next(EMPTY_AUTH) {
            let value = key.explicit()?.content(BOOLEAN)?;
            is_password_empty = value.iter().any(|byte| *byte != 0);
        }
        if [POLICY, SECRET, AUTH_POLICY]
            .into_iter()
            .any(|tag| key.is_next(tag))
        {
            return Err(Tss2KeyError::Policy);
        }
        // Later fields of the draft: a description, and others to come.
        while !key.is_next(INTEGER) {
            key.context_specific()?;
        }
        let parent = u32::try_from(key.integer()?).map_err(|_| Malformed)?;
        let public = key.octets(OCTET_STRING)?;
        let private = key.octets(OCTET_STRING)?;
        Ok(Self {
            is_password_empty,
            parent,
            public: unsized_part(public.expose())?.to_vec(),
            private: Secret::new(unsized_part(private.expose())?.to_vec()),
        })
    }
}

/// The bytes of a `TPM2B` that fills `bytes`.
fn unsized_part(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed)?;
    match usize::from(u16::from_be_bytes(*length)) == rest.len() {
        true => Ok(rest),
        false => Err(Malformed),
    }
}

/// Why a key file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tss2KeyError {
    /// It is not well-formed.
    Malformed,
    /// It holds something else than a key to load.
    Kind,
    /// The key needs a policy or a secret besides its password.
    Policy,
}

impl From<Malformed> for Tss2KeyError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl fmt::Display for Tss2KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the TSS2 PRIVATE KEY is not well-formed",
            Self::Kind => "the TSS2 PRIVATE KEY is not a loadable key (2.23.133.10.1.3)",
            Self::Policy => {
                "the TSS2 PRIVATE KEY needs a policy or an imported secret, which is not supported"
            }
        })
    }
}

impl std::error::Error for Tss2KeyError {}

const LOADABLE_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.10.1.3");

const BOOLEAN: u8 = 0x01;
/// `[0]` to `[3]`, tagged `EXPLICIT`.
const EMPTY_AUTH: u8 = 0xa0;
const POLICY: u8 = 0xa1;
const SECRET: u8 = 0xa2;
const AUTH_POLICY: u8 = 0xa3;
