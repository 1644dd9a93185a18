//! [`overwrite`]: a file that is written in place, with as little as possible for a reader to find half
//! done.

use std::fs::File;
use std::io;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;

use crate::file::write_error::WriteError;
use crate::platform;
use crate::secret::Secret;

/// Writes `new` over a file that begins with `old`: by one call that does not change its length, and only
/// from the first byte that differs. A file that grows gets blank lines before, and one that shrinks
/// is cut afterwards, so that a reader never finds the end of the old content behind the new, or less
/// than the whole. After an error, the old content is put back.
pub(crate) fn overwrite(
    path: &Path,
    file: &File,
    old: &[u8],
    new: &[u8],
) -> Result<(), WriteError> {
    let path = path.to_owned();
    let not_written = |source| WriteError::NotWritten {
        path: path.clone(),
        source,
    };
    let length = length_of(file).map_err(not_written)?;
    // A full disk is found out before anything changes.
    platform::reserve(file, new.len()).map_err(not_written)?;
    let same = old.iter().zip(new).take_while(|(old, new)| old == new);
    let same = same.count();
    if let Err(source) = write_from(file, same, new, length) {
        let is_undone = !old.is_empty() && write_from(file, same, old, length).is_ok();
        return Err(match is_undone {
            true => not_written(source),
            false => WriteError::Torn { path, source },
        });
    }
    file.sync_all()
        .map_err(|source| WriteError::NotDurable { path, source })
}

/// Writes `bytes`, but for the first `same` of them, over a file of `length` bytes.
fn write_from(mut file: &File, same: usize, bytes: &[u8], length: usize) -> io::Result<()> {
    let whole = length.max(bytes.len()).saturating_sub(same);
    let mut region = Secret::new(Vec::with_capacity(whole));
    let changed = bytes.get(same..).unwrap_or_default();
    region.expose_mut().extend_from_slice(changed);
    region.expose_mut().resize(whole, b'\n');
    if let Some(more) = bytes.len().checked_sub(length) {
        file.seek(SeekFrom::Start(length as u64))?;
        file.write_all(&vec![b'\n'; more])?;
    }
    file.seek(SeekFrom::Start(same as u64))?;
    file.write_all(region.expose())?;
    file.set_len(bytes.len() as u64)
}

/// Length of an open file.
pub(crate) fn length_of(file: &File) -> io::Result<usize> {
    let length = file.metadata()?.len();
    Ok(usize::try_from(length).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn file_grows_and_shrinks_to_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let texts = [
            "", "a", "abc", "abd", "abcdef", "ab", "x", "xyz\n", "xyz\n\n", "",
        ];
        for (old, new) in texts.iter().flat_map(|old| texts.map(|new| (*old, new))) {
            // Whatever is known of the old content.
            for known in [old, ""] {
                fs::write(&path, old).unwrap();
                let file = File::options().read(true).write(true).open(&path).unwrap();
                overwrite(&path, &file, known.as_bytes(), new.as_bytes()).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), new, "{old:?}");
            }
        }
    }

    #[test]
    fn file_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let file = File::open(&path).unwrap();
        assert!(overwrite(&path, &file, b"old", b"new").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
