//! [`Input`]: where the bytes of a certificate, a chain or a key come from.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::file;
use crate::file::FileError;
use crate::secret::Secret;

/// A file, or bytes that never lie in one.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file, read anew whenever the identity is opened.
    File(PathBuf),
    /// Bytes that came once and are kept: a variable's value, what a descriptor gave.
    Held {
        /// How messages name them, `env:KEY` for one.
        name: PathBuf,
        /// The bytes.
        bytes: Arc<Secret<Vec<u8>>>,
    },
}

impl Input {
    /// Bytes that are held in memory, under a name for messages.
    pub fn held(name: impl Into<PathBuf>, bytes: Secret<Vec<u8>>) -> Self {
        Self::Held {
            name: name.into(),
            bytes: Arc::new(bytes),
        }
    }

    /// The value of a variable as CI systems hold files: PEM text, PEM text in one line with `\n` for
    /// its line breaks, or a file's base64.
    pub fn from_variable(name: impl Into<PathBuf>, value: &[u8]) -> Self {
        let bytes = match is_pem(value) {
            true => with_line_breaks(value),
            false => decode_base64(value).unwrap_or_else(|| Secret::new(value.to_vec())),
        };
        Self::held(name, bytes)
    }

    /// The file's path, or the name of what is held.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Held { name, .. } => name,
        }
    }

    /// Whether `other` is the same file, or the very same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::Held { bytes: one, .. }, Self::Held { bytes: other, .. }) => {
                Arc::ptr_eq(one, other)
            }
            (Self::File(_), Self::Held { .. }) | (Self::Held { .. }, Self::File(_)) => false,
        }
    }

    /// The bytes.
    pub(crate) fn read(&self) -> Result<Arc<Secret<Vec<u8>>>, FileError> {
        match self {
            Self::File(path) => file::read(path, INPUT_BYTES_MAX).map(Arc::new),
            Self::Held { bytes, .. } => Ok(Arc::clone(bytes)),
        }
    }
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
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

/// What `value` is the base64 of, in lines or in one; `None` if it is no base64.
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
pub const INPUT_BYTES_MAX: usize = 1024 * 1024;

const PEM_BEGIN: &[u8] = b"-----BEGIN ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::pem;

    const PEM: &str = "-----BEGIN TEST-----\nAAEC\n-----END TEST-----\n";

    fn bytes(value: &str) -> Vec<u8> {
        let input = Input::from_variable("env:TEST", value.as_bytes());
        input.read().unwrap().expose().clone()
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
    fn same_input_is_told_from_an_equal_one() {
        let held = Input::held("-", Secret::new(vec![1]));
        assert!(held.is_same(&held.clone()));
        assert!(!held.is_same(&Input::held("-", Secret::new(vec![1]))));
        assert!(!held.is_same(&Input::File("-".into())));
        assert!(Input::File("a".into()).is_same(&Input::File("a".into())));
    }
}
