//! [`Pkcs11Error`]: why a token gave no certificate, key or signature.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::file::FileError;
use crate::identity::certificate::CertificateError;
use crate::identity::secrets::SecretError;
use crate::identity::secrets::TriesLeft;
use crate::text::Printable;
use crate::text::ShownName;

/// Why a token gave no certificate, key or signature.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// This build cannot load modules.
    Unsupported,
    /// The module could not be loaded.
    Load {
        /// Its path, or the name that was searched.
        path: PathBuf,
        /// The loader's reason.
        reason: String,
    },
    /// A function of the module failed.
    Call {
        /// The function.
        function: String,
        /// The return value.
        code: String,
    },
    /// No token matches.
    NoToken {
        /// Tokens that are present, by name.
        present: Vec<String>,
    },
    /// Several tokens match.
    Tokens {
        /// Each, by name.
        matching: Vec<String>,
    },
    /// The token has no such object.
    NotFound {
        /// Kind of the object.
        what: &'static str,
        /// The token.
        token: String,
    },
    /// Several objects match.
    Several {
        /// Kind of the objects.
        what: &'static str,
        /// Each, by its URI.
        matching: Vec<String>,
    },
    /// No private key that matches is the certificate's.
    NotTheCertificates {
        /// Number of keys that match.
        keys: usize,
        /// Number of those that want a PIN for each signature and were not tried.
        untried: usize,
        /// The token.
        token: String,
    },
    /// A certificate on the token cannot be used.
    Certificate {
        /// The fault.
        source: CertificateError,
    },
    /// A key of a kind that the service does not work with.
    KeyType {
        /// Its type.
        key_type: String,
    },
    /// A PIN is needed and not given.
    PinMissing {
        /// Which one.
        pin: Pin,
        /// The token.
        token: String,
    },
    /// An empty PIN was given, which is not presented.
    PinEmpty {
        /// Which one.
        pin: Pin,
        /// The token.
        token: String,
    },
    /// The PIN could not be had.
    PinUnreadable {
        /// The token.
        token: String,
        /// Why.
        source: SecretError,
    },
    /// The file of `pin-source` could not be read.
    PinFile {
        /// Why.
        source: FileError,
    },
    /// The file of `pin-source` is not UTF-8.
    PinNotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The token refused the PIN.
    PinRefused {
        /// Which one.
        pin: Pin,
        /// The token.
        token: String,
        /// Tries that are left.
        tries: TriesLeft,
        /// True if it was refused before and is not tried again.
        is_known: bool,
    },
    /// The token accepts no PIN any more.
    PinLocked {
        /// The token.
        token: String,
    },
    /// A signature of the key is not one of the certificate's.
    WrongKey {
        /// Its URI.
        key: String,
    },
    /// The token returned something else than a signature.
    SignatureInvalid,
    /// A key that wants a PIN for each signature cannot be used through p11-kit's proxy.
    KeyPinImpossible {
        /// Why.
        code: String,
    },
}

/// A PIN by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// Opens the token.
    User,
    /// Allows one signature.
    Key,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user PIN",
            Self::Key => "context-specific PIN",
        })
    }
}

impl Pkcs11Error {
    /// True if a PIN was refused, or is locked: each trial counts, and another would not help.
    pub fn is_secret_refused(&self) -> bool {
        matches!(self, Self::PinRefused { .. } | Self::PinLocked { .. })
    }
}

