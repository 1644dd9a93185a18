//! [`Locator`]: where a certificate, a chain or a private key is.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::Digest;
use sha2::Sha256;

use crate::file;
use crate::file::FileError;
use crate::identity::os_store::StorePlace;
use crate::identity::pkcs11::TokenPlace;
use crate::identity::pkcs11::error::not_a_file;
use crate::secret::Secret;

/// Location of a certificate, a chain or a private key.
#[derive(Debug, Clone)]
pub enum Locator {
    /// A file, read each time the identity is opened.
    File(PathBuf),
    /// Bytes that were read once, from a variable, a descriptor or a pipe.
    Held {
        /// Name in messages, `env:KEY` for example; never content.
        name: PathBuf,
        /// The bytes.
        bytes: Arc<Secret<Vec<u8>>>,
        /// True if another process finds the same bytes under this name.
        is_repeatable: bool,
    },
    /// A persistent key in a TPM.
    Tpm {
        /// Name in messages, `handle:0x81000101`.
        name: PathBuf,
        /// Its handle.
        handle: u32,
    },
    /// An object on a token, found each time the identity is opened.
    Pkcs11(Arc<TokenPlace>),
    /// A certificate in a store of the operating system, with its key.
    Store(Arc<StorePlace>),
}

impl Locator {
    /// Bytes of a stream that cannot be read a second time.
    pub fn held(name: impl Into<PathBuf>, bytes: Secret<Vec<u8>>) -> Self {
        Self::Held {
            name: name.into(),
            bytes: Arc::new(bytes),
            is_repeatable: false,
        }
    }

    /// The value of a variable as CI systems hold files: PEM text, PEM text in one line with `\n` for
    /// its line breaks, or a file's base64.
    pub fn from_variable(name: impl Into<PathBuf>, value: &[u8]) -> Self {
        let bytes = match is_pem(value) {
            true => with_line_breaks(value),
            false => decode_base64(value).unwrap_or_else(|| Secret::new(value.to_vec())),
        };
        Self::Held {
            name: name.into(),
            bytes: Arc::new(bytes),
            is_repeatable: true,
        }
    }

    /// Name in messages: the file's path, the name of the held content, or the URI without its PIN.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Held { name, .. } | Self::Tpm { name, .. } => name,
            Self::Pkcs11(place) => place.name(),
            Self::Store(place) => place.name(),
        }
    }

    /// The file whose rights protect the content.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Held { .. } | Self::Tpm { .. } | Self::Pkcs11(_) | Self::Store(_) => None,
        }
    }

    /// True if the content stays the same until the process ends.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::File(_) | Self::Tpm { .. } | Self::Pkcs11(_) | Self::Store(_) => false,
            Self::Held { .. } => true,
        }
    }

    /// The content. Fails for what has none: an object on a token, or in a certificate store.
    pub fn read(&self) -> Result<Arc<Secret<Vec<u8>>>, FileError> {
        match self {
            Self::File(path) => file::read(path, LOCATOR_BYTES_MAX).map(Arc::new),
            Self::Held { bytes, .. } => Ok(Arc::clone(bytes)),
            Self::Tpm { name, .. } => Err(FileError::Unreadable {
                path: name.clone(),
                source: io::Error::new(io::ErrorKind::Unsupported, "a TPM does not show its keys"),
            }),
            Self::Pkcs11(place) => Err(not_a_file(place.name().to_owned())),
            Self::Store(place) => Err(FileError::Unreadable {
                path: place.name().to_owned(),
                source: io::Error::new(io::ErrorKind::Unsupported, "it is not a file"),
            }),
        }
    }

    /// Returns a value that differs once the content may have changed. Reads the file only where its metadata
    /// does not show every change.
    pub(crate) fn fingerprint(&self) -> Result<Fingerprint, FileError> {
        let mut hash = Sha256::new();
        let is_repeatable = match self {
            Self::File(path) => {
                let version = file::version(path)?;
                hash.update(path.as_os_str().as_encoded_bytes());
                // No path holds this byte.
                hash.update([0]);
                hash.update(&version.text);
                version.is_file
            }
            Self::Held {
                bytes,
                is_repeatable,
                ..
            } => {
                hash.update(bytes.expose());
                *is_repeatable
            }
            Self::Tpm { name, .. } => {
                hash.update(name.as_os_str().as_encoded_bytes());
                true
            }
            Self::Pkcs11(place) => {
                hash.update(place.fingerprint());
                true
            }
            Self::Store(place) => {
                let fingerprint = place.fingerprint().map_err(|error| FileError::Unreadable {
                    path: place.name().to_owned(),
                    source: io::Error::other(error),
                })?;
                hash.update(fingerprint);
                true
            }
        };
        Ok(Fingerprint {
            digest: hash.finalize().into(),
            is_repeatable,
        })
    }

    /// True if `other` is the same file, or the very same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::Held { bytes: one, .. }, Self::Held { bytes: other, .. }) => {
                Arc::ptr_eq(one, other)
            }
            (Self::Tpm { handle: one, .. }, Self::Tpm { handle: other, .. }) => one == other,
            (Self::Pkcs11(one), Self::Pkcs11(other)) => Arc::ptr_eq(one, other),
            (Self::Store(one), Self::Store(other)) => Arc::ptr_eq(one, other),
            (
                Self::File(_)
                | Self::Held { .. }
                | Self::Tpm { .. }
                | Self::Pkcs11(_)
                | Self::Store(_),
                _,
            ) => false,
        }
    }
}

