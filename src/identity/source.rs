//! [`IdentitySource`]: files to an [`Identity`], each read once.

use std::path::Path;
use std::sync::Arc;

use zeroize::zeroize_stack;

use super::Identity;
use super::certificate::Certificate;
use super::chain::CHAIN_LENGTH_MAX;
use super::chain::Chain;
use super::error::IdentityError;
use super::error::Missing;
use super::files::der;
use super::files::pem;
use super::files::pem::PemBlock;
use super::files::pem::PemError;
use super::files::pem_contents;
use super::files::pkcs12;
use super::files::pkcs12::Pkcs12;
use super::files::pkcs12::error::Pkcs12Error;
use super::files::private_key::PrivateKey;
use super::locator::Fingerprint;
use super::locator::Locator;
use super::secrets::Purpose;
use super::secrets::Secrets;
use super::signer::Signer;
use super::unlock;
use super::unlock::Attempt;
use super::unlock::Protected;
use super::work_budget::WorkBudget;
use crate::secret::Secret;

/// Source of an identity: PEM, or one PKCS#12 file.
#[derive(Debug, Clone)]
pub struct IdentitySource {
    /// PEM holds the certificate first; the rest of it is the chain, unless `intermediates` is
    /// given. PKCS#12 holds all there is, and nothing is given beside it.
    pub certificate: Locator,
    /// Holds the private key; `None` where the certificate's file does.
    pub private_key: Option<Locator>,
    /// Holds the chain, which is sent in this file's order.
    pub intermediates: Option<Locator>,
}

impl IdentitySource {
    /// Reads certificate, chain and key, each file once.
    ///
    /// `secrets` is asked only where something is encrypted. Fails where a file cannot be read or is
    /// not what it should be, and where the key is not the certificate's. A certificate that the
    /// service may refuse (expired, say) is not a failure.
    pub fn open(&self, secrets: &dyn Secrets) -> Result<Identity, IdentityError> {
        let identity = self.read(secrets);
        // Libraries that decrypt and sign move keys about on the stack. A hint, as `inline` is.
        zeroize_stack::<STACK_BYTES>();
        identity
    }

    /// The state of the files, which differs once one of them has changed. Nothing is read.
    pub fn version(&self) -> FilesVersion {
        let fingerprint = |locator: &Locator| locator.fingerprint().ok();
        FilesVersion(self.locators().map(fingerprint).collect())
    }

    /// The names of what stays as it is until the process ends.
    pub fn fixed(&self) -> impl Iterator<Item = &Path> {
        self.locators()
            .filter(|locator| locator.is_fixed())
            .map(Locator::name)
    }

    /// Location of the private key.
    pub fn private_key(&self) -> &Locator {
        self.private_key.as_ref().unwrap_or(&self.certificate)
    }

    fn locators(&self) -> impl Iterator<Item = &Locator> {
        let Self {
            certificate,
            private_key,
            intermediates,
        } = self;
        [
            Some(certificate),
            private_key.as_ref(),
            intermediates.as_ref(),
        ]
        .into_iter()
        .flatten()
    }

    #[inline(never)]
    fn read(&self, secrets: &dyn Secrets) -> Result<Identity, IdentityError> {
        let Self {
            certificate,
            private_key,
            intermediates,
        } = self;
        match read(certificate)? {
            Contents::Pem(blocks) => {
                let private_key = private_key.as_ref();
                open_pem(certificate, &blocks, private_key, intermediates, secrets)
            }
            Contents::Pkcs12(_) if private_key.is_some() => Err(IdentityError::Pkcs12NotAlone {
                path: certificate.name().to_owned(),
                beside: "private key",
            }),
            Contents::Pkcs12(_) if intermediates.is_some() => Err(IdentityError::Pkcs12NotAlone {
                path: certificate.name().to_owned(),
                beside: "certificate chain",
            }),
            Contents::Pkcs12(der) => open_pkcs12(certificate, der.expose(), secrets),
        }
    }
}

/// The state of an identity's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesVersion(Vec<Option<Fingerprint>>);

/// The first certificate of PEM, without chain and key.
pub fn open_certificate(locator: &Locator) -> Result<Certificate, IdentityError> {
    let blocks = read_pem(locator, Missing::Certificate)?;
    pem_contents::certificate(locator.name(), &blocks).map(|(certificate, _)| certificate)
}

type Blocks = Vec<Result<PemBlock, PemError>>;

/// Content by its form.
enum Contents {
    Pem(Blocks),
    Pkcs12(Arc<Secret<Vec<u8>>>),
}

fn read(locator: &Locator) -> Result<Contents, IdentityError> {
    let bytes = locator.read().map_err(IdentityError::File)?;
    let blocks = pem::read_blocks(bytes.expose());
    if !blocks.is_empty() {
        return Ok(Contents::Pem(blocks));
    }
    if pkcs12::is_pkcs12(bytes.expose()) {
        return Ok(Contents::Pkcs12(bytes));
    }
    let blocks = der::blocks(bytes.expose()).unwrap_or_default();
    Ok(Contents::Pem(blocks.into_iter().map(Ok).collect()))
}

