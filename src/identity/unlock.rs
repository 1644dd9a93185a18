//! [`unlock`]: what is encrypted is opened with one secret after another.

use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

use super::error::IdentityError;
use super::files::decryption::error::DecryptionError;
use super::files::pkcs12::error::Pkcs12Error;
use super::secrets::Purpose;
use super::secrets::RefusedSecret;
use super::secrets::RefusedSecrets;
use super::secrets::SecretRequest;
use super::secrets::Secrets;
use super::tpm::TpmError;
use super::work_budget::WorkBudget;
use crate::secret::Secret;

/// Content that a secret opens.
#[derive(Clone, Copy)]
pub(super) struct Protected<'a> {
    pub(super) purpose: Purpose,
    /// The file, for messages and prompts.
    pub(super) path: &'a Path,
    /// The encrypted bytes: a refused secret is presented again once they differ.
    pub(super) content: &'a [u8],
}

impl Protected<'_> {
    fn refusal(&self, secret: &str) -> RefusedSecret {
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
            Purpose::TpmKey => IdentityError::Tpm {
                path,
                source: TpmError::RefusedBefore,
            },
            // PINs are presented by `pkcs11`, under stricter rules.
            purpose @ (Purpose::UserPin(_) | Purpose::KeyPin(_)) => {
                IdentityError::PasswordMissing { purpose, path }
            }
        }
    }
}

/// Opens `protected` with one secret after another, until one fits or there are no more.
pub(super) fn unlock<T>(
    secrets: &dyn Secrets,
    protected: Protected<'_>,
    work: &mut WorkBudget,
    open: impl Fn(&str, &mut WorkBudget) -> Result<T, Attempt>,
) -> Result<T, IdentityError> {
    let Protected { purpose, path, .. } = protected;
    let mut refused = 0;
    let mut failure = None;
    loop {
        let wanted = SecretRequest {
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
            (None, _, _) => {
                return Err(failure.unwrap_or_else(|| IdentityError::PasswordMissing {
                    purpose,
                    path: path(),
                }));
            }
        };
        let error = match present(secrets.refusals(), protected, &secret, work, &open) {
            Ok(opened) => return Ok(opened),
            Err(Attempt::Refused(error)) => error,
            Err(Attempt::Failed(error)) => return Err(error),
        };
        refused += 1;
        if refused > REFUSED_AT_ONCE_MAX {
            return Err(error);
        }
        // A user who gave no password need not hear that the empty one was wrong.
        failure = is_given.then_some(error);
    }
}

/// Tries one secret, unless it is known to be refused.
fn present<T>(
    refusals: &RefusedSecrets,
    protected: Protected<'_>,
    secret: &Secret<String>,
    work: &mut WorkBudget,
    open: impl Fn(&str, &mut WorkBudget) -> Result<T, Attempt>,
) -> Result<T, Attempt> {
    let refusal = protected.refusal(secret.expose());
    if refusals.holds(&refusal) {
        return Err(Attempt::Refused(protected.refused()));
    }
    // A person may retry with a file that takes as long each time.
    let mut spent = work.clone();
    let outcome = open(secret.expose(), &mut spent);
    if outcome.is_ok() {
        *work = spent;
    }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::identity::secrets::SecretError;

    /// Offers its secrets in order.
    #[derive(Default)]
    struct Offers {
        secrets: RefCell<Vec<&'static str>>,
        refusals: RefusedSecrets,
    }

    impl Secrets for Offers {
        fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
            let index = usize::try_from(wanted.refused).unwrap();
            let secrets = self.secrets.borrow();
            Ok(secrets
                .get(index)
                .map(|secret| Secret::new((*secret).to_owned())))
        }

        fn refusals(&self) -> &RefusedSecrets {
            &self.refusals
        }
    }

    /// Secrets presented to `content`, which only "right" opens.
    fn presented(offers: &Offers, purpose: Purpose, content: &str) -> Vec<String> {
        let tried = RefCell::new(Vec::new());
        let protected = Protected {
            purpose,
            path: Path::new("key"),
            content: content.as_bytes(),
        };
        let opened = unlock(offers, protected, &mut WorkBudget::new(), |secret, _| {
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
}
