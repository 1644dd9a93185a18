//! Paths of the credentials file and the config file, by flag, variable or default.

use std::ffi::OsStr;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::environment::HomeUnknown;
use crate::output::credentials_file::error::CredentialsFileError;

/// The path in `flag`, else in `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`; a leading `~`
/// stands for the user's home directory, as in the SDKs.
///
/// Fails if the home directory is needed and unknown, and on `~somebody`.
pub fn locate(
    flag: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, CredentialsFileError> {
    locate_file(flag, VARIABLE, DEFAULT, environment)
}

/// The path in `AWS_CONFIG_FILE`, else `~/.aws/config`.
///
/// Fails as [`locate`] does.
pub fn locate_config(environment: &Environment) -> Result<PathBuf, CredentialsFileError> {
    locate_file(None, CONFIG_VARIABLE, CONFIG_DEFAULT, environment)
}

fn locate_file(
    flag: Option<&Path>,
    variable: &str,
    default: &str,
    environment: &Environment,
) -> Result<PathBuf, CredentialsFileError> {
    let variable = || environment.raw(variable).map(Path::new);
    let path = flag.or_else(variable).unwrap_or(Path::new(default));
    if is_home_of_another(path) {
        return Err(CredentialsFileError::HomeOfAnother {
            path: path.to_owned(),
        });
    }
    environment
        .expand_home(path.to_owned())
        .map_err(|HomeUnknown { variable }| CredentialsFileError::HomeUnknown { variable })
}

/// `~somebody`, which is not read here.
fn is_home_of_another(path: &Path) -> bool {
    let Some(Component::Normal(first)) = path.components().next() else {
        return false;
    };
    first != OsStr::new("~") && first.as_encoded_bytes().starts_with(b"~")
}

/// Named as in the SDKs.
const VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";

const DEFAULT: &str = "~/.aws/credentials";

/// Named as in the SDKs.
const CONFIG_VARIABLE: &str = "AWS_CONFIG_FILE";

const CONFIG_DEFAULT: &str = "~/.aws/config";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::HOME_VARIABLE;

    fn at(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let environment: Environment = variables.iter().copied().collect();
        locate(flag.map(Path::new), &environment)
            .map(|path| path.to_string_lossy().replace('\\', "/"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flag_beats_variable_beats_default() {
        let home = (HOME_VARIABLE, "/home/me");
        let variable = (VARIABLE, "/var/lib/credentials");
        assert_eq!(at(Some("x/y"), &[home, variable]).unwrap(), "x/y");
        assert_eq!(at(None, &[home, variable]).unwrap(), "/var/lib/credentials");
        assert_eq!(at(None, &[home]).unwrap(), "/home/me/.aws/credentials");
        assert_eq!(
            at(None, &[home, (VARIABLE, "")]).unwrap(),
            "/home/me/.aws/credentials"
        );
    }

    #[test]
    fn config_file_has_a_variable_of_its_own() {
        let home = (HOME_VARIABLE, "/home/me");
        let at = |variables: &[(&str, &str)]| {
            let environment: Environment = variables.iter().copied().collect();
            let path = locate_config(&environment).unwrap();
            path.to_string_lossy().replace('\\', "/")
        };
        assert_eq!(at(&[home, (VARIABLE, "/c")]), "/home/me/.aws/config");
        assert_eq!(at(&[home, (CONFIG_VARIABLE, "~/c")]), "/home/me/c");
    }

    #[test]
    fn tilde_is_expanded_in_flag_and_variable() {
        let home = (HOME_VARIABLE, "/home/me");
        assert_eq!(at(Some("~/c"), &[home]).unwrap(), "/home/me/c");
        assert_eq!(at(None, &[home, (VARIABLE, "~/c")]).unwrap(), "/home/me/c");
        assert_eq!(at(Some("./~/c"), &[home]).unwrap(), "./~/c");
        assert_eq!(at(Some("a/~/c"), &[home]).unwrap(), "a/~/c");
    }

    #[test]
    fn home_that_is_not_known_is_an_error() {
        let error = at(None, &[(HOME_VARIABLE, "")]).unwrap_err();
        assert!(error.contains(HOME_VARIABLE), "{error}");
        let error = at(Some("~root/c"), &[(HOME_VARIABLE, "/")]).unwrap_err();
        assert!(error.contains("~root/c"), "{error}");
    }
}
