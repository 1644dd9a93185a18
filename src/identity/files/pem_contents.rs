//! Certificate, chain and private key among the blocks of PEM.

use std::path::Path;

use super::decryption::error::DecryptionError;
use super::der;
use super::encrypted_key;
use super::pem::PemBlock;
use super::pem::PemError;
use super::private_key::PrivateKey;
use super::private_key::PrivateKeyError;
use crate::identity::certificate::Certificate;
use crate::identity::chain::Chain;
use crate::identity::error::IdentityError;
use crate::identity::error::Missing;
use crate::identity::public_key::PublicKey;
use crate::identity::secrets::Purpose;
use crate::identity::secrets::Secrets;
use crate::identity::signer::Signer;
use crate::identity::unlock;
use crate::identity::unlock::Attempt;
use crate::identity::unlock::Protected;
use crate::identity::work_budget::WorkBudget;
use crate::secret::Secret;

/// The first certificate, and the DER of those after it.
pub(in crate::identity) fn certificate(
    path: &Path,
    blocks: &[Result<PemBlock, PemError>],
) -> Result<(Certificate, Vec<Vec<u8>>), IdentityError> {
    let mut certificates = blocks
        .iter()
        .flatten()
        .filter(|block| block.label == LABEL_CERTIFICATE)
        .map(|block| block.der.expose().clone());
    let leaf = certificates
        .next()
        .ok_or_else(|| IdentityError::missing(Missing::Certificate, path, blocks))?;
    let leaf = Certificate::from_der(&leaf).map_err(|source| IdentityError::Certificate {
        path: path.to_owned(),
        source,
    })?;
    Ok((leaf, certificates.collect()))
}

/// True if one of these certificates is for `key`.
pub(in crate::identity) fn is_certified(
    key: &PublicKey,
    first: &Certificate,
    others: &[Vec<u8>],
) -> bool {
    let fits = |certificate: &Certificate| certificate.public_key() == key;
    let is_other = |der: &Vec<u8>| Certificate::from_der(der).is_ok_and(|it| fits(&it));
    fits(first) || others.iter().any(is_other)
}

/// The certificate that `key` fits, which need not be the first, and the others. Where it fits none, the
/// first stays the leaf.
pub(in crate::identity) fn leaf_of(
    key: &dyn Signer,
    first: Certificate,
    mut others: Vec<Vec<u8>>,
) -> (Certificate, Vec<Vec<u8>>) {
    let fits = |certificate: &Certificate| certificate.public_key() == key.public_key();
    if fits(&first) {
        return (first, others);
    }
    let found = others.iter().enumerate().find_map(|(index, der)| {
        let certificate = Certificate::from_der(der).ok().filter(|it| fits(it))?;
        Some((index, certificate))
    });
    match found {
        Some((index, leaf)) => {
            others.remove(index);
            others.insert(0, first.der().to_vec());
            (leaf, others)
        }
        None => (first, others),
    }
}

/// The chain of `--intermediates`: sent whole, in the given order.
pub(in crate::identity) fn chain(
    path: &Path,
    blocks: Vec<Result<PemBlock, PemError>>,
) -> Result<Chain, IdentityError> {
    let mut certificates = Vec::new();
    for block in blocks {
        let block = block.map_err(|source| IdentityError::Pem {
            path: path.to_owned(),
            source,
        })?;
        if LABELS_PKCS7.contains(&block.label.as_str())
            && let Some(blocks) = der::certificates_of_pkcs7(block.der.expose())
        {
            certificates.extend(blocks.iter().map(|block| block.der.expose().clone()));
            continue;
        }
        if block.label != LABEL_CERTIFICATE {
            return Err(IdentityError::ChainBlock {
                path: path.to_owned(),
                label: block.label,
            });
        }
        certificates.push(block.der.expose().clone());
    }
    Chain::in_given_order(certificates).map_err(|source| IdentityError::Chain {
        path: path.to_owned(),
        source,
    })
}

