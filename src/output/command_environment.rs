//! [`CommandEnvironment`]: the variables of a command that is to find our credentials and no others.
//!
//! Source: [credential provider chain](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).

use std::ffi::OsString;
use std::process::Command;

use crate::arn::Region;
use crate::credentials::Credentials;
use crate::environment::Environment;
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
        let set = [
            (ACCESS_KEY_ID, credentials.access_key_id.clone()),
            (
                SECRET_ACCESS_KEY,
                credentials.secret_access_key.expose().clone(),
            ),
            (SESSION_TOKEN, credentials.session_token.expose().clone()),
            (EXPIRATION, credentials.expiration.clone()),
        ];
        Self::new(set, PROFILES, environment)
    }

    /// With a container endpoint at `url` that expects `token`.
    pub fn with_endpoint(url: String, token: &Secret<String>, environment: &Environment) -> Self {
        let set = [(FULL_URI, url), (TOKEN, token.expose().clone())];
        Self::new(set, &[PROFILES, PROVIDERS].concat(), environment)
    }

    fn new(
        set: impl IntoIterator<Item = (&'static str, String)>,
        removed: &[&'static str],
        environment: &Environment,
    ) -> Self {
        let set = set.into_iter();
        let is_set = |name: &&&str| environment.raw(name).is_some();
        Self {
            set: set
                .map(|(name, value)| (name, Secret::new(value)))
                .collect(),
            removed: removed.iter().map(OsString::from).collect(),
            rivals: removed.iter().filter(is_set).copied().collect(),
        }
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.set.push((name, Secret::new(value.to_owned())));
    }

    /// Removes a variable that the command has no use for.
    pub fn remove(&mut self, name: impl Into<OsString>) {
        self.removed.push(name.into());
    }

    /// Names a region by both variables that programs read. One that is set already stays, and counts
    /// for the other.
    pub fn set_region(&mut self, region: &Region, environment: &Environment) {
        let known = REGIONS.iter().find_map(|name| environment.text(name));
        let region = known.unwrap_or_else(|| region.as_str().to_owned());
        for name in REGIONS {
            if environment.raw(name).is_none() {
                self.set(name, &region);
            }
        }
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

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

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

    fn regions(variables: &[(&str, &str)]) -> [Option<String>; 2] {
        let environment: Environment = variables.iter().copied().collect();
        let mut command = CommandEnvironment::new([], &[], &environment);
        command.set_region(&"us-east-1".parse().unwrap(), &environment);
        let changes = changes(&command);
        REGIONS.map(|name| changes.get(name).cloned().flatten())
    }

    #[test]
    fn region_that_is_set_stays_and_counts_for_both() {
        let some = |region: &str| Some(region.to_owned());
        assert_eq!(regions(&[]), [some("us-east-1"), some("us-east-1")]);
        let [first, second] = REGIONS;
        assert_eq!(regions(&[(first, "a")]), [None, some("a")]);
        assert_eq!(regions(&[(second, "b")]), [some("b"), None]);
        assert_eq!(regions(&[(first, "a"), (second, "b")]), [None, None]);
    }

    #[test]
    fn endpoint_removes_every_provider_that_wins() {
        let names = [PROFILES, PROVIDERS].concat();
        let environment: Environment = names.iter().map(|name| (*name, "x")).collect();
        let token = Secret::new("t".to_owned());
        let command = CommandEnvironment::with_endpoint("u".to_owned(), &token, &environment);
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
        let command = CommandEnvironment::with_endpoint("u".to_owned(), &token, &environment);
        assert!(command.rivals().is_empty());
        assert_eq!(changes(&command)["AWS_PROFILE"], None);
    }
}