impl fmt::Display for Pkcs11Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            let shown = names.iter().take(LISTED_MAX).cloned();
            let mut shown: Vec<String> = shown.collect();
            if names.len() > LISTED_MAX {
                shown.push("...".to_owned());
            }
            shown.join(", ")
        };
        match self {
            Self::Unsupported => f.write_str(
                "this build cannot load PKCS#11 modules; the one for Linux with glibc \
                 (linux-gnu) can",
            ),
            Self::Load { path, reason } => {
                let name = ShownName::of(path);
                write!(f, "cannot load the PKCS#11 module {name}")?;
                // The reason names it too.
                match name.is_hidden() {
                    true => Ok(()),
                    false => write!(f, ": {}", Printable::new(reason, REASON_CHARACTERS_MAX)),
                }
            }
            Self::Call { function, code } => write!(f, "{function} failed with {code}"),
            Self::NoToken { present } => match present.as_slice() {
                [] => f.write_str("no matching slots: there is no token"),
                present => write!(f, "no matching slots: there is {}", list(present)),
            },
            Self::Tokens { matching } => write!(
                f,
                "multiple matching slots, add token or serial to the URI: {}",
                list(matching)
            ),
            Self::NotFound { what, token } => write!(f, "no matching {what} on {token}"),
            Self::Several { what, matching } => {
                write!(f, "multiple matching {what}s: {}", list(matching))
            }
            Self::NotTheCertificates {
                keys,
                untried: untried @ 1..,
                token,
            } => write!(
                f,
                "unable to find matching private key: of the {keys} on {token}, {untried} want a PIN for \
                 each signature and were not tried; give the certificate's key an id of its own"
            ),
            Self::NotTheCertificates { keys, token, .. } => write!(
                f,
                "unable to find matching private key: none of the {keys} on {token} is the \
                 certificate's"
            ),
            Self::Certificate { .. } => f.write_str("cannot use the certificate on the token"),
            Self::KeyType { key_type } => {
                write!(
                    f,
                    "the private key is of a kind that is not supported: {key_type}"
                )
            }
            Self::PinMissing { pin, token } => {
                write!(f, "unable to read PKCS#11 {pin}: there is none for {token}")
            }
            Self::PinEmpty { pin, token } => write!(
                f,
                "unable to read PKCS#11 {pin}: an empty PIN was given for {token}"
            ),
            Self::PinUnreadable { token, .. } => write!(f, "cannot get the PIN of {token}"),
            Self::PinFile { .. } => f.write_str("cannot read the file of pin-source"),
            Self::PinNotUtf8 { path } => {
                write!(f, "the PIN in {} is not UTF-8", ShownName::of(path))
            }
            Self::PinRefused {
                pin,
                token,
                tries,
                is_known,
            } => {
                write!(f, "the {pin} is wrong for {token}")?;
                if *is_known {
                    f.write_str("; it was refused before; restart with the new one")?;
                }
                match tries {
                    TriesLeft::Some => Ok(()),
                    TriesLeft::Few => f.write_str("; few tries are left"),
                    TriesLeft::One => f.write_str("; one try is left before the token locks it"),
                }
            }
            Self::PinLocked { token } => write!(
                f,
                "the user PIN of {token} is locked; unlock it with the token's own tool"
            ),
            Self::WrongKey { key } => write!(
                f,
                "{key} is not the key of the certificate: its signature does not verify; name the \
                 right one by --private-key"
            ),
            Self::SignatureInvalid => f.write_str("what the token returned is not a signature"),
            Self::KeyPinImpossible { code } => write!(
                f,
                "the key wants a PIN for each signature, for which its module has to be named by \
                 --pkcs11-lib: {code}"
            ),
        }
    }
}

impl std::error::Error for Pkcs11Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate { source } => Some(source),
            Self::PinUnreadable { source, .. } => Some(source),
            Self::PinFile { source } => Some(source),
            Self::Unsupported
            | Self::Load { .. }
            | Self::Call { .. }
            | Self::NoToken { .. }
            | Self::Tokens { .. }
            | Self::NotFound { .. }
            | Self::Several { .. }
            | Self::NotTheCertificates { .. }
            | Self::KeyType { .. }
            | Self::PinMissing { .. }
            | Self::PinEmpty { .. }
            | Self::PinNotUtf8 { .. }
            | Self::PinRefused { .. }
            | Self::PinLocked { .. }
            | Self::WrongKey { .. }
            | Self::SignatureInvalid
            | Self::KeyPinImpossible { .. } => None,
        }
    }
}

/// The file of `pin-source` in the form of other files' errors.
impl From<FileError> for Pkcs11Error {
    fn from(source: FileError) -> Self {
        Self::PinFile { source }
    }
}

/// A URI where only a file can be read.
pub(in crate::identity) fn not_a_file(path: PathBuf) -> FileError {
    FileError::Unreadable {
        path,
        source: io::Error::new(io::ErrorKind::Unsupported, "it is an object on a token"),
    }
}

/// Enough to see what has to be added to a URI.
const LISTED_MAX: usize = 8;

/// The loader tells each place that it looked in.
const REASON_CHARACTERS_MAX: usize = 500;
