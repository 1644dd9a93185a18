//! [`AuthorizationToken`]: what a program has to show to get the credentials of the container endpoint.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use ring::hmac;
use ring::rand::SecureRandom;

use super::file_watch::FileWatch;
use super::token_file;
use super::token_file::AuthorizationTokenError;
use crate::log::Level;
use crate::log::LogEvent;
use crate::platform;
use crate::secret::Secret;
use crate::text::ShownName;

/// The token that requests are compared with. Only a keyed digest of it is kept.
pub struct AuthorizationToken {
    digest: Arc<Digest>,
    file: Option<FileWatch>,
}

struct Digest {
    /// For the comparison: comparing digests of equal length leaks nothing by timing.
    key: hmac::Key,
    /// `None` once the file is gone.
    tag: Mutex<Option<hmac::Tag>>,
}

/// State of the thread that watches the file.
struct TokenFile {
    path: PathBuf,
    digest: Arc<Digest>,
    log: fn(&LogEvent),
    /// The last warning about a file that cannot be used.
    warned: Option<String>,
}

impl AuthorizationToken {
    /// A token that stays as it is.
    pub fn fixed(token: &[u8], random: &dyn SecureRandom) -> Result<Self, AuthorizationTokenError> {
        token_file::check_text(token).map_err(|flaw| AuthorizationTokenError::Variable { flaw })?;
        Self::new(token, random)
    }

    /// A new random token, and its text for the one program that is to show it.
    pub fn random(
        random: &dyn SecureRandom,
    ) -> Result<(Self, Secret<String>), AuthorizationTokenError> {
        let text = token_file::random_text(random)?;
        let token = Self::new(text.expose().as_bytes(), random)?;
        Ok((token, text))
    }

    /// The token in a file, which is made with a new one if it is not there. A thread watches the file
    /// from then on and reports changes to `log`.
    ///
    /// Other users must not be able to write it, or they could choose who gets credentials.
    pub fn in_file(
        path: &Path,
        random: &dyn SecureRandom,
        log: fn(&LogEvent),
    ) -> Result<Self, AuthorizationTokenError> {
        let text = token_file::open(path, random)?;
        if path
            .metadata()
            .is_ok_and(|metadata| platform::others_can_read(&metadata))
        {
            let message = format!(
                "other users can read the authorization token file {}, and with it get credentials",
                ShownName::of(path)
            );
            log(&LogEvent::new(
                Level::Warning,
                "token_file_exposed",
                message,
            ));
        }
        let token = Self::new(text.expose(), random)?;
        let mut file = TokenFile {
            path: path.to_owned(),
            digest: Arc::clone(&token.digest),
            log,
            warned: None,
        };
        let watch = FileWatch::start(move || file.look());
        let watch = watch.map_err(|source| AuthorizationTokenError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            file: Some(watch),
            ..token
        })
    }

    fn new(token: &[u8], random: &dyn SecureRandom) -> Result<Self, AuthorizationTokenError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, random)
            .map_err(|_| AuthorizationTokenError::NoRandomness)?;
        let tag = Mutex::new(Some(hmac::sign(&key, token)));
        Ok(Self {
            digest: Arc::new(Digest { key, tag }),
            file: None,
        })
    }

    /// True if `token` is the one last read; does not read the file.
    pub fn is(&self, token: &[u8]) -> bool {
        self.digest.is_of(token)
    }

    /// True if it may change.
    pub(super) fn is_in_file(&self) -> bool {
        self.file.is_some()
    }

    /// Waits until the file was read once more, though not for long.
    pub(super) async fn read_again(&self) {
        if let Some(file) = &self.file {
            file.look().await;
        }
    }
}

impl Digest {
    fn is_of(&self, token: &[u8]) -> bool {
        let tag = *self.tag();
        tag.is_some_and(|tag| hmac::verify(&self.key, token, tag.as_ref()).is_ok())
    }

    fn is_set(&self) -> bool {
        self.tag().is_some()
    }

    fn set(&self, token: Option<&[u8]>) {
        *self.tag() = token.map(|token| hmac::sign(&self.key, token));
    }

    fn tag(&self) -> MutexGuard<'_, Option<hmac::Tag>> {
        self.tag
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl TokenFile {
    /// Takes over what is in the file. A file that is gone takes the token back; one that cannot be used
    /// may be half written, and leaves it as it was.
    fn look(&mut self) {
        let name = ShownName::of(&self.path).to_string();
        match token_file::read(&self.path) {
            Ok(token) => {
                self.warned = None;
                if !self.digest.is_of(token.expose()) {
                    self.digest.set(Some(token.expose()));
                    let message =
                        format!("read a new token from the authorization token file {name}");
                    (self.log)(&LogEvent::new(Level::Info, "token_changed", message));
                }
            }
            Err(error) if error.is_missing_file() => {
                self.digest.set(None);
                let message = format!(
                    "the authorization token file {name} was removed: no program gets credentials until \
                     it exists again"
                );
                self.warn("token_file_removed", message);
            }
            Err(error) => {
                let token = match self.digest.is_set() {
                    true => "the previous token stays valid",
                    false => "no program gets credentials",
                };
                let message = format!("{error}; {token}");
                self.warn("token_file_unusable", message);
            }
        }
    }

    fn warn(&mut self, name: &'static str, message: String) {
        if self.warned.as_ref() != Some(&message) {
            (self.log)(&LogEvent::new(Level::Warning, name, &*message));
            self.warned = Some(message);
        }
    }
}

impl fmt::Debug for AuthorizationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn random_token_has_no_file_and_differs() {
        let (token, text) = AuthorizationToken::random(&SystemRandom::new()).unwrap();
        let (_, other) = AuthorizationToken::random(&SystemRandom::new()).unwrap();
        assert!(!token.is_in_file());
        assert!(token.is(text.expose().as_bytes()));
        assert!(!token.is(other.expose().as_bytes()));
        assert!(!token.is(&text.expose().as_bytes()[1..]));
        assert!(!token.is(b""));
    }

    #[test]
    fn look_takes_over_a_replaced_or_removed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let (old, new) = ([b'a'; 32], [b'b'; 40]);
        let write = |token: &[u8]| {
            let _ = fs::remove_file(&path);
            crate::file::create(&path, token).unwrap();
        };
        let digest = AuthorizationToken::new(&old, &SystemRandom::new())
            .unwrap()
            .digest;
        let mut file = TokenFile {
            path: path.clone(),
            digest: Arc::clone(&digest),
            log: |_| {},
            warned: None,
        };
        let mut valid = || {
            file.look();
            (digest.is_of(&old), digest.is_of(&new))
        };
        write(&old);
        assert_eq!(valid(), (true, false));
        // Half written.
        write(&new[..20]);
        assert_eq!(valid(), (true, false));
        write(&new);
        assert_eq!(valid(), (false, true));
        fs::remove_file(&path).unwrap();
        assert_eq!(valid(), (false, false));
        write(b"short");
        assert_eq!(valid(), (false, false));
        write(&new);
        assert_eq!(valid(), (false, true));
    }
}
