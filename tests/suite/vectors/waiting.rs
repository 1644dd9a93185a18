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
    ("completion-*", COMPLETION),
    ("exclusive-empty-counts", READ_CERTIFICATE_DATA),
    ("exclusive-read-certificate-data-*", READ_CERTIFICATE_DATA),
    ("exclusive-sign-string-*", SIGN_STRING),
    ("help-alone", EVERY_COMMAND),
    ("help-command-serve", SERVE),
    ("help-completion", COMPLETION),
    ("help-credential-process", EVERY_FLAG),
    ("help-none", EVERY_COMMAND),
    ("help-read-certificate-data", READ_CERTIFICATE_DATA),
    ("help-serve", SERVE),
    ("help-short-credential-process", EVERY_FLAG),
    ("help-short-none", EVERY_COMMAND),
    ("help-sign-string", SIGN_STRING),
    ("help-update", UPDATE),
    ("missing-value-serve", SERVE),
    ("missing-value-sign-string", SIGN_STRING),
    ("missing-value-update", UPDATE),
    ("none", EVERY_COMMAND),
    ("unknown-flag-read-certificate-data", READ_CERTIFICATE_DATA),
    ("unknown-flag-serve", SERVE),
    ("unknown-flag-sign-string", SIGN_STRING),
    ("unknown-flag-update", UPDATE),
];

const COMPLETION: &str = "the command completion";
const EVERY_COMMAND: &str = "the last command that the help has to list";
const EVERY_FLAG: &str = "the last flag of credential-process";
const PKCS12: &str = "PKCS#12 files";
const READ_CERTIFICATE_DATA: &str = "the command read-certificate-data";
const SERVE: &str = "the command serve";
const SIGN_STRING: &str = "the command sign-string";
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
