//! [`Loaded`]: a module in this process.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;

use cryptoki::context::CInitializeArgs;
use cryptoki::context::CInitializeFlags;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::error::RvError;

use super::error::Pin;
use super::error::Pkcs11Error;
use super::token::Token;
use super::token::TokenId;
use crate::identity::secrets::RefusedSecret;
use crate::identity::watch::Watch;
use crate::secret::Secret;
use crate::text::Printable;
use crate::text::ShownName;

/// A module that is loaded and initialised. It is finalised once nothing uses it any more.
pub(super) struct Loaded {
    path: PathBuf,
    context: Pkcs11,
    watch: Watch,
    /// False if other code in this process initialised it, and will finalise it.
    is_own: bool,
    /// User PINs that their tokens accepted.
    pins: Mutex<Vec<(TokenId, Secret<String>)>>,
    /// PINs that their tokens accepted once and refuse now.
    refused: Mutex<Vec<(TokenId, Pin, RefusedSecret)>>,
}

impl Loaded {
    pub(super) fn new(path: &Path, watch: Watch) -> Result<Self, Pkcs11Error> {
        let fail = |reason| Pkcs11Error::Load {
            path: path.to_owned(),
            reason,
        };
        let context = Pkcs11::new(path).map_err(|error| {
            fail(match error {
                Error::LibraryLoading(error) => error.to_string(),
                Error::MissingSymbol(name) => format!("it has no {name}"),
                error => error.to_string(),
            })
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let is_own = match context.initialize(arguments) {
            Ok(()) => true,
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => false,
            Err(error) => return Err(fail(Pkcs11Error::from(error).to_string())),
        };
        watch.note(|| {
            let name = ShownName::of(path);
            let library = context.get_library_info();
            let library = library.map_or_else(
                |error| code(&error),
                |info| {
                    let (name, version) = (info.library_description(), info.library_version());
                    format!("{name} {}.{}", version.major(), version.minor())
                },
            );
            let library = Printable::new(&library, LIBRARY_CHARACTERS_MAX);
            format!("pkcs11: module {name}: {library}")
        });
        Ok(Self {
            path: path.to_owned(),
            context,
            watch,
            is_own,
            pins: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// The path, or a name that the loader searches.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes note of what is found and called.
    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(super) fn context(&self) -> &Pkcs11 {
        &self.context
    }

    /// All initialised tokens that are present.
    pub(super) fn tokens(&self) -> Result<Vec<Token>, Pkcs11Error> {
        let slots = self.context.get_slots_with_token()?;
        let token = |slot| {
            // A card that is pulled meanwhile, or is not a token, is no reason to miss another.
            let info = self.context.get_token_info(slot).ok()?;
            let token = info.token_initialized().then_some(Token::new(slot, info))?;
            let name = || format!("pkcs11: token {} in slot {slot}", token.name());
            self.watch.note(name);
            Some(token)
        };
        Ok(slots.into_iter().filter_map(token).collect())
    }

    /// Asks for the attributes of the tokens' slots, where that has not been done.
    pub(super) fn add_slots(&self, tokens: &mut [Token]) {
        for token in tokens {
            if token.slot_info.is_none() {
                token.slot_info = self.context.get_slot_info(token.slot).ok();
            }
        }
    }

    /// The user PIN that this token accepted.
    pub(super) fn pin(&self, token: &TokenId) -> Option<Secret<String>> {
        let pins = self.pins();
        let (_, pin) = pins.iter().find(|(id, _)| id == token)?;
        Some(Secret::new(pin.expose().clone()))
    }

    pub(super) fn keep_pin(&self, token: &TokenId, pin: Secret<String>) {
        self.forget_pin(token);
        self.pins().push((token.clone(), pin));
    }

    pub(super) fn forget_pin(&self, token: &TokenId) {
        self.pins().retain(|(id, _)| id != token);
    }

    /// Keeps in mind that the token refuses a PIN that it accepted before.
    pub(super) fn refuse(&self, token: &TokenId, pin: Pin, refusal: RefusedSecret) {
        self.refused().push((token.clone(), pin, refusal));
    }

    /// True if this token refuses this PIN that it accepted before.
    pub(super) fn refuses(&self, refusal: &RefusedSecret) -> bool {
        let refused = self.refused();
        let mut digests = refused.iter().map(|(_, _, digest)| digest.expose());
        digests.any(|digest| digest == refusal.expose())
    }

    /// True if this token refuses a PIN of this kind that it accepted before.
    pub(super) fn has_refused(&self, token: &TokenId, pin: Pin) -> bool {
        let refused = self.refused();
        refused
            .iter()
            .any(|(id, kind, _)| id == token && *kind == pin)
    }

    fn refused(&self) -> MutexGuard<'_, Vec<(TokenId, Pin, RefusedSecret)>> {
        self.refused
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn pins(&self) -> MutexGuard<'_, Vec<(TokenId, Secret<String>)>> {
        self.pins
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if self.is_own {
            // The process ends, or does not use it any more.
            let _ = self.context.clone().finalize();
        }
    }
}

impl From<Error> for Pkcs11Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => Self::Call {
                function: format!("C_{function:?}"),
                code: code_name(code),
            },
            error => Self::Call {
                function: "the module".to_owned(),
                code: error.to_string(),
            },
        }
    }
}

/// The return value of a call that failed.
pub(super) fn code(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, _) => code_name(*code),
        error => error.to_string(),
    }
}

/// `CKR_PIN_INCORRECT` for `PinIncorrect`.
fn code_name(code: RvError) -> String {
    let mut name = String::from("CKR");
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

/// 32 in the specification, and a version.
const LIBRARY_CHARACTERS_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_values_have_their_names() {
        assert_eq!(code_name(RvError::PinIncorrect), "CKR_PIN_INCORRECT");
        assert_eq!(code_name(RvError::PinLocked), "CKR_PIN_LOCKED");
        assert_eq!(code_name(RvError::DeviceRemoved), "CKR_DEVICE_REMOVED");
    }
}
