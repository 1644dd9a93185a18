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
use super::input::Input;
use super::password;
use super::password::Attempt;
use super::password::PasswordSource;
use super::password::Protected;
use super::pem;
use super::pem::PemBlock;
use super::pem::PemError;
use super::pem_contents;
use super::pkcs12;
use super::pkcs12::Pkcs12;
use super::pkcs12::error::Pkcs12Error;
use super::private_key::PrivateKey;
use super::signer::Signer;
use crate::platform;
use crate::secret::Secret;

/// Where an identity comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum IdentitySource {
    /// PEM, or one PKCS#12 file.
    Files {
        /// PEM holds the certificate first; the rest of it is the chain, unless `intermediates` is
        /// given. PKCS#12 holds all there is, and nothing is given beside it.
        certificate: Input,
        /// Holds the private key; `None` where the certificate's file does.
        private_key: Option<Input>,
        /// Holds the chain, which is sent in this file's order.
        intermediates: Option<Input>,
    },
}

impl IdentitySource {
    /// Reads certificate, chain and key, each file once.
    ///
    /// `passwords` is asked only where something is encrypted. Fails where a file cannot be read or is
    /// not what it should be, and where the key is not the certificate's. A certificate that the
    /// service may refuse (expired, say) is no failure.
    pub fn open(&self, passwords: &dyn PasswordSource) -> Result<Identity, IdentityError> {
        let identity = self.read(passwords);
        // Libraries that decrypt and sign move keys about on the stack. A hint, as `inline` is.
        zeroize_stack::<STACK_BYTES>();
        identity
    }

    /// How the files are now, to tell when they have changed. Nothing is read.
    pub fn version(&self) -> FilesVersion {
        let version = |input: &Input| match input {
            // Links are followed: where one of them leads elsewhere, that is a change.
            Input::File(path) => path.metadata().ok().as_ref().map(platform::file_version),
            Input::Held { .. } => None,
        };
        FilesVersion(self.inputs().map(version).collect())
    }

    /// What of it is held in memory, and so stays as it is until the process ends.
    pub fn held(&self) -> impl Iterator<Item = &Path> {
        let is_held = |input: &&Input| matches!(input, Input::Held { .. });
        self.inputs().filter(is_held).map(Input::name)
    }

    fn inputs(&self) -> impl Iterator<Item = &Input> {
        let Self::Files {
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
    fn read(&self, passwords: &dyn PasswordSource) -> Result<Identity, IdentityError> {
        let Self::Files {
            certificate,
            private_key,
            intermediates,
        } = self;
        match read(certificate)? {
            Contents::Pem(blocks) => {
                let private_key = private_key.as_ref();
                open_pem(certificate, &blocks, private_key, intermediates, passwords)
            }
            Contents::Pkcs12(_) if private_key.is_some() => Err(IdentityError::Pkcs12NotAlone {
                path: certificate.name().to_owned(),
                beside: "private key",
            }),
            Contents::Pkcs12(_) if intermediates.is_some() => Err(IdentityError::Pkcs12NotAlone {
                path: certificate.name().to_owned(),
                beside: "certificate chain",
            }),
            Contents::Pkcs12(der) => open_pkcs12(certificate, der.expose(), passwords),
        }
    }
}

/// The state of an identity's files: which they are, how long, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesVersion(Vec<Option<String>>);

/// The first certificate of PEM, without chain and key.
pub fn open_certificate(input: &Input) -> Result<Certificate, IdentityError> {
    let blocks = read_pem(input, Missing::Certificate)?;
    pem_contents::certificate(input.name(), &blocks).map(|(certificate, _)| certificate)
}

type Blocks = Vec<Result<PemBlock, PemError>>;

/// What was read, by its form.
enum Contents {
    Pem(Blocks),
    Pkcs12(Arc<Secret<Vec<u8>>>),
}

fn read(input: &Input) -> Result<Contents, IdentityError> {
    let bytes = input.read().map_err(IdentityError::File)?;
    let blocks = pem::read_blocks(bytes.expose());
    match blocks.is_empty() && pkcs12::is_pkcs12(bytes.expose()) {
        true => Ok(Contents::Pkcs12(bytes)),
        false => Ok(Contents::Pem(blocks)),
    }
}

fn read_pem(input: &Input, what: Missing) -> Result<Blocks, IdentityError> {
    match read(input)? {
        Contents::Pem(blocks) => Ok(blocks),
        Contents::Pkcs12(_) => Err(IdentityError::Pkcs12Misplaced {
            what,
            path: input.name().to_owned(),
        }),
    }
}

fn open_pem(
    certificate: &Input,
    blocks: &Blocks,
    private_key: Option<&Input>,
    intermediates: &Option<Input>,
    passwords: &dyn PasswordSource,
) -> Result<Identity, IdentityError> {
    let (leaf, others) = pem_contents::certificate(certificate.name(), blocks)?;
    let chain = match intermediates {
        Some(input) => pem_contents::chain(input.name(), read_pem(input, Missing::Certificate)?)?,
        None => Chain::by_issuer(leaf.der(), &others),
    };
    check_chain_length(intermediates.as_ref().unwrap_or(certificate), &chain)?;
    let key_input = private_key.unwrap_or(certificate);
    let key = match key_input.is_same(certificate) {
        true => pem_contents::private_key(key_input.name(), blocks, passwords)?,
        false => {
            let blocks = read_pem(key_input, Missing::PrivateKey)?;
            pem_contents::private_key(key_input.name(), &blocks, passwords)?
        }
    };
    if key.public_key() != leaf.public_key() {
        return Err(IdentityError::KeyDoesNotMatchCertificate {
            certificate: certificate.name().to_owned(),
            certificate_key: leaf.public_key().algorithm,
            private_key: key_input.name().to_owned(),
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
    input: &Input,
    der: &[u8],
    passwords: &dyn PasswordSource,
) -> Result<Identity, IdentityError> {
    let path = input.name();
    let found = password::try_each(Protected::Pkcs12, path, passwords, |password| {
        pkcs12::read(der, password).map_err(|source| {
            let is_wrong = matches!(source, Pkcs12Error::Password | Pkcs12Error::Undecryptable);
            let error = IdentityError::Pkcs12 {
                path: path.to_owned(),
                source,
            };
            match is_wrong {
                true => Attempt::WrongPassword(error),
                false => Attempt::Failed(error),
            }
        })
    })?;
    let identity = identity_of(input, &found)?;
    check_chain_length(input, &identity.chain)?;
    Ok(identity)
}

/// The one key in a file, the first certificate that is for it, and the chain above that. Others'
/// certificates and keys may be of kinds that are not supported.
fn identity_of(input: &Input, found: &Pkcs12) -> Result<Identity, IdentityError> {
    let path = || input.name().to_owned();
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
    let chain = Chain::by_issuer_with_root(leaf.der(), &found.certificates);
    Ok(Identity {
        certificate: leaf,
        chain,
        signer: Box::new(key),
    })
}

fn check_chain_length(input: &Input, chain: &Chain) -> Result<(), IdentityError> {
    let count = chain.certificates().len();
    match count > CHAIN_LENGTH_MAX {
        true => Err(IdentityError::ChainTooLong {
            path: input.name().to_owned(),
            count,
        }),
        false => Ok(()),
    }
}

/// More than reading takes in a release build.
const STACK_BYTES: usize = 64 * 1024;
