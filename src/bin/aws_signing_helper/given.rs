//! Flags as they were given, on the command line or by variables, to be given to another command.

use std::ffi::OsString;

use clap::Arg;
use clap::ArgMatches;
use clap::Args;
use rolesanywhere::environment::Environment;

use crate::arguments::configure::Given;
use crate::arguments::role_chain::is_inline_policy;
use crate::arguments::variable;
use crate::error::RunError;
use crate::exclusions::is_excluded;
use crate::exclusions::is_typed;
use crate::variables;

/// The flags of `A` that were given, in the order of their definition. Passwords are refused where they were
/// typed, and left in the variables that hold them.
pub(crate) fn flags<A: Args>(
    typed: &ArgMatches,
    environment: &Environment,
) -> Result<Vec<Given>, RunError> {
    let command = A::augment_args(clap::Command::new("given"));
    let mut given = Vec::new();
    for argument in command.get_arguments() {
        let (Some(flag), Some(variable)) = (argument.get_long(), variable(argument)) else {
            continue;
        };
        let is_password = names(argument, &["PASSWORD"]);
        let values: Vec<OsString> = match is_typed(typed, flag) {
            true if is_password => return Err(password_written(&command, flag)),
            true => {
                let values = typed.get_raw(argument.get_id().as_str());
                values.into_iter().flatten().map(OsString::from).collect()
            }
            false if is_password || is_excluded(typed, flag) => continue,
            false => environment
                .raw(&variable)
                .map(|value| variables::values(flag, value))
                .unwrap_or_default(),
        };
        let is_policy = names(argument, &["FILE|JSON"]);
        let is_path = |value: &OsString| match is_policy {
            true => !is_inline_policy(&value.to_string_lossy()),
            false => names(argument, &["FILE", "FOLDER"]),
        };
        given.extend(values.into_iter().map(|value| Given {
            flag: flag.to_owned(),
            is_boolean: argument.is_require_equals_set(),
            is_path: is_path(&value),
            value,
        }));
    }
    Ok(given)
}

fn password_written(command: &clap::Command, flag: &str) -> RunError {
    let file_flag = format!("{flag}-file");
    let is_known = |argument: &Arg| argument.get_long() == Some(&*file_flag);
    let has_file_flag = command.get_arguments().any(is_known);
    RunError::PasswordWritten {
        flag: flag.to_owned(),
        file_flag: has_file_flag.then_some(file_flag),
    }
}

/// Whether help calls the value one of these.
fn names(argument: &Arg, kinds: &[&str]) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().any(|name| kinds.contains(&name.as_str()))
}
