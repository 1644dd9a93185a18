//! A descriptor inherited from the parent process, on Windows: there are none by number.

use std::io;
use std::io::Empty;

/// Fails: descriptors have no numbers here.
pub fn inherited_descriptor(_number: u32) -> io::Result<Empty> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Fails, likewise.
pub fn keep_from_commands(_number: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
