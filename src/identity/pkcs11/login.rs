//! Login: which PIN is presented to a token, and how often.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::session::SessionState;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use sha2::Digest;
use sha2::Sha256;

use super::error::Pin;
use super::error::Pkcs11Error;
use super::session::TokenSession;
use super::token::TokenId;
use super::token::tries_left;
use super::uri::PinPlace;
use crate::file;
use crate::identity::secrets::Purpose;
use crate::identity::secrets::RefusedSecret;
use crate::identity::secrets::SecretRequest;
use crate::identity::secrets::Secrets;
use crate::identity::secrets::TriesLeft;
use crate::secret::Secret;

impl TokenSession {
    /// Logs the user in, unless the token needs no login or has one. `given` is the PIN of a URI, which is
    /// presented once; without one, `secrets` are asked until one fits.
    pub(super) fn log_in(
        &self,
        given: Option<&PinPlace>,
        secrets: &dyn Secrets,
    ) -> Result<(), Pkcs11Error> {
        if self.is_ready()? {
            return Ok(());
        }
        if let Some(pin) = self.loaded.pin(&self.token.id()) {
            return self.present_kept(&pin);
        }
        if let Some(place) = given {
            return self.present(read(place)?, secrets).map_err(Attempt::error);
        }
        let name = PathBuf::from(self.token.name());
        let mut tries = tries_left(self.token.info()).ok_or_else(|| self.locked())?;
        let mut failure = None;
        for refused in 0..PINS_MAX {
            let wanted = SecretRequest {
                purpose: Purpose::UserPin(tries),
                path: &name,
                refused,
            };
            let Some(pin) = ask(secrets, wanted)? else {
                break;
            };
            match self.present(pin, secrets) {
                Ok(()) => return Ok(()),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Refused(error, left)) => {
                    failure = Some(error);
                    tries = left;
                }
            }
        }
        Err(failure.unwrap_or_else(|| self.missing(Pin::User)))
    }

    /// Logs in as [`TokenSession::log_in`] did, with what the token accepted then.
    pub(super) fn log_in_again(&self) -> Result<(), Pkcs11Error> {
        if self.is_ready()? {
            return Ok(());
        }
        match self.loaded.pin(&self.token.id()) {
            Some(pin) => self.present_kept(&pin),
            None => Err(self.missing(Pin::User)),
        }
    }

    /// True if the user is logged in, or need not be. A token with a PIN pad asks for the PIN here.
    fn is_ready(&self) -> Result<bool, Pkcs11Error> {
        let info = self.token.info();
        if !info.login_required() {
            return Ok(true);
        }
        let state = self.raw().get_session_info()?.session_state();
        if matches!(state, SessionState::RoUser | SessionState::RwUser) {
            return Ok(true);
        }
        if info.user_pin_locked() {
            return Err(self.locked());
        }
        if !info.protected_authentication_path() {
            return Ok(false);
        }
        match accepted(self.login(UserType::User, None)) {
            Ok(()) => Ok(true),
            Err(error) => match self.judge(error, Pin::User) {
                Attempt::Refused(error, _) | Attempt::Failed(error) => Err(error),
            },
        }
    }

    fn present(&self, pin: Secret<String>, secrets: &dyn Secrets) -> Result<(), Attempt> {
        self.check_not_empty(Pin::User, &pin)?;
        let refusal = refusal(&self.token.id(), Pin::User, &pin);
        if secrets.refusals().holds(&refusal) || self.loaded.refuses(&refusal) {
            return Err(self.refused_before(Pin::User));
        }
        match accepted(self.login(UserType::User, Some(&auth_pin(&pin)))) {
            Ok(()) => {
                self.loaded.keep_pin(&self.token.id(), pin);
                Ok(())
            }
            Err(error) => {
                if is_pin_wrong(&error) {
                    secrets.refusals().add(refusal);
                }
                Err(self.judge(error, Pin::User))
            }
        }
    }

    /// Presents the PIN that the token accepted before; one that it refuses now is never presented again.
    fn present_kept(&self, pin: &Secret<String>) -> Result<(), Pkcs11Error> {
        let outcome = accepted(self.login(UserType::User, Some(&auth_pin(pin))));
        outcome.map_err(|error| {
            if is_pin_wrong(&error) {
                self.refuse_from_now_on(pin);
            }
            self.judge(error, Pin::User).error()
        })
    }

    /// Keeps in mind that the token refuses a PIN that it accepted before. Most tokens have one PIN for both
    /// purposes, so that it is presented for neither.
    pub(super) fn refuse_from_now_on(&self, pin: &Secret<String>) {
        let token = self.token.id();
        let user_pin = self.loaded.pin(&token);
        if user_pin.is_some_and(|user_pin| user_pin.expose() == pin.expose()) {
            self.loaded.forget_pin(&token);
        }
        for kind in [Pin::User, Pin::Key] {
            self.loaded.refuse(&token, kind, refusal(&token, kind, pin));
        }
    }

    /// What a failed login means, by its code and by what the token says now.
    pub(super) fn judge(&self, error: Error, pin: Pin) -> Attempt {
        if matches!(error, Error::Pkcs11(RvError::PinLocked, _)) {
            return Attempt::Failed(self.locked());
        }
        if !is_pin_wrong(&error) {
            return Attempt::Failed(error.into());
        }
        let info = self.loaded.context().get_token_info(self.token.slot);
        match info.as_ref().map_or(Some(TriesLeft::Some), tries_left) {
            Some(tries) => Attempt::Refused(self.refused(pin, tries, false), tries),
            None => Attempt::Failed(self.locked()),
        }
    }

    /// No PIN was given, or the one that was accepted before is refused now.
    pub(super) fn missing(&self, pin: Pin) -> Pkcs11Error {
        if self.loaded.has_refused(&self.token.id(), pin) {
            let tries = tries_left(self.token.info()).unwrap_or(TriesLeft::One);
            return self.refused(pin, tries, true);
        }
        Pkcs11Error::PinMissing {
            pin,
            token: self.token.name(),
        }
    }

    /// An empty PIN is a mistake, and presenting it would cost a try.
    pub(super) fn check_not_empty(&self, pin: Pin, value: &Secret<String>) -> Result<(), Attempt> {
        if !value.expose().is_empty() {
            return Ok(());
        }
        let tries = tries_left(self.token.info()).unwrap_or(TriesLeft::One);
        let token = self.token.name();
        Err(Attempt::Refused(
            Pkcs11Error::PinEmpty { pin, token },
            tries,
        ))
    }

    /// The outcome of a PIN that is not presented, as it was refused before.
    pub(super) fn refused_before(&self, pin: Pin) -> Attempt {
        let tries = tries_left(self.token.info()).unwrap_or(TriesLeft::One);
        Attempt::Refused(self.refused(pin, tries, true), tries)
    }

    fn refused(&self, pin: Pin, tries: TriesLeft, is_known: bool) -> Pkcs11Error {
        Pkcs11Error::PinRefused {
            pin,
            token: self.token.name(),
            tries,
            is_known,
        }
    }

    fn locked(&self) -> Pkcs11Error {
        Pkcs11Error::PinLocked {
            token: self.token.name(),
        }
    }
}

