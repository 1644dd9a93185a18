//! Modes of files and directories, and links.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whether tests can make links.
pub(crate) const LINKS_CAN_BE_MADE: bool = true;

/// Makes a link.
pub(crate) fn link(target: &Path, path: &Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

/// Sets a mode, in octal.
pub(crate) fn set_mode(path: &Path, mode: &str) {
    let mode = u32::from_str_radix(mode, 8).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The mode, in octal; `None` on systems without.
pub(crate) fn mode(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    Some(format!("{mode:o}"))
}
