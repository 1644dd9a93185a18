//! [`CommandEnvironment`]: the variables of a command that is to find our credentials and no others.
//!
//! Source: [credential provider chain](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).

use std::ffi::OsString;
use std::process::Command;

use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::output::variables;
use crate::output::variables::ACCESS_KEY_ID;
use crate::output::variables::EXPIRATION;
use crate::output::variables::SECRET_ACCESS_KEY;
use crate::output::variables::SESSION_TOKEN;
use crate::output::variables::Variable;
use crate::secret::Secret;

/// What changes in the environment of a command.
#[derive(Debug)]
pub struct CommandEnvironment {
    set: Vec<(&'static str, Secret<String>)>,
    removed: Vec<OsString>,
    /// Those of `removed` that were set and would have won over our credentials.
    rivals: Vec<&'static str>,
}

impl CommandEnvironment {
    /// With the credentials themselves, for as long as they last.
    pub fn with_credentials(credentials: &Credentials, environment: &Environment) -> Self {
        let mut command = Self::new(PROFILES, environment);
        command.set_all(variables::of_credentials(credentials));
        command
    }

    /// With a container endpoint at `url` that expects `token`.
    pub fn with_endpoint(url: &str, token: &Secret<String>, environment: &Environment) -> Self {
        let mut command = Self::new(&[PROFILES, PROVIDERS].concat(), environment);
        command.set(FULL_URI, url);
        command.set(TOKEN, token.expose());
        command
    }

    fn new(removed: &[&'static str], environment: &Environment) -> Self {
        let is_set = |name: &&&str| environment.raw(name).is_some();
        Self {
            set: Vec::new(),
            removed: removed.iter().map(OsString::from).collect(),
            rivals: removed.iter().filter(is_set).copied().collect(),
        }
    }

    /// Sets variables.
    pub fn set_all(&mut self, variables: impl IntoIterator<Item = Variable>) {
        let variables = variables.into_iter();
        self.set
            .extend(variables.map(|variable| (variable.name, variable.value)));
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.set.push((name, Secret::new(value.to_owned())));
    }

    /// Removes a variable that the command has no use for.
    pub fn remove(&mut self, name: impl Into<OsString>) {
        self.removed.push(name.into());
    }

    /// Variables of other credentials that were set and are removed.
    pub fn rivals(&self) -> &[&'static str] {
        &self.rivals
    }

    /// Gives `command`, which otherwise inherits those of this process, these variables.
    pub fn apply(&self, command: &mut Command) {
        for name in &self.removed {
            command.env_remove(name);
        }
        for (name, value) in &self.set {
            command.env(name, value.expose());
        }
    }
}

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// With a profile set, the SDK for JavaScript passes over keys in variables; botocore takes the token
/// by its old name first.
const PROFILES: &[&str] = &["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN"];

/// What SDKs ask before a container endpoint, or in its place.
const PROVIDERS: &[&str] = &[
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    EXPIRATION,
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The changes: `None` is removed.
    fn changes(environment: &CommandEnvironment) -> BTreeMap<String, Option<String>> {
        let mut command = Command::new("true");
        environment.apply(&mut command);
        let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
        command
            .get_envs()
            .map(|(name, value)| (text(name), value.map(text)))
            .collect()
    }

    #[test]
    fn endpoint_removes_every_provider_that_wins() {
        let names = [PROFILES, PROVIDERS].concat();
        let environment: Environment = names.iter().map(|name| (*name, "x")).collect();
        let token = Secret::new("t".to_owned());
        let command = CommandEnvironment::with_endpoint("u", &token, &environment);
        assert_eq!(command.rivals(), names);
        let changes = changes(&command);
        assert!(names.iter().all(|name| changes[*name].is_none()));
        assert_eq!(changes[FULL_URI].as_deref(), Some("u"));
        assert_eq!(changes[TOKEN].as_deref(), Some("t"));
    }

    #[test]
    fn variable_that_is_not_set_is_no_rival() {
        let environment: Environment = [("AWS_PROFILE", "")].into_iter().collect();
        let token = Secret::new("t".to_owned());
        let command = CommandEnvironment::with_endpoint("u", &token, &environment);
        assert!(command.rivals().is_empty());
        assert_eq!(changes(&command)["AWS_PROFILE"], None);
    }
}
