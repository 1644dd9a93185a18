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
    let number = i32::try_from(number).map_err(|_| io::Error::from(rustix::io::Errno::BADF))?;
    #[expect(
        unsafe_code,
        reason = "std duplicates no number, only what it has opened itself"
    )]
    // SAFETY: The number is not -1. It is borrowed for this function only, which does not close it;
    // if it is not open, the duplication fails with EBADF.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let file = descriptor.try_clone_to_owned()?;
    // A command that this process starts must not read the key there.
    rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    let file = File::from(file);
    let is_regular = file.metadata()?.is_file();
    Ok(Inherited {
        file,
        offset: is_regular.then_some(0),
    })
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
