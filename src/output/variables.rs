//! The variables by which AWS's programs take credentials and a region.
//!
//! Source: [environment variables of AWS SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html).

use crate::arn::Region;
use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::secret::Secret;

/// A variable and its value.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// The value.
    pub value: Secret<String>,
    /// Whether logs must not show the value.
    pub is_secret: bool,
}

/// The credentials: keys, token and expiration.
pub fn of_credentials(credentials: &Credentials) -> [Variable; 4] {
    let variable = |name, value: &String, is_secret| Variable {
        name,
        value: Secret::new(value.clone()),
        is_secret,
    };
    [
        variable(ACCESS_KEY_ID, &credentials.access_key_id, true),
        variable(
            SECRET_ACCESS_KEY,
            credentials.secret_access_key.expose(),
            true,
        ),
        variable(SESSION_TOKEN, credentials.session_token.expose(), true),
        variable(EXPIRATION, &credentials.expiration, false),
    ]
}

/// The region, by both variables that programs read. One that is set in `environment` keeps its value, and
/// counts for the other.
pub fn of_region(region: &Region, environment: &Environment) -> [Variable; 2] {
    let known = REGIONS.iter().find_map(|name| environment.text(name));
    let region = known.unwrap_or_else(|| region.as_str().to_owned());
    REGIONS.map(|name| Variable {
        name,
        value: Secret::new(environment.text(name).unwrap_or_else(|| region.clone())),
        is_secret: false,
    })
}

pub(super) const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
pub(super) const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
pub(super) const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
pub(super) const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(variables: &[(&str, &str)]) -> [String; 2] {
        let environment: Environment = variables.iter().copied().collect();
        let region = "us-east-1".parse().unwrap();
        of_region(&region, &environment).map(|variable| variable.value.expose().clone())
    }

    #[test]
    fn region_that_is_set_stays_and_counts_for_both() {
        let [first, second] = REGIONS;
        assert_eq!(regions(&[]), ["us-east-1", "us-east-1"]);
        assert_eq!(regions(&[(first, "a")]), ["a", "a"]);
        assert_eq!(regions(&[(second, "b")]), ["b", "b"]);
        assert_eq!(regions(&[(first, "a"), (second, "b")]), ["a", "b"]);
    }
}
