//! `help`: the text of `--help`.

use std::process::ExitCode;

use crate::arguments;
use crate::error::RunError;
use crate::report;
use crate::usage::UsageError;

/// `help`, of the whole or of the command named; a command that does not exist gets the whole, as in
/// the reference helper. It is the very text of `--help`.
pub(crate) fn run(topic: &[String]) -> Result<ExitCode, RunError> {
    let command = arguments::command();
    let topic = topic
        .first()
        .and_then(|name| command.find_subcommand(name))
        .map(|command| command.get_name().to_owned());
    let line = [
        Some(report::NAME.to_owned()),
        topic,
        Some("--help".to_owned()),
    ];
    match command.try_get_matches_from(line.into_iter().flatten()) {
        Err(help) => Err(RunError::Usage(UsageError::new::<&str>(&help, &[]))),
        Ok(_) => Ok(ExitCode::SUCCESS),
    }
}
