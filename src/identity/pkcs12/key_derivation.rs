//! Keys from passwords: PBKDF2 (RFC 8018, 5.2) and the older way of PKCS#12 (RFC 7292, B).
//!
//! A file says itself how much work that is, so all of a file's derivations together draw on one
//! [`Allowance`].

use hmac::EagerHash;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use pkcs8::ObjectIdentifier;
use sha1::Sha1;
use sha2::Digest;
use sha2::Sha224;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;
use sha2::digest::block_api::BlockSizeUser;
use zeroize::Zeroize;

use super::ber::Algorithm;
use super::ber::INTEGER;
use super::ber::OCTET_STRING;
use super::ber::SEQUENCE;
use super::error::Pkcs12Error;
use crate::secret::Secret;

/// A password in the forms in which it is used.
pub(super) struct Password<'a> {
    /// PBKDF2 takes it as UTF-8 (RFC 8018, 3).
    pub(super) utf8: &'a str,
    /// The older derivation takes it as a BMPString with a zero at its end (RFC 7292, B.1). For the
    /// empty password some programs leave out the zero too; once a MAC has told which way it is,
    /// only that is left.
    pub(super) bmp_strings: Vec<Secret<Vec<u8>>>,
}

impl<'a> Password<'a> {
    pub(super) fn new(utf8: &'a str) -> Self {
        // UTF-16 has at most as many units as UTF-8 has octets, so this does not grow.
        let mut bmp_string = Secret::new(Vec::with_capacity(2 * (utf8.len() + 1)));
        let units = utf8.encode_utf16().chain([0]);
        bmp_string
            .expose_mut()
            .extend(units.flat_map(u16::to_be_bytes));
        let bmp_strings = match utf8.is_empty() {
            true => vec![Secret::new(Vec::new()), bmp_string],
            false => vec![bmp_string],
        };
        Self { utf8, bmp_strings }
    }
}

/// What the derivations of one file may still cost.
pub(super) struct Allowance {
    compressions_left: u64,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self {
            compressions_left: COMPRESSIONS_MAX,
        }
    }

    /// Takes off the cost of a derivation, which is refused where too little is left.
    fn spend(&mut self, iterations: u64, compressions_each: u64) -> Result<u32, Pkcs12Error> {
        let refused = Pkcs12Error::WorkFactor { iterations };
        let rounds = u32::try_from(iterations).map_err(|_| refused.clone())?;
        if rounds == 0 {
            return Err(Pkcs12Error::Malformed);
        }
        self.compressions_left = iterations
            .checked_mul(compressions_each)
            .and_then(|cost| self.compressions_left.checked_sub(cost))
            .ok_or(refused)?;
        Ok(rounds)
    }
}

/// The hash functions of keys and MACs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Evaluates `$body` with `$name` for the type of `$hash`.
macro_rules! with_hash {
    ($hash:expr, $name:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $name = Sha1;
                $body
            }
            Hash::Sha224 => {
                type $name = Sha224;
                $body
            }
            Hash::Sha256 => {
                type $name = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $name = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $name = Sha512;
                $body
            }
        }
    };
}

impl Hash {
    /// By the hash function's own identifier.
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Result<Self, Pkcs12Error> {
        match oid {
            OID_SHA1 => Ok(Self::Sha1),
            OID_SHA224 => Ok(Self::Sha224),
            OID_SHA256 => Ok(Self::Sha256),
            OID_SHA384 => Ok(Self::Sha384),
            OID_SHA512 => Ok(Self::Sha512),
            other => Err(Pkcs12Error::algorithm(other)),
        }
    }

    /// By the identifier of an HMAC with it (RFC 8018, B.1).
    pub(super) fn from_hmac_oid(oid: ObjectIdentifier) -> Result<Self, Pkcs12Error> {
        match oid {
            OID_HMAC_SHA1 => Ok(Self::Sha1),
            OID_HMAC_SHA224 => Ok(Self::Sha224),
            OID_HMAC_SHA256 => Ok(Self::Sha256),
            OID_HMAC_SHA384 => Ok(Self::Sha384),
            OID_HMAC_SHA512 => Ok(Self::Sha512),
            other => Err(Pkcs12Error::algorithm(other)),
        }
    }

