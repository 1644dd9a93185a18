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
#[cfg(not(unix))]
pub(crate) use self::not_unix::time_since_boot;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use self::system_store::system_verifier;
#[cfg(unix)]
pub use self::unix::descriptor_path;
#[cfg(unix)]
pub use self::unix::forbid_core_files;
#[cfg(unix)]
pub(crate) use self::unix::time_since_boot;

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
    use std::time::Duration;

    use rustix::process::Resource;
    use rustix::process::Rlimit;
    use rustix::time::ClockId;
    use time::OffsetDateTime;

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

    /// How long the machine has been up, asleep or not. `_wall` is of use where it tells nobody.
    pub(crate) fn time_since_boot(_wall: OffsetDateTime) -> Duration {
        let time = rustix::time::clock_gettime(UPTIME);
        Duration::try_from(time).unwrap_or_default()
    }

    /// On Linux the monotonic clock stops while the machine sleeps; elsewhere, as on macOS, it does
    /// not.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const UPTIME: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const UPTIME: ClockId = ClockId::Monotonic;
}

#[cfg(not(unix))]
mod not_unix {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::time::Duration;
    use std::time::Instant;

    use time::OffsetDateTime;

    /// None: descriptors have no paths here.
    pub fn descriptor_path(_descriptor: u32) -> Option<PathBuf> {
        None
    }

    /// Nothing to do: Windows writes no core files unless an administrator asked for them.
    pub fn forbid_core_files() {}

    /// The time from 1970 until this process first asked, by `wall`, and what has gone by since,
    /// asleep or not. Windows tells nobody in safe Rust how long it has been up; so the moments of
    /// other processes are judged by the wall clock alone, and this process's by a clock that nobody
    /// sets as well.
    pub(crate) fn time_since_boot(wall: OffsetDateTime) -> Duration {
        static FIRST: OnceLock<(Duration, Instant)> = OnceLock::new();
        let (since_1970, first) = FIRST.get_or_init(|| {
            let since_1970 = Duration::try_from(wall - OffsetDateTime::UNIX_EPOCH);
            (since_1970.unwrap_or_default(), Instant::now())
        });
        since_1970.saturating_add(first.elapsed())
    }
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
