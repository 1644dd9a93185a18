//! Keys from passwords: PBKDF2 (RFC 8018, 5.2), scrypt (RFC 7914) and the older way of PKCS#12
//! (RFC 7292, B).
//!
//! A file says itself how much work that is, so each derivation first draws its cost on [`WorkBudget`].

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
use sha2::Sha512_224;
use sha2::Sha512_256;
use sha2::digest::block_api::BlockSizeUser;
use zeroize::Zeroize;

use super::error::DecryptionError;
use crate::identity::files::ber::Algorithm;
use crate::identity::files::ber::INTEGER;
use crate::identity::files::ber::OCTET_STRING;
use crate::identity::files::ber::SEQUENCE;
use crate::identity::work_budget::WorkBudget;
use crate::secret::Secret;

/// A password in the forms in which it is used.
pub(in crate::identity::files) struct Password<'a> {
    /// PBKDF2 takes it as UTF-8 (RFC 8018, 3).
    pub(in crate::identity::files) utf8: &'a str,
    /// The older derivation takes it as a BMPString with a zero at its end (RFC 7292, B.1). For the
    /// empty password some programs leave out the zero too; once a MAC has shown which way it is,
    /// only that is left.
    pub(in crate::identity::files) bmp_strings: Vec<Secret<Vec<u8>>>,
}

impl<'a> Password<'a> {
    pub(in crate::identity::files) fn new(utf8: &'a str) -> Self {
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

/// The hash functions of keys and MACs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity::files) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512To224,
    Sha512To256,
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
            Hash::Sha512To224 => {
                type $name = Sha512_224;
                $body
            }
            Hash::Sha512To256 => {
                type $name = Sha512_256;
                $body
            }
        }
    };
}

impl Hash {
    /// By the hash function's own identifier.
    pub(in crate::identity::files) fn from_oid(
        oid: ObjectIdentifier,
    ) -> Result<Self, DecryptionError> {
        match oid {
            OID_SHA1 => Ok(Self::Sha1),
            OID_SHA224 => Ok(Self::Sha224),
            OID_SHA256 => Ok(Self::Sha256),
            OID_SHA384 => Ok(Self::Sha384),
            OID_SHA512 => Ok(Self::Sha512),
            OID_SHA512_224 => Ok(Self::Sha512To224),
            OID_SHA512_256 => Ok(Self::Sha512To256),
            other => Err(DecryptionError::algorithm(other)),
        }
    }

    /// By the identifier of an HMAC with it (RFC 8018, B.1).
    pub(in crate::identity::files) fn from_hmac_oid(
        oid: ObjectIdentifier,
    ) -> Result<Self, DecryptionError> {
        match oid {
            OID_HMAC_SHA1 => Ok(Self::Sha1),
            OID_HMAC_SHA224 => Ok(Self::Sha224),
            OID_HMAC_SHA256 => Ok(Self::Sha256),
            OID_HMAC_SHA384 => Ok(Self::Sha384),
            OID_HMAC_SHA512 => Ok(Self::Sha512),
            OID_HMAC_SHA512_224 => Ok(Self::Sha512To224),
            OID_HMAC_SHA512_256 => Ok(Self::Sha512To256),
            other => Err(DecryptionError::algorithm(other)),
        }
    }

    pub(in crate::identity::files) fn octets(self) -> usize {
        with_hash!(self, H => <H as Digest>::output_size())
    }

    /// Nanoseconds that it takes to fill `octets` with outputs that each cost `iterations` compressions,
    /// on a processor of today.
    fn cost(self, iterations: u64, octets: usize) -> u64 {
        let compression = match self {
            Self::Sha1 | Self::Sha224 | Self::Sha256 => 100,
            Self::Sha384 | Self::Sha512 | Self::Sha512To224 | Self::Sha512To256 => 250,
        };
        let outputs = octets.div_ceil(self.octets());
        let outputs = u64::try_from(outputs).unwrap_or(u64::MAX);
        iterations
            .saturating_mul(outputs)
            .saturating_mul(compression)
    }

    /// True if `tag` is the HMAC of `message`, whole and compared in constant time.
    pub(in crate::identity::files) fn verify_hmac(
        self,
        key: &[u8],
        message: &[u8],
        tag: &[u8],
    ) -> bool {
        with_hash!(self, H => Hmac::<H>::new_from_slice(key)
            .is_ok_and(|hmac| hmac.chain_update(message).verify_slice(tag).is_ok()))
    }
}

