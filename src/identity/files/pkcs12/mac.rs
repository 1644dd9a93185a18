//! The MAC over a file's contents (RFC 7292, 4; RFC 9579), which shows whether the password is right.

use pkcs8::ObjectIdentifier;

use super::error::Pkcs12Error;
use crate::identity::files::ber::Algorithm;
use crate::identity::files::ber::INTEGER;
use crate::identity::files::ber::OCTET_STRING;
use crate::identity::files::ber::Reader;
use crate::identity::files::decryption::error::DecryptionError;
use crate::identity::files::decryption::key_derivation::Hash;
use crate::identity::files::decryption::key_derivation::OID_PBKDF2;
use crate::identity::files::decryption::key_derivation::Password;
use crate::identity::files::decryption::key_derivation::Pbkdf2;
use crate::identity::files::decryption::key_derivation::Pkcs12Kdf;
use crate::identity::files::decryption::key_derivation::Purpose;
use crate::identity::work_budget::WorkBudget;

/// Reads a `MacData` and checks that it is the MAC of `contents` under the password.
pub(super) fn verify(
    mut mac_data: Reader<'_>,
    contents: &[u8],
    password: &mut Password<'_>,
    work: &mut WorkBudget,
) -> Result<(), Pkcs12Error> {
    let mut digest_info = mac_data.sequence()?;
    let algorithm = digest_info.algorithm()?;
    let tag = digest_info.octets(OCTET_STRING)?;
    let tag = tag.expose();
    let is_right = if algorithm.oid == OID_PBMAC1 {
        // The salt and the iterations that follow are not used (RFC 9579).
        verify_pbmac1(algorithm, contents, tag, password, work)?
    } else {
        let kdf = Pkcs12Kdf {
            hash: Hash::from_oid(algorithm.oid)?,
            salt: mac_data.octets(OCTET_STRING)?,
            iterations: match mac_data.is_next(INTEGER) {
                true => mac_data.integer()?,
                false => 1,
            },
        };
        verify_pkcs12(&kdf, contents, tag, password, work)?
    };
    match is_right {
        true => Ok(()),
        false => Err(Pkcs12Error::Password),
    }
}

fn verify_pkcs12(
    kdf: &Pkcs12Kdf,
    contents: &[u8],
    tag: &[u8],
    password: &mut Password<'_>,
    work: &mut WorkBudget,
) -> Result<bool, Pkcs12Error> {
    let octets = kdf.hash.octets();
    while let Some(bmp_string) = password.bmp_strings.pop() {
        let key = kdf.derive(Purpose::Mac, bmp_string.expose(), octets, work)?;
        if kdf.hash.verify_hmac(key.expose(), contents, tag) {
            password.bmp_strings = vec![bmp_string];
            return Ok(true);
        }
    }
    Ok(false)
}

fn verify_pbmac1(
    mut algorithm: Algorithm<'_>,
    contents: &[u8],
    tag: &[u8],
    password: &Password<'_>,
    work: &mut WorkBudget,
) -> Result<bool, Pkcs12Error> {
    let mut parameters = algorithm.parameters.sequence()?;
    let mut function = parameters.algorithm()?;
    if function.oid != OID_PBKDF2 {
        return Err(DecryptionError::algorithm(function.oid).into());
    }
    let kdf = Pbkdf2::read(&mut function)?;
    let hash = Hash::from_hmac_oid(parameters.algorithm()?.oid)?;
    let octets = kdf
        .key_octets
        .and_then(|octets| usize::try_from(octets).ok())
        .filter(|octets| (PBMAC1_KEY_OCTETS_MIN..=PBMAC1_KEY_OCTETS_MAX).contains(octets))
        .ok_or(Pkcs12Error::Malformed)?;
    let key = kdf.derive(password.utf8, octets, work)?;
    Ok(hash.verify_hmac(key.expose(), contents, tag))
}

const OID_PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// Length that RFC 9579 recommends. An attacker who changes a file chooses this length too, and a short
/// key would match any password by chance.
const PBMAC1_KEY_OCTETS_MIN: usize = 20;

/// The longest output of a hash function.
const PBMAC1_KEY_OCTETS_MAX: usize = 64;
