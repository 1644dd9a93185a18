//! `read-certificate-data`: a certificate as JSON.

use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::output;

use crate::arguments::ReadCertificateData;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::report::print;
use crate::session::certificate_path;

/// `read-certificate-data`.
pub(crate) fn run(
    arguments: ReadCertificateData,
    environment: &Environment,
) -> Result<ExitCode, RunError> {
    let path = certificate_path(
        arguments.certificate,
        arguments.cert_selector.as_deref(),
        arguments.system_store_name.as_deref(),
    )
    .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let locator = Inputs::new(environment, Instant::now()).locator("certificate", path)?;
    let certificate = open_certificate(&locator).map_err(RunError::Identity)?;
    print(&output::certificate_data::document(&certificate)).map(|()| ExitCode::SUCCESS)
}
