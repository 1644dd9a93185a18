//! Keys in a TPM are opened with one password after another, as files are.

use std::path::Path;

use super::error::IdentityError;
use super::files::tss2_key::Tss2Key;
use super::public_key::PublicKey;
use super::secrets::Purpose;
use super::secrets::SecretRequest;
use super::secrets::Secrets;
use super::signer::Signer;
use super::tpm::TpmDevice;
use super::tpm::TpmError;
use super::tpm::key::TpmKey;
use super::unlock;
use super::unlock::Attempt;
use super::unlock::Protected;
use super::work_budget::WorkBudget;

/// The key in a file, whose DER this is. Only a key that `is_wanted` is worth a password.
pub(super) fn file(
    device: &TpmDevice,
    (path, der): (&Path, &[u8]),
    is_wanted: &dyn Fn(&PublicKey) -> bool,
    secrets: &dyn Secrets,
) -> Result<Box<dyn Signer>, IdentityError> {
    let unusable = |source| IdentityError::Tpm {
        path: path.to_owned(),
        source,
    };
    let file = Tss2Key::from_der(der).map_err(|source| IdentityError::Tss2Key {
        path: path.to_owned(),
        source,
    })?;
    let is_password_empty = file.is_password_empty;
    let key = TpmKey::in_file(device.clone(), file).map_err(unusable)?;
    if !is_wanted(key.public_key()) {
        return Ok(Box::new(key));
    }
    if !is_password_empty {
        return with_password(path, der, secrets, &key);
    }
    match secrets.is_given(Purpose::TpmKey) && !is_empty(path, secrets)? {
        true => Err(unusable(TpmError::PasswordUnneeded)),
        false => Ok(Box::new(key)),
    }
}

/// True if the password that was given says that there is none.
fn is_empty(path: &Path, secrets: &dyn Secrets) -> Result<bool, IdentityError> {
    let wanted = SecretRequest {
        purpose: Purpose::TpmKey,
        path,
        refused: 0,
    };
    let given = secrets
        .secret(wanted)
        .map_err(|source| IdentityError::Password {
            path: path.to_owned(),
            source,
        })?;
    Ok(given.is_none_or(|password| password.expose().is_empty()))
}

/// The persistent key at `handle`. Whether it has a password is not known before it signs, so one is asked for if
/// the key `is_wanted`.
pub(super) fn persistent(
    device: &TpmDevice,
    (name, handle): (&Path, u32),
    is_wanted: &dyn Fn(&PublicKey) -> bool,
    secrets: &dyn Secrets,
) -> Result<Box<dyn Signer>, IdentityError> {
    let key = TpmKey::at(device.clone(), handle).map_err(|source| IdentityError::Tpm {
        path: name.to_owned(),
        source,
    })?;
    if !is_wanted(key.public_key()) {
        return Ok(Box::new(key));
    }
    with_password(name, &handle.to_be_bytes(), secrets, &key)
}

/// A password that was typed is tried, so that another can be asked for. Others cost no further signature.
fn with_password(
    path: &Path,
    content: &[u8],
    secrets: &dyn Secrets,
    key: &TpmKey,
) -> Result<Box<dyn Signer>, IdentityError> {
    let protected = Protected {
        purpose: Purpose::TpmKey,
        path,
        content,
    };
    let is_tried = secrets.is_worth_a_trial(Purpose::TpmKey);
    unlock::unlock(secrets, protected, &mut WorkBudget::new(), |password, _| {
        let key = key.with_password(password);
        let tried = match is_tried {
            true => key.try_password(),
            false => Ok(()),
        };
        tried
            .map(|()| Box::new(key) as Box<dyn Signer>)
            .map_err(|source| {
                let is_wrong = matches!(source, TpmError::Password { .. });
                let path = path.to_owned();
                let error = IdentityError::Tpm { path, source };
                match is_wrong {
                    true => Attempt::Refused(error),
                    false => Attempt::Failed(error),
                }
            })
    })
}
