//! `exec`: a command that finds credentials in its environment, or at an endpoint of its own.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::process::Command;
use std::process::ExitCode;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;

use ring::rand::SystemRandom;
use rolesanywhere::arn::Region;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::cache::session_entry::SessionEntry;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::output::command_environment::CommandEnvironment;
use rolesanywhere::output::credentials_file::location;
use rolesanywhere::output::credentials_file::profile_source;
use rolesanywhere::output::endpoint::Endpoint;
use rolesanywhere::output::endpoint::Handler;
use rolesanywhere::output::endpoint::Settings;
use rolesanywhere::output::endpoint::address::Bound;
use rolesanywhere::output::endpoint::authorization_token::AuthorizationToken;
use rolesanywhere::output::endpoint::container::Container;
use rolesanywhere::output::endpoint::container::PATH;
use rolesanywhere::output::endpoint::document;
use rolesanywhere::output::endpoint::origin_check::AllowedHosts;
use rolesanywhere::output::variables;
use rolesanywhere::platform;
use rolesanywhere::supply::Supply;
use rolesanywhere::text::ShownName;
use tokio::task::spawn_blocking;

use crate::arguments::exec::Exec;
use crate::arguments::exec::Via;
use crate::cached;
use crate::error::RunError;
use crate::inputs::Reachable;
use crate::passwords;
use crate::renewing::Renewing;
use crate::renewing::start_log;
use crate::report;
use crate::session::Session;
use crate::session::jitter;
use crate::session::runtime;
use crate::signals;
use crate::signals::first;

/// `exec`.
pub(crate) fn run(arguments: Exec, environment: &Environment) -> Result<ExitCode, RunError> {
    let mut words = arguments.command.into_iter();
    // An empty name is that of a variable that is not set.
    let program = words.next().filter(|program| !program.is_empty());
    let program = program.ok_or(RunError::CommandMissing)?;
    let via = arguments.via.via.unwrap_or(Via::Environment);
    if via == Via::Endpoint {
        start_log(&arguments.log, environment)?;
    }
    let reachable = Reachable::of(&arguments.call.identity);
    let is_debug = arguments.debug.debug == Some(true);
    let session = Session::new(arguments.call, is_debug, environment)?;
    let entry = cached::entry(&session, arguments.cache, environment)?;
    let typed = Typed {
        program,
        arguments: words.collect(),
        reachable,
        region: session.request().network.region.clone(),
        environment,
    };
    let status = match via {
        Via::Environment => {
            let credentials = cached::credentials(session, entry, Usage::Unrefreshed)?;
            let variables = CommandEnvironment::with_credentials(&credentials, environment);
            let command = typed.command(variables);
            platform::replace_process(command).map_err(|error| typed.failed(error))?
        }
        Via::Endpoint => with_endpoint(&typed, session, entry)?,
    };
    end_as(status)
}

/// Ends this process with the exit code of the command.
fn end_as(status: ExitStatus) -> ! {
    report::flush();
    #[expect(
        clippy::exit,
        reason = "`ExitCode` holds 8 bits, an exit code of Windows has 32"
    )]
    std::process::exit(platform::exit_code(status))
}

/// The command as it was typed, and what it must not find in its environment.
struct Typed<'a> {
    program: OsString,
    arguments: Vec<OsString>,
    reachable: Reachable,
    region: Region,
    environment: &'a Environment,
}

impl Typed<'_> {
    fn command(&self, mut variables: CommandEnvironment) -> Command {
        log_removed(variables.rivals());
        variables.set_all(variables::of_region(&self.region, self.environment));
        passwords::variables(self.environment).for_each(|name| variables.remove(name));
        self.reachable
            .variables
            .iter()
            .for_each(|name| variables.remove(name));
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        variables.apply(&mut command);
        for descriptor in &self.reachable.descriptors {
            // One that is not open gives nothing away.
            let _ = platform::keep_from_commands(*descriptor);
        }
        if self.reachable.descriptors.contains(&0) {
            command.stdin(Stdio::null());
        }
        command
    }

    fn failed(&self, source: io::Error) -> RunError {
        RunError::Command {
            program: self.program.clone(),
            source,
        }
    }
}

