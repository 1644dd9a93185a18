//! [`TpmKey`]: a private key that a TPM signs with.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use super::authorization::EMPTY_PASSWORD;
use super::authorization::HmacSession;
use super::device::Connection;
use super::device::TpmDevice;
use super::error::TpmError;
use super::message::Command;
use super::message::CommandCode;
use super::message::Reader;
use super::public_area::ALG_AES;
use super::public_area::ALG_CFB;
use super::public_area::ALG_ECC;
use super::public_area::ALG_NULL;
use super::public_area::ALG_SHA256;
use super::public_area::PublicArea;
use super::response_code::ResponseCode;
use super::signature::signature;
use crate::identity::files::tss2_key::Tss2Key;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::identity::signer::Signer;
use crate::identity::verification::verifies;
use crate::secret::Secret;

/// A key in a TPM, with the password that its TPM asks for.
#[derive(Clone)]
pub(crate) struct TpmKey {
    device: TpmDevice,
    place: Place,
    public_key: PublicKey,
    /// Without trailing zeros; `None` for an empty one.
    password: Option<Arc<Secret<Vec<u8>>>>,
    /// How the TPM refused a password. It is not presented again: many TPMs lock after three.
    refusal: Arc<OnceLock<Refusal>>,
}

/// Whose password the TPM refused.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Own(ResponseCode),
    Parent { parent: u32, code: ResponseCode },
}

/// Where the TPM finds the key.
#[derive(Clone)]
enum Place {
    /// In the TPM, at this handle.
    Persistent {
        handle: u32,
        /// As the TPM said last; `None` after a failure, because another key may be there by now.
        public: Arc<Mutex<Option<PublicArea>>>,
    },
    /// In a file, under a parent.
    File {
        key: Arc<Tss2Key>,
        public: PublicArea,
    },
}

impl TpmKey {
    /// The key of a file. Nothing is sent.
    pub(crate) fn in_file(device: TpmDevice, key: Tss2Key) -> Result<Self, TpmError> {
        let public = PublicArea::from_bytes(&key.public)?;
        public.check_use()?;
        Ok(Self {
            device,
            public_key: public.public_key.clone(),
            place: Place::File {
                key: Arc::new(key),
                public,
            },
            password: None,
            refusal: Arc::default(),
        })
    }

    /// The persistent key at `handle`.
    pub(crate) fn at(device: TpmDevice, handle: u32) -> Result<Self, TpmError> {
        let public = read_public(&mut device.connect()?, handle)?;
        public.check_use()?;
        Ok(Self {
            device,
            public_key: public.public_key.clone(),
            place: Place::Persistent {
                handle,
                public: Arc::new(Mutex::new(Some(public))),
            },
            password: None,
            refusal: Arc::default(),
        })
    }

    /// With this password, which the TPM has not seen.
    pub(crate) fn with_password(&self, password: &str) -> Self {
        let bytes = password.trim_end_matches('\0').as_bytes();
        let password = (!bytes.is_empty()).then(|| Arc::new(Secret::new(bytes.to_vec())));
        Self {
            password,
            refusal: Arc::default(),
            ..self.clone()
        }
    }

    /// Signs something, to see whether the password is right.
    pub(crate) fn try_password(&self) -> Result<(), TpmError> {
        self.sign_by_tpm(b"", Digest::Sha256).map(drop)
    }

