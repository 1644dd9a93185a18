//! Cases that wait for a part of the helper that is not there yet.

/// A case, or every case whose name begins with what is in front of a `*`, and what it waits for.
/// Each of them has to fail: one that passes fails the run, until its row is taken away.
pub(crate) const WAITING: &[(&str, &str)] = &[
    // create_session
    ("pkcs12-chain*", PKCS12),
    ("pkcs12-ec256*", PKCS12),
    ("pkcs12-rsa2048*", PKCS12),
    // cli
    ("bad-hop-limit-abc", SERVE),
    ("bad-port-abc", SERVE),
    ("help-alone", EVERY_COMMAND),
    ("help-command-serve", SERVE),
    ("help-credential-process", EVERY_FLAG),
    ("help-none", EVERY_COMMAND),
    ("help-read-certificate-data", EVERY_FLAG),
    ("help-serve", SERVE),
    ("help-short-credential-process", EVERY_FLAG),
    ("help-short-none", EVERY_COMMAND),
    ("help-sign-string", EVERY_FLAG),
    ("help-update", UPDATE),
    ("missing-value-serve", SERVE),
    ("missing-value-update", UPDATE),
    ("none", EVERY_COMMAND),
    ("unknown-flag-serve", SERVE),
    ("unknown-flag-update", UPDATE),
];

const EVERY_COMMAND: &str = "the last command that the help has to list";
const EVERY_FLAG: &str = "the last flag that the help has to list";
const PKCS12: &str = "PKCS#12 files";
const SERVE: &str = "the command serve";
const UPDATE: &str = "the command update";

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
