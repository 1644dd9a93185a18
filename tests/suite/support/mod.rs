//! Shared by the tests: the helper as a process, a scripted endpoint, the cases captured from the
//! reference, and a signature verifier that does not use `src/`.

pub(crate) mod case;
pub(crate) mod endpoint;
pub(crate) mod helper;
#[cfg(unix)]
pub(crate) mod hop_limit;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod imds;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
#[cfg(not(unix))]
#[path = "modes_not_unix.rs"]
pub(crate) mod modes;
#[cfg(unix)]
#[path = "modes_unix.rs"]
pub(crate) mod modes;
#[cfg(unix)]
pub(crate) mod namespace;
pub(crate) mod port;
pub(crate) mod program;
pub(crate) mod running;
pub(crate) mod script;
pub(crate) mod signature;
pub(crate) mod snapshots;
#[cfg(target_os = "linux")]
pub(crate) mod softhsm;
#[cfg(unix)]
pub(crate) mod systemd;
pub(crate) mod sts;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod tls_server;
#[cfg(windows)]
pub(crate) mod windows_rights;
#[cfg(windows)]
pub(crate) mod windows_store;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::time::Duration;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::OnRequest;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;

/// The folder of the cases, which is also the working directory of every helper that is started.
pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors")
}

/// Reports a skipped test on the real stderr: the test harness captures `eprintln!`.
pub(crate) fn skip(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}");
}

/// An emulator that trusts the root of the cases' certificates.
pub(crate) fn emulator(settings: Settings) -> Emulator {
    let root = std::fs::read(vectors().join("pki/root.pem")).unwrap();
    Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&root).unwrap(),
        ..settings
    })
    .unwrap()
}

/// An emulator with these faults.
pub(crate) fn service(faults: &[&str]) -> Emulator {
    emulator(Settings {
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Settings::default()
    })
}

/// An emulator with these faults. From the request of this number on, answers wait until the sender is
/// dropped.
pub(crate) fn service_that_waits(faults: &[&str], from: usize) -> (Emulator, Sender<()>) {
    let (end, waiting) = channel::<()>();
    let waiting = Mutex::new(waiting);
    let service = emulator(Settings {
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        on_request: Some(OnRequest::new(move |request| {
            if request.number >= from {
                // Nothing is sent; the other end is dropped, late if the test fails.
                let _ = waiting.lock().unwrap().recv_timeout(HELD_MAX);
            }
        })),
        ..Settings::default()
    });
    (service, end)
}

/// The access key id of the set that the emulator issues as so many-th.
pub(crate) fn issued(number: usize) -> String {
    format!("ASIAEMULATOR{number:07}")
}

/// A test that fails ends all the same.
const HELD_MAX: Duration = Duration::from_secs(480);
