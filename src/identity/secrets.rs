//! [`Secrets`]: passwords of what is encrypted. A refused one is not presented again.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;

use sha2::Digest;
use sha2::Sha256;

use super::encrypted_key::DecryptionError;
use super::error::IdentityError;
use super::pkcs12::error::Pkcs12Error;
use crate::secret::Secret;

/// Supplies secrets: a program from its flags, files and terminal, a service from its vault.
pub trait Secrets {
    /// The secret that `wanted` describes, or `None` if there is none to try (any more). A PKCS#12
    /// file for which there is none to begin with is tried with the empty one, and then asked for
    /// again.
    fn secret(&self, wanted: Wanted<'_>) -> Result<Option<Secret<String>>, SecretError>;

    /// What was refused so far: always the same value, for as long as the secrets are.
    fn refusals(&self) -> &Refusals;
}

/// Which secret is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// The file that it opens.
    pub path: &'a Path,
    /// How many secrets were refused already, now or earlier.
    pub refused: u32,
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The password of an encrypted private key in PEM.
    PrivateKey,
    /// The password of a PKCS#12 file.
    Pkcs12,
}

/// No secrets: what is encrypted is refused, except PKCS#12 with the empty password.
#[derive(Debug, Default)]
pub struct NoSecrets(Refusals);

impl Secrets for NoSecrets {
    fn secret(&self, _wanted: Wanted<'_>) -> Result<Option<Secret<String>>, SecretError> {
        Ok(None)
    }

    fn refusals(&self) -> &Refusals {
        &self.0
    }
}

/// Secrets that were refused, each with what it was presented to.
///
/// A hardware token locks after three wrong PINs, and each wrong password costs a key derivation. So
/// a refused secret is presented again only to other content, and only another secret to the same.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<VecDeque<Refusal>>);

/// A digest, which is wiped: the password in it may be guessed.
type Refusal = Secret<[u8; 32]>;

impl Refusals {
    fn holds(&self, refusal: &Refusal) -> bool {
        self.list()
            .iter()
            .any(|one| one.expose() == refusal.expose())
    }

