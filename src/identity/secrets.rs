//! [`Secrets`]: passwords of what is encrypted. A refused one is not presented again.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;

use crate::secret::Secret;

/// Supplies secrets: a program from its flags, files and terminal, a service from its vault.
pub trait Secrets {
    /// The secret that `wanted` describes, or `None` if there is nothing left to try. A PKCS#12 file
    /// without a password is tried with the empty one first, and then asked for again.
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError>;

    /// True if a secret for this purpose was given with the command, so that one that is not needed can be reported.
    fn is_given(&self, _purpose: Purpose) -> bool {
        false
    }

    /// True if a secret is worth a trial before it is needed: one that was typed, so that another can be asked for.
    fn is_worth_a_trial(&self, purpose: Purpose) -> bool {
        !self.is_given(purpose)
    }

    /// Secrets that were rejected so far: the same value for the life of the secrets.
    fn refusals(&self) -> &RefusedSecrets;
}

/// Purpose of a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretRequest<'a> {
    /// Purpose.
    pub purpose: Purpose,
    /// The file that it opens, or the URI of a token or key.
    pub path: &'a Path,
    /// Number of secrets rejected so far, now or earlier.
    pub refused: u32,
}

/// Purpose of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The password of an encrypted private key in PEM.
    PrivateKey,
    /// The password of a PKCS#12 file.
    Pkcs12,
    /// The password of a key in a TPM.
    TpmKey,
    /// The user PIN of a token.
    UserPin(TriesLeft),
    /// The PIN of a key on a token that wants one for each signature.
    KeyPin(TriesLeft),
}

/// Tries before a token locks its PIN, as far as its flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriesLeft {
    /// As many as ever, or the token does not say.
    Some,
    /// A PIN was wrong since the last right one.
    Few,
    /// The last one.
    One,
}

/// No secrets: what is encrypted is refused, except PKCS#12 with the empty password.
#[derive(Debug, Default)]
pub struct NoSecrets(RefusedSecrets);

impl Secrets for NoSecrets {
    fn secret(&self, _wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        Ok(None)
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.0
    }
}

/// Secrets that were refused, each with what it was presented to.
///
/// A hardware token locks after three wrong PINs, and each wrong password costs a key derivation. So
/// a refused secret is presented again only to other content, and only another secret to the same.
#[derive(Debug, Default)]
pub struct RefusedSecrets(Mutex<VecDeque<RefusedSecret>>);

/// A digest, which is wiped: the password in it may be guessed.
pub(super) type RefusedSecret = Secret<[u8; 32]>;

impl RefusedSecrets {
    pub(super) fn holds(&self, refusal: &RefusedSecret) -> bool {
        self.list()
            .iter()
            .any(|one| one.expose() == refusal.expose())
    }

    pub(super) fn add(&self, refusal: RefusedSecret) {
        let mut list = self.list();
        if list.len() == REFUSALS_MAX {
            list.pop_front();
        }
        list.push_back(refusal);
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<RefusedSecret>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A secret could not be read although there should be one.
#[derive(Debug)]
pub struct SecretError(Box<dyn std::error::Error + Send + Sync>);

impl SecretError {
    /// With what went wrong; the text must not hold the secret.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SecretError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// A password file that changes every minute is wrong for a day before one is forgotten.
const REFUSALS_MAX: usize = 1440;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_refusal_is_forgotten_first() {
        let refusals = RefusedSecrets::default();
        let number = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            Secret::new(digest)
        };
        (0..=REFUSALS_MAX).for_each(|index| refusals.add(number(index)));
        assert!(!refusals.holds(&number(0)));
        assert!(refusals.holds(&number(1)));
        assert!(refusals.holds(&number(REFUSALS_MAX)));
    }
}
