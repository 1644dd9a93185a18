//! [`TokenKey`]: a [`Signer`] whose key stays on its token.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use super::algorithm;
use super::error::Pin;
use super::error::Pkcs11Error;
use super::key_object::KeyObject;
use super::key_search;
use super::loaded::Loaded;
use super::session::TokenSession;
use super::token::Token;
use super::token::TokenId;
use super::uri::ObjectFilter;
use crate::identity::public_key::PublicKey;
use crate::identity::signer::Digest;
use crate::identity::signer::SignatureError;
use crate::identity::signer::Signer;
use crate::identity::verification::verifies;
use crate::secret::Secret;

/// A private key on a token, with one session for all its signatures. When the token is pulled and put
/// back, it is found again and the session renewed, with the PIN that was accepted before.
pub(super) struct TokenKey {
    public_key: PublicKey,
    /// True if `public_key` is that of a certificate, which each signature is checked with. The token may sign
    /// with another key: one that shares the id of the right one, or has replaced it.
    is_certificates: bool,
    token: TokenId,
    filter: ObjectFilter,
    state: Mutex<State>,
    loaded: Arc<Loaded>,
}

struct State {
    open: Option<Open>,
    /// The PIN of a key that wants one for each signature.
    pin: Option<Secret<String>>,
}

/// A key in a session.
pub(super) struct Open {
    pub(super) session: TokenSession,
    pub(super) key: KeyObject,
    /// A signature that is begun and allowed.
    pub(super) begun: Option<Begun>,
}

/// A signature that is begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    digest: Digest,
    /// Which of the ways in parts.
    way: usize,
}

impl TokenKey {
    /// A key that was found. `is_certificates` if `public_key` is that of a certificate.
    pub(super) fn new(
        public_key: PublicKey,
        is_certificates: bool,
        open: Open,
        pin: Option<Secret<String>>,
    ) -> Self {
        Self {
            public_key,
            is_certificates,
            token: open.session.token.id(),
            filter: open.key.filter.clone(),
            loaded: Arc::clone(&open.session.loaded),
            state: Mutex::new(State {
                open: Some(open),
                pin,
            }),
        }
    }

    fn sign_once(
        &self,
        state: &mut State,
        message: &[u8],
        digest: Digest,
    ) -> Result<Vec<u8>, Pkcs11Error> {
        let mut open = match state.open.take() {
            Some(open) => open,
            None => self.find_again()?,
        };
        let signature = match open.key.is_always_authenticated {
            true => open.sign_allowed(&self.public_key, message, digest, state.pin.as_ref()),
            false => {
                let kind = self.public_key.algorithm;
                algorithm::sign(&open.session, open.key.handle, kind, message, digest)
            }
        }?;
        let signature = algorithm::encoded(self.public_key.algorithm, signature)
            .ok_or(Pkcs11Error::SignatureInvalid)?;
        let key = Some(&self.public_key).filter(|_| self.is_certificates);
        if key.is_some_and(|key| !verifies(key, message, digest, &signature)) {
            return Err(Pkcs11Error::WrongKey {
                key: open.key.uri(&open.session.token),
            });
        }
        // After an error, it is dropped and closed.
        state.open = Some(open);
        Ok(signature)
    }

    /// Finds the token and the key once more, after the session has failed.
    fn find_again(&self) -> Result<Open, Pkcs11Error> {
        let tokens = self.loaded.tokens()?;
        let is_it = |token: &&Token| token.id() == self.token;
        let Some(token) = tokens.iter().find(is_it) else {
            return Err(Pkcs11Error::NoToken {
                present: tokens.iter().map(Token::name).collect(),
            });
        };
        let session = TokenSession::open(&self.loaded, token)?;
        session.log_in_again()?;
        let filters = std::slice::from_ref(&self.filter);
        let wanted = Some(&self.public_key).filter(|_| self.is_certificates);
        let key = key_search::find(&session, filters, wanted, true)?;
        Ok(Open::new(session, key))
    }
}

impl Signer for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError> {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_used = state.open.is_some();
        let outcome = match self.sign_once(&mut state, message, digest) {
            // The token may have been pulled since, and be back.
            Err(Pkcs11Error::Call { .. }) if is_used => self.sign_once(&mut state, message, digest),
            outcome => outcome,
        };
        if matches!(outcome, Err(Pkcs11Error::PinRefused { .. })) {
            // It is not presented again.
            state.pin = None;
        }
        outcome.map_err(|error| match error.is_secret_refused() {
            true => SignatureError::SecretRefused(Box::new(error)),
            false => SignatureError::Signer(Box::new(error)),
        })
    }
}

impl Open {
    pub(super) fn new(session: TokenSession, key: KeyObject) -> Self {
        Self {
            session,
            key,
            begun: None,
        }
    }

    /// Begins a signature, which a PIN has to allow.
    pub(super) fn begin(&self, key: &PublicKey, digest: Digest) -> Result<Begun, Pkcs11Error> {
        let ways = algorithm::ways_in_parts(key.algorithm, &[], digest);
        let ways = ways.iter().enumerate().collect();
        algorithm::first_supported(ways, |(index, way)| {
            self.session.sign_init(&way.mechanism, self.key.handle)?;
            Ok(Begun {
                digest,
                way: *index,
            })
        })
    }

    /// Signs with a PIN for this signature, unless one was begun and allowed.
    fn sign_allowed(
        &mut self,
        key: &PublicKey,
        message: &[u8],
        digest: Digest,
        pin: Option<&Secret<String>>,
    ) -> Result<Vec<u8>, Pkcs11Error> {
        let begun = match self.begun.take() {
            Some(begun) if begun.digest == digest => begun,
            Some(_) => {
                // A session forgets what was begun only when it is closed.
                let (loaded, token) = (&self.session.loaded, &self.session.token);
                self.session = TokenSession::open(loaded, token)?;
                self.session.log_in_again()?;
                self.begin_allowed(key, digest, pin)?
            }
            None => self.begin_allowed(key, digest, pin)?,
        };
        let ways = algorithm::ways_in_parts(key.algorithm, message, digest);
        let way = ways.get(begun.way).ok_or(Pkcs11Error::SignatureInvalid)?;
        match way.is_raw() {
            true => self.session.sign_raw(&way.input),
            false => self.session.sign_in_parts(&way.input),
        }
    }

    fn begin_allowed(
        &self,
        key: &PublicKey,
        digest: Digest,
        pin: Option<&Secret<String>>,
    ) -> Result<Begun, Pkcs11Error> {
        let begun = self.begin(key, digest)?;
        let has_pad = self.session.token.info().protected_authentication_path();
        match pin {
            None if !has_pad => Err(self.session.missing(Pin::Key)),
            pin => self.session.allow_signature(pin),
        }?;
        Ok(begun)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("algorithm", &self.public_key.algorithm)
            .field("token", &self.token.name())
            .finish_non_exhaustive()
    }
}
