//! What differs between operating systems: same names everywhere, callers have no `cfg`.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

#[cfg(not(any(windows, target_os = "macos")))]
pub(crate) use self::bundle_only::system_verifier;
#[cfg(not(unix))]
pub use self::not_unix::descriptor_path;
#[cfg(not(unix))]
pub use self::not_unix::forbid_core_files;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use self::system_store::system_verifier;
#[cfg(unix)]
pub use self::unix::descriptor_path;
#[cfg(unix)]
pub use self::unix::forbid_core_files;

/// What verifies a server's certificate by the operating system's own store, where there is one.
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

#[cfg(unix)]
mod unix {
    use std::path::PathBuf;

    use rustix::process::Resource;
    use rustix::process::Rlimit;

    /// The file by which an open descriptor is read.
    pub fn descriptor_path(descriptor: u32) -> Option<PathBuf> {
        Some(PathBuf::from(format!("/dev/fd/{descriptor}")))
    }

    /// Lets no crash write the private key to disk, and on Linux no other process of the same user
    /// read it from memory: a core pattern that is a pipe does not look at the limit. Both only ever
    /// take rights away, which needs none.
    pub fn forbid_core_files() {
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = rustix::process::setrlimit(Resource::Core, none);
        #[cfg(target_os = "linux")]
        {
            use rustix::process::DumpableBehavior;
            let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        }
    }
}

#[cfg(not(unix))]
mod not_unix {
    use std::path::PathBuf;

    /// None: descriptors have no paths here.
    pub fn descriptor_path(_descriptor: u32) -> Option<PathBuf> {
        None
    }

    /// Nothing to do: Windows writes no core files unless an administrator asked for them.
    pub fn forbid_core_files() {}
}

/// Where distributions keep the bundle of trust roots; the first that exists counts.
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