/// Purpose of a derivation (RFC 7292, B.3).
#[derive(Clone, Copy)]
pub(in crate::identity::files) enum Purpose {
    Key = 1,
    InitializationVector = 2,
    Mac = 3,
}

/// The parameters of the derivation of RFC 7292, B.2.
pub(in crate::identity::files) struct Pkcs12Kdf {
    pub(in crate::identity::files) hash: Hash,
    pub(in crate::identity::files) salt: Secret<Vec<u8>>,
    pub(in crate::identity::files) iterations: u64,
}

impl Pkcs12Kdf {
    pub(in crate::identity::files) fn derive(
        &self,
        purpose: Purpose,
        bmp_string: &[u8],
        octets: usize,
        work: &mut WorkBudget,
    ) -> Result<Secret<Vec<u8>>, DecryptionError> {
        let rounds = rounds(self.iterations)?;
        spend(work, self.hash.cost(self.iterations, octets), || {
            iterations(self.iterations)
        })?;
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
pub(in crate::identity::files) struct Pbkdf2 {
    salt: Secret<Vec<u8>>,
    iterations: u64,
    /// Key length, if the file gives it.
    pub(in crate::identity::files) key_octets: Option<u64>,
    hash: Hash,
}

impl Pbkdf2 {
    pub(in crate::identity::files) fn read(
        function: &mut Algorithm<'_>,
    ) -> Result<Self, DecryptionError> {
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

    pub(in crate::identity::files) fn derive(
        &self,
        password: &str,
        octets: usize,
        work: &mut WorkBudget,
    ) -> Result<Secret<Vec<u8>>, DecryptionError> {
        let rounds = rounds(self.iterations)?;
        // An HMAC is two hashes.
        let compressions = self.iterations.saturating_mul(2);
        spend(work, self.hash.cost(compressions, octets), || {
            iterations(self.iterations)
        })?;
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

/// `scrypt-params` (RFC 7914, 7).
pub(super) struct Scrypt {
    salt: Secret<Vec<u8>>,
    /// N, r and p.
    cost: u64,
    block_size: u64,
    parallelization: u64,
}

impl Scrypt {
    pub(super) fn read(function: &mut Algorithm<'_>) -> Result<Self, DecryptionError> {
        let mut parameters = function.parameters.sequence()?;
        Ok(Self {
            salt: parameters.octets(OCTET_STRING)?,
            cost: parameters.integer()?,
            block_size: parameters.integer()?,
            parallelization: parameters.integer()?,
        })
    }

    pub(super) fn derive(
        &self,
        password: &str,
        octets: usize,
        work: &mut WorkBudget,
    ) -> Result<Secret<Vec<u8>>, DecryptionError> {
        let Self {
            cost,
            block_size,
            parallelization,
            ..
        } = *self;
        let blocks = cost.saturating_mul(block_size);
        let refused = || format!("scrypt with N={cost}, r={block_size} and p={parallelization}");
        if blocks.saturating_mul(SCRYPT_BLOCK_OCTETS) > SCRYPT_OCTETS_MAX {
            let derivation = refused();
            return Err(DecryptionError::WorkFactor { derivation });
        }
        let nanoseconds = blocks
            .saturating_mul(parallelization)
            .saturating_mul(SCRYPT_BLOCK_NANOSECONDS);
        spend(work, nanoseconds, refused)?;
        let parameters = scrypt::Params::new(
            log2(cost).ok_or(DecryptionError::Malformed)?,
            u32::try_from(block_size).map_err(|_| DecryptionError::Malformed)?,
            u32::try_from(parallelization).map_err(|_| DecryptionError::Malformed)?,
        )
        .map_err(|_| DecryptionError::Malformed)?;
        let mut key = Secret::new(vec![0; octets]);
        let (password, salt) = (password.as_bytes(), self.salt.expose());
        scrypt::scrypt(password, salt, &parameters, key.expose_mut())
            .map_err(|_| DecryptionError::Malformed)?;
        Ok(key)
    }
}

/// N has to be a power of two above one (RFC 7914, 2).
fn log2(cost: u64) -> Option<u8> {
    (cost > 1 && cost.is_power_of_two())
        .then(|| u8::try_from(cost.trailing_zeros()).ok())
        .flatten()
}

fn rounds(iterations: u64) -> Result<u32, DecryptionError> {
    match u32::try_from(iterations) {
        Ok(0) => Err(DecryptionError::Malformed),
        Ok(rounds) => Ok(rounds),
        Err(_) => Err(DecryptionError::WorkFactor {
            derivation: self::iterations(iterations),
        }),
    }
}

fn spend(
    work: &mut WorkBudget,
    nanoseconds: u64,
    derivation: impl Fn() -> String,
) -> Result<(), DecryptionError> {
    match work.spend(nanoseconds) {
        true => Ok(()),
        false => Err(DecryptionError::WorkFactor {
            derivation: derivation(),
        }),
    }
}

fn iterations(iterations: u64) -> String {
    format!("{iterations} iterations")
}

/// RFC 7914, 2: a block has 128 octets times the block size.
const SCRYPT_BLOCK_OCTETS: u64 = 128;

/// Time to fill and mix one block of that size.
const SCRYPT_BLOCK_NANOSECONDS: u64 = 500;

/// Memory: sixteen times what OpenSSL takes.
const SCRYPT_OCTETS_MAX: u64 = 256 * 1024 * 1024;

pub(in crate::identity::files) const OID_PBKDF2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
/// `id-scrypt` (RFC 7914, 7).
pub(super) const OID_SCRYPT: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");

const OID_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const OID_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const OID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const OID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const OID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const OID_SHA512_224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.5");
const OID_SHA512_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.6");

const OID_HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const OID_HMAC_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.8");
const OID_HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const OID_HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const OID_HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const OID_HMAC_SHA512_224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.12");
const OID_HMAC_SHA512_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.13");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bmp_string_ends_with_two_zero_octets() {
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
        let key = kdf.derive("passwordPASSWORDpassword", 25, &mut WorkBudget::new());
        assert_eq!(
            hex::encode(key.unwrap().expose()),
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"
        );
    }

    #[test]
    fn derivations_draw_on_one_work() {
        let mut work = WorkBudget::new();
        let mut spent = 0;
        while spend(&mut work, Hash::Sha512.cost(1_000_000, 64), String::new).is_ok() {
            spent += 1;
        }
        assert_eq!(spent, 6);
    }

    #[test]
    fn demand_beyond_the_work_is_refused_before_it_is_done() {
        let kdf = |iterations| Pbkdf2 {
            salt: Secret::new(vec![0; 8]),
            iterations,
            key_octets: None,
            hash: Hash::Sha256,
        };
        for iterations in [7_500_001, u64::from(u32::MAX), u64::MAX] {
            let derivation = format!("{iterations} iterations");
            let error = kdf(iterations).derive("x", 32, &mut WorkBudget::new());
            assert_eq!(
                error.unwrap_err(),
                DecryptionError::WorkFactor { derivation }
            );
        }
        let none = kdf(0).derive("x", 32, &mut WorkBudget::new());
        assert_eq!(none.unwrap_err(), DecryptionError::Malformed);
    }

    #[test]
    fn scrypt_gives_what_rfc_7914_says() {
        let kdf = Scrypt {
            salt: Secret::new(b"NaCl".to_vec()),
            cost: 1024,
            block_size: 8,
            parallelization: 16,
        };
        let key = kdf.derive("password", 64, &mut WorkBudget::new()).unwrap();
        assert!(hex::encode(key.expose()).starts_with("fdbabe1c9d3472007856e7190d01e9fe"));
    }

    #[test]
    fn hostile_scrypt_is_refused_before_it_is_done() {
        for (cost, block_size, parallelization) in [
            (1 << 18, 8, 16),
            (1 << 19, 8, 1),
            (1 << 10, 8, 1 << 20),
            (2, 1 << 30, 1),
            (u64::MAX, 8, 1),
            (2, u64::MAX, u64::MAX),
        ] {
            let kdf = Scrypt {
                salt: Secret::new(vec![0; 8]),
                cost,
                block_size,
                parallelization,
            };
            let error = kdf.derive("x", 32, &mut WorkBudget::new()).unwrap_err();
            let derivation =
                format!("scrypt with N={cost}, r={block_size} and p={parallelization}");
            assert_eq!(error, DecryptionError::WorkFactor { derivation });
        }
    }

    #[test]
    fn scrypt_cost_that_is_no_power_of_two_is_malformed() {
        for cost in [0, 1, 3, 1000] {
            assert_eq!(log2(cost), None);
        }
        assert_eq!(log2(1 << 14), Some(14));
    }
}
