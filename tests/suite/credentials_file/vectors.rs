//! The cases captured from the reference's `update`, with the library in its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rolesanywhere::file::locked_file::Method;
use rolesanywhere::file::write_error::WriteError;
use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::location::locate;
use rolesanywhere::output::credentials_file::update;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tempfile::TempDir;

use crate::credentials_file::credentials_of;
use crate::credentials_file::sdk_rules::SDKS;
use crate::support::modes;
use crate::support::modes::mode;
use crate::support::script::Script;
use crate::support::vectors;

/// A case, as `fixtures/vectors/README.md` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(skip)]
    folder: PathBuf,
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) server: Script,
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
    requests: Option<Vec<IgnoredAny>>,
    mode: Option<String>,
    dir_mode: Option<String>,
    #[serde(default)]
    is_link: bool,
}

#[test]
fn update_cases_match_the_reference() {
    let failures: Vec<_> = Case::all()
        .iter()
        // The service, which rejects, is not part of this.
        .filter(|case| !case.name.starts_with("unchanged-service-"))
        .filter(|case| {
            modes::LINKS_CAN_BE_MADE || case.setup.iter().all(|setup| setup.link.is_none())
        })
        .filter_map(|case| {
            let failure = case.run().err()?;
            Some(format!("{}: {failure}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

impl Case {
    /// Every case, by name.
    pub(crate) fn all() -> Vec<Case> {
        let mut folders: Vec<_> = fs::read_dir(vectors().join("update"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        assert_eq!(folders.len(), 58);
        let read = |folder: PathBuf| {
            let json = fs::read_to_string(folder.join("case.json")).unwrap();
            let case: Case = serde_json::from_str(&json).unwrap();
            Case { folder, ..case }
        };
        folders.into_iter().map(read).collect()
    }

    fn run(&self) -> Result<(), String> {
        let home = TempDir::new().unwrap();
        self.arrange(home.path());
        let home_text = home.path().to_str().unwrap();
        let environment = self
            .variables(home_text)
            .chain(["HOME", "USERPROFILE"].map(|name| (name.to_owned(), home_text.to_owned())))
            .collect();
        let located = locate(None, &environment).unwrap();
        differing("path", &home.path().join(&self.target), &located)?;

        let done = update(
            &located,
            Method::Replace,
            &self.profile.parse().unwrap(),
            &credentials_of(&self.credentials),
        );
        if self.exit() == 1 {
            return match done {
                Err(CredentialsFileError::File(WriteError::NotAFile { .. })) => Ok(()),
                other => Err(format!("{other:?}")),
            };
        }
        done.map_err(|error| error.to_string())?;
        self.check(home.path())
    }

    /// The environment but for the home directory, which is at this path.
    pub(crate) fn variables(&self, home: &str) -> impl Iterator<Item = (String, String)> {
        self.env
            .iter()
            .map(move |(name, value)| (name.clone(), value.replace("{TMP}", home)))
    }

    pub(crate) fn exit(&self) -> i32 {
        let exit = self.expected.exit.filter(|_| self.reference_defect);
        exit.or(self.expect.exit).unwrap()
    }

    /// The expected number of requests.
    pub(crate) fn request_count(&self) -> usize {
        match (self.exit(), &self.expect.requests) {
            (0, _) => 1,
            (_, requests) => requests.as_ref().map_or(0, Vec::len),
        }
    }

    /// True if the resulting file is as expected.
    pub(crate) fn check(&self, home: &Path) -> Result<(), String> {
        let path = home.join(&self.target);
        if path.is_dir() {
            return Ok(());
        }
        let after = fs::read(&path).unwrap();
        let expected = match self.reference_defect {
            true => "expected",
            false => "after",
        };
        self.compare(&fs::read(self.folder.join(expected)).unwrap(), &after)?;
        self.check_modes(&path)
    }

    /// Makes what is there before.
    pub(crate) fn arrange(&self, home: &Path) {
        for setup in &self.setup {
            let path = home.join(&setup.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if setup.dir {
                fs::create_dir(&path).unwrap();
            }
            if let Some(target) = &setup.link {
                modes::link(target, &path);
            }
        }
        let path = home.join(self.before_path.as_ref().unwrap_or(&self.target));
        let Ok(before) = fs::read(self.folder.join("before")) else {
            return;
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
        modes::set_mode(&path, self.before_mode.as_deref().unwrap_or("600"));
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
            // The table says which programs skip such names, and which reject a file with such a mark.
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

    /// Nothing is checked where there are no modes.
    fn check_modes(&self, path: &Path) -> Result<(), String> {
        if mode(path).is_none() {
            return Ok(());
        }
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
