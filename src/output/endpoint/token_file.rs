//! The file of an authorization token: read, created if necessary, and rejected if it is not safe.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::file;
use crate::file::target::Target;
use crate::file::write_error::WriteError;
use crate::platform::Entry;
use crate::platform::Kind;
use crate::secret::Secret;
use crate::text::ShownName;

/// A token, as it was found.
pub(super) struct Token {
    pub(super) text: Secret<Vec<u8>>,
    /// Users other than its owner can read the file.
    pub(super) others_can_read: bool,
}

/// The token in a file, which is made with a new one if it is not there.
pub(super) fn open(
    path: &Path,
    random: &dyn SecureRandom,
) -> Result<Token, AuthorizationTokenError> {
    let target = resolve(path)?;
    match read_target(path, &target) {
        Err(error) if error.is_missing_file() => {
            match create(path, &target, random) {
                // Another process was faster.
                Err(AuthorizationTokenError::File { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                created => created?,
            }
            read_target(path, &target)
        }
        token => token,
    }
}

/// A new token.
pub(super) fn random_text(
    random: &dyn SecureRandom,
) -> Result<Secret<String>, AuthorizationTokenError> {
    random_hex::<RANDOM_BYTES>(random)
}

fn random_hex<const BYTES: usize>(
    random: &dyn SecureRandom,
) -> Result<Secret<String>, AuthorizationTokenError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    random
        .fill(bytes.as_mut())
        .map_err(|_| AuthorizationTokenError::NoRandomness)?;
    Ok(Secret::new(hex::encode(bytes.as_ref())))
}

fn create(
    path: &Path,
    target: &Target,
    random: &dyn SecureRandom,
) -> Result<(), AuthorizationTokenError> {
    let token = random_text(random)?;
    let unique = random_hex::<UNIQUE_BYTES>(random)?;
    // Without a line break: SDKs refuse one.
    let bytes = token.expose().as_bytes();
    file::create(&target.folder, &target.name, unique.expose(), bytes).map_err(|source| {
        AuthorizationTokenError::File {
            path: path.to_owned(),
            source,
        }
    })
}

/// The token in a file.
pub(super) fn read(path: &Path) -> Result<Token, AuthorizationTokenError> {
    read_target(path, &resolve(path)?)
}

/// Links are followed, because Kubernetes mounts secrets by them, but none of another user's: it could
/// lead to a file of ours whose content they know.
fn resolve(path: &Path) -> Result<Target, AuthorizationTokenError> {
    let path = path.to_owned();
    Target::to_trust(&path).map_err(|error| match error {
        WriteError::LinkOfOthers { link } => AuthorizationTokenError::LinkOfOthers { path, link },
        WriteError::NotAFile { .. } => AuthorizationTokenError::Flawed {
            path,
            flaw: Flaw::NoFile,
        },
        source => AuthorizationTokenError::Unresolvable { path, source },
    })
}

fn read_target(path: &Path, target: &Target) -> Result<Token, AuthorizationTokenError> {
    let fail = |source| AuthorizationTokenError::File {
        path: path.to_owned(),
        source,
    };
    let flawed = |flaw| AuthorizationTokenError::Flawed {
        path: path.to_owned(),
        flaw,
    };
    // A directory, a socket or a device is not even opened.
    let entry = target.folder.entry(&target.name).map_err(fail)?;
    if entry.is_some_and(|entry| entry.kind != Kind::File) {
        return Err(flawed(Flaw::NoFile));
    }
    let mut file = target.folder.open_file(&target.name).map_err(fail)?;
    let entry = Entry::of(&file).map_err(fail)?;
    if entry.kind != Kind::File {
        return Err(flawed(Flaw::NoFile));
    }
    if entry.rights.strangers_can_write() {
        return Err(flawed(Flaw::Writable));
    }
    let others_can_read = entry.rights.others_can_read();
    // Another user may have moved it here from elsewhere, and must not know its content.
    if target.is_exposed && (others_can_read || !entry.has_one_name) {
        return Err(flawed(Flaw::Exposed));
    }
    let text = file::read_all(&mut file, TOKEN_BYTES_MAX, TOKEN_BYTES_MAX)
        .map_err(fail)?
        .ok_or_else(|| flawed(Flaw::Length))?;
    check_text(text.expose()).map_err(flawed)?;
    Ok(Token {
        text,
        others_can_read,
    })
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
    /// The path to it cannot be followed.
    Unresolvable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WriteError,
    },
    /// A part of the path is a link that another user could have made.
    LinkOfOthers {
        /// The file.
        path: PathBuf,
        /// The link.
        link: PathBuf,
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
    /// Others can put files where it is, and can read it, or it has a second hard link.
    Exposed,
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
        matches!(
            self.kind(),
            Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        )
    }

    /// True if the fault is the file's or that of the path to it, and not one of the system, which passes.
    pub(super) fn is_of_the_file(&self) -> bool {
        match self {
            Self::LinkOfOthers { .. } | Self::Flawed { .. } => true,
            Self::File { .. }
            | Self::Unresolvable { .. }
            | Self::Variable { .. }
            | Self::NoRandomness => matches!(
                self.kind(),
                Some(io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput)
            ),
        }
    }

    fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::File { source, .. }
            | Self::Unresolvable {
                source: WriteError::Unresolvable { source, .. },
                ..
            } => Some(source.kind()),
            Self::Unresolvable { .. }
            | Self::LinkOfOthers { .. }
            | Self::Flawed { .. }
            | Self::Variable { .. }
            | Self::NoRandomness => None,
        }
    }
}

