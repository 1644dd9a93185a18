//! [`AuthorizationToken`]: what a program has to show to be given the credentials of the container
//! endpoint.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use ring::hmac;
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::file;
use crate::platform;
use crate::secret::Secret;
use crate::text::ShownName;

/// The token that requests are compared with. Only a keyed digest of it is kept.
pub struct AuthorizationToken {
    /// For the comparison: digests of equal length tell nothing by how long it takes.
    key: hmac::Key,
    file: Option<PathBuf>,
    tell: fn(&str),
    state: Mutex<State>,
}

struct State {
    digest: hmac::Tag,
    /// When the file was read again.
    read: Option<Moment>,
    /// What was told of a file that cannot be used.
    told: Option<String>,
}

impl AuthorizationToken {
    /// A token that stays as it is.
    pub fn fixed(token: &[u8], random: &dyn SecureRandom) -> Result<Self, AuthorizationTokenError> {
        check_text(token).map_err(|flaw| AuthorizationTokenError::Variable { flaw })?;
        Self::new(token, None, random, |_| {})
    }

    /// A new random token, and its text for the one program that is to show it.
    pub fn random(
        random: &dyn SecureRandom,
    ) -> Result<(Self, Secret<String>), AuthorizationTokenError> {
        let text = random_text(random)?;
        let token = Self::new(text.expose().as_bytes(), None, random, |_| {})?;
        Ok((token, text))
    }

    /// The token in a file, which is made with a new one if it is not there. `tell` takes lines for the
    /// log.
    ///
    /// Others must not be able to write it, or they would choose who is given credentials.
    pub fn in_file(
        path: &Path,
        random: &dyn SecureRandom,
        tell: fn(&str),
    ) -> Result<Self, AuthorizationTokenError> {
        let token = match read(path) {
            Err(AuthorizationTokenError::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                create(path, random)?;
                read(path)?
            }
            token => token?,
        };
        if path
            .metadata()
            .is_ok_and(|metadata| platform::others_can_read(&metadata))
        {
            tell(&format!(
                "warning: others can read the authorization token file {}, and be given credentials",
                ShownName::of(path)
            ));
        }
        Self::new(token.expose(), Some(path), random, tell)
    }

    fn new(
        token: &[u8],
        file: Option<&Path>,
        random: &dyn SecureRandom,
        tell: fn(&str),
    ) -> Result<Self, AuthorizationTokenError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, random)
            .map_err(|_| AuthorizationTokenError::NoRandomness)?;
        let state = State {
            digest: hmac::sign(&key, token),
            read: None,
            told: None,
        };
        Ok(Self {
            key,
            file: file.map(Path::to_owned),
            tell,
            state: Mutex::new(state),
        })
    }

    /// Whether `token` is it. One that is not may be newer: then the file is read again, once a second
    /// at most. A file that cannot be used any more leaves the old token as it was.
    pub fn is(&self, token: &[u8], now: Moment) -> bool {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if hmac::verify(&self.key, token, state.digest.as_ref()).is_ok() {
            return true;
        }
        let is_early = state
            .read
            .is_some_and(|read| now.since_by_boot(read) < READS_APART);
        let Some(path) = self.file.as_ref().filter(|_| !is_early) else {
            return false;
        };
        state.read = Some(now);
        match read(path) {
            Ok(renewed) => {
                state.told = None;
                state.digest = hmac::sign(&self.key, renewed.expose());
                hmac::verify(&self.key, token, state.digest.as_ref()).is_ok()
            }
            Err(error) => {
                let text = error.to_string();
                if state.told.as_ref() != Some(&text) {
                    (self.tell)(&format!("warning: {text}; the token before it stays good"));
                    state.told = Some(text);
                }
                false
            }
        }
    }
}

impl fmt::Debug for AuthorizationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationToken")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

fn random_text(random: &dyn SecureRandom) -> Result<Secret<String>, AuthorizationTokenError> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    random
        .fill(bytes.as_mut())
        .map_err(|_| AuthorizationTokenError::NoRandomness)?;
    Ok(Secret::new(hex::encode(bytes.as_ref())))
}

fn create(path: &Path, random: &dyn SecureRandom) -> Result<(), AuthorizationTokenError> {
    let fail = |source| AuthorizationTokenError::File {
        path: path.to_owned(),
        source,
    };
    let token = random_text(random)?;
    // Without a line break: SDKs refuse one.
    file::create(path, token.expose().as_bytes()).map_err(fail)
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, AuthorizationTokenError> {
    let fail = |source| AuthorizationTokenError::File {
        path: path.to_owned(),
        source,
    };
    let flawed = |flaw| AuthorizationTokenError::Flawed {
        path: path.to_owned(),
        flaw,
    };
    // Links are followed: Kubernetes mounts secrets by them.
    let mut file = platform::open_link_without_waiting(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(flawed(Flaw::NoFile));
    }
    if platform::strangers_can_write(&metadata) {
        return Err(flawed(Flaw::Writable));
    }
    let token = file::read_all(&mut file, TOKEN_BYTES_MAX, TOKEN_BYTES_MAX)
        .map_err(fail)?
        .ok_or_else(|| flawed(Flaw::Length))?;
    check_text(token.expose()).map_err(flawed)?;
    Ok(token)
}

/// What SDKs can send in a header field as it is, and nobody guesses.
fn check_text(token: &[u8]) -> Result<(), Flaw> {
    if token.ends_with(b"\n") {
        return Err(Flaw::LineBreak);
    }
    if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
        return Err(Flaw::Length);
    }
    match token.iter().all(u8::is_ascii_graphic) {
        true => Ok(()),
        false => Err(Flaw::Characters),
    }
}

