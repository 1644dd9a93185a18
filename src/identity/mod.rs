//! [`Identity`]: a certificate, its chain and the private key that signs for it.
//!
//! They are read as one and belong together from then on: an `Identity` whose key is not the
//! certificate's cannot be made.

pub mod certificate;
pub mod chain;
pub mod distinguished_name;
pub mod encrypted_key;
pub mod error;
pub mod password;
pub mod pem;
pub mod private_key;
pub mod public_key;
pub mod selector;
pub mod signer;

use std::path::Path;
use std::path::PathBuf;

use crate::file;
use crate::identity::certificate::Certificate;
use crate::identity::chain::CHAIN_LENGTH_MAX;
use crate::identity::chain::Chain;
use crate::identity::encrypted_key::DecryptionError;
use crate::identity::error::IdentityError;
use crate::identity::error::Missing;
use crate::identity::password::PasswordSource;
use crate::identity::password::Wanted;
use crate::identity::pem::PemBlock;
use crate::identity::pem::PemError;
use crate::identity::private_key::PrivateKey;
use crate::identity::private_key::PrivateKeyError;
use crate::identity::signer::Signer;
use crate::secret::Secret;

/// Who asks: an end-entity certificate, the intermediates above it, and its private key.
#[derive(Debug)]
pub struct Identity {
    certificate: Certificate,
    chain: Chain,
    signer: Box<dyn Signer>,
}

/// Where an identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentitySource {
    /// PEM files.
    Files {
        /// Holds the certificate first; the rest of it is the chain, unless `intermediates` is given.
        certificate: PathBuf,
        /// Holds the private key; `None` where the certificate's file does.
        private_key: Option<PathBuf>,
        /// Holds the chain, which is sent in this file's order.
        intermediates: Option<PathBuf>,
    },
}

impl IdentitySource {
    /// Reads certificate, chain and key, each file once.
    ///
    /// `passwords` is asked only where the key is encrypted. Fails where a file cannot be read or is
    /// not what it should be, and where the key is not the certificate's. A certificate that the
    /// service may refuse (expired, say) is no failure.
    pub fn open(&self, passwords: &dyn PasswordSource) -> Result<Identity, IdentityError> {
        let Self::Files {
            certificate,
            private_key,
            intermediates,
        } = self;
        let blocks = read_pem(certificate)?;
        let (leaf, others) = read_certificate(certificate, &blocks)?;
        let chain = match intermediates {
            Some(path) => read_chain(path)?,
            None => Chain::by_issuer(leaf.der(), &others),
        };
        check_chain_length(intermediates.as_ref().unwrap_or(certificate), &chain)?;
        let key_path = private_key.as_ref().unwrap_or(certificate);
        let key = match private_key {
            Some(path) if path != certificate => {
                read_private_key(path, &read_pem(path)?, passwords)?
            }
            Some(_) | None => read_private_key(certificate, &blocks, passwords)?,
        };
        if key.public_key() != leaf.public_key() {
            return Err(IdentityError::KeyDoesNotMatchCertificate {
                certificate: certificate.clone(),
                certificate_key: leaf.public_key().algorithm,
                private_key: key_path.clone(),
                private_key_algorithm: key.public_key().algorithm,
            });
        }
        Ok(Identity {
            certificate: leaf,
            chain,
            signer: Box::new(key),
        })
    }
}

impl Identity {
    /// An identity of parts that a caller has by other means, its own [`Signer`] for one. `None` if
    /// the key is not the certificate's.
    pub fn new(certificate: Certificate, chain: Chain, signer: Box<dyn Signer>) -> Option<Self> {
        (certificate.public_key() == signer.public_key()).then_some(Self {
            certificate,
            chain,
            signer,
        })
    }

    /// The end-entity certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The intermediates that are sent with it.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The key that signs.
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }
}