/// Why one PIN did not open it.
pub(super) enum Attempt {
    /// The PIN is wrong; another one may fit.
    Refused(Pkcs11Error, TriesLeft),
    /// No PIN will help.
    Failed(Pkcs11Error),
}

impl Attempt {
    pub(super) fn error(self) -> Pkcs11Error {
        match self {
            Self::Refused(error, _) | Self::Failed(error) => error,
        }
    }
}

pub(super) fn ask(
    secrets: &dyn Secrets,
    wanted: SecretRequest<'_>,
) -> Result<Option<Secret<String>>, Pkcs11Error> {
    secrets
        .secret(wanted)
        .map_err(|source| Pkcs11Error::PinUnreadable {
            token: wanted.path.to_string_lossy().into_owned(),
            source,
        })
}

/// A PIN with the token that refused it, as a digest.
pub(super) fn refusal(token: &TokenId, pin: Pin, value: &Secret<String>) -> RefusedSecret {
    let mut hash = Sha256::new();
    let kind = pin.to_string();
    let TokenId {
        label,
        manufacturer,
        model,
        serial,
    } = token;
    for part in [&kind, label, manufacturer, model, serial, value.expose()] {
        // No PIN is longer than 64 bits can say.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Secret::new(hash.finalize().into())
}

pub(super) fn auth_pin(pin: &Secret<String>) -> AuthPin {
    AuthPin::new(pin.expose().as_str().into())
}

/// A user who is logged in already is as good.
fn accepted(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, Function::Login)) => Ok(()),
        outcome => outcome,
    }
}

pub(super) fn is_pin_wrong(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
            Function::Login
        )
    )
}

fn read(place: &PinPlace) -> Result<Secret<String>, Pkcs11Error> {
    match place {
        PinPlace::Value(pin) => Ok(Secret::new(pin.expose().clone())),
        PinPlace::File(path) => {
            let bytes = file::read_within(PIN_FILE_TIME_MAX, path, PIN_FILE_BYTES_MAX)?;
            without_line_break(path, &bytes)
        }
    }
}

fn without_line_break(path: &Path, bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, Pkcs11Error> {
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| Pkcs11Error::PinNotUtf8 {
        path: path.to_owned(),
    })?;
    let pin = text.strip_suffix('\n').unwrap_or(text);
    let pin = pin.strip_suffix('\r').unwrap_or(pin);
    Ok(Secret::new(pin.to_owned()))
}

/// However many PINs a source has, a token locks after a few.
pub(super) const PINS_MAX: u32 = 10;

/// For a pipe without a writer: less than the limit of the whole reading, which does not name the file.
const PIN_FILE_TIME_MAX: Duration = Duration::from_secs(20);

/// No token takes a PIN of more than 255 bytes.
const PIN_FILE_BYTES_MAX: usize = 1024;
