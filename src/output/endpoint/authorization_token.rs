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
use super::token_file::Token;
use crate::file;
use crate::log::Level;
use crate::log::LogEvent;
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
    /// `None` once the file is gone or cannot be used.
    tag: Mutex<Option<hmac::Tag>>,
}

/// State of the thread that watches the file.
struct TokenFile {
    path: PathBuf,
    digest: Arc<Digest>,
    log: fn(&LogEvent),
    /// The last warning.
    warned: Option<String>,
    /// The file that could not be used at the last look.
    unusable: Option<Unusable>,
}

/// A file that cannot be used, and why.
#[derive(PartialEq, Eq)]
struct Unusable {
    /// `None` if nothing is known of it.
    version: Option<String>,
    why: String,
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
        let found = token_file::open(path, random)?;
        let token = Self::new(found.text.expose(), random)?;
        let mut file = TokenFile {
            path: path.to_owned(),
            digest: Arc::clone(&token.digest),
            log,
            warned: None,
            unusable: None,
        };
        file.check_exposure(&found);
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
    /// Takes over what is in the file. A file that is gone takes the token back. One that cannot be used
    /// may be half written, and takes it back if the next look finds it unchanged.
    fn look(&mut self) {
        let name = ShownName::of(&self.path).to_string();
        let before = self.unusable.take();
        match token_file::read(&self.path) {
            Ok(token) => {
                let text = token.text.expose();
                if !self.digest.is_of(text) {
                    self.digest.set(Some(text));
                    let message =
                        format!("read a new token from the authorization token file {name}");
                    (self.log)(&LogEvent::new(Level::Info, "token_changed", message));
                    self.warned = None;
                }
                self.check_exposure(&token);
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
                if error.is_of_the_file() {
                    let version = file::version(&self.path);
                    self.unusable = Some(Unusable {
                        version: version.ok().map(|version| version.text),
                        why: error.to_string(),
                    });
                    if before == self.unusable {
                        self.digest.set(None);
                    }
                }
                let token = match (self.digest.is_set(), &self.unusable) {
                    (true, Some(_)) => {
                        "the previous token becomes invalid within 10 s unless the file changes"
                    }
                    (true, None) => "the previous token stays valid",
                    (false, _) => "no program gets credentials",
                };
                let message = format!("{error}; {token}");
                self.warn("token_file_unusable", message);
            }
        }
    }

    fn check_exposure(&mut self, token: &Token) {
        if !token.others_can_read {
            self.warned = None;
            return;
        }
        let name = ShownName::of(&self.path);
        let message = format!(
            "other users can read the authorization token file {name}, and with it get credentials"
        );
        self.warn("token_file_exposed", message);
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
    use std::cell::RefCell;
    use std::fs;

    use ring::rand::SystemRandom;
    use time::OffsetDateTime;

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

    /// Watches a file, and puts the names of events into `LOG`.
    fn token_file(path: &Path) -> TokenFile {
        let found = token_file::open(path, &SystemRandom::new()).unwrap();
        let token = AuthorizationToken::new(found.text.expose(), &SystemRandom::new()).unwrap();
        TokenFile {
            path: path.to_owned(),
            digest: token.digest,
            log,
            warned: None,
            unusable: None,
        }
    }

    fn log(event: &LogEvent) {
        let event = event.json(OffsetDateTime::UNIX_EPOCH);
        let event: serde_json::Value = serde_json::from_str(&event).unwrap();
        let name = event["event"].as_str().unwrap().to_owned();
        LOG.with_borrow_mut(|names| names.push(name));
    }

    thread_local! {
        static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn look_takes_over_a_replaced_or_removed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let (old, new) = ([b'a'; 32], [b'b'; 40]);
        let write = |token: &[u8]| fs::write(&path, token).unwrap();
        write(&old);
        let mut file = token_file(&path);
        let digest = Arc::clone(&file.digest);
        let mut valid = || {
            file.look();
            (digest.is_of(&old), digest.is_of(&new))
        };
        assert_eq!(valid(), (true, false));
        // Half written.
        write(&new[..20]);
        assert_eq!(valid(), (true, false));
        // A little more, and then no more.
        write(&new[..21]);
        assert_eq!(valid(), (true, false));
        assert_eq!(valid(), (false, false));
        assert_eq!(valid(), (false, false));
        write(&new);
        assert_eq!(valid(), (false, true));
        fs::remove_file(&path).unwrap();
        assert_eq!(valid(), (false, false));
        write(b"short");
        assert_eq!(valid(), (false, false));
        write(&new);
        assert_eq!(valid(), (false, true));
    }

    #[test]
    fn token_of_a_file_that_stays_unusable_is_taken_back() {
        let breaks: [fn(&Path); 4] = [
            // By echo.
            |path| fs::write(path, "b".repeat(40) + "\n").unwrap(),
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            |path| fs::remove_dir_all(path.parent().unwrap()).unwrap(),
            |path| {
                let folder = path.parent().unwrap();
                fs::remove_dir_all(folder).unwrap();
                fs::write(folder, "").unwrap();
            },
        ];
        for (index, make_unusable) in breaks.iter().enumerate() {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("folder/token");
            fs::create_dir(home.path().join("folder")).unwrap();
            let mut file = token_file(&path);
            assert!(file.digest.is_set());
            make_unusable(&path);
            file.look();
            file.look();
            assert!(!file.digest.is_set(), "{index}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn each_token_that_others_can_read_is_reported() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut file = token_file(&path);
        let mut logged = |mode, text: &str| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            file.look();
            LOG.take()
        };
        let (one, two, three) = ("a".repeat(32), "b".repeat(32), "c".repeat(32));
        assert_eq!(logged(0o600, &one), ["token_changed"]);
        assert_eq!(logged(0o644, &two), ["token_changed", "token_file_exposed"]);
        assert!(logged(0o644, &two).is_empty());
        assert_eq!(
            logged(0o640, &three),
            ["token_changed", "token_file_exposed"]
        );
        assert!(logged(0o600, &three).is_empty());
        assert_eq!(logged(0o644, &three), ["token_file_exposed"]);
        // What others could write is not taken.
        assert_eq!(logged(0o666, &three), ["token_file_unusable"]);
        assert!(file.digest.is_of(three.as_bytes()));
        file.look();
        assert!(!file.digest.is_set());
    }
}