/// The first certificate of a PEM file, without chain and key.
pub fn open_certificate(path: &Path) -> Result<Certificate, IdentityError> {
    read_certificate(path, &read_pem(path)?).map(|(certificate, _)| certificate)
}

/// The blocks of a PEM file, read once.
fn read_pem(path: &Path) -> Result<Vec<Result<PemBlock, PemError>>, IdentityError> {
    let text = file::read(path, PEM_FILE_BYTES_MAX).map_err(IdentityError::File)?;
    Ok(pem::read_blocks(text.expose()))
}

/// The first certificate of a file, and the DER of those after it.
fn read_certificate(
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

/// The chain of `--intermediates`: whoever wrote the file meant its order, and all of it.
fn read_chain(path: &Path) -> Result<Chain, IdentityError> {
    let mut certificates = Vec::new();
    for block in read_pem(path)? {
        let block = block.map_err(|source| IdentityError::Pem {
            path: path.to_owned(),
            source,
        })?;
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

fn check_chain_length(path: &Path, chain: &Chain) -> Result<(), IdentityError> {
    let count = chain.certificates().len();
    match count > CHAIN_LENGTH_MAX {
        true => Err(IdentityError::ChainTooLong {
            path: path.to_owned(),
            count,
        }),
        false => Ok(()),
    }
}

/// The first private key among `blocks`; an `EC PARAMETERS` block in front of it says nothing new.
fn read_private_key(
    path: &Path,
    blocks: &[Result<PemBlock, PemError>],
    passwords: &dyn PasswordSource,
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
    match (&block.dek_info, is_encrypted) {
        (Some(dek_info), _) => unlock(path, passwords, parse, |password| {
            encrypted_key::decrypt_dek_info(dek_info, der, password)
        }),
        (None, true) => unlock(path, passwords, parse, |password| {
            encrypted_key::decrypt_pkcs8(der, password)
        }),
        (None, false) => parse(der).map_err(unusable),
    }
}

/// Decrypts a key with one password after another, until one is right or there is no more.
fn unlock(
    path: &Path,
    passwords: &dyn PasswordSource,
    parse: ParsePrivateKey,
    decrypt: impl Fn(&str) -> Result<Secret<Vec<u8>>, DecryptionError>,
) -> Result<PrivateKey, IdentityError> {
    let failed = |source| IdentityError::Decryption {
        path: path.to_owned(),
        source,
    };
    let mut wrong = 0;
    loop {
        let password = passwords
            .password(Wanted { path, wrong })
            .map_err(IdentityError::Password)?;
        let Some(password) = password else {
            return Err(match wrong {
                0 => IdentityError::PasswordMissing {
                    path: path.to_owned(),
                },
                _ => failed(DecryptionError::Password),
            });
        };
        let error = match decrypt(password.expose()) {
            Ok(der) => match parse(der.expose()) {
                Ok(key) => return Ok(key),
                // One wrong password in 256 leaves what looks like padding.
                Err(PrivateKeyError::Malformed) => DecryptionError::Password,
                Err(source) => {
                    return Err(IdentityError::PrivateKey {
                        path: path.to_owned(),
                        source,
                    });
                }
            },
            Err(error) => error,
        };
        wrong += 1;
        if error != DecryptionError::Password || wrong > WRONG_PASSWORDS_MAX {
            return Err(failed(error));
        }
    }
}

/// How the DER of one label becomes a key.
type ParsePrivateKey = fn(&[u8]) -> Result<PrivateKey, PrivateKeyError>;

const LABEL_CERTIFICATE: &str = "CERTIFICATE";
const LABEL_PRIVATE_KEY_SUFFIX: &str = "PRIVATE KEY";

/// However many passwords a source has, each costs a key derivation.
const WRONG_PASSWORDS_MAX: u32 = 10;

/// A certificate with a chain of five and a key takes some 20 KB; ten times that may be comments.
const PEM_FILE_BYTES_MAX: usize = 1024 * 1024;