/// The DER of a TPM's key, if that is the first private key.
pub(in crate::identity) fn tss2_key(blocks: &[Result<PemBlock, PemError>]) -> Option<&[u8]> {
    let mut keys = blocks.iter().flatten();
    let key = keys.find(|block| block.label.ends_with(LABEL_PRIVATE_KEY_SUFFIX))?;
    (key.label == LABEL_TSS2_KEY).then(|| key.der.expose().as_slice())
}

/// The first private key; an `EC PARAMETERS` block in front of it says nothing new.
pub(in crate::identity) fn private_key(
    path: &Path,
    blocks: &[Result<PemBlock, PemError>],
    secrets: &dyn Secrets,
    work: &mut WorkBudget,
) -> Result<PrivateKey, IdentityError> {
    let block = blocks
        .iter()
        .flatten()
        .find(|block| block.label.ends_with(LABEL_PRIVATE_KEY_SUFFIX))
        .ok_or_else(|| IdentityError::missing(Missing::PrivateKey, path, blocks))?;
    let der = block.der.expose();
    let (parse, is_encrypted): (ParsePrivateKey, _) = match block.label.as_str() {
        "PRIVATE KEY" => (PrivateKey::from_pkcs8, false),
        "ENCRYPTED PRIVATE KEY" => (PrivateKey::from_pkcs8, true),
        "RSA PRIVATE KEY" => (PrivateKey::from_pkcs1, false),
        "EC PRIVATE KEY" => (PrivateKey::from_sec1, false),
        label => {
            return Err(IdentityError::PrivateKeyLabel {
                path: path.to_owned(),
                label: label.to_owned(),
            });
        }
    };
    let unusable = |source| IdentityError::PrivateKey {
        path: path.to_owned(),
        source,
    };
    let mut unlock = |decrypt: Decrypt<'_>| {
        let protected = Protected {
            purpose: Purpose::PrivateKey,
            path,
            content: der,
        };
        unlock::unlock(secrets, protected, work, |password, work| {
            let key = decrypt(password, work).map_err(|source| undecrypted(path, source))?;
            parse(key.expose()).map_err(|source| match source {
                // One wrong password in 256 leaves what looks like padding.
                PrivateKeyError::Malformed => undecrypted(path, DecryptionError::Password),
                source => Attempt::Failed(unusable(source)),
            })
        })
    };
    match (&block.dek_info, is_encrypted) {
        (Some(dek_info), _) => {
            unlock(&|password, _| encrypted_key::decrypt_dek_info(dek_info, der, password))
        }
        (None, true) => unlock(&|password, work| encrypted_key::decrypt_pkcs8(der, password, work)),
        (None, false) => parse(der).map_err(unusable),
    }
}

fn undecrypted(path: &Path, source: DecryptionError) -> Attempt {
    let is_wrong = source == DecryptionError::Password;
    let error = IdentityError::Decryption {
        path: path.to_owned(),
        source,
    };
    match is_wrong {
        true => Attempt::Refused(error),
        false => Attempt::Failed(error),
    }
}

/// Decrypts the block into the DER of a key with a password.
type Decrypt<'a> = &'a dyn Fn(&str, &mut WorkBudget) -> Result<Secret<Vec<u8>>, DecryptionError>;

/// Parses the DER of one label into a key.
type ParsePrivateKey = fn(&[u8]) -> Result<PrivateKey, PrivateKeyError>;

const LABEL_CERTIFICATE: &str = "CERTIFICATE";

/// Label that OpenSSL and Windows write for a `.p7b`.
const LABELS_PKCS7: [&str; 2] = ["PKCS7", "PKCS #7 SIGNED DATA"];

const LABEL_TSS2_KEY: &str = "TSS2 PRIVATE KEY";

const LABEL_PRIVATE_KEY_SUFFIX: &str = "PRIVATE KEY";