impl From<PathBuf> for Locator {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// The state of what a [`Locator`] names; equal as long as it is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    digest: [u8; 32],
    is_repeatable: bool,
}

impl Fingerprint {
    /// The fingerprint as another process would find it; `None` if no other process can.
    pub(crate) fn for_other_processes(&self) -> Option<&[u8]> {
        self.is_repeatable.then_some(&self.digest)
    }
}

fn is_pem(value: &[u8]) -> bool {
    value.windows(PEM_BEGIN.len()).any(|text| text == PEM_BEGIN)
}

/// `\n` and `\r` in two characters become white space. No PEM block holds a backslash.
fn with_line_breaks(value: &[u8]) -> Secret<Vec<u8>> {
    let mut text = Secret::new(Vec::with_capacity(value.len()));
    let mut rest = value;
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match (first, behind) {
            (b'\\', [b'n', behind @ ..]) => (b'\n', behind),
            (b'\\', [b'r', behind @ ..]) => (b' ', behind),
            (byte, behind) => (*byte, behind),
        };
        text.expose_mut().push(byte);
        rest = behind;
    }
    text
}

/// Decodes `value` from base64, on one line or several; `None` if it is not base64.
fn decode_base64(value: &[u8]) -> Option<Secret<Vec<u8>>> {
    let mut base64 = Secret::new(Vec::with_capacity(value.len()));
    base64
        .expose_mut()
        .extend(value.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let capacity = base64::decoded_len_estimate(base64.expose().len());
    let mut bytes = Secret::new(Vec::with_capacity(capacity));
    BASE64_STANDARD
        .decode_vec(base64.expose(), bytes.expose_mut())
        .ok()?;
    Some(bytes)
}

/// A certificate with a chain of five and a key takes some 20 KB; ten times that may be comments.
pub const LOCATOR_BYTES_MAX: usize = 1024 * 1024;

const PEM_BEGIN: &[u8] = b"-----BEGIN";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::files::pem;

    const PEM: &str = "-----BEGIN TEST-----\nAAEC\n-----END TEST-----\n";

    fn bytes(value: &str) -> Vec<u8> {
        let locator = Locator::from_variable("env:TEST", value.as_bytes());
        locator.read().unwrap().expose().clone()
    }

    fn assert_reads(value: &str) {
        let blocks = pem::read_blocks(&bytes(value));
        let [Ok(block)] = blocks.as_slice() else {
            panic!("{value:?} gives {blocks:?}");
        };
        assert_eq!(block.der.expose(), &[0, 1, 2], "{value:?}");
    }

    #[test]
    fn variable_holds_pem_as_ci_systems_keep_it() {
        assert_reads(PEM);
        assert_reads(PEM.trim_end());
        assert_reads(&PEM.replace('\n', "\r\n"));
        assert_reads(&PEM.replace('\n', "\\n"));
        assert_reads(&PEM.replace('\n', "\\r\\n"));
        let base64 = BASE64_STANDARD.encode(PEM);
        assert_reads(&base64);
        assert_reads(&format!("  {base64}\n"));
        let (first, second) = base64.split_at(20);
        assert_reads(&format!("{first}\r\n{second}\r\n"));
    }

    #[test]
    fn other_value_stays_as_it_is() {
        for value in ["not base64!", "a\\nb", "path/to/file.pem"] {
            assert_eq!(bytes(value), value.as_bytes());
        }
    }

    #[test]
    fn equal_bytes_are_not_the_same_bytes() {
        let held = Locator::held("-", Secret::new(vec![1]));
        assert!(held.is_same(&held.clone()));
        assert!(!held.is_same(&Locator::held("-", Secret::new(vec![1]))));
        assert!(!held.is_same(&Locator::File("-".into())));
        assert!(Locator::File("a".into()).is_same(&Locator::File("a".into())));
    }

    #[test]
    fn fingerprint_changes_with_the_content() {
        let variable = |value: &str| Locator::from_variable("env:A", value.as_bytes());
        let print = |locator: &Locator| locator.fingerprint().unwrap();
        assert_eq!(print(&variable("a")), print(&variable("a")));
        assert_ne!(print(&variable("a")), print(&variable("b")));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = Locator::File(path.clone());
        assert!(file.fingerprint().is_err());
        std::fs::write(&path, "a").unwrap();
        let before = print(&file);
        assert_eq!(print(&file), before);
        std::fs::write(&path, "ab").unwrap();
        assert_ne!(print(&file), before);
    }

    #[test]
    fn stream_is_not_there_for_other_processes() {
        let lasts = |locator: Locator| {
            let fingerprint = locator.fingerprint().unwrap();
            fingerprint.for_other_processes().is_some()
        };
        assert!(lasts(Locator::from_variable("env:A", b"a")));
        assert!(lasts(Locator::File("Cargo.toml".into())));
        assert!(!lasts(Locator::held("fd:3", Secret::new(vec![1]))));
        assert!(!lasts(Locator::held("env:A", Secret::new(vec![1]))));
    }
}
