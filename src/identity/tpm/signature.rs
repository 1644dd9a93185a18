//! A signature as a TPM returns it.

use super::error::TpmError;
use super::message::Reader;
use super::public_area::ALG_ECDSA;
use super::public_area::ALG_RSASSA;
use crate::identity::files::der;

/// Reads a `TPMT_SIGNATURE` (part 2, section 11.3.4): the signature of RSA, or the DER of r and s. Fails if it is cut
/// off, or of another scheme.
pub fn signature(parameters: &[u8]) -> Result<Vec<u8>, TpmError> {
    let mut reader = Reader::new(parameters);
    let scheme = reader.u16()?;
    let _hash = reader.u16()?;
    match scheme {
        ALG_RSASSA => Ok(reader.sized()?.to_vec()),
        ALG_ECDSA => {
            let (r, s) = (reader.sized()?, reader.sized()?);
            Ok(der::two_integers(r, s))
        }
        _ => Err(TpmError::Malformed),
    }
}
