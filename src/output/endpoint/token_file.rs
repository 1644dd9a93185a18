//! The file of an authorization token: read, created if necessary, and rejected if it is not safe.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::file;
use crate::platform;
use crate::secret::Secret;
use crate::text::ShownName;

/// The token in a file, which is made with a new one if it is not there.
pub(super) fn open(
    path: &Path,
    random: &dyn SecureRandom,
) -> Result<Secret<Vec<u8>>, AuthorizationTokenError> {
    match read(path) {
        Err(error) if error.is_missing_file() => {
            match create(path, random) {
                // Another process was faster.
                Err(AuthorizationTokenError::File { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                created => created?,
            }
            read(path)
        }
        token => token,
    }
}

/// A new token.
pub(super) fn random_text(
    random: &dyn SecureRandom,
) -> Result<Secret<String>, AuthorizationTokenError> {
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

/// The token in a file.
pub(super) fn read(path: &Path) -> Result<Secret<Vec<u8>>, AuthorizationTokenError> {
    let fail = |source| AuthorizationTokenError::File {
        path: path.to_owned(),
        source,
    };
    let flawed = |flaw| AuthorizationTokenError::Flawed {
        path: path.to_owned(),
        flaw,
    };
    // Links are followed: Kubernetes mounts secrets by them.
    let mut file = match platform::open_link_without_waiting(path) {
        // Windows denies access to a directory.
        Err(_) if path.is_dir() => return Err(flawed(Flaw::NoFile)),
        opened => opened.map_err(fail)?,
    };
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

/// Characters that SDKs can send in a header field, and a length that cannot be guessed.
pub(super) fn check_text(token: &[u8]) -> Result<(), Flaw> {
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

/// Reasons why there is no token to compare with.
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
    /// The variable's value is not a token.
    Variable {
        /// Why not.
        flaw: Flaw,
    },
    /// The operating system gives no random numbers.
    NoRandomness,
}

/// Fault of a token or of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Neither a file nor a link to one.
    NoFile,
    /// Users other than its owner can write it, or its owner is neither root nor this user.
    Writable,
    /// It ends with a line break.
    LineBreak,
    /// It is too short or too long.
    Length,
    /// It holds white space, control characters or such that are not ASCII.
    Characters,
}

impl AuthorizationTokenError {
    /// True if there is no file.
    pub(super) fn is_missing_file(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Flawed { .. } | Self::Variable { .. } | Self::NoRandomness => false,
        }
    }
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
            Self::NoRandomness => f.write_str("the operating system provides no random numbers"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("is not a file"),
            Self::Writable => f.write_str(
                "can be written by others: it has to belong to root or the current user, with mode \
                 0600",
            ),
            Self::LineBreak => f.write_str(
                "ends with a line break, which SDKs refuse; write it without (printf %s)",
            ),
            Self::Length => write!(
                f,
                "is not {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters long"
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

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;

    use super::*;

    fn open(path: &Path) -> Result<Secret<Vec<u8>>, AuthorizationTokenError> {
        super::open(path, &SystemRandom::new())
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
        assert_eq!(token.expose(), &made);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // The next start finds it.
        assert_eq!(open(&path).unwrap().expose(), &made);
        assert_eq!(fs::read(&path).unwrap(), made);
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