fn read_pem(locator: &Locator, what: Missing) -> Result<Blocks, IdentityError> {
    match read(locator)? {
        Contents::Pem(blocks) => Ok(blocks),
        Contents::Pkcs12(_) => Err(IdentityError::Pkcs12Misplaced {
            what,
            path: locator.name().to_owned(),
        }),
    }
}

fn open_pem(
    certificate: &Locator,
    blocks: &Blocks,
    private_key: Option<&Locator>,
    intermediates: &Option<Locator>,
    secrets: &dyn Secrets,
) -> Result<Identity, IdentityError> {
    let mut work = WorkBudget::new();
    let (leaf, others) = pem_contents::certificate(certificate.name(), blocks)?;
    let given = match intermediates {
        Some(locator) => {
            let blocks = read_pem(locator, Missing::Certificate)?;
            Some(pem_contents::chain(locator.name(), blocks)?)
        }
        None => None,
    };
    let key_locator = private_key.unwrap_or(certificate);
    let key = match key_locator.is_same(certificate) {
        true => pem_contents::private_key(key_locator.name(), blocks, secrets, &mut work)?,
        false => {
            let blocks = read_pem(key_locator, Missing::PrivateKey)?;
            pem_contents::private_key(key_locator.name(), &blocks, secrets, &mut work)?
        }
    };
    let (leaf, others) = pem_contents::leaf_of(&key, leaf, others);
    let chain = given.unwrap_or_else(|| Chain::by_issuer(leaf.der(), &others, &mut work));
    check_chain_length(intermediates.as_ref().unwrap_or(certificate), &chain)?;
    if key.public_key() != leaf.public_key() {
        return Err(IdentityError::KeyDoesNotMatchCertificate {
            certificate: certificate.name().to_owned(),
            certificate_key: leaf.public_key().algorithm,
            private_key: key_locator.name().to_owned(),
            private_key_algorithm: key.public_key().algorithm,
        });
    }
    Ok(Identity {
        certificate: leaf,
        chain,
        signer: Box::new(key),
    })
}

fn open_pkcs12(
    locator: &Locator,
    der: &[u8],
    secrets: &dyn Secrets,
) -> Result<Identity, IdentityError> {
    let path = locator.name();
    let protected = Protected {
        purpose: Purpose::Pkcs12,
        path,
        content: der,
    };
    let found = unlock::unlock(
        secrets,
        protected,
        &mut WorkBudget::new(),
        |password, work| {
            pkcs12::read(der, password, work).map_err(|source| {
                let is_wrong = matches!(source, Pkcs12Error::Password | Pkcs12Error::Undecryptable);
                let error = IdentityError::Pkcs12 {
                    path: path.to_owned(),
                    source,
                };
                match is_wrong {
                    true => Attempt::Refused(error),
                    false => Attempt::Failed(error),
                }
            })
        },
    )?;
    let identity = identity_of(locator, &found)?;
    check_chain_length(locator, &identity.chain)?;
    Ok(identity)
}

/// The one key in a file, the first certificate that is for it, and the chain above that. Others'
/// certificates and keys may be of kinds that are not supported.
fn identity_of(locator: &Locator, found: &Pkcs12) -> Result<Identity, IdentityError> {
    let path = || locator.name().to_owned();
    let mut unusable = None;
    let mut certificates = Vec::new();
    for der in &found.certificates {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push(certificate),
            Err(source) => {
                let path = path();
                unusable.get_or_insert(IdentityError::Certificate { path, source });
            }
        }
    }
    let mut pair: Option<(PrivateKey, Certificate)> = None;
    for der in &found.private_keys {
        let key = match PrivateKey::from_pkcs8(der.expose()) {
            Ok(key) => key,
            Err(source) => {
                let path = path();
                unusable.get_or_insert(IdentityError::PrivateKey { path, source });
                continue;
            }
        };
        let certificate = certificates
            .iter()
            .find(|certificate| certificate.public_key() == key.public_key());
        match (certificate, &pair) {
            (None, _) => {}
            (Some(_), Some((other, _))) if other.public_key() == key.public_key() => {}
            (Some(_), Some(_)) => return Err(IdentityError::Pkcs12Ambiguous { path: path() }),
            (Some(certificate), None) => pair = Some((key, certificate.clone())),
        }
    }
    let Some((key, leaf)) = pair else {
        return Err(unusable.unwrap_or_else(|| IdentityError::Pkcs12Incomplete {
            path: path(),
            certificates: found.certificates.len(),
            private_keys: found.private_keys.len(),
        }));
    };
    let chain = Chain::by_issuer_with_root(leaf.der(), &found.certificates, &mut WorkBudget::new());
    Ok(Identity {
        certificate: leaf,
        chain,
        signer: Box::new(key),
    })
}

fn check_chain_length(locator: &Locator, chain: &Chain) -> Result<(), IdentityError> {
    let count = chain.certificates().len();
    match count > CHAIN_LENGTH_MAX {
        true => Err(IdentityError::ChainTooLong {
            path: locator.name().to_owned(),
            count,
        }),
        false => Ok(()),
    }
}

/// More than reading takes in a release build.
const STACK_BYTES: usize = 64 * 1024;
