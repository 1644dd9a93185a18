//! Processes, files and their rights on Unix.

use std::fs::File;
use std::fs::Metadata;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::fchown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::time::ClockId;
use time::OffsetDateTime;

use super::Channel;
use super::Rights;

/// Lets no crash write the private key to disk, and on Linux no other process of the same user
/// read it from memory: a core pattern that is a pipe does not look at the limit. The hard limit stays,
/// so that a command that is started gets back the limits of `limits_at_start`.
pub fn forbid_core_files() {
    let limits = limits_at_start();
    let none = Rlimit {
        current: Some(0),
        maximum: limits.core.maximum,
    };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::DumpableBehavior;
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// The limits that this process changes for itself, as they were when it first asked.
pub(super) fn limits_at_start() -> Limits {
    static LIMITS: OnceLock<Limits> = OnceLock::new();
    *LIMITS.get_or_init(|| Limits {
        core: rustix::process::getrlimit(Resource::Core),
        open_files: rustix::process::getrlimit(Resource::Nofile),
    })
}

/// Limits of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    core: Rlimit,
    open_files: Rlimit,
}

impl Limits {
    /// Makes them those of this process. Two system calls and nothing else.
    pub(super) fn restore(self) -> io::Result<()> {
        rustix::process::setrlimit(Resource::Core, self.core)?;
        rustix::process::setrlimit(Resource::Nofile, self.open_files)?;
        Ok(())
    }
}

/// Whether a command line is split into words as Windows does.
pub const QUOTES_LIKE_WINDOWS: bool = false;

/// Reads as empty, for every program.
pub const NULL_DEVICE: &str = "/dev/null";

/// True if stderr is this device and inode, both in decimal with a colon between them.
pub fn is_stderr(device_and_inode: &str) -> bool {
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|stat| format!("{}:{}", stat.st_dev, stat.st_ino) == device_and_inode)
}

/// A command line of the documentation as this system's shell takes it.
pub fn for_shell(text: &str) -> String {
    text.to_owned()
}

/// Where a user's programs keep what they can make again: the first variable that is set, and a path
/// below its value (XDG Base Directory Specification).
pub(crate) const CACHE_FOLDERS: &[(&str, &str)] =
    &[("XDG_CACHE_HOME", ""), ("HOME", CACHES_IN_HOME)];

#[cfg(target_os = "macos")]
const CACHES_IN_HOME: &str = "Library/Caches";
#[cfg(not(target_os = "macos"))]
const CACHES_IN_HOME: &str = ".cache";

/// Value that changes when a file does: device, inode, size, mtime and ctime.
pub(crate) fn file_version(metadata: &Metadata) -> String {
    format!(
        "{} {} {} {}.{} {}.{}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// Whether no change of a file escapes [`file_version`]: nobody sets ctime.
pub(crate) const VERSIONS_SHOW_EVERY_CHANGE: bool = true;

/// Uptime of the machine, asleep or not. `_wall` serves systems without such a clock.
pub(crate) fn time_since_boot(_wall: OffsetDateTime) -> Duration {
    let time = rustix::time::clock_gettime(UPTIME);
    Duration::try_from(time).unwrap_or_default()
}

/// On Linux the monotonic clock stops while the machine sleeps; elsewhere, as on macOS, it does not.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UPTIME: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const UPTIME: ClockId = ClockId::Monotonic;

/// Lets a socket have an address of which connections are still closing; otherwise a server that was
/// restarted would have to wait for minutes.
pub(crate) fn share_with_closed_connections(
    socket: &socket2::Socket,
    is_so: bool,
) -> io::Result<()> {
    socket.set_reuse_address(is_so)
}

/// Lets this process have `wanted` descriptors open, or as many as it may. How many that is.
pub fn allow_open_files(wanted: u64) -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let unlimited = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    let (current, maximum) = (unlimited(limit.current), unlimited(limit.maximum));
    let allowed = wanted.min(maximum).max(current);
    let raised = Rlimit {
        current: Some(allowed),
        maximum: limit.maximum,
    };
    match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => allowed,
        Err(_) => current,
    }
}

/// True if the machine does not support the address family, such as IPv6.
pub(crate) fn is_address_family_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

/// True if names of variables are case-insensitive.
pub(crate) const VARIABLES_IGNORE_CASE: bool = false;

/// The variable that holds the user's home directory.
pub(crate) const HOME_VARIABLE: &str = "HOME";

