//! [`Environment`]: the variables of the process as a value, so that nothing below the binary reads the
//! environment, except `NOTIFY_SOCKET` in `platform::tell_ready`.
//!
//! An empty variable counts as unset, as in the AWS SDKs.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::ops::Bound;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::platform;
use crate::platform::HOME_VARIABLE;

/// Environment variables, by name.
///
/// `Debug` shows the names only: values may hold passwords (a proxy's, for one).
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// True if names are case-insensitive, as on Windows; then they are stored in upper case.
    ignores_case: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self::new(platform::VARIABLES_IGNORE_CASE)
    }
}

impl Environment {
    fn new(ignores_case: bool) -> Self {
        Self {
            variables: BTreeMap::new(),
            ignores_case,
        }
    }

    fn with<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (name, value) in variables {
            let name = self.key(&name.into());
            self.variables.insert(name, value.into());
        }
        self
    }

    fn key(&self, name: &OsStr) -> OsString {
        match self.ignores_case {
            true => name.to_ascii_uppercase(),
            false => name.to_owned(),
        }
    }

    /// The value of `name` as text. Bytes that are not UTF-8 are replaced, so that parsing rejects the
    /// value instead of treating the variable as unset.
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name)
            .map(|value| value.to_string_lossy().into_owned())
    }

    /// The value of `name` as the operating system holds it, for paths.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(&self.key(OsStr::new(name)))
            .filter(|value| !value.is_empty())
            .map(OsString::as_os_str)
    }

    /// `path`, with the user's home directory in place of a leading `~`.
    pub fn expand_home(&self, path: PathBuf) -> Result<PathBuf, HomeUnknown> {
        let mut components = path.components();
        if components.next() != Some(Component::Normal(OsStr::new("~"))) {
            return Ok(path);
        }
        let home = self.raw(HOME_VARIABLE).ok_or(HomeUnknown {
            variable: HOME_VARIABLE,
        })?;
        Ok(Path::new(home).join(components.as_path()))
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.variables.keys().map(OsString::as_os_str)
    }

    /// True if there is any variable whose name begins with `prefix`.
    pub fn has_any(&self, prefix: &str) -> bool {
        let prefix = self.key(OsStr::new(prefix));
        self.variables
            .range::<OsStr, _>((Bound::Included(prefix.as_os_str()), Bound::Unbounded))
            .next()
            .is_some_and(|(name, _)| {
                let name = name.as_encoded_bytes();
                name.starts_with(prefix.as_encoded_bytes())
            })
    }

    /// The value of `name`, which must be `true` or `false` in any case; absent is `false`.
    ///
    /// Fails with [`NotABoolean`] on anything else, as the AWS SDKs do.
    pub fn boolean(&self, name: &'static str) -> Result<bool, NotABoolean> {
        match self.text(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(NotABoolean { name }),
        }
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self::default().with(variables)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// A path begins with `~`, and no variable says which directory that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeUnknown {
    /// The variable that is not set.
    pub variable: &'static str,
}

/// A variable that takes `true` or `false` holds something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotABoolean {
    /// The variable's name.
    pub name: &'static str,
}

impl fmt::Display for NotABoolean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "environment variable {} must be true or false",
            self.name
        )
    }
}

impl std::error::Error for NotABoolean {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variable_counts_as_not_set() {
        let environment: Environment = [("AWS_CA_BUNDLE", "")].into_iter().collect();
        assert_eq!(environment.raw("AWS_CA_BUNDLE"), None);
        assert_eq!(environment.boolean("AWS_CA_BUNDLE"), Ok(false));
    }

    #[test]
    fn variables_are_found_by_the_beginning_of_their_name() {
        let environment: Environment = [("A", "1"), ("AWS_X", "1"), ("B", "1")]
            .into_iter()
            .collect();
        assert!(environment.has_any("AWS_"));
        assert!(!environment.has_any("AWS_Y"));
        assert!(!environment.has_any("C"));
    }

    #[test]
    fn case_of_names_counts_where_the_system_says_so() {
        let variables = [("https_Proxy", "p"), ("Aws_Profile", "q")];
        let windows = Environment::new(true).with(variables);
        assert_eq!(windows.text("HTTPS_PROXY").as_deref(), Some("p"));
        assert_eq!(windows.text("https_proxy").as_deref(), Some("p"));
        assert!(windows.has_any("AWS_"));
        let unix = Environment::new(false).with(variables);
        assert_eq!(unix.text("HTTPS_PROXY"), None);
        assert_eq!(unix.text("https_Proxy").as_deref(), Some("p"));
        assert!(!unix.has_any("AWS_"));
    }

    #[test]
    fn boolean_takes_true_and_false_only() {
        let environment: Environment = [("A", "TRUE"), ("B", "false"), ("C", "1")]
            .into_iter()
            .collect();
        assert_eq!(environment.boolean("A"), Ok(true));
        assert_eq!(environment.boolean("B"), Ok(false));
        assert_eq!(environment.boolean("C"), Err(NotABoolean { name: "C" }));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let environment: Environment = [("HTTPS_PROXY", "http://user:hunter2@proxy")]
            .into_iter()
            .collect();
        assert_eq!(format!("{environment:?}"), r#"{"HTTPS_PROXY"}"#);
    }
}
