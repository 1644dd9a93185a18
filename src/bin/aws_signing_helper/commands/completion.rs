//! `completion`: the completion script of a shell.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::arguments;
use crate::arguments::CompletionShell;
use crate::commands::help;
use crate::error::RunError;
use crate::report;
use crate::report::print;

/// `completion`.
pub(crate) fn run(shell: Option<CompletionShell>) -> Result<ExitCode, RunError> {
    let shell = match shell {
        None => return help::run(&["completion".to_owned()]),
        Some(CompletionShell::Bash) => Shell::Bash,
        Some(CompletionShell::Zsh) => Shell::Zsh,
        Some(CompletionShell::Fish) => Shell::Fish,
        Some(CompletionShell::Powershell) => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), report::NAME, &mut script);
    print(&script).map(|()| ExitCode::SUCCESS)
}
