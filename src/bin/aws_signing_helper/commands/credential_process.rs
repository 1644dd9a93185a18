//! `credential-process`: one JSON document on stdout.

use std::process::ExitCode;

use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::output;

use crate::arguments::credential_process::CredentialProcess;
use crate::cached;
use crate::error::RunError;
use crate::report::print;
use crate::session::Session;

/// `credential-process`.
pub(crate) fn run(
    arguments: CredentialProcess,
    environment: &Environment,
) -> Result<ExitCode, RunError> {
    let is_debug = arguments.debug.debug == Some(true);
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let entry = cached::entry(&session, arguments.cache, environment)?;
    let credentials = cached::credentials(session, entry, Usage::OnDemand)?;
    let document = output::credential_process::document(&credentials);
    print(document.expose()).map(|()| ExitCode::SUCCESS)
}
