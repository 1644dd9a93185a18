//! Everything that differs between operating systems, under the same names everywhere: callers need no
//! `cfg`.

#[cfg(not(unix))]
#[path = "command_not_unix.rs"]
mod command;
#[cfg(unix)]
#[path = "command_unix.rs"]
mod command;
#[cfg(not(unix))]
#[path = "descriptor_not_unix.rs"]
mod descriptor;
#[cfg(unix)]
#[path = "descriptor_unix.rs"]
mod descriptor;
#[cfg(not(unix))]
#[path = "process_not_unix.rs"]
mod process;
#[cfg(unix)]
#[path = "process_unix.rs"]
mod process;
#[cfg(not(unix))]
#[path = "folder_not_unix.rs"]
mod folder;
#[cfg(unix)]
#[path = "folder_unix.rs"]
mod folder;
#[cfg(not(unix))]
#[path = "not_unix.rs"]
mod system;
#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(not(unix))]
#[path = "terminal_not_unix.rs"]
mod terminal;
#[cfg(unix)]
#[path = "terminal_unix.rs"]
mod terminal;

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

#[cfg(not(any(windows, target_os = "macos")))]
pub(crate) use self::bundle_only::system_verifier;
pub use self::command::exit_code;
pub use self::command::replace_process;
pub use self::command::spawn;
pub use self::descriptor::inherited_descriptor;
pub(crate) use self::folder::Entry;
pub(crate) use self::folder::Folder;
pub(crate) use self::folder::Kind;
pub(crate) use self::folder::Rights;
pub use self::process::EndingSignal;
pub use self::process::EndingSignals;
pub use self::process::Termination;
pub use self::process::tell_ready;
pub(crate) use self::system::CACHE_FOLDERS;
pub(crate) use self::system::HOME_VARIABLE;
pub(crate) use self::system::LOCKS_ARE_ADVISORY;
pub use self::system::NULL_DEVICE;
pub use self::system::QUOTES_LIKE_WINDOWS;
pub(crate) use self::system::VARIABLES_IGNORE_CASE;
pub(crate) use self::system::VERSIONS_SHOW_EVERY_CHANGE;
pub use self::system::allow_open_files;
pub(crate) use self::system::exposure;
pub(crate) use self::system::file_version;
pub use self::system::for_shell;
pub use self::system::forbid_core_files;
pub(crate) use self::system::is_address_family_unknown;
pub use self::system::is_stderr;
pub(crate) use self::system::is_superuser;
pub(crate) use self::system::keep_rights;
pub use self::system::lines_to_set;
pub(crate) use self::system::open_link_without_waiting;
pub(crate) use self::system::others_can_read;
pub(crate) use self::system::reserve;
pub(crate) use self::system::share_with_closed_connections;
pub(crate) use self::system::strangers_can_write;
pub(crate) use self::system::time_since_boot;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use self::system_store::system_verifier;
pub use self::terminal::has_terminal;
pub use self::terminal::prompt_password;
pub use self::terminal::restore_terminal;
pub use self::terminal::standard_input;

/// Verifier that uses the operating system's certificate store, where there is one.
pub(crate) type SystemVerifier = Option<Result<Arc<dyn ServerCertVerifier>, rustls::Error>>;

#[cfg(any(windows, target_os = "macos"))]
mod system_store {
    use rustls_platform_verifier::Verifier;

    use super::Arc;
    use super::CryptoProvider;
    use super::SystemVerifier;

    /// The system's verifier: it knows the roots that an administrator rolled out.
    pub(crate) fn system_verifier(provider: Arc<CryptoProvider>) -> SystemVerifier {
        Some(Verifier::new(provider).map(|verifier| Arc::new(verifier) as _))
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
mod bundle_only {
    use super::Arc;
    use super::CryptoProvider;
    use super::SystemVerifier;

    /// None: trust roots are a file here, see [`super::TRUST_BUNDLES`].
    pub(crate) fn system_verifier(_provider: Arc<CryptoProvider>) -> SystemVerifier {
        None
    }
}

/// Bundles of trust roots of the distributions; the first that exists counts.
pub(crate) const TRUST_BUNDLES: &[&str] = &[
    // Debian, Ubuntu, Alpine, Arch, Gentoo
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL, Amazon Linux
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    // SUSE
    "/etc/ssl/ca-bundle.pem",
    // OpenELEC, and Alpine without the package above
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    // FreeBSD
    "/usr/local/etc/ssl/cert.pem",
];