    pub(super) fn octets(self) -> usize {
        with_hash!(self, H => <H as Digest>::output_size())
    }

    /// How many outputs it takes to fill `octets`.
    fn outputs_in(self, octets: usize) -> u64 {
        octets
            .div_ceil(self.octets())
            .try_into()
            .unwrap_or(u64::MAX)
    }

    /// Whether `tag` is the HMAC of `message`, whole and compared in constant time.
    pub(super) fn verify_hmac(self, key: &[u8], message: &[u8], tag: &[u8]) -> bool {
        with_hash!(self, H => Hmac::<H>::new_from_slice(key)
            .is_ok_and(|hmac| hmac.chain_update(message).verify_slice(tag).is_ok()))
    }
}

/// What a derivation is for (RFC 7292, B.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitializationVector = 2,
    Mac = 3,
}

/// The parameters of the derivation of RFC 7292, B.2.
pub(super) struct Pkcs12Kdf {
    pub(super) hash: Hash,
    pub(super) salt: Secret<Vec<u8>>,
    pub(super) iterations: u64,
}

impl Pkcs12Kdf {
    pub(super) fn derive(
        &self,
        purpose: Purpose,
        bmp_string: &[u8],
        octets: usize,
        allowance: &mut Allowance,
    ) -> Result<Secret<Vec<u8>>, Pkcs12Error> {
        let rounds = allowance.spend(self.iterations, self.hash.outputs_in(octets))?;
        let mut key = Secret::new(vec![0; octets]);
        with_hash!(self.hash, H => derive::<H>(
            purpose as u8,
            [self.salt.expose(), bmp_string],
            rounds,
            key.expose_mut(),
        ));
        Ok(key)
    }
}

/// RFC 7292, B.2, with its names in brackets.
fn derive<H: Digest + BlockSizeUser>(id: u8, inputs: [&[u8]; 2], rounds: u32, output: &mut [u8]) {
    let block_octets = H::block_size();
    // [D], and [I]: salt and password, each repeated to whole blocks.
    let diversifier = vec![id; block_octets];
    let whole_blocks = |input: &[u8]| input.len().next_multiple_of(block_octets);
    let mut material = Secret::new(Vec::with_capacity(
        inputs.iter().map(|input| whole_blocks(input)).sum(),
    ));
    for input in inputs {
        let repeated = input.iter().cycle().take(whole_blocks(input));
        material.expose_mut().extend(repeated);
    }
    for chunk in output.chunks_mut(<H as Digest>::output_size()) {
        let mut hash = H::new()
            .chain_update(&diversifier)
            .chain_update(material.expose())
            .finalize();
        for _ in 1..rounds {
            hash = H::digest(&hash);
        }
        for (octet, derived) in chunk.iter_mut().zip(&hash) {
            *octet = *derived;
        }
        // [B], which is added to each block, and one more.
        let repeated: Secret<Vec<u8>> =
            Secret::new(hash.iter().copied().cycle().take(block_octets).collect());
        for block in material.expose_mut().chunks_mut(block_octets) {
            let mut carry = 1;
            for (octet, added) in block.iter_mut().zip(repeated.expose()).rev() {
                let sum = u16::from(*octet) + u16::from(*added) + carry;
                [_, *octet] = sum.to_be_bytes();
                carry = sum >> 8;
            }
        }
        hash.as_mut_slice().zeroize();
    }
}

/// `PBKDF2-params` (RFC 8018, A.2).
pub(super) struct Pbkdf2 {
    salt: Secret<Vec<u8>>,
    iterations: u64,
    /// How long the key is, where the file says.
    pub(super) key_octets: Option<u64>,
    hash: Hash,
}

