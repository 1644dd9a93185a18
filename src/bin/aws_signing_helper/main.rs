//! `aws_signing_helper`: temporary AWS credentials from an X.509 certificate.

mod arguments;
mod debug;
mod error;
mod hint;
mod passwords;
mod report;
mod run;
mod variables;

use std::process::ExitCode;

use rolesanywhere::environment::Environment;
use rolesanywhere::platform;

fn main() -> ExitCode {
    platform::forbid_core_files();
    let environment: Environment = std::env::vars_os().collect();
    let outcome =
        arguments::parse(std::env::args_os(), &environment).and_then(|command| match command {
            arguments::Command::CredentialProcess(arguments) => {
                run::credential_process(*arguments, &environment)
            }
            arguments::Command::SignString(arguments) => run::sign_string(*arguments),
            arguments::Command::ReadCertificateData(arguments) => {
                run::read_certificate_data(*arguments)
            }
            arguments::Command::Completion { shell, strays: _ } => run::completion(shell),
            arguments::Command::Version(_) => run::version(),
            arguments::Command::Help { topic } => run::help(&topic),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::report(&error),
    }
}