/// Gives `new` owner, group, access control list and mode of `old`, in this order: a change of
/// owner may clear bits of the mode, and the list is changed by the mode.
pub(crate) fn keep_rights(old: &File, new: &File) -> io::Result<()> {
    let (old_data, new_data) = (old.metadata()?, new.metadata()?);
    let different = |old: u32, new: u32| (old != new).then_some(old);
    let owner = different(old_data.uid(), new_data.uid());
    let group = different(old_data.gid(), new_data.gid());
    if owner.is_some() || group.is_some() {
        fchown(new, owner, group)?;
    }
    #[cfg(target_os = "linux")]
    keep_access_control_list(old, new)?;
    let mode = old_data.mode() & MODE;
    if new.metadata()?.mode() & MODE != mode {
        new.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// With an ACL, the group bits of the mode are the ACL's mask: copied without the ACL, they would give
/// these permissions to the group. The new file may also have inherited an ACL from its directory.
#[cfg(target_os = "linux")]
fn keep_access_control_list(old: &File, new: &File) -> io::Result<()> {
    use rustix::fs::XattrFlags;
    use rustix::io::Errno;

    let mut list = vec![0; ACCESS_CONTROL_LIST_BYTES_MAX];
    let result = match rustix::fs::fgetxattr(old, ACCESS_CONTROL_LIST, &mut list) {
        Ok(length) => {
            let list = list.get(..length).unwrap_or_default();
            rustix::fs::fsetxattr(new, ACCESS_CONTROL_LIST, list, XattrFlags::empty())
        }
        Err(Errno::NODATA) => match rustix::fs::fremovexattr(new, ACCESS_CONTROL_LIST) {
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            result => result,
        },
        Err(Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error),
    };
    Ok(result?)
}

/// Access to a file by other users: reading by anyone but its owner; writing or replacing by anyone but
/// us and the superuser. Links are followed.
pub(crate) fn exposure(path: &Path) -> io::Result<(bool, bool)> {
    let path = path.canonicalize()?;
    let file = Rights::of(&path)?;
    let folder = path.parent().map(Rights::of).transpose()?;
    let is_replaceable = folder.is_some_and(Rights::strangers_can_replace);
    let is_changeable = file.strangers_can_write() || is_replaceable;
    Ok((file.others_can_read(), is_changeable))
}

/// Reserves room on the disk for a file to grow to `length` bytes, without making it longer, where the
/// file system knows how to.
#[cfg(target_os = "linux")]
pub(crate) fn reserve(file: &File, length: usize) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;

    let length = u64::try_from(length).unwrap_or(u64::MAX);
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Err(error) if [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].contains(&error) => {
            Err(error.into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Does nothing: the system has no such call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reserve(_file: &File, _length: usize) -> io::Result<()> {
    Ok(())
}

/// A lock on a file does not block readers.
pub(crate) const LOCKS_ARE_ADVISORY: bool = true;

/// True if this process may write files of other users.
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

const MODE: u32 = 0o7777;
#[cfg(target_os = "linux")]
const ACCESS_CONTROL_LIST: &str = "system.posix_acl_access";
/// Largest value that the kernel accepts.
#[cfg(target_os = "linux")]
const ACCESS_CONTROL_LIST_BYTES_MAX: usize = 65536;
/// Opens a character device, or connects to a unix socket. Any other file is refused: it would be written to.
pub(crate) fn open_channel(path: &Path) -> io::Result<Box<dyn Channel>> {
    let kind = path.metadata()?.file_type();
    if kind.is_socket() {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(CHANNEL_TIME_MAX))?;
        stream.set_write_timeout(Some(CHANNEL_TIME_MAX))?;
        return Ok(Box::new(stream));
    }
    if !kind.is_char_device() {
        let why = "it is neither a device nor a socket";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let file = File::options().read(true).write(true).open(path)?;
    Ok(Box::new(file))
}

/// Opens the machine's TPM: the device that the kernel shares among processes, else the one that it does not.
pub(crate) fn open_tpm() -> io::Result<Box<dyn Channel>> {
    match open_channel(Path::new(TPM)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            open_channel(Path::new("/dev/tpm0"))
        }
        opened => opened,
    }
}

/// The name of the machine's TPM.
pub(crate) const TPM: &str = "/dev/tpmrm0";

/// Making a key takes a slow TPM that long.
const CHANNEL_TIME_MAX: Duration = Duration::from_secs(40);