/// Why there is no token to compare with.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthorizationTokenError {
    /// The file cannot be made or read.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not one to rely on.
    Flawed {
        /// The file.
        path: PathBuf,
        /// Why not.
        flaw: Flaw,
    },
    /// The variable's value is no token.
    Variable {
        /// Why not.
        flaw: Flaw,
    },
    /// The operating system gives no random numbers.
    NoRandomness,
}

/// What is wrong with a token, or with its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Neither a file nor a link to one.
    NoFile,
    /// Others than its owner can write it, or its owner is neither root nor who runs this.
    Writable,
    /// It ends with a line break.
    LineBreak,
    /// It is too short or too long.
    Length,
    /// It holds white space, control characters or such that are not ASCII.
    Characters,
}

impl fmt::Display for AuthorizationTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => {
                write!(
                    f,
                    "cannot use the authorization token file {}",
                    ShownName::of(path)
                )
            }
            Self::Flawed { path, flaw } => {
                write!(
                    f,
                    "the authorization token file {} {flaw}",
                    ShownName::of(path)
                )
            }
            Self::Variable { flaw } => {
                write!(f, "the token in AWS_CONTAINER_AUTHORIZATION_TOKEN {flaw}")
            }
            Self::NoRandomness => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("is no file"),
            Self::Writable => f.write_str(
                "can be written by others: it has to belong to root or to who runs this, with mode \
                 0600 or less for others",
            ),
            Self::LineBreak => f.write_str(
                "ends with a line break, which SDKs refuse; write it without (printf %s)",
            ),
            Self::Length => write!(
                f,
                "has not the length of a token, {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters"
            ),
            Self::Characters => {
                f.write_str("holds white space or characters that cannot be sent in a header")
            }
        }
    }
}

impl std::error::Error for AuthorizationTokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Flawed { .. } | Self::Variable { .. } | Self::NoRandomness => None,
        }
    }
}

/// Of a token that is made here.
const RANDOM_BYTES: usize = 32;

const TOKEN_BYTES_MIN: usize = 32;
const TOKEN_BYTES_MAX: usize = 4096;

const READS_APART: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;
    use time::macros::datetime;

    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment {
            wall: datetime!(2030-01-01 12:00 UTC),
            boot: Duration::from_millis(milliseconds),
        }
    }

    fn open(path: &Path) -> Result<AuthorizationToken, AuthorizationTokenError> {
        AuthorizationToken::in_file(path, &SystemRandom::new(), |_| {})
    }

    fn flaw(path: &Path) -> Flaw {
        match open(path) {
            Err(AuthorizationTokenError::Flawed { flaw, .. }) => flaw,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn file_is_made_with_a_token_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = open(&path).unwrap();
        let made = fs::read(&path).unwrap();
        assert_eq!(made.len(), 64);
        assert!(made.iter().all(u8::is_ascii_hexdigit));
        assert!(token.is(&made, at(0)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(!token.is(&made[1..], at(0)));
        assert!(!token.is(b"", at(0)));
        // The next start finds it.
        assert!(open(&path).unwrap().is(&made, at(0)));
        assert_eq!(fs::read(&path).unwrap(), made);
    }

    #[test]
    fn random_token_has_no_file_and_differs() {
        let (token, text) = AuthorizationToken::random(&SystemRandom::new()).unwrap();
        let (_, other) = AuthorizationToken::random(&SystemRandom::new()).unwrap();
        assert!(token.is(text.expose().as_bytes(), at(0)));
        assert!(!token.is(other.expose().as_bytes(), at(9000)));
    }

    #[test]
    fn renewed_file_is_read_once_a_second_and_a_bad_one_leaves_the_old_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let (old, new, newest) = ([b'a'; 32], [b'b'; 40], [b'c'; 40]);
        let write = |token: &[u8]| {
            let _ = fs::remove_file(&path);
            file::create(&path, token).unwrap();
        };
        write(&old);
        let token = open(&path).unwrap();
        assert!(token.is(&old, at(5000)));
        write(b"short");
        assert!(!token.is(b"short", at(5000)));
        assert!(token.is(&old, at(5000)));
        write(&new);
        assert!(!token.is(&new, at(5999)));
        assert!(token.is(&new, at(6000)));
        assert!(!token.is(&old, at(9000)));
        write(&newest);
        assert!(token.is(&newest, at(10_000)));
        fs::remove_file(&path).unwrap();
        assert!(!token.is(&new, at(20_000)));
        assert!(token.is(&newest, at(20_000)));
    }

    #[test]
    fn file_that_is_not_to_be_relied_on_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, expected) in [
            ("", Flaw::Length),
            (&"a".repeat(31), Flaw::Length),
            (&"a".repeat(4097), Flaw::Length),
            (&format!("{}\n", "a".repeat(64)), Flaw::LineBreak),
            (&format!("{} a", "a".repeat(64)), Flaw::Characters),
            (&"ä".repeat(32), Flaw::Characters),
        ] {
            let _ = fs::remove_file(&path);
            file::create(&path, text.as_bytes()).unwrap();
            assert_eq!(flaw(&path), expected, "{text:?}");
        }
        assert_eq!(flaw(folder.path()), Flaw::NoFile);
        let nowhere = open(&folder.path().join("none/token")).unwrap_err();
        assert!(matches!(nowhere, AuthorizationTokenError::File { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn file_that_others_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        open(&path).unwrap();
        for (mode, is_refused) in [(0o600, false), (0o444, false), (0o620, true), (0o602, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match is_refused {
                true => assert_eq!(flaw(&path), Flaw::Writable),
                false => assert!(open(&path).is_ok()),
            }
        }
    }
}
