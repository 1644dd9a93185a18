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
use super::os_store::StorePlace;
use super::os_store::error::StoreError;
use super::pkcs11::ListedCertificate;
use super::pkcs11::Opening;
use super::pkcs11::TokenPlace;
use super::pkcs11::WantedKey;
use super::pkcs11::error::Pkcs11Error;
use super::public_key::PublicKey;
use super::secrets::NoSecrets;
use super::secrets::Purpose;
use super::secrets::Secrets;
use super::signer::Signer;
use super::tpm::TpmDevice;
use super::unlock;
use super::unlock::Attempt;
use super::unlock::Protected;
use super::unlock_tpm;
use super::work_budget::WorkBudget;
use crate::secret::Secret;

/// Source of an identity: PEM, one PKCS#12 file, tokens, or a certificate store.
#[derive(Debug, Clone)]
pub struct IdentitySource {
    /// PEM holds the certificate first; the rest of it is the chain, unless `intermediates` is
    /// given. PKCS#12 holds all there is, and nothing is given beside it.
    pub certificate: Locator,
    /// Holds the private key; `None` where the certificate's file does.
    pub private_key: Option<Locator>,
    /// Holds the chain, which is sent in this file's order.
    pub intermediates: Option<Locator>,
    /// Where keys in hardware are.
    pub hardware: Hardware,
}

/// Devices that hold private keys.
#[derive(Debug, Clone, Default)]
pub struct Hardware {
    /// The TPM of key files and handles.
    pub tpm: TpmDevice,
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

    /// The state of the files, which differs once one of them has changed. Nothing is read but the
    /// certificates of a store; those on a token are not looked at.
    pub fn version(&self) -> FilesVersion {
        let fingerprint = |locator: &Locator| locator.fingerprint().ok();
        FilesVersion(self.locators().map(fingerprint).collect())
    }

    /// The certificate that its URI names on a token now, as far as it can be seen without a login.
    pub(crate) fn token_certificate(&self) -> Option<Certificate> {
        token_place(&self.certificate)?;
        open_certificate(&self.certificate).ok()
    }

    /// True if certificate or key are on a token.
    pub(crate) fn is_on_token(&self) -> bool {
        self.locators()
            .any(|locator| token_place(locator).is_some())
    }

    /// The names of what stays as it is until the process ends.
    pub fn fixed(&self) -> impl Iterator<Item = &Path> {
        let fixed = self.locators().filter(|locator| locator.is_fixed());
        fixed.map(Locator::name)
    }

