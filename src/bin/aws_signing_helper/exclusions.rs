//! Flags of which only one may be typed.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::error::RunError;

/// Refuses two flags that exclude each other, also where one of them was set to false.
pub(crate) fn check(command: &str, typed: &ArgMatches) -> Result<(), RunError> {
    let in_all = EXCLUSIVE.iter();
    let in_this = EXCLUSIVE_IN_SIGN_STRING
        .iter()
        .filter(|_| command == SIGN_STRING);
    let both = in_all
        .chain(in_this)
        .find(|(one, other)| is_typed(typed, one) && is_typed(typed, other));
    match both {
        Some((one, other)) => Err(RunError::Exclusive { one, other }),
        None => Ok(()),
    }
}

/// True if the flag is on the command line. Flags are named as they are typed; one that the command
/// lacks is never on it.
pub(crate) fn is_typed(typed: &ArgMatches, flag: &str) -> bool {
    let id = flag.replace('-', "_");
    typed.ids().any(|known| known.as_str() == id)
        && typed.value_source(&id) == Some(ValueSource::CommandLine)
}

/// True if a flag that was typed excludes `flag`.
pub(crate) fn is_excluded(typed: &ArgMatches, flag: &str) -> bool {
    EXCLUSIVE.iter().any(|(one, other)| {
        (*one == flag && is_typed(typed, other)) || (*other == flag && is_typed(typed, one))
    })
}

const SIGN_STRING: &str = "sign-string";

/// Pairs of flags of which only one may be typed.
const EXCLUSIVE: &[(&str, &str)] = &[
    ("certificate", "cert-selector"),
    ("certificate", "system-store-name"),
    ("certificate", "system-store-location"),
    ("private-key", "cert-selector"),
    ("private-key", "system-store-name"),
    ("private-key", "system-store-location"),
    ("private-key", "use-latest-expiring-certificate"),
    ("use-latest-expiring-certificate", "intermediates"),
    ("use-latest-expiring-certificate", "reuse-pin"),
    ("cert-selector", "intermediates"),
    ("cert-selector", "reuse-pin"),
    ("system-store-name", "reuse-pin"),
    ("tpm-key-password", "cert-selector"),
    ("tpm-key-password", "reuse-pin"),
    ("no-tpm-key-password", "cert-selector"),
    ("no-tpm-key-password", "tpm-key-password"),
    ("pkcs8-password", "tpm-key-password"),
    ("tpm-key-password", "tpm-key-password-file"),
    ("no-tpm-key-password", "tpm-key-password-file"),
    ("pkcs8-password", "pkcs8-password-file"),
    ("pkcs12-password", "pkcs12-password-file"),
    ("pkcs11-pin", "pkcs11-pin-file"),
    ("trust-anchor-arn", "trust-anchor-certificate"),
    ("explain", "condition"),
    ("explain", "format"),
    ("explain", "role-arn"),
    ("explain", "trust-anchor-certificate"),
];

/// Another pair, which the reference helper refuses in `sign-string` only.
const EXCLUSIVE_IN_SIGN_STRING: &[(&str, &str)] = &[("no-tpm-key-password", "reuse-pin")];
