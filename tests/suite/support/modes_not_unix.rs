//! Windows has no modes, and lets few users make links.

use std::path::Path;

pub(crate) const LINKS_CAN_BE_MADE: bool = false;

pub(crate) fn link(_target: &Path, path: &Path) {
    panic!("no link at {}", path.display());
}

pub(crate) fn set_mode(_path: &Path, _mode: &str) {}

pub(crate) fn mode(_path: &Path) -> Option<String> {
    None
}
