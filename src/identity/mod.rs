//! [`Identity`]: a certificate, its chain and the private key that signs for it.
//!
//! They are read as one and belong together from then on: an `Identity` whose key is not the
//! certificate's cannot be made.

pub mod certificate;
pub mod chain;
pub mod error;
pub mod pem;
pub mod private_key;
pub mod public_key;

use std::path::Path;
use std::path::PathBuf;

use crate::file;
use crate::identity::certificate::Certificate;
use crate::identity::chain::Chain;
use crate::identity::error::IdentityError;
use crate::identity::pem::PemBlock;
use crate::identity::private_key::PrivateKey;

/// Who asks: an end-entity certificate, the intermediates above it, and its private key.
#[derive(Debug)]
pub struct Identity {
    certificate: Certificate,
    chain: Chain,
    private_key: PrivateKey,
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
    /// Fails where a file cannot be read or is not what it should be, and where the key is not the
    /// certificate's. A certificate that the service may refuse (expired, say) is no failure.
    pub fn open(&self) -> Result<Identity, IdentityError> {
        let Self::Files {
            certificate,
            private_key,
            intermediates,
        } = self;
        let blocks = read_pem(certificate)?;
        let mut certificates = certificates(&blocks).into_iter();
        let leaf = certificates
            .next()
            .ok_or_else(|| IdentityError::CertificateMissing {
                path: certificate.clone(),
                found: labels(&blocks),
            })?;
        let leaf = Certificate::from_der(&leaf).map_err(|source| IdentityError::Certificate {
            path: certificate.clone(),
            source,
        })?;
        let chain = match intermediates {
            Some(path) => read_chain(path)?,
            None => {
                let rest: Vec<_> = certificates.collect();
                check_chain_length(certificate, rest.len())?;
                Chain::by_issuer(leaf.der(), &rest).map_err(|source| IdentityError::Chain {
                    path: certificate.clone(),
                    source,
                })?
            }
        };
        let key_path = private_key.as_ref().unwrap_or(certificate);
        let key = match private_key {
            Some(path) if path != certificate => read_private_key(path, &read_pem(path)?)?,
            Some(_) | None => read_private_key(certificate, &blocks)?,
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
            private_key: key,
        })
    }
}

impl Identity {
    /// The end-entity certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The intermediates that are sent with it.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The key that signs.
    pub fn private_key(&self) -> &PrivateKey {
        &self.private_key
    }
}

fn read_pem(path: &Path) -> Result<Vec<PemBlock>, IdentityError> {
    let text = file::read(path, PEM_FILE_BYTES_MAX).map_err(IdentityError::File)?;
    pem::read_blocks(text.expose()).map_err(|source| IdentityError::Pem {
        path: path.to_owned(),
        source,
    })
}

fn certificates(blocks: &[PemBlock]) -> Vec<Vec<u8>> {
    blocks
        .iter()
        .filter(|block| block.label == LABEL_CERTIFICATE)
        .map(|block| block.der.expose().clone())
        .collect()
}

/// The chain of `--intermediates`: whoever wrote the file meant its order.
fn read_chain(path: &Path) -> Result<Chain, IdentityError> {
    let blocks = read_pem(path)?;
    if let Some(block) = blocks.iter().find(|block| block.label != LABEL_CERTIFICATE) {
        return Err(IdentityError::ChainBlock {
            path: path.to_owned(),
            label: block.label.clone(),
        });
    }
    check_chain_length(path, blocks.len())?;
    Chain::in_given_order(certificates(&blocks)).map_err(|source| IdentityError::Chain {
        path: path.to_owned(),
        source,
    })
}

fn check_chain_length(path: &Path, count: usize) -> Result<(), IdentityError> {
    match count > CHAIN_LENGTH_MAX {
        true => Err(IdentityError::ChainTooLong {
            path: path.to_owned(),
            count,
        }),
        false => Ok(()),
    }
}

/// The first private key among `blocks`; an `EC PARAMETERS` block in front of it says nothing new.
fn read_private_key(path: &Path, blocks: &[PemBlock]) -> Result<PrivateKey, IdentityError> {
    let block = blocks
        .iter()
        .find(|block| block.label.ends_with(LABEL_PRIVATE_KEY_SUFFIX))
        .ok_or_else(|| IdentityError::PrivateKeyMissing {
            path: path.to_owned(),
            found: labels(blocks),
        })?;
    let der = block.der.expose();
    let key = match block.label.as_str() {
        _ if block.is_encrypted => Err(None),
        "ENCRYPTED PRIVATE KEY" => Err(None),
        "PRIVATE KEY" => PrivateKey::from_pkcs8(der).map_err(Some),
        "RSA PRIVATE KEY" => PrivateKey::from_pkcs1(der).map_err(Some),
        "EC PRIVATE KEY" => PrivateKey::from_sec1(der).map_err(Some),
        label => {
            return Err(IdentityError::PrivateKeyLabel {
                path: path.to_owned(),
                label: label.to_owned(),
            });
        }
    };
    key.map_err(|source| match source {
        Some(source) => IdentityError::PrivateKey {
            path: path.to_owned(),
            source,
        },
        None => IdentityError::PrivateKeyEncrypted {
            path: path.to_owned(),
        },
    })
}

fn labels(blocks: &[PemBlock]) -> Vec<String> {
    blocks.iter().map(|block| block.label.clone()).collect()
}

const LABEL_CERTIFICATE: &str = "CERTIFICATE";
const LABEL_PRIVATE_KEY_SUFFIX: &str = "PRIVATE KEY";

/// A certificate with a chain of five and a key takes some 20 KB; ten times that may be comments.
const PEM_FILE_BYTES_MAX: usize = 1024 * 1024;

/// The service takes five. More are sent, so that it can say so, but not a whole bundle of roots.
const CHAIN_LENGTH_MAX: usize = 32;