    /// The names of all inputs.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.locators().map(Locator::name)
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
            hardware: _,
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
            hardware: _,
        } = self;
        if [certificate, self.private_key()]
            .iter()
            .any(|locator| matches!(locator, Locator::Pkcs11(_)))
        {
            return self.read_with_token(secrets);
        }
        if let Locator::Store(place) = certificate {
            return self.read_from_store(place);
        }
        match read(certificate)? {
            Contents::Pem(blocks) => self.open_pem(&blocks, secrets),
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

    fn open_pem(&self, blocks: &Blocks, secrets: &dyn Secrets) -> Result<Identity, IdentityError> {
        let (certificate, intermediates) = (&self.certificate, &self.intermediates);
        let mut work = WorkBudget::new();
        let (leaf, others) = pem_contents::certificate(certificate.name(), blocks)?;
        let given = intermediates.as_ref().map(read_chain).transpose()?;
        let is_certified = |key: &PublicKey| pem_contents::is_certified(key, &leaf, &others);
        let key = self.open_key(blocks, &is_certified, secrets, &mut work)?;
        let (leaf, others) = pem_contents::leaf_of(key.as_ref(), leaf, others);
        let chain = given.unwrap_or_else(|| Chain::by_issuer(leaf.der(), &others, &mut work));
        check_chain_length(intermediates.as_ref().unwrap_or(certificate), &chain)?;
        self.matched(leaf, chain, key)
    }

    /// Opens the private key, wherever it is. `beside` are the blocks of the certificate's file. No password is
    /// asked for if a TPM says that the key is not certified.
    fn open_key(
        &self,
        beside: &Blocks,
        is_certified: &dyn Fn(&PublicKey) -> bool,
        secrets: &dyn Secrets,
        work: &mut WorkBudget,
    ) -> Result<Box<dyn Signer>, IdentityError> {
        let (hardware, locator) = (&self.hardware, self.private_key());
        let blocks = match locator {
            Locator::Tpm { .. } => &Vec::new(),
            _ if locator.is_same(&self.certificate) => beside,
            _ => &read_pem(locator, Missing::PrivateKey)?,
        };
        key_of((hardware, locator), blocks, is_certified, secrets, work)
    }

    /// Certificate, key or both are on a token; what is not is PEM.
    fn read_with_token(&self, secrets: &dyn Secrets) -> Result<Identity, IdentityError> {
        let mut work = WorkBudget::new();
        let mut opening = Opening::new(secrets);
        let found = match &self.certificate {
            Locator::Pkcs11(place) => {
                let key_place = token_place(self.private_key());
                let with_chain = self.intermediates.is_none();
                let found = opening.certificate(place, key_place, with_chain);
                Some((place.as_ref(), found.map_err(on_token(place))?))
            }
            Locator::File(_) | Locator::Held { .. } | Locator::Tpm { .. } | Locator::Store(_) => {
                None
            }
        };
        let (leaf, others) = match &found {
            Some((_, found)) => (found.leaf.clone(), found.others.clone()),
            None => {
                let blocks = read_pem(&self.certificate, Missing::Certificate)?;
                pem_contents::certificate(self.certificate.name(), &blocks)?
            }
        };
        let given = self.intermediates.as_ref().map(read_chain).transpose()?;
        let chain = given.unwrap_or_else(|| Chain::by_issuer(leaf.der(), &others, &mut work));
        let chain_locator = self.intermediates.as_ref().unwrap_or(&self.certificate);
        check_chain_length(chain_locator, &chain)?;
        let signer = match token_place(self.private_key()) {
            Some(place) => {
                let wanted = WantedKey {
                    place,
                    beside: found.as_ref().map(|(place, found)| (*place, found)),
                    public_key: Some(leaf.public_key()),
                };
                opening.key(wanted).map_err(on_token(place))?
            }
            None => {
                let is_certified = |key: &PublicKey| key == leaf.public_key();
                self.open_key(&Vec::new(), &is_certified, secrets, &mut work)?
            }
        };
        self.matched(leaf, chain, signer)
    }

    /// Certificate and key are in a store. The key is the system's word for it.
    fn read_from_store(&self, place: &StorePlace) -> Result<Identity, IdentityError> {
        let (leaf, others, signer) = place.open().map_err(in_store(place))?;
        let given = self.intermediates.as_ref().map(read_chain).transpose()?;
        let chain =
            given.unwrap_or_else(|| Chain::by_issuer(leaf.der(), &others, &mut WorkBudget::new()));
        let chain_locator = self.intermediates.as_ref().unwrap_or(&self.certificate);
        check_chain_length(chain_locator, &chain)?;
        self.matched(leaf, chain, Box::new(signer))
    }

    /// The identity, if the key is the certificate's.
    fn matched(
        &self,
        certificate: Certificate,
        chain: Chain,
        signer: Box<dyn Signer>,
    ) -> Result<Identity, IdentityError> {
        let (wanted, found) = (certificate.public_key(), signer.public_key());
        if wanted != found {
            return Err(IdentityError::KeyDoesNotMatchCertificate {
                certificate: self.certificate.name().to_owned(),
                certificate_key: wanted.algorithm,
                private_key: self.private_key().name().to_owned(),
                private_key_algorithm: found.algorithm,
            });
        }
        Ok(Identity {
            certificate,
            chain,
            signer,
        })
    }
}

/// The state of an identity's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesVersion(Vec<Option<Fingerprint>>);

/// The first certificate of PEM, or the one on a token that can be seen without a login; without chain and
/// key.
pub fn open_certificate(locator: &Locator) -> Result<Certificate, IdentityError> {
    if let Locator::Pkcs11(place) = locator {
        let secrets = NoSecrets::default();
        let found = Opening::new(&secrets).visible_certificate(place);
        return found.map_err(on_token(place));
    }
    if let Locator::Store(place) = locator {
        return place.certificate().map_err(in_store(place));
    }
    let blocks = read_pem(locator, Missing::Certificate)?;
    pem_contents::certificate(locator.name(), &blocks).map(|(certificate, _)| certificate)
}