impl Pbkdf2 {
    /// Reads a `keyDerivationFunc`, which may name another function.
    pub(super) fn read(mut function: Algorithm<'_>) -> Result<Self, Pkcs12Error> {
        if function.oid != OID_PBKDF2 {
            return Err(Pkcs12Error::algorithm(function.oid));
        }
        let mut parameters = function.parameters.sequence()?;
        Ok(Self {
            salt: parameters.octets(OCTET_STRING)?,
            iterations: parameters.integer()?,
            key_octets: match parameters.is_next(INTEGER) {
                true => Some(parameters.integer()?),
                false => None,
            },
            hash: match parameters.is_next(SEQUENCE) {
                true => Hash::from_hmac_oid(parameters.algorithm()?.oid)?,
                false => Hash::Sha1,
            },
        })
    }

    pub(super) fn derive(
        &self,
        password: &str,
        octets: usize,
        allowance: &mut Allowance,
    ) -> Result<Secret<Vec<u8>>, Pkcs12Error> {
        // An HMAC is two hashes.
        let rounds = allowance.spend(self.iterations, 2 * self.hash.outputs_in(octets))?;
        let mut key = Secret::new(vec![0; octets]);
        with_hash!(self.hash, H => pbkdf2_hmac::<H>(
            password,
            self.salt.expose(),
            rounds,
            key.expose_mut(),
        ));
        Ok(key)
    }
}

fn pbkdf2_hmac<H: EagerHash>(password: &str, salt: &[u8], rounds: u32, output: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<H>(password.as_bytes(), salt, rounds, output);
}

/// What one file may cost, in compressions of a hash function: a second of SHA-256 where the processor
/// helps with it, two or three otherwise or with SHA-512. A file with one key takes twenty thousand from
/// OpenSSL, three million from NSS, and up to five million from GnuTLS.
const COMPRESSIONS_MAX: u64 = 12_000_000;

const OID_PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");

const OID_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const OID_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const OID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const OID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const OID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

const OID_HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const OID_HMAC_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.8");
const OID_HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const OID_HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const OID_HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bmp_string_has_two_octets_for_each_unit_and_a_zero() {
        let password = Password::new("aß🐎");
        let [bmp_string] = &password.bmp_strings[..] else {
            panic!("one form")
        };
        let expected = [0, b'a', 0, 0xdf, 0xd8, 0x3d, 0xdc, 0x0e, 0, 0];
        assert_eq!(*bmp_string.expose(), expected);
    }

    #[test]
    fn empty_password_is_tried_with_a_zero_and_without() {
        let forms = Password::new("").bmp_strings;
        let lengths: Vec<_> = forms.iter().map(|form| form.expose().len()).collect();
        assert_eq!(lengths, [0, 2]);
    }

    #[test]
    fn pbkdf2_gives_what_rfc_6070_says() {
        let kdf = Pbkdf2 {
            salt: Secret::new(b"saltSALTsaltSALTsaltSALTsaltSALTsalt".to_vec()),
            iterations: 4096,
            key_octets: None,
            hash: Hash::Sha1,
        };
        let key = kdf.derive("passwordPASSWORDpassword", 25, &mut Allowance::new());
        assert_eq!(
            hex::encode(key.unwrap().expose()),
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"
        );
    }

    #[test]
    fn derivations_of_a_file_draw_on_one_allowance() {
        let mut allowance = Allowance::new();
        for _ in 0..2 {
            assert_eq!(allowance.spend(3_000_000, 2), Ok(3_000_000));
        }
        let refused = Err(Pkcs12Error::WorkFactor { iterations: 1 });
        assert_eq!(allowance.spend(1, 1), refused);
    }

    #[test]
    fn count_that_overflows_or_is_none_is_refused() {
        let mut allowance = Allowance::new();
        for iterations in [u64::MAX, u64::from(u32::MAX), COMPRESSIONS_MAX] {
            let refused = Err(Pkcs12Error::WorkFactor { iterations });
            assert_eq!(allowance.spend(iterations, 2), refused);
        }
        assert_eq!(allowance.spend(0, 2), Err(Pkcs12Error::Malformed));
    }
}
