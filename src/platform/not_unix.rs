//! Processes, files and their rights on Windows.
//!
//! A file is created with the access control list that its directory hands down; in a user's profile
//! that is the user, the system and the administrators. A list that was set on the file itself is not
//! carried over: that needs calls that Rust calls unsafe.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

use time::OffsetDateTime;

use super::Channel;

/// Nothing to do: Windows writes no core files unless an administrator asked for them.
pub fn forbid_core_files() {}

/// Whether a command line is split into words as Windows does.
pub const QUOTES_LIKE_WINDOWS: bool = true;

/// Reads as empty, for every program.
pub const NULL_DEVICE: &str = "NUL";

/// Windows has no systemd.
pub fn is_stderr(_device_and_inode: &str) -> bool {
    false
}

/// A command line of the documentation, written for a shell of Unix, as cmd takes it.
pub fn for_shell(text: &str) -> String {
    // cmd runs what a command prints from a file.
    let text = text
        .replace(
            "  eval \"$(aws_signing_helper export ",
            "  aws_signing_helper export --format cmd ",
        )
        .replace(
            ")\"\n",
            " >%TEMP%\\aws.cmd\n  call %TEMP%\\aws.cmd & del %TEMP%\\aws.cmd\n",
        );
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('$') {
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = behind.split_at(end.unwrap_or(behind.len()));
        shown.push_str(&format!("{before}%{name}%"));
        rest = after;
    }
    shown.push_str(rest);
    let shown = shown.replace(" \\\n", " ^\n");
    shown.replace("\n  export ", "\n  set ")
}

/// Where a user's programs keep what they can make again: a variable, and a path below its value.
pub(crate) const CACHE_FOLDERS: &[(&str, &str)] = &[("LOCALAPPDATA", "")];

/// Value that changes when a file does: its size and its times. A copy over it can leave all of them as
/// they were.
pub(crate) fn file_version(metadata: &Metadata) -> String {
    let (created, modified) = (metadata.created(), metadata.modified());
    format!("{} {created:?} {modified:?}", metadata.len())
}

/// Whether no change of a file escapes [`file_version`].
pub(crate) const VERSIONS_SHOW_EVERY_CHANGE: bool = false;

/// The time from 1970 to the first call in this process, by `wall`, plus the time since then, including
/// sleep. Safe Rust has no uptime on Windows, so moments of other processes are compared by the wall
/// clock alone, and this process's also by a monotonic clock.
pub(crate) fn time_since_boot(wall: OffsetDateTime) -> Duration {
    static FIRST: OnceLock<(Duration, Instant)> = OnceLock::new();
    let (since_1970, first) = FIRST.get_or_init(|| {
        let since_1970 = Duration::try_from(wall - OffsetDateTime::UNIX_EPOCH);
        (since_1970.unwrap_or_default(), Instant::now())
    });
    since_1970.saturating_add(first.elapsed())
}

/// Access by other users is unknown: asking the system needs unsafe calls.
pub(crate) fn exposure(_path: &Path) -> io::Result<(bool, bool)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Windows reuses such an address by default; the option of this name would let any process take an
/// address that is in use.
pub(crate) fn share_with_closed_connections(_: &socket2::Socket, _is_so: bool) -> io::Result<()> {
    Ok(())
}

/// Windows has no such limit.
pub fn allow_open_files(_wanted: u64) -> u64 {
    u64::MAX
}

/// True if the machine does not support the address family, such as IPv6.
pub(crate) fn is_address_family_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEAFNOSUPPORT)
}

/// Windows Sockets error codes, "address family not supported".
const WSAEAFNOSUPPORT: i32 = 10_047;

/// True if names of variables are case-insensitive.
pub(crate) const VARIABLES_IGNORE_CASE: bool = true;

/// The variable that holds the user's home directory.
pub(crate) const HOME_VARIABLE: &str = "USERPROFILE";

/// Nothing to do: see above.
pub(crate) fn keep_rights(_old: &File, _new: &File) -> io::Result<()> {
    Ok(())
}

/// Does nothing: the system has no such call.
pub(crate) fn reserve(_file: &File, _length: usize) -> io::Result<()> {
    Ok(())
}

/// A lock on a file keeps others from reading it.
pub(crate) const LOCKS_ARE_ADVISORY: bool = false;

/// Callers use `true` for Unix rules only.
pub(crate) fn is_superuser() -> bool {
    false
}

/// The name of the machine's TPM.
pub(crate) const TPM: &str = "by TBS";

/// No file is a TPM here.
pub(crate) fn open_channel(_path: &Path) -> io::Result<Box<dyn Channel>> {
    let why = "host:port is expected here, or no TPM_DEVICE for the machine's own";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}