/// The certificates that a URI names on tokens.
pub fn list_certificates(
    place: &TokenPlace,
    secrets: &dyn Secrets,
) -> Result<Vec<ListedCertificate>, IdentityError> {
    Opening::new(secrets).list(place).map_err(on_token(place))
}

/// The DER of the certificates that match in a certificate store.
pub fn list_store(place: &StorePlace) -> Result<Vec<Vec<u8>>, IdentityError> {
    place.list().map_err(in_store(place))
}

/// The key in a TPM, or in these blocks of its file.
fn key_of(
    (hardware, locator): (&Hardware, &Locator),
    blocks: &Blocks,
    is_certified: &dyn Fn(&PublicKey) -> bool,
    secrets: &dyn Secrets,
    work: &mut WorkBudget,
) -> Result<Box<dyn Signer>, IdentityError> {
    let (tpm, name) = (&hardware.tpm, locator.name());
    if let Locator::Tpm { handle, .. } = locator {
        return unlock_tpm::persistent(tpm, (name, *handle), is_certified, secrets);
    }
    match pem_contents::tss2_key(blocks) {
        Some(der) => unlock_tpm::file(tpm, (name, der), is_certified, secrets),
        None => {
            let key = pem_contents::private_key(name, blocks, secrets, work)?;
            Ok(Box::new(key))
        }
    }
}

/// True if the private key there is on a token or in a TPM.
pub fn is_in_hardware(locator: &Locator) -> bool {
    match locator {
        Locator::Pkcs11(_) | Locator::Tpm { .. } => true,
        Locator::File(_) | Locator::Held { .. } => matches!(
            read(locator),
            Ok(Contents::Pem(blocks)) if pem_contents::tss2_key(&blocks).is_some()
        ),
        Locator::Store(_) => false,
    }
}

/// The private key at `locator`, without a certificate; on a token, the one key that its URI names.
pub fn open_key(
    locator: &Locator,
    hardware: &Hardware,
    secrets: &dyn Secrets,
) -> Result<Box<dyn Signer>, IdentityError> {
    if let Locator::Pkcs11(place) = locator {
        let wanted = WantedKey {
            place,
            beside: None,
            public_key: None,
        };
        return Opening::new(secrets).key(wanted).map_err(on_token(place));
    }
    let blocks = match locator {
        Locator::Tpm { .. } => Vec::new(),
        _ => read_pem(locator, Missing::PrivateKey)?,
    };
    let mut work = WorkBudget::new();
    key_of((hardware, locator), &blocks, &|_| true, secrets, &mut work)
}

/// All certificates of PEM, which holds one at least and nothing else.
pub fn open_certificates(locator: &Locator) -> Result<Chain, IdentityError> {
    let blocks = read_pem(locator, Missing::Certificate)?;
    if blocks.is_empty() {
        let path = locator.name();
        return Err(IdentityError::missing(Missing::Certificate, path, &blocks));
    }
    pem_contents::chain(locator.name(), blocks)
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

fn read_chain(locator: &Locator) -> Result<Chain, IdentityError> {
    let blocks = read_pem(locator, Missing::Certificate)?;
    pem_contents::chain(locator.name(), blocks)
}

fn token_place(locator: &Locator) -> Option<&TokenPlace> {
    match locator {
        Locator::Pkcs11(place) => Some(place),
        Locator::File(_) | Locator::Held { .. } | Locator::Tpm { .. } | Locator::Store(_) => None,
    }
}

fn in_store(place: &StorePlace) -> impl Fn(StoreError) -> IdentityError {
    let store = place.name().to_owned();
    move |source| IdentityError::Store {
        store: store.clone(),
        source,
    }
}

fn on_token(place: &TokenPlace) -> impl Fn(Pkcs11Error) -> IdentityError {
    let uri = place.name().to_owned();
    move |source| IdentityError::Pkcs11 {
        uri: uri.clone(),
        source: Box::new(source),
    }
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
