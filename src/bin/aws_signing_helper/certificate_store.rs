//! `--cert-selector` and its neighbours: the certificate of a store that flags select.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use rolesanywhere::file;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::os_store::StorePlace;
use rolesanywhere::identity::selector::CertSelector;
use rolesanywhere::identity::selector::SELECTOR_BYTES_MAX;
use rolesanywhere::platform::StoreLocation;

use crate::arguments::identity::LocationFlag;
use crate::arguments::identity::StoreFlags;
use crate::error::RunError;

/// The place that the flags select, if they select one: `path` is the value of `--certificate`, which comes
/// first.
pub(crate) fn store_place(
    path: Option<&Path>,
    flags: &StoreFlags,
    is_latest_taken: bool,
) -> Result<Option<StorePlace>, RunError> {
    let is_given = path.is_some_and(|path| !path.as_os_str().is_empty());
    let selector = flags.cert_selector.as_deref();
    let store = flags.system_store_name.as_deref();
    let location = flags.system_store_location.map(|location| match location {
        LocationFlag::CurrentUser => StoreLocation::CurrentUser,
        LocationFlag::LocalMachine => StoreLocation::LocalMachine,
    });
    if is_given || (selector.is_none() && store.is_none() && location.is_none()) {
        return Ok(None);
    }
    let selector = selector.map(read_selector).transpose()?.unwrap_or_default();
    let store = store.map(|name| name.to_string_lossy().into_owned());
    let store = store.filter(|name| !name.is_empty());
    let place = StorePlace::new(selector, store, location, is_latest_taken);
    place.map(Some).map_err(RunError::Store)
}

fn read_selector(value: &OsStr) -> Result<CertSelector, RunError> {
    let text = value.to_string_lossy();
    match CertSelector::file_named_by(&text) {
        None => CertSelector::parse(&text),
        Some(path) => {
            let content = file::read(path, SELECTOR_BYTES_MAX)
                .map_err(|error| RunError::Identity(IdentityError::File(error)))?;
            CertSelector::from_json(content.expose())
        }
    }
    .map_err(RunError::Selector)
}

/// The path of `--certificate`, where no store is selected.
pub(crate) fn certificate_path(path: Option<PathBuf>) -> Result<PathBuf, RunError> {
    let path = path.filter(|path| !path.as_os_str().is_empty());
    let path = path.ok_or_else(|| RunError::missing("certificate", "certificate"))?;
    // A TPM holds no certificates.
    match path.to_string_lossy().starts_with(TPM_SCHEME) {
        true => Err(RunError::Unsupported {
            what: format!("an identity in {TPM_SCHEME}"),
        }),
        false => Ok(path),
    }
}

const TPM_SCHEME: &str = "handle:";
