//! `export`: credentials in the form of a shell, a file or a CI system.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use rolesanywhere::Credentials;
use rolesanywhere::arn::Region;
use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::output::credential_process;
use rolesanywhere::output::credentials_file::edit;
use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::output::export::ExportError;
use rolesanywhere::output::export::files;
use rolesanywhere::output::export::pipelines;
use rolesanywhere::output::export::shells;
use rolesanywhere::output::variables;
use rolesanywhere::output::variables::Variable;
use rolesanywhere::secret::Secret;

use crate::arguments::export::Export;
use crate::arguments::export::ExportFormat;
use crate::cached;
use crate::error::RunError;
use crate::inputs::profile;
use crate::report;
use crate::report::print;
use crate::session::Session;

/// `export`.
pub(crate) fn run(arguments: Export, environment: &Environment) -> Result<ExitCode, RunError> {
    let format = arguments.form.format.unwrap_or(ExportFormat::Shell);
    let profile = profile(arguments.form.profile)?;
    let is_debug = arguments.debug.debug == Some(true);
    let session = Session::new(arguments.call, is_debug, environment)?;
    let entry = cached::entry(&session, arguments.cache, environment)?;
    let region = session.request().network.region.clone();
    let usage = match format {
        // Whoever reads it comes again.
        ExportFormat::Json => Usage::OnDemand,
        _ => Usage::Unrefreshed,
    };
    let credentials = cached::credentials(session, entry, usage)?;
    if std::io::stdout().is_terminal() {
        let message = "printing credentials to a terminal, which may keep them";
        report::log(&LogEvent::new(Level::Warning, "credentials_shown", message));
    }
    let variables = variables(&credentials, &region, environment);
    match format {
        ExportFormat::Json => print(credential_process::document(&credentials).expose()),
        ExportFormat::CredentialsFile => print_profile(&profile, &credentials),
        ExportFormat::GithubActions => set_for_github(&variables, environment),
        ExportFormat::Shell => print_form(shells::posix, &variables),
        ExportFormat::Fish => print_form(shells::fish, &variables),
        ExportFormat::Powershell => print_form(shells::powershell, &variables),
        ExportFormat::Cmd => print_form(shells::cmd, &variables),
        ExportFormat::Dotenv => print_form(files::dotenv, &variables),
        ExportFormat::Gitlab => print_form(files::gitlab, &variables),
        ExportFormat::Jenkins => print_form(files::jenkins, &variables),
        ExportFormat::AzureDevops => print_form(pipelines::azure_devops, &variables),
        ExportFormat::Teamcity => print_form(pipelines::teamcity, &variables),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn variables(
    credentials: &Credentials,
    region: &Region,
    environment: &Environment,
) -> Vec<Variable> {
    let credentials = variables::of_credentials(credentials).into_iter();
    credentials
        .chain(variables::of_region(region, environment))
        .collect()
}

/// Makes the whole text first: what the form cannot carry leaves stdout empty.
fn print_form(form: Form, variables: &[Variable]) -> Result<(), RunError> {
    let text = form(variables).map_err(RunError::Export)?;
    print(text.expose().as_bytes())
}

type Form = fn(&[Variable]) -> Result<Secret<String>, ExportError>;

/// The section of a credentials file that has nothing else.
fn print_profile(profile: &ProfileName, credentials: &Credentials) -> Result<(), RunError> {
    let file = edit::edit(b"", profile, credentials)
        .map_err(|error| RunError::CredentialsFile(CredentialsFileError::Value(error)))?;
    print(file.bytes.expose())
}

/// Masks the values before they are set.
fn set_for_github(variables: &[Variable], environment: &Environment) -> Result<(), RunError> {
    let lines = pipelines::github_environment(variables).map_err(RunError::Export)?;
    let Some(path) = environment.raw("GITHUB_ENV").map(Path::new) else {
        print_form(pipelines::github_masks, variables)?;
        return print(lines.expose().as_bytes());
    };
    let failed = |source| RunError::EnvironmentFile {
        path: path.to_owned(),
        source,
    };
    // Before anything is printed.
    let mut file = file::open_to_append(path).map_err(failed)?;
    print_form(pipelines::github_masks, variables)?;
    file::append_lines(&mut file, lines.expose().as_bytes()).map_err(failed)
}
