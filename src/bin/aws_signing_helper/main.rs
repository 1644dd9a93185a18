//! `aws_signing_helper`: temporary AWS credentials from an X.509 certificate.

mod arguments;
mod cached;
mod certificate_store;
mod command_line;
mod commands;
mod debug;
mod doctor;
mod error;
mod exclusions;
mod given;
mod hint;
mod identity;
mod inputs;
mod network;
mod passwords;
mod renewing;
mod report;
mod role_chain;
mod session;
mod signals;
mod usage;
mod variables;

use std::process::ExitCode;

use rolesanywhere::environment::Environment;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::platform;

use crate::arguments::CacheCommand;
use crate::arguments::Command;
use crate::error::RunError;

/// The C library's maps 64 KB for each size of block, which was a tenth of a short call.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    platform::forbid_core_files();
    if let Err(error) = signals::end_as_first_process() {
        let message = format!("signals do not end this process: {error}");
        report::log(&LogEvent::new(Level::Warning, "signals_ignored", message));
    }
    let environment: Environment = std::env::vars_os().collect();
    let outcome = command_line::parse(std::env::args_os(), &environment)
        .and_then(|command| run(command, &environment));
    let code = outcome.unwrap_or_else(|error| report::report(&error));
    report::flush();
    code
}

fn run(command: Command, environment: &Environment) -> Result<ExitCode, RunError> {
    match command {
        Command::CredentialProcess(arguments) => {
            commands::credential_process::run(*arguments, environment)
        }
        Command::Serve(arguments) => {
            commands::serve::run(*arguments, environment).or_else(end_for_good)
        }
        Command::Update(arguments) => {
            commands::update::run(*arguments, environment).or_else(end_for_good)
        }
        Command::Exec(arguments) => commands::exec::run(*arguments, environment),
        Command::Export(arguments) => commands::export::run(*arguments, environment),
        Command::Doctor(arguments) => commands::doctor::run(*arguments, environment),
        Command::Configure(arguments) => commands::configure::run(*arguments, environment),
        Command::TrustPolicy(arguments) => commands::trust_policy::run(*arguments, environment),
        Command::SessionPolicy { case } => commands::session_policy::run(case),
        Command::SignString(arguments) => commands::sign_string::run(*arguments, environment),
        Command::ReadCertificateData(arguments) => {
            commands::read_certificate_data::run(*arguments, environment)
        }
        Command::Cache {
            command: CacheCommand::Clear(flag),
        } => commands::cache::run(flag, environment),
        Command::Completion { shell, strays: _ } => commands::completion::run(shell),
        Command::Version(flags) => commands::version::run(flags.verbose == Some(true)),
        Command::Help { topic } => commands::help::run(&topic),
    }
}

/// Says by the exit status that a restart would present the same PIN again, until the device is locked.
fn end_for_good(error: RunError) -> Result<ExitCode, RunError> {
    if !error.is_refused_by_device() {
        return Err(error);
    }
    report::report(&error);
    Ok(ExitCode::from(REFUSED_BY_DEVICE))
}

/// `EX_NOPERM` of sysexits.h. The units of `deploy/` name it.
const REFUSED_BY_DEVICE: u8 = 77;
