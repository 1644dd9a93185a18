//! Flags from the environment: `AWS_SIGNING_HELPER_ROLE_ARN` for `--role-arn`, and so on.
//!
//! A variable only fills in for a flag that was not typed, counts for no exclusion, and is ignored
//! where a typed flag excludes its own.

use std::ffi::OsStr;
use std::ffi::OsString;

use clap::ArgMatches;
use clap::Args;
use rolesanywhere::environment::Environment;

use crate::arguments::VARIABLE_PREFIX;
use crate::arguments::variable;
use crate::error::RunError;
use crate::exclusions::is_excluded;
use crate::exclusions::is_typed;
use crate::usage::UsageError;

/// Sets each flag that was not typed from its variable.
pub(crate) fn fill_in<A: Args>(
    arguments: &mut A,
    typed: &ArgMatches,
    environment: &Environment,
) -> Result<(), RunError> {
    if !environment.has_any(VARIABLE_PREFIX) {
        return Ok(());
    }
    // The flags of this command alone, to parse a variable's value as if it had been typed.
    let command = A::augment_args(clap::Command::new("variable"));
    for argument in command.get_arguments() {
        let (Some(flag), Some(variable)) = (argument.get_long(), variable(argument)) else {
            continue;
        };
        let Some(value) = environment.raw(&variable) else {
            continue;
        };
        if is_typed(typed, flag) || is_excluded(typed, flag) || is_kubernetes(flag, value) {
            continue;
        }
        let word = |value: OsString| {
            let mut word = OsString::from(format!("--{flag}="));
            word.push(value);
            word
        };
        let words: Vec<OsString> = values(flag, value).into_iter().map(word).collect();
        command
            .clone()
            .no_binary_name(true)
            .try_get_matches_from(&words)
            .and_then(|matches| arguments.update_from_arg_matches(&matches))
            .map_err(|error| RunError::Variable {
                variable,
                source: UsageError::new(&error, &words),
            })?;
    }
    Ok(())
}

/// The values for a flag in its variable: several ARNs are separated by white space, which none of them has. A
/// role's name may have a comma.
pub(crate) fn values(flag: &str, value: &OsStr) -> Vec<OsString> {
    match value.to_str() {
        // White space alone is a mistake, which must not give more rights than are meant.
        Some(text) if LISTS.contains(&flag) && !text.trim().is_empty() => {
            text.split_whitespace().map(OsString::from).collect()
        }
        _ => vec![value.to_owned()],
    }
}

/// Flags that are repeated for several ARNs.
const LISTS: [&str; 2] = ["assume-role", "session-policy-arn"];

/// True if Kubernetes has set the variable: it sets one for each service in every container, and a
/// service with the helper's name collides with `--port`.
fn is_kubernetes(flag: &str, value: &OsStr) -> bool {
    let is_url = |scheme: &&str| value.as_encoded_bytes().starts_with(scheme.as_bytes());
    flag == "port" && ["tcp://", "udp://", "sctp://"].iter().any(is_url)
}