    fn sign_by_tpm(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, TpmError> {
        match self.refusal.get().copied() {
            Some(Refusal::Own(code)) => {
                return Err(self.wrong_password(TpmError::Refused { code }));
            }
            Some(Refusal::Parent { parent, code }) => {
                return Err(TpmError::ParentPassword { parent, code });
            }
            None => {}
        }
        let to_sign = (message, digest);
        let mut connection = self.device.connect()?;
        let signed = match &self.place {
            Place::Persistent { handle, public } => {
                self.sign_at(&mut connection, (*handle, public), to_sign)
            }
            Place::File { key, public } => {
                let parent = Parent::of(key.parent)?;
                parent.with(&mut connection, key, |connection, handle| {
                    self.sign_with(connection, (handle, public), to_sign)
                })
            }
        };
        let refusal = match signed {
            Err(TpmError::Password { code, .. }) => Some(Refusal::Own(code)),
            Err(TpmError::ParentPassword { parent, code }) => {
                Some(Refusal::Parent { parent, code })
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.refusal.get_or_init(|| refusal);
        }
        signed
    }

    /// Signs with the persistent key at `handle`. After a failure it is read again, because another key may be
    /// there by now: then the password is not wrong, and is not presented to that key again.
    fn sign_at(
        &self,
        connection: &mut Connection,
        (handle, known): (u32, &Mutex<Option<PublicArea>>),
        to_sign: (&[u8], Digest),
    ) -> Result<Vec<u8>, TpmError> {
        let locked = || known.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = locked().take();
        let mut public = match taken {
            Some(public) => public,
            None => self.read_own_public(connection, handle)?,
        };
        let mut signed = self.sign_with(connection, (handle, &public), to_sign);
        if !matches!(signed, Ok(_) | Err(TpmError::Device { .. })) {
            let now = self.read_own_public(connection, handle)?;
            // The same key with other attributes has another name, for which the password is proven.
            if now.bytes != public.bytes {
                public = now;
                signed = self.sign_with(connection, (handle, &public), to_sign);
            }
        }
        if signed.is_ok() {
            *locked() = Some(public);
        }
        signed
    }

    /// What the TPM says of the key at `handle`. Fails if that is another key.
    fn read_own_public(
        &self,
        connection: &mut Connection,
        handle: u32,
    ) -> Result<PublicArea, TpmError> {
        match read_public(connection, handle) {
            Ok(public) if public.public_key == self.public_key => {
                public.check_use()?;
                Ok(public)
            }
            Ok(_) | Err(TpmError::KeyKind) => Err(TpmError::OtherKey { handle }),
            Err(error) => Err(error),
        }
    }

    /// `TPM2_Sign` with a key that is loaded. The signature is verified: without a password, nothing else shows
    /// whose it is.
    fn sign_with(
        &self,
        connection: &mut Connection,
        (handle, public): (u32, &PublicArea),
        (message, digest): (&[u8], Digest),
    ) -> Result<Vec<u8>, TpmError> {
        let scheme = public.scheme_for(message, digest)?;
        let command = Command::new(CommandCode::Sign, &[handle])
            .sized(&scheme.digest)
            .u16(scheme.scheme)
            .u16(scheme.hash)
            // No ticket: the key is not restricted.
            .u16(TAG_HASH_CHECK)
            .u32(HANDLE_NULL)
            .sized(&[]);
        let parameters = match &self.password {
            None => {
                let response = connection.send(&command, Some(&EMPTY_PASSWORD));
                let body = response.map_err(|error| self.wrong_password(error))?.body;
                let mut reader = Reader::new(&body);
                let length = usize::try_from(reader.u32()?).map_err(|_| TpmError::Malformed)?;
                reader.take(length)?.to_vec()
            }
            Some(password) => {
                let name = public.name()?;
                let session = HmacSession::start(connection)?;
                let sent = session.send(connection, command, (&name, password.as_ref()));
                if sent.is_err() {
                    connection.flush(session.handle);
                }
                sent.map_err(|error| self.wrong_password(error))?
            }
        };
        let signature = signature(&parameters)?;
        match verifies(&self.public_key, message, digest, &signature) {
            true => Ok(signature),
            false => Err(TpmError::Forged),
        }
    }

    fn wrong_password(&self, error: TpmError) -> TpmError {
        match error {
            TpmError::Refused { code } if code.is_wrong_password() => TpmError::Password {
                code,
                is_empty: self.password.is_none(),
            },
            other => other,
        }
    }
}

fn read_public(connection: &mut Connection, handle: u32) -> Result<PublicArea, TpmError> {
    let response = connection.send(&Command::new(CommandCode::ReadPublic, &[handle]), None);
    let response = response.map_err(|error| match error {
        TpmError::Refused { code } if code.is_unknown_handle() => TpmError::NoKey { handle },
        other => other,
    })?;
    PublicArea::from_bytes(Reader::new(&response.body).sized()?)
}

/// What a key of a file is loaded under.
enum Parent {
    Persistent(u32),
    /// A primary key that is made of the seed of this hierarchy.
    Primary(u32),
}

impl Parent {
    fn of(handle: u32) -> Result<Self, TpmError> {
        match handle {
            0x8100_0000..=0x81ff_ffff => Ok(Self::Persistent(handle)),
            HANDLE_OWNER | HANDLE_NULL | HANDLE_ENDORSEMENT | HANDLE_PLATFORM => {
                Ok(Self::Primary(handle))
            }
            handle => Err(TpmError::ParentHandle { handle }),
        }
    }

    /// Loads `key`, does `work` with its handle, and removes all from the TPM that came into it.
    fn with<T>(
        &self,
        connection: &mut Connection,
        key: &Tss2Key,
        work: impl Fn(&mut Connection, u32) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        match self {
            Self::Persistent(parent) => {
                let loaded = load(connection, *parent, key)?;
                let outcome = work(connection, loaded);
                connection.flush(loaded);
                outcome
            }
            Self::Primary(hierarchy) => {
                for template in primary_templates() {
                    let primary = create_primary(connection, *hierarchy, &template)?;
                    let loaded = load(connection, primary, key);
                    // The key does not need its parent any more.
                    connection.flush(primary);
                    match loaded {
                        Ok(loaded) => {
                            let outcome = work(connection, loaded);
                            connection.flush(loaded);
                            return outcome;
                        }
                        Err(TpmError::Parent) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(TpmError::Parent)
            }
        }
    }
}

fn load(connection: &mut Connection, parent: u32, key: &Tss2Key) -> Result<u32, TpmError> {
    let command = Command::new(CommandCode::Load, &[parent])
        .sized(key.private.expose())
        .sized(&key.public);
    let response = connection.send(&command, Some(&EMPTY_PASSWORD));
    let response = response.map_err(|error| match error {
        TpmError::Refused { code } if code.is_wrong_parent() => TpmError::Parent,
        TpmError::Refused { code } if code.is_wrong_password() => {
            TpmError::ParentPassword { parent, code }
        }
        TpmError::Refused { code } => TpmError::Load { parent, code },
        other => other,
    })?;
    Reader::new(&response.body).u32()
}

fn create_primary(
    connection: &mut Connection,
    hierarchy: u32,
    template: &[u8],
) -> Result<u32, TpmError> {
    let command = Command::new(CommandCode::CreatePrimary, &[hierarchy])
        // Empty password and no data.
        .sized(&[0; 4])
        .sized(template)
        .sized(&[])
        .u32(0);
    let response = connection.send(&command, Some(&EMPTY_PASSWORD));
    let response = response.map_err(|error| match error {
        TpmError::Refused { code } => TpmError::Primary { hierarchy, code },
        other => other,
    })?;
    Reader::new(&response.body).u32()
}

/// Storage keys on P-256, as programs make them for key files: without dictionary attack protection and a unique
/// part (tpm2-openssl), with one of zeros (the TCG's template), and with protection (older tools).
fn primary_templates() -> [Vec<u8>; 3] {
    let template = |attributes: u32, unique: &[u8]| {
        let command = Command::new(CommandCode::CreatePrimary, &[])
            .u16(ALG_ECC)
            .u16(ALG_SHA256)
            .u32(attributes)
            .sized(&[])
            .u16(ALG_AES)
            .u16(128)
            .u16(ALG_CFB)
            .u16(ALG_NULL)
            .u16(CURVE_P256)
            .u16(ALG_NULL)
            .sized(unique)
            .sized(unique);
        command.parameters
    };
    [
        template(STORAGE | NO_DA, &[]),
        template(STORAGE | NO_DA, &[0; 32]),
        template(STORAGE, &[]),
    ]
}

impl Signer for TpmKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError> {
        self.sign_by_tpm(message, digest).map_err(|error| {
            match error.is_secret_refused() || error.is_lockout() {
                true => SignatureError::SecretRefused(Box::new(error)),
                false => SignatureError::Signer(Box::new(error)),
            }
        })
    }
}

impl fmt::Debug for TpmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TpmKey")
            .field("device", &self.device)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

const HANDLE_OWNER: u32 = 0x4000_0001;
const HANDLE_NULL: u32 = 0x4000_0007;
const HANDLE_ENDORSEMENT: u32 = 0x4000_000b;
const HANDLE_PLATFORM: u32 = 0x4000_000c;

/// `TPM_ST_HASHCHECK`
const TAG_HASH_CHECK: u16 = 0x8024;
const CURVE_P256: u16 = 0x0003;

/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, decrypt.
const STORAGE: u32 = 0x0003_0072;
const NO_DA: u32 = 0x0000_0400;
