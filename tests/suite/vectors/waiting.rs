//! Cases that wait for a part of the helper that is not there yet.

/// A case, or every case whose name begins with what is in front of a `*`, and what it waits for.
/// Each of them has to fail: one that passes fails the run, until its row is taken away.
pub(crate) const WAITING: &[(&str, &str)] = &[
    // cli
    ("bad-hop-limit-abc", SERVE),
    ("bad-port-abc", SERVE),
    ("help-alone", EVERY_COMMAND),
    ("help-command-serve", SERVE),
    ("help-none", EVERY_COMMAND),
    ("help-serve", SERVE),
    ("help-short-none", EVERY_COMMAND),
    ("missing-value-serve", SERVE),
    ("none", EVERY_COMMAND),
    ("unknown-flag-serve", SERVE),
];

const EVERY_COMMAND: &str = "the last command that the help has to list";
const SERVE: &str = "the command serve";

/// What this case waits for.
pub(crate) fn waits_for(name: &str) -> Option<&'static str> {
    let row = WAITING.iter().find(|(pattern, _)| matches(pattern, name));
    row.map(|(_, reason)| *reason)
}

pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}