    fn add(&self, refusal: Refusal) {
        let mut list = self.list();
        if list.len() == REFUSALS_MAX {
            list.pop_front();
        }
        list.push_back(refusal);
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Refusal>> {
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

/// What a secret opens.
#[derive(Clone, Copy)]
pub(super) struct Protected<'a> {
    pub(super) purpose: Purpose,
    /// The file, for messages and prompts.
    pub(super) path: &'a Path,
    /// The encrypted bytes: a refused secret is presented again once they differ.
    pub(super) content: &'a [u8],
}

impl Protected<'_> {
    fn refusal(&self, secret: &str) -> Refusal {
        let mut hash = Sha256::new();
        for part in [self.content, secret.as_bytes()] {
            // No file here is longer than 64 bits can say.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Secret::new(hash.finalize().into())
    }

    /// The error of a secret that is not presented, as it was refused earlier.
    fn refused(&self) -> IdentityError {
        let path = self.path.to_owned();
        match self.purpose {
            Purpose::PrivateKey => IdentityError::Decryption {
                path,
                source: DecryptionError::Password,
            },
            Purpose::Pkcs12 => IdentityError::Pkcs12 {
                path,
                source: Pkcs12Error::Password,
            },
        }
    }
}

/// Opens `protected` with one secret after another, until one fits or there are no more.
pub(super) fn unlock<T>(
    secrets: &dyn Secrets,
    protected: Protected<'_>,
    open: impl Fn(&str) -> Result<T, Attempt>,
) -> Result<T, IdentityError> {
    let Protected { purpose, path, .. } = protected;
    let mut refused = 0;
    let mut failure = None;
    loop {
        let wanted = Wanted {
            purpose,
            path,
            refused,
        };
        let path = || path.to_owned();
        let given = secrets
            .secret(wanted)
            .map_err(|source| IdentityError::Password {
                path: path(),
                source,
            })?;
        let is_given = given.is_some();
        let secret = match (given, purpose, refused) {
            (Some(secret), _, _) => secret,
            (None, Purpose::Pkcs12, 0) => Secret::new(String::new()),
            (None, Purpose::Pkcs12 | Purpose::PrivateKey, _) => {
                return Err(failure.unwrap_or_else(|| IdentityError::PasswordMissing {
                    purpose,
                    path: path(),
                }));
            }
        };
        let error = match present(secrets.refusals(), protected, &secret, &open) {
            Ok(opened) => return Ok(opened),
            Err(Attempt::Refused(error)) => error,
            Err(Attempt::Failed(error)) => return Err(error),
        };
        refused += 1;
        if refused > REFUSED_AT_ONCE_MAX {
            return Err(error);
        }
        // That the empty password was wrong is no news to somebody who gave none.
        failure = is_given.then_some(error);
    }
}

/// Tries one secret, unless it is known to be refused.
fn present<T>(
    refusals: &Refusals,
    protected: Protected<'_>,
    secret: &Secret<String>,
    open: impl Fn(&str) -> Result<T, Attempt>,
) -> Result<T, Attempt> {
    let refusal = protected.refusal(secret.expose());
    if refusals.holds(&refusal) {
        return Err(Attempt::Refused(protected.refused()));
    }
    let outcome = open(secret.expose());
    if let Err(Attempt::Refused(_)) = outcome {
        refusals.add(refusal);
    }
    outcome
}

/// Why one secret did not open it.
pub(super) enum Attempt {
    /// The secret is wrong; another one may fit.
    Refused(IdentityError),
    /// No secret will help.
    Failed(IdentityError),
}

/// However many secrets a source has, each costs a key derivation.
const REFUSED_AT_ONCE_MAX: u32 = 10;

/// A password file that changes every minute is wrong for a day before one is forgotten.
const REFUSALS_MAX: usize = 1440;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Offers its secrets in order.
    #[derive(Default)]
    struct Offers {
        secrets: RefCell<Vec<&'static str>>,
        refusals: Refusals,
    }

    impl Secrets for Offers {
        fn secret(&self, wanted: Wanted<'_>) -> Result<Option<Secret<String>>, SecretError> {
            let index = usize::try_from(wanted.refused).unwrap();
            let secrets = self.secrets.borrow();
            Ok(secrets
                .get(index)
                .map(|secret| Secret::new((*secret).to_owned())))
        }

        fn refusals(&self) -> &Refusals {
            &self.refusals
        }
    }

    /// What is presented to `content`, which none opens but "right".
    fn presented(offers: &Offers, purpose: Purpose, content: &str) -> Vec<String> {
        let tried = RefCell::new(Vec::new());
        let protected = Protected {
            purpose,
            path: Path::new("key"),
            content: content.as_bytes(),
        };
        let opened = unlock(offers, protected, |secret| {
            tried.borrow_mut().push(secret.to_owned());
            match secret {
                "right" => Ok(()),
                _ => Err(Attempt::Refused(protected.refused())),
            }
        });
        let tried = tried.into_inner();
        let is_right = tried.last().is_some_and(|secret| secret == "right");
        assert_eq!(opened.is_ok(), is_right, "{tried:?}");
        tried
    }

    #[test]
    fn refused_secret_is_presented_once() {
        for purpose in [Purpose::PrivateKey, Purpose::Pkcs12] {
            let offers = Offers::default();
            let tried = |secrets: &[&'static str], content| {
                *offers.secrets.borrow_mut() = secrets.to_vec();
                presented(&offers, purpose, content)
            };
            assert_eq!(tried(&["a", "b"], "key"), ["a", "b"]);
            assert!(tried(&["a", "b"], "key").is_empty());
            // Another secret, and other content.
            assert_eq!(tried(&["a", "c", "b"], "key"), ["c"]);
            assert_eq!(tried(&["a"], "other key"), ["a"]);
            assert!(tried(&["a"], "key").is_empty());
        }
    }

    #[test]
    fn empty_password_of_pkcs12_is_presented_once() {
        let offers = Offers::default();
        assert_eq!(presented(&offers, Purpose::Pkcs12, "file"), [""]);
        assert!(presented(&offers, Purpose::Pkcs12, "file").is_empty());
        assert!(presented(&offers, Purpose::PrivateKey, "key").is_empty());
    }

    #[test]
    fn right_secret_is_presented_each_time() {
        let offers = Offers::default();
        *offers.secrets.borrow_mut() = vec!["wrong", "right"];
        assert_eq!(
            presented(&offers, Purpose::PrivateKey, "key"),
            ["wrong", "right"]
        );
        for _ in 0..3 {
            assert_eq!(presented(&offers, Purpose::PrivateKey, "key"), ["right"]);
        }
    }

    #[test]
    fn oldest_refusal_is_forgotten_first() {
        let refusals = Refusals::default();
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