impl fmt::Display for AuthorizationTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } | Self::Unresolvable { path, .. } => {
                write!(
                    f,
                    "cannot use the authorization token file {}",
                    ShownName::of(path)
                )
            }
            Self::LinkOfOthers { path, link } => write!(
                f,
                "cannot use the authorization token file {}: {} is a link that another user could have \
                 made; name a file in a folder that others cannot write",
                ShownName::of(path),
                ShownName::of(link)
            ),
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
            Self::Exposed => f.write_str(
                "is where others can put files, and they can read it or it has a second hard link: \
                 chmod 600, or use a folder that others cannot write",
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
            Self::Unresolvable { source, .. } => Some(source),
            Self::LinkOfOthers { .. }
            | Self::Flawed { .. }
            | Self::Variable { .. }
            | Self::NoRandomness => None,
        }
    }
}

/// Of a token that is made here.
const RANDOM_BYTES: usize = 32;

/// Of the name of a temporary file.
const UNIQUE_BYTES: usize = 8;

const TOKEN_BYTES_MIN: usize = 32;
const TOKEN_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;

    use super::*;

    fn open(path: &Path) -> Result<Secret<Vec<u8>>, AuthorizationTokenError> {
        super::open(path, &SystemRandom::new()).map(|token| token.text)
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
        // Under any umask.
        open(&path).unwrap();
        for (text, expected) in [
            ("", Flaw::Length),
            (&"a".repeat(31), Flaw::Length),
            (&"a".repeat(4097), Flaw::Length),
            (&format!("{}\n", "a".repeat(64)), Flaw::LineBreak),
            (&format!("{} a", "a".repeat(64)), Flaw::Characters),
            (&"ä".repeat(32), Flaw::Characters),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(flaw(&path), expected, "{text:?}");
        }
        assert_eq!(flaw(folder.path()), Flaw::NoFile);
        assert_eq!(flaw(Path::new("/")), Flaw::NoFile);
        let nowhere = open(&folder.path().join("none/token")).unwrap_err();
        assert!(nowhere.is_missing_file(), "{nowhere}");
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

    /// Owner and mode of the folder, owner of the link in it (else the file is there), mode of the file.
    #[cfg(unix)]
    #[derive(Debug)]
    struct Scene(bool, u32, Option<bool>, u32);

    #[cfg(unix)]
    impl Scene {
        /// `None` if this user can give no file to another user.
        fn result(&self, path: &str) -> Option<Result<(), AuthorizationTokenError>> {
            use std::os::unix::fs::PermissionsExt;
            use std::os::unix::fs::chown;
            use std::os::unix::fs::lchown;
            use std::os::unix::fs::symlink;
            let &Self(folder_is_ours, folder_mode, link_is_ours, file_mode) = self;
            let home = tempfile::tempdir().unwrap();
            let at = |name: &str| home.path().join(name);
            let set_mode = |path: &Path, mode| {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            };
            for name in ["folder", "folder/sub", "own"] {
                fs::create_dir(at(name)).unwrap();
                set_mode(&at(name), 0o755);
            }
            let folder = match link_is_ours {
                None => at("folder"),
                Some(_) => at("own"),
            };
            for file in [folder.join("token"), folder.join("sub/token")] {
                if file.parent().is_some_and(Path::is_dir) {
                    fs::write(&file, "a".repeat(64)).unwrap();
                    set_mode(&file, file_mode);
                }
            }
            if let Some(is_ours) = link_is_ours {
                symlink("../own/token", at("folder/token")).unwrap();
                symlink("../own", at("folder/link")).unwrap();
                for name in ["folder/token", "folder/link"] {
                    if !is_ours {
                        lchown(at(name), Some(STRANGER), None).ok()?;
                    }
                }
            }
            if !folder_is_ours {
                chown(at("folder"), Some(STRANGER), None).ok()?;
            }
            set_mode(&at("folder"), folder_mode);
            Some(open(&at(path)).map(drop))
        }
    }

    #[cfg(unix)]
    const STRANGER: u32 = 12345;

    #[cfg(unix)]
    #[test]
    fn link_that_others_could_have_made_is_not_followed() {
        let (ours, theirs) = (true, false);
        for scene in [
            Scene(ours, 0o777, Some(theirs), 0o600),
            Scene(ours, 0o1777, Some(theirs), 0o600),
            Scene(ours, 0o775, Some(theirs), 0o600),
            Scene(theirs, 0o755, Some(theirs), 0o600),
        ] {
            for path in ["folder/token", "folder/link/token", "folder/link/new"] {
                let result = scene.result(path);
                if !matches!(
                    result,
                    None | Some(Err(AuthorizationTokenError::LinkOfOthers { .. }))
                ) {
                    panic!("{scene:?} {path}: {result:?}");
                }
            }
        }
        for scene in [
            // As Kubernetes mounts a secret.
            Scene(ours, 0o1777, Some(ours), 0o644),
            Scene(ours, 0o755, Some(ours), 0o644),
            // Nobody else can write there, so that its owner did not make it.
            Scene(ours, 0o755, Some(theirs), 0o644),
            // A link that was moved leads to nothing that others know.
            Scene(ours, 0o777, Some(ours), 0o600),
            Scene(theirs, 0o755, Some(ours), 0o600),
        ] {
            for path in ["folder/token", "folder/link/token"] {
                let result = scene.result(path);
                assert!(
                    matches!(result, None | Some(Ok(()))),
                    "{scene:?} {path}: {result:?}"
                );
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn file_where_others_put_files_has_to_be_private() {
        let (ours, theirs) = (true, false);
        for (scene, path, is_good) in [
            (Scene(ours, 0o755, None, 0o644), "folder/token", true),
            (Scene(ours, 0o1777, None, 0o600), "folder/token", true),
            (Scene(ours, 0o777, None, 0o600), "folder/token", true),
            (Scene(theirs, 0o700, None, 0o600), "folder/token", true),
            (Scene(ours, 0o1777, None, 0o640), "folder/token", false),
            (Scene(ours, 0o777, None, 0o644), "folder/token", false),
            (Scene(ours, 0o770, None, 0o644), "folder/token", false),
            (Scene(theirs, 0o755, None, 0o644), "folder/token", false),
            // A folder of ours in it.
            (Scene(ours, 0o1777, None, 0o644), "folder/sub/token", true),
            (Scene(ours, 0o777, None, 0o644), "folder/sub/token", false),
            (Scene(ours, 0o777, Some(ours), 0o644), "folder/token", false),
        ] {
            match (scene.result(path), is_good) {
                (None | Some(Ok(())), true) | (None, false) => {}
                (
                    Some(Err(AuthorizationTokenError::Flawed {
                        flaw: Flaw::Exposed,
                        ..
                    })),
                    false,
                ) => {}
                (result, _) => panic!("{scene:?} {path}: {result:?}"),
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn second_name_of_a_file_is_refused_where_others_put_files() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        open(&path).unwrap();
        fs::hard_link(&path, home.path().join("second")).unwrap();
        open(&path).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(flaw(&path), Flaw::Exposed);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_made_behind_a_link_of_others() {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::fs::lchown;
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::set_permissions(at("folder"), fs::Permissions::from_mode(0o777)).unwrap();
        symlink("../victim", at("folder/token")).unwrap();
        if lchown(at("folder/token"), Some(STRANGER), None).is_ok() {
            open(&at("folder/token")).unwrap_err();
            assert!(!at("victim").exists());
        }
    }
}
