//! The PIN of a key that wants one for each signature (`CKA_ALWAYS_AUTHENTICATE`).

use std::path::Path;

use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::session::UserType;

use super::error::Pin;
use super::error::Pkcs11Error;
use super::login::Attempt;
use super::login::PINS_MAX;
use super::login::ask;
use super::login::auth_pin;
use super::login::is_pin_wrong;
use super::login::refusal;
use super::session::TokenSession;
use super::token::tries_left;
use crate::identity::secrets::Purpose;
use crate::identity::secrets::SecretRequest;
use crate::identity::secrets::Secrets;
use crate::identity::secrets::TriesLeft;
use crate::secret::Secret;

impl TokenSession {
    /// Allows the signature that `begin` begins: with the user PIN if that is reused, else, or if that is
    /// refused, with one PIN after another from `secrets`. Returns the PIN that was accepted; a token with a
    /// PIN pad asks for it itself.
    pub(super) fn allow_first_signature(
        &self,
        key_name: &Path,
        is_pin_reused: bool,
        secrets: &dyn Secrets,
        begin: impl Fn() -> Result<(), Pkcs11Error>,
    ) -> Result<Option<Secret<String>>, Pkcs11Error> {
        begin()?;
        if self.token.info().protected_authentication_path() {
            return self.allow_signature(None).map(|()| None);
        }
        let mut failure = None;
        if let Some(pin) = self.loaded.pin(&self.token.id()).filter(|_| is_pin_reused) {
            match self.present_for_key(&pin, secrets, &begin) {
                Ok(()) => return Ok(Some(pin)),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Refused(error, _)) => failure = Some(error),
            }
        }
        let mut tries = tries_left(self.token.info()).unwrap_or(TriesLeft::One);
        for refused in 0..PINS_MAX {
            let wanted = SecretRequest {
                purpose: Purpose::KeyPin(tries),
                path: key_name,
                refused,
            };
            let Some(pin) = ask(secrets, wanted)? else {
                break;
            };
            match self.present_for_key(&pin, secrets, &begin) {
                Ok(()) => return Ok(Some(pin)),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Refused(error, left)) => {
                    failure = Some(error);
                    tries = left;
                }
            }
        }
        Err(failure.unwrap_or_else(|| self.missing(Pin::Key)))
    }

    /// Presents a PIN for the signature that was begun, unless it was refused before.
    fn present_for_key(
        &self,
        pin: &Secret<String>,
        secrets: &dyn Secrets,
        begin: impl Fn() -> Result<(), Pkcs11Error>,
    ) -> Result<(), Attempt> {
        self.check_not_empty(Pin::Key, pin)?;
        let refusal = refusal(&self.token.id(), Pin::Key, pin);
        if secrets.refusals().holds(&refusal) || self.loaded.refuses(&refusal) {
            return Err(self.refused_before(Pin::Key));
        }
        self.context_login(pin, begin).map_err(|error| {
            if is_pin_wrong(&error) {
                secrets.refusals().add(refusal);
            }
            self.judge(error, Pin::Key)
        })
    }

    /// Allows the signature that was begun, with a PIN that was accepted before.
    pub(super) fn allow_signature(&self, pin: Option<&Secret<String>>) -> Result<(), Pkcs11Error> {
        let presented = pin.map(auth_pin);
        let login = self.login(UserType::ContextSpecific, presented.as_ref());
        login.map_err(|error| {
            if let Some(pin) = pin.filter(|_| is_pin_wrong(&error)) {
                self.refuse_from_now_on(pin);
            }
            self.judge(error, Pin::Key).error()
        })
    }

    /// A token may end the operation with a refused PIN; then it is begun once more.
    fn context_login(
        &self,
        pin: &Secret<String>,
        begin: impl Fn() -> Result<(), Pkcs11Error>,
    ) -> Result<(), Error> {
        let pin = auth_pin(pin);
        let login = || self.login(UserType::ContextSpecific, Some(&pin));
        match login() {
            Err(Error::Pkcs11(RvError::OperationNotInitialized, _)) if begin().is_ok() => login(),
            outcome => outcome,
        }
    }
}
