//! From the words that were typed, and the environment, to a command.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::CommandFactory;
use clap::FromArgMatches;
use rolesanywhere::environment::Environment;

use crate::arguments;
use crate::arguments::Arguments;
use crate::arguments::CacheCommand;
use crate::arguments::Command;
use crate::arguments::configure::ProcessFlags;
use crate::arguments::session_policy::SessionPolicyCase;
use crate::error::RunError;
use crate::exclusions;
use crate::given;
use crate::usage::UsageError;
use crate::variables;

/// The command line, with flags that it lacks taken from the environment. Without a command, help.
pub(crate) fn parse(
    line: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<Command, RunError> {
    // The names of variables are for people only: help and errors are made by the second parse.
    let line: Vec<OsString> = line.collect();
    let usage = |error: clap::Error| RunError::Usage(UsageError::new(&error, &line));
    let matches = Arguments::command()
        .try_get_matches_from(&line)
        .or_else(|_| arguments::command().try_get_matches_from(&line))
        .map_err(usage)?;
    let mut command = match Arguments::from_arg_matches(&matches)
        .map_err(usage)?
        .command
    {
        Some(command) => command,
        None => Command::Help { topic: Vec::new() },
    };
    if let Some((name, typed)) = matches.subcommand() {
        exclusions::check(name, typed)?;
        match &mut command {
            Command::CredentialProcess(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Serve(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Update(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Exec(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Export(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Doctor(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Configure(arguments) => {
                arguments.given = given::flags::<ProcessFlags>(typed, environment)?;
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::SignString(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::ReadCertificateData(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::Cache {
                command: CacheCommand::Clear(flag),
            } => {
                let typed = typed.subcommand().map_or(typed, |(_, typed)| typed);
                variables::fill_in(flag, typed, environment)?;
            }
            Command::TrustPolicy(arguments) => {
                variables::fill_in(arguments.as_mut(), typed, environment)?;
            }
            Command::SessionPolicy { case } => {
                let typed = typed.subcommand().map_or(typed, |(_, typed)| typed);
                fill_in_case(case, typed, environment)?;
            }
            Command::Completion { .. } | Command::Version(_) | Command::Help { .. } => {}
        }
    }
    Ok(command)
}

fn fill_in_case(
    case: &mut SessionPolicyCase,
    typed: &ArgMatches,
    environment: &Environment,
) -> Result<(), RunError> {
    match case {
        SessionPolicyCase::EcrPush(flags) => variables::fill_in(flags, typed, environment),
        SessionPolicyCase::EcsDeploy(flags) => variables::fill_in(flags, typed, environment),
        SessionPolicyCase::TerraformState(flags) => variables::fill_in(flags, typed, environment),
        SessionPolicyCase::TerragruntState(flags) => variables::fill_in(flags, typed, environment),
        SessionPolicyCase::S3Sync(flags) => variables::fill_in(flags, typed, environment),
        SessionPolicyCase::CloudformationStack(flags) => {
            variables::fill_in(flags, typed, environment)
        }
        SessionPolicyCase::LambdaDeploy(flags) => variables::fill_in(flags, typed, environment),
    }
}
