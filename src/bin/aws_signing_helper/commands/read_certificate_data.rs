//! `read-certificate-data`: a certificate as JSON, or those on a token or in a store as a list.

use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::identity::list_certificates;
use rolesanywhere::identity::list_store;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::pkcs11::TokenChoices;
use rolesanywhere::output;

use crate::arguments::read_certificate_data::ReadCertificateData;
use crate::certificate_store::certificate_path;
use crate::certificate_store::store_place;
use crate::debug;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::passwords::Passwords;
use crate::report::print;

/// `read-certificate-data`.
pub(crate) fn run(
    arguments: ReadCertificateData,
    environment: &Environment,
) -> Result<ExitCode, RunError> {
    let begin = Instant::now();
    if let Some(place) = store_place(arguments.certificate.as_deref(), &arguments.store, false)? {
        let listed = list_store(&place).map_err(RunError::Identity)?;
        let listed = listed.iter().map(|der| (der.as_slice(), None));
        return print(output::certificate_list::text(listed).as_bytes())
            .map(|()| ExitCode::SUCCESS);
    }
    let path = certificate_path(arguments.certificate)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let inputs = Inputs::new(environment, begin);
    let inputs = inputs.watched(debug::watch(arguments.debug == Some(true)));
    let mut inputs = inputs.with_tokens(arguments.pkcs11_lib, TokenChoices::default())?;
    if let Some(place) = inputs.token_place("certificate", &path)? {
        let passwords = Passwords::for_pins(arguments.pins, environment, begin)?;
        let listed = list_certificates(&place, &passwords).map_err(RunError::Identity)?;
        let listed = listed
            .iter()
            .map(|one| (one.der.as_slice(), Some(one.uri.as_str())));
        return print(output::certificate_list::text(listed).as_bytes())
            .map(|()| ExitCode::SUCCESS);
    }
    let locator = inputs.locator("certificate", path)?;
    let certificate = open_certificate(&locator).map_err(RunError::Identity)?;
    print(&output::certificate_data::document(&certificate)).map(|()| ExitCode::SUCCESS)
}
