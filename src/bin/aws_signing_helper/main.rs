//! `aws_signing_helper`: temporary AWS credentials from an X.509 certificate.

mod arguments;
mod cached;
mod command_line;
mod debug;
mod error;
mod exclusions;
mod hint;
mod inputs;
mod passwords;
mod renewing;
mod report;
mod run;
mod serve;
mod session;
mod supplier;
mod update;
mod variables;

use std::process::ExitCode;

use rolesanywhere::environment::Environment;
use rolesanywhere::platform;

use crate::arguments::CacheCommand;
use crate::arguments::Command;

fn main() -> ExitCode {
    platform::forbid_core_files();
    let environment: Environment = std::env::vars_os().collect();
    let outcome =
        command_line::parse(std::env::args_os(), &environment).and_then(|command| match command {
            Command::CredentialProcess(arguments) => {
                run::credential_process(*arguments, &environment)
            }
            Command::Serve(arguments) => serve::serve(*arguments, &environment),
            Command::Update(arguments) => update::update(*arguments, &environment),
            Command::SignString(arguments) => run::sign_string(*arguments, &environment),
            Command::ReadCertificateData(arguments) => {
                run::read_certificate_data(*arguments, &environment)
            }
            Command::Cache {
                command: CacheCommand::Clear(flag),
            } => run::cache_clear(flag, &environment),
            Command::Completion { shell, strays: _ } => run::completion(shell),
            Command::Version(_) => run::version(),
            Command::Help { topic } => run::help(&topic),
        });
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::report(&error),
    };
    report::flush();
    code
}
