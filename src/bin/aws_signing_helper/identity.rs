//! The identity that flags name: where it is, and reading it within the time of a command.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::Hardware;
use rolesanywhere::identity::is_in_hardware;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::pkcs11::TokenChoices;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::identity::tpm::TpmDevice;

use crate::arguments::identity::IdentityFlags;
use crate::arguments::identity::TokenFlags;
use crate::certificate_store::certificate_path;
use crate::certificate_store::store_place;
use crate::debug;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::passwords::Passwords;
use crate::report;

/// Identity that the flags name, and the passwords that go with it.
pub(crate) fn identity_source(
    flags: IdentityFlags,
    is_debug: bool,
    environment: &Environment,
    begin: Instant,
) -> Result<(IdentitySource, Passwords), RunError> {
    let given = |path: &PathBuf| !path.as_os_str().is_empty();
    let private_key = flags.private_key.filter(given);
    let choices = token_choices(&flags.token);
    let store = store_place(
        flags.certificate.as_deref(),
        &flags.store,
        choices.is_latest_taken,
    )?;
    let inputs = Inputs::new(environment, begin).watched(debug::watch(is_debug));
    let mut inputs = inputs.with_tokens(flags.token.pkcs11_lib, choices)?;
    let certificate = match store {
        Some(_) if private_key.is_some() => {
            return Err(RunError::Exclusive {
                one: "private-key",
                other: "cert-selector",
            });
        }
        Some(place) => Locator::Store(Arc::new(place)),
        None => inputs.locator("certificate", certificate_path(flags.certificate)?)?,
    };
    let source = IdentitySource {
        certificate,
        private_key: private_key
            .map(|path| inputs.locator("private-key", path))
            .transpose()?,
        intermediates: flags
            .intermediates
            .filter(given)
            .map(|path| inputs.locator("intermediates", path))
            .transpose()?,
        hardware: hardware(environment, is_debug),
    };
    let passwords = Passwords::new(flags.passwords, environment, begin)?;
    Ok((source, passwords))
}

/// Where keys in hardware are.
pub(crate) fn hardware(environment: &Environment, is_debug: bool) -> Hardware {
    Hardware {
        tpm: TpmDevice::resolve(environment).watched(debug::watch(is_debug)),
    }
}

/// The key in hardware that flags name without naming a certificate.
pub(crate) fn lone_key(
    flags: &IdentityFlags,
    is_debug: bool,
    environment: &Environment,
    begin: Instant,
) -> Result<Option<Locator>, RunError> {
    let given = |path: &&PathBuf| !path.as_os_str().is_empty();
    let (None, Some(key)) = (
        flags.certificate.as_ref().filter(given),
        flags.private_key.as_ref().filter(given),
    ) else {
        return Ok(None);
    };
    let choices = token_choices(&flags.token);
    let locator = Inputs::new(environment, begin)
        .watched(debug::watch(is_debug))
        .with_tokens(flags.token.pkcs11_lib.clone(), choices)?
        .locator("private-key", key.clone())?;
    Ok(Some(locator).filter(is_in_hardware))
}

fn token_choices(flags: &TokenFlags) -> TokenChoices {
    TokenChoices {
        is_pin_reused: flags.reuse_pin == Some(true),
        is_latest_taken: flags.use_latest_expiring_certificate == Some(true),
    }
}

/// Reads an identity. A hanging file system must not exceed the command's time limit, so a watchdog thread ends
/// the process. Reading on that thread would double the memory pages of a call. Time spent at a prompt for one
/// of `passwords` does not count.
pub(crate) fn open_identity(
    source: &IdentitySource,
    passwords: &Arc<Passwords>,
    secrets: &dyn Secrets,
) -> Result<Identity, RunError> {
    // Weak: passwords are to be wiped before the call, whether or not this thread has ended by then.
    let passwords = Arc::downgrade(passwords);
    let (reading, is_read) = mpsc::channel::<()>();
    let watch = move || {
        loop {
            // A person may take any time for a password.
            let used = passwords.upgrade().map(|passwords| passwords.time_used());
            let left = match used {
                Some(Some(used)) => ClientSettings::TIME_MAX.saturating_sub(used),
                Some(None) => LOOK_APART,
                // The session is gone, and with it what was read.
                None => return,
            };
            if left.is_zero() {
                report::fail(&RunError::IdentityTimedOut);
            }
            match is_read.recv_timeout(left.max(LOOK_APART)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    thread::Builder::new()
        .stack_size(WATCH_STACK_BYTES)
        .spawn(watch)
        .map_err(RunError::Runtime)?;
    let identity = source.open(secrets);
    drop(reading);
    identity.map_err(RunError::Identity)
}

/// For a thread that waits, and at the end writes a line.
const WATCH_STACK_BYTES: usize = 128 * 1024;

/// Interval of checks for the end of a prompt.
const LOOK_APART: Duration = Duration::from_millis(200);
