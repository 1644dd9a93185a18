//! A descriptor inherited from the parent process, on Unix.

use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

use rustix::io::FdFlags;

/// Kind of file that an inherited descriptor is open on.
///
/// This uses the descriptor itself, not its file in `/dev/fd`: opening that file needs permissions that
/// only the parent may have, and fails for a socket.
pub fn inherited_descriptor(number: u32) -> io::Result<impl Read + Send + 'static> {
    let file = with_inherited(number, |descriptor| descriptor.try_clone_to_owned())?;
    keep_from_commands(number)?;
    let file = File::from(file);
    let is_regular = file.metadata()?.is_file();
    Ok(Inherited {
        file,
        offset: is_regular.then_some(0),
    })
}

/// Closes an inherited descriptor in the commands that this process starts: they must not read a key there.
/// Fails if it is not open.
pub fn keep_from_commands(number: u32) -> io::Result<()> {
    with_inherited(number, |descriptor| {
        Ok(rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?)
    })
}

fn with_inherited<T>(
    number: u32,
    work: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
) -> io::Result<T> {
    let number = i32::try_from(number).map_err(|_| io::Error::from(rustix::io::Errno::BADF))?;
    #[expect(
        unsafe_code,
        reason = "std takes no descriptor by its number, only what it has opened itself"
    )]
    // SAFETY: The number is not -1. It is borrowed for `work` only, which does not close it; if it is not
    // open, what `work` does with it fails with EBADF.
    work(unsafe { BorrowedFd::borrow_raw(number) })
}

/// A regular file is read from its start, whatever the shared offset, so that the next command of a
/// script can read it too.
struct Inherited {
    file: File,
    offset: Option<u64>,
}

impl Read for Inherited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(offset) = &mut self.offset else {
            return self.file.read(buffer);
        };
        let count = self.file.read_at(buffer, *offset)?;
        *offset += u64::try_from(count).unwrap_or_default();
        Ok(count)
    }
}
