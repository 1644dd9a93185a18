//! `cache clear`.

use std::io;
use std::process::ExitCode;

use rolesanywhere::cache::Cache;
use rolesanywhere::environment::Environment;

use crate::arguments::call::CacheFolderFlag;
use crate::cached;
use crate::error::RunError;

/// `cache clear`.
pub(crate) fn run(flag: CacheFolderFlag, environment: &Environment) -> Result<ExitCode, RunError> {
    let path = cached::path(flag, environment)?.ok_or(RunError::CachePath)?;
    let cleared = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Cache::open(&path).and_then(|cache| cache.clear()),
    };
    cleared
        .map(|()| ExitCode::SUCCESS)
        .map_err(|source| RunError::CacheClear { path, source })
}