/// Runs the command beside an endpoint that renews its credentials.
fn with_endpoint(
    typed: &Typed<'_>,
    session: Session,
    entry: Option<SessionEntry>,
) -> Result<ExitStatus, RunError> {
    let is_debug = session.is_debug();
    let role_arn = session.request().role_arn().clone();
    let supply = Arc::new(Supply::new(Clock::System, jitter, move |credentials, _| {
        Arc::new(document::container(credentials, role_arn.as_str()))
    }));
    let bound = Bound::new(None, 0, None).map_err(RunError::Address)?;
    let (authorization, token) =
        AuthorizationToken::random(&SystemRandom::new()).map_err(RunError::Authorization)?;
    let handler = Handler::Container(Container {
        names: AllowedHosts::new(bound.addresses().map(|address| address.ip()), Vec::new()),
        authorization,
        supply: Arc::clone(&supply),
    });
    // There is one, or `Bound` would have failed.
    let address = bound.addresses().next();
    let url = address.map(|address| format!("http://{address}{PATH}"));
    let url = url.unwrap_or_default();
    let mut variables = CommandEnvironment::with_endpoint(&url, &token, typed.environment);
    hide_default_profile(&mut variables, typed.environment);
    let command = typed.command(variables);
    let settings = Settings {
        clock: Clock::System,
        log: report::log,
        is_debug,
    };
    let failed = Renewing::open(session, entry)?.start(&supply, |_| {})?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        wait_for_credentials(&supply, failed).await?;
        let _endpoint =
            Endpoint::start(handler, bound, settings, |_, _| {}).map_err(RunError::Address)?;
        run_to_its_end(command)
            .await
            .map_err(|error| typed.failed(error))
    });
    runtime.shutdown_background();
    outcome
}

/// Waits for the first set, for as long as a call may take.
async fn wait_for_credentials(
    supply: &Supply,
    failed: impl Future<Output = RunError>,
) -> Result<(), RunError> {
    let begun = async {
        supply.begun(ClientSettings::TIME_MAX).await;
        let document = supply.document(supply.now());
        document.map(drop).ok_or(RunError::NoCredentials)
    };
    first(async { Err(failed.await) }, begun).await?;
    supply.settle();
    Ok(())
}

/// Starts the command, on the thread whose end would end it, and waits for it alone: others may still hold
/// its output open.
async fn run_to_its_end(command: Command) -> io::Result<ExitStatus> {
    let mut child = signals::spawn(command)?;
    let status = spawn_blocking(move || child.wait()).await;
    status.map_err(io::Error::other)?
}

/// Every SDK prefers a default profile to the endpoint.
fn hide_default_profile(variables: &mut CommandEnvironment, environment: &Environment) {
    if let Ok(path) = location::locate(None, environment)
        && !profile_source::credential_settings(&path, "default").is_empty()
    {
        variables.set("AWS_SHARED_CREDENTIALS_FILE", platform::NULL_DEVICE);
        let message = format!(
            "the command does not see {}: its [default] profile would win over the endpoint",
            ShownName::of(&path)
        );
        report::log(&LogEvent::new(
            Level::Warning,
            "credentials_hidden",
            message,
        ));
    }
    if let Ok(path) = location::locate_config(environment)
        && !profile_source::credential_settings(&path, "default").is_empty()
    {
        let message = format!(
            "programs may take credentials from the [default] profile of {} instead of the endpoint; \
             use --via environment, or give that profile another name",
            ShownName::of(&path)
        );
        report::log(&LogEvent::new(Level::Warning, "credentials_rival", message));
    }
}

fn log_removed(rivals: &[&'static str]) {
    if !rivals.is_empty() {
        let names = rivals.join(", ");
        let message = format!("removed from the command's environment: {names}");
        let event = LogEvent::new(Level::Warning, "variables_removed", message);
        report::log(&event.with("variables", rivals));
    }
}
