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
#[cfg(feature = "pkcs11")]
mod pkcs11_sign;
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

#[cfg(windows)]
mod tpm_windows;

#[cfg(not(any(windows, target_os = "macos")))]
#[path = "certificate_store_none.rs"]
mod certificate_store;
#[cfg(target_os = "macos")]
#[path = "certificate_store_macos.rs"]
mod certificate_store;
#[cfg(windows)]
#[path = "certificate_store_windows.rs"]
mod certificate_store;

#[cfg(not(unix))]
#[path = "terminal_not_unix.rs"]
mod terminal;
#[cfg(unix)]
#[path = "terminal_unix.rs"]
mod terminal;

use std::io::Read;
use std::io::Write;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

#[cfg(not(any(windows, target_os = "macos")))]
pub(crate) use self::bundle_only::system_verifier;
pub(crate) use self::certificate_store::HAS_CERTIFICATE_STORES;
pub(crate) use self::certificate_store::STORE_SIGNATURES_ARE_DER;
pub(crate) use self::certificate_store::StoreKey;
pub(crate) use self::certificate_store::StoredCertificate;
pub(crate) use self::certificate_store::store_intermediates;
pub(crate) use self::certificate_store::stored_certificates;
pub use self::command::exit_code;
pub use self::command::replace_process;
pub use self::command::spawn;
pub use self::descriptor::inherited_descriptor;
pub use self::descriptor::keep_from_commands;
pub(crate) use self::folder::Entry;
pub(crate) use self::folder::Folder;
pub(crate) use self::folder::Kind;
pub(crate) use self::folder::Rights;
pub(crate) use self::folder::open;
#[cfg(feature = "pkcs11")]
pub(crate) use self::pkcs11_sign::NOT_INITIALISED;
#[cfg(feature = "pkcs11")]
pub(crate) use self::pkcs11_sign::sign_begun;
pub use self::process::EndingSignal;
pub use self::process::EndingSignals;
pub use self::process::Termination;
pub use self::process::inherited_listeners;
pub use self::process::tell_ready;
pub(crate) use self::system::CACHE_FOLDERS;
pub(crate) use self::system::HOME_VARIABLE;
pub(crate) use self::system::LOCKS_ARE_ADVISORY;
pub use self::system::NULL_DEVICE;
pub use self::system::QUOTES_LIKE_WINDOWS;
pub(crate) use self::system::TPM;
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
pub(crate) use self::system::open_channel;
#[cfg(unix)]
pub(crate) use self::system::open_tpm;
pub(crate) use self::system::reserve;
pub(crate) use self::system::share_with_closed_connections;
pub(crate) use self::system::time_since_boot;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use self::system_store::system_verifier;
pub use self::terminal::has_terminal;
pub use self::terminal::prompt_password;
pub use self::terminal::restore_terminal;
pub use self::terminal::standard_input;

#[cfg(windows)]
pub(crate) use self::tpm_windows::open_tpm;

/// Location of a certificate store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreLocation {
    /// The user's own.
    CurrentUser,
    /// The machine's.
    LocalMachine,
}

/// A kind of signature that a stored key makes of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreScheme {
    /// RSA by PKCS#1 v1.5 (RFC 8017, 8.2).
    RsaPkcs1,
    /// ECDSA.
    Ecdsa,
}

/// A stream of bytes both ways, to a device or another process.
pub(crate) trait Channel: Read + Write + Send {}

impl<T: Read + Write + Send> Channel for T {}

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

/// What a shared library's name ends in; modules on macOS have either.
pub(crate) const LIBRARY_ENDINGS: &[&str] = match cfg!(target_os = "macos") {
    true => &[".dylib", ".so"],
    false => &[std::env::consts::DLL_SUFFIX],
};

/// Folders of PKCS#11 modules that no loader searches by itself, or not on every distribution. None on Windows,
/// where everybody may make such a folder on the current drive.
pub(crate) const PKCS11_FOLDERS: &[&str] = match cfg!(unix) {
    false => &[],
    true => &[
        // Debian, Ubuntu
        MULTIARCH_FOLDER,
        MULTIARCH_MODULES,
        // Fedora, RHEL, Amazon Linux, SUSE
        "/usr/lib64",
        "/usr/lib64/pkcs11",
        // Alpine, Arch
        "/usr/lib",
        "/usr/lib/pkcs11",
        "/usr/lib/softhsm",
        "/usr/lib64/softhsm",
        "/usr/local/lib",
        "/usr/local/lib/pkcs11",
        "/usr/local/lib/softhsm",
        // Homebrew
        "/opt/homebrew/lib",
        "/opt/homebrew/lib/pkcs11",
        "/opt/homebrew/lib/softhsm",
    ],
};

/// Debian's folder for libraries of this processor.
const MULTIARCH_FOLDER: &str = match cfg!(target_arch = "aarch64") {
    true => "/usr/lib/aarch64-linux-gnu",
    false => "/usr/lib/x86_64-linux-gnu",
};

const MULTIARCH_MODULES: &str = match cfg!(target_arch = "aarch64") {
    true => "/usr/lib/aarch64-linux-gnu/pkcs11",
    false => "/usr/lib/x86_64-linux-gnu/pkcs11",
};
