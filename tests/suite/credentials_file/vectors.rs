//! The cases captured from the reference's `update`, with the library in its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::location::locate;
use rolesanywhere::output::credentials_file::update;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tempfile::TempDir;

use crate::credentials_file::credentials_of;
use crate::credentials_file::sdk_rules::SDKS;
use crate::support::vectors;

/// A case, as `fixtures/vectors/README.md` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    profile: String,
    compare: Compare,
    target: String,
    credentials: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    before_mode: Option<String>,
    #[serde(default)]
    before_path: Option<String>,
    #[serde(default)]
    setup: Vec<Setup>,
    expect: Expectation,
    #[serde(default)]
    expected: Expectation,
    #[serde(default)]
    reference_defect: bool,
    #[serde(default, rename = "informative")]
    _informative: bool,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "args")]
    _args: IgnoredAny,
    #[serde(rename = "server")]
    _server: IgnoredAny,
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    #[serde(default, rename = "defect")]
    _defect: IgnoredAny,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Compare {
    Bytes,
    Semantic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    path: String,
    link: Option<PathBuf>,
    #[serde(default)]
    dir: bool,
}

#[derive(Default, Deserialize)]
struct Expectation {
    exit: Option<i32>,
    mode: Option<String>,
    dir_mode: Option<String>,
    #[serde(default)]
    is_link: bool,
}

#[test]
fn update_cases_match_the_reference() {
    let mut names: Vec<_> = fs::read_dir(vectors().join("update"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 58);
    let failures: Vec<_> = names
        .iter()
        .filter_map(|folder| {
            let json = fs::read_to_string(folder.join("case.json")).unwrap();
            let case: Case = serde_json::from_str(&json).unwrap();
            // Here there is no service, which refuses.
            match case.name.starts_with("unchanged-service-") {
                true => None,
                false => case
                    .run(folder)
                    .err()
                    .map(|what| format!("{}: {what}", case.name)),
            }
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

impl Case {
    fn run(&self, folder: &Path) -> Result<(), String> {
        let home = TempDir::new().unwrap();
        let path = home.path().join(&self.target);
        let before = fs::read(folder.join("before")).ok();
        self.arrange(home.path(), before.as_deref());
        let home_text = home.path().to_str().unwrap();
        let environment = self
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("{TMP}", home_text)))
            .chain([("HOME".to_owned(), home_text.to_owned())])
            .collect();
        let located = locate(None, &environment).unwrap();
        differing("path", &path, &located)?;

        let done = update(
            &located,
            &self.profile.parse().unwrap(),
            &credentials_of(&self.credentials),
        );
        let exit = self.expected.exit.filter(|_| self.reference_defect);
        if exit.or(self.expect.exit) == Some(1) {
            return match done {
                Err(CredentialsFileError::NotAFile { .. }) => Ok(()),
                other => Err(format!("{other:?}")),
            };
        }
        done.map_err(|error| error.to_string())?;
        let after = fs::read(&path).unwrap();
        let expected = match self.reference_defect {
            true => "expected",
            false => "after",
        };
        self.compare(&fs::read(folder.join(expected)).unwrap(), &after)?;
        self.check_modes(&path)
    }

    fn arrange(&self, home: &Path, before: Option<&[u8]>) {
        for setup in &self.setup {
            let path = home.join(&setup.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if setup.dir {
                fs::create_dir(&path).unwrap();
            }
            #[cfg(unix)]
            if let Some(target) = &setup.link {
                std::os::unix::fs::symlink(target, &path).unwrap();
            }
        }
        let path = home.join(self.before_path.as_ref().unwrap_or(&self.target));
        if let Some(before) = before {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, before).unwrap();
        }
        #[cfg(unix)]
        if let Some(mode) = &self.before_mode {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap());
            fs::set_permissions(&path, mode).unwrap();
        }
    }

    fn compare(&self, expected: &[u8], after: &[u8]) -> Result<(), String> {
        if self.compare == Compare::Bytes {
            return differing("file", &shown(expected), &shown(after));
        }
        // A section that is there twice is the one case in which lines move: its test is beside `edit`.
        if self.name != "section-twice" {
            let mut lines = content_lines(after).into_iter();
            for line in content_lines(expected) {
                if !self.is_credential(&line) && !lines.any(|found| found == line) {
                    return Err(format!("{line:?} is not there, or not in order"));
                }
            }
        }
        for (sdk, read) in SDKS {
            // The table says who passes over such names, and who reads no file with such a mark.
            let is_plain = self
                .profile
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric());
            if (!is_plain && sdk != "botocore") || (self.name == "bom" && sdk != "JavaScript") {
                continue;
            }
            let profile = read(after, &self.profile)?;
            for (name, value) in &self.credentials {
                differing(&format!("{sdk} {name}"), &Some(value), &profile.get(name))?;
            }
            differing(sdk, &None, &profile.get("aws_security_token"))?;
        }
        Ok(())
    }

    fn is_credential(&self, line: &str) -> bool {
        let name = line.split('=').next().unwrap().trim();
        self.credentials.contains_key(name)
    }

    #[cfg(unix)]
    fn check_modes(&self, path: &Path) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| {
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            Some(format!("{mode:o}"))
        };
        if let Some(expected) = self.expected.mode.clone().or(self.expect.mode.clone()) {
            differing("mode", &Some(expected), &mode(path))?;
        }
        if self.before_mode.is_some() {
            differing("mode", &self.before_mode, &mode(path))?;
        }
        let expected = self.expected.dir_mode.clone();
        if let Some(expected) = expected.or(self.expect.dir_mode.clone()) {
            differing("dir_mode", &Some(expected), &mode(path.parent().unwrap()))?;
        }
        differing("is_link", &self.expect.is_link, &path.is_symlink())
    }

    #[cfg(not(unix))]
    fn check_modes(&self, _path: &Path) -> Result<(), String> {
        Ok(())
    }
}

/// Lines that say something; a header may be tidied.
fn content_lines(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    text.lines()
        .map(|line| match line.starts_with('[') {
            true => line.replace(' ', ""),
            false => line.to_owned(),
        })
        .filter(|line| !line.trim().is_empty())
        .collect()
}

fn shown(file: &[u8]) -> String {
    file.escape_ascii().to_string()
}

fn differing<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    match expected == found {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected:?}, found {found:?}")),
    }
}
