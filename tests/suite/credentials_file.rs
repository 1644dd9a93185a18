//! The shared credentials file: content, permissions, and the state after a kill.

mod botocore;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod mounted;
mod properties;
#[cfg(unix)]
mod rights;
mod sdk_rules;
pub(crate) mod vectors;
#[cfg(unix)]
mod writer;
#[cfg(unix)]
mod writers;

use std::collections::BTreeMap;

use rolesanywhere::Credentials;
use rolesanywhere::secret::Secret;

/// The credentials that are written.
const NEW: [(&str, &str); 3] = [
    ("aws_access_key_id", "ASIANEW"),
    ("aws_secret_access_key", "new/secret+access=key"),
    ("aws_session_token", "new/session+token=="),
];

fn new_values() -> BTreeMap<String, String> {
    NEW.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Credentials with the values that stand in the file.
fn credentials_of(values: &BTreeMap<String, String>) -> Credentials {
    let value = |name: &str| values[name].clone();
    Credentials {
        access_key_id: value("aws_access_key_id"),
        secret_access_key: Secret::new(value("aws_secret_access_key")),
        session_token: Secret::new(value("aws_session_token")),
        expiration: "2030-01-01T00:00:00Z".to_owned(),
        date: None,
        assumed_role_arn: None,
    }
}
