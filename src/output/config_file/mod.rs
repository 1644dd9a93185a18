//! The shared config file, from which AWS's SDKs read how to get credentials: `credential_process` and
//! `region` of one profile are changed, and everything else is kept.
//!
//! It is written as the credentials file is, by the same rules:
//! [`credentials_file`](super::credentials_file).

pub mod command_line;

use std::path::Path;

use crate::file::locked_file::LockedFile;
use crate::file::locked_file::Method;
use crate::file::locked_file::Notice;
use crate::output::credentials_file::FILE_BYTES_MAX;
use crate::output::credentials_file::Warning;
use crate::output::credentials_file::edit::Change;
use crate::output::credentials_file::edit::Edited;
use crate::output::credentials_file::error::CredentialsFileError;
use crate::output::credentials_file::line::profile_of;
use crate::output::credentials_file::profile_name::ProfileName;
use crate::output::credentials_file::section_body::Names;

/// What a profile of the config file is to say.
#[derive(Debug, Clone, Copy)]
pub struct ProfileSettings<'a> {
    /// The command that prints credentials.
    pub credential_process: &'a str,
    /// The region, if that is to be set.
    pub region: Option<&'a str>,
}

/// The file `bytes` (empty, if there is none) with these settings of `profile`.
pub fn edit(bytes: &[u8], profile: &ProfileName, settings: ProfileSettings<'_>) -> Edited {
    let header = match profile.as_str() {
        DEFAULT => DEFAULT.to_owned(),
        name => format!("profile {name}"),
    };
    let mut values = vec![settings.credential_process.as_bytes()];
    values.extend(settings.region.map(str::as_bytes));
    let change = Change {
        profile,
        header: header.as_bytes(),
        is_header: &|name| {
            let own = profile.as_str().as_bytes();
            match profile_of(name) {
                Some(name) => name == own,
                None => name == DEFAULT.as_bytes() && name == own,
            }
        },
        names: match settings.region {
            Some(_) => WITH_REGION,
            None => WITHOUT_REGION,
        },
        values: &values,
    };
    change.applied(bytes)
}

/// Makes them the settings of `profile` in the file at `path`, which is created if need be, as are the
/// directories above it. It blocks as the update of a credentials file does.
pub fn update(
    path: &Path,
    profile: &ProfileName,
    settings: ProfileSettings<'_>,
) -> Result<Vec<Warning>, CredentialsFileError> {
    let file = LockedFile::open(path, Method::Replace, FILE_BYTES_MAX)?;
    let edited = edit(file.bytes(), profile, settings);
    let path = file.path();
    let notices = file.write(edited.bytes.expose())?;
    // The file holds no secret.
    let notices = notices
        .into_iter()
        .filter(|notice| !matches!(notice, Notice::ReadableByOthers { .. }));
    let issues = edited.obstacles.into_iter();
    let issues = issues.map(|obstacle| Warning::ParseIssue {
        path: path.clone(),
        obstacle,
    });
    Ok(notices.map(Warning::File).chain(issues).collect())
}

const DEFAULT: &str = "default";

const WITH_REGION: Names = Names {
    written: &[b"credential_process", b"region"],
    stale: &[],
};

const WITHOUT_REGION: Names = Names {
    written: &[b"credential_process"],
    stale: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(file: &str, profile: &str, region: Option<&str>) -> String {
        let settings = ProfileSettings {
            credential_process: "/h x",
            region,
        };
        let edited = edit(file.as_bytes(), &profile.parse().unwrap(), settings);
        assert_eq!(edited.obstacles, []);
        String::from_utf8(edited.bytes.expose().clone()).unwrap()
    }

    #[test]
    fn profile_has_its_word_in_the_header_and_default_has_none() {
        assert_eq!(
            edited("", "a", Some("r")),
            "[profile a]\ncredential_process = /h x\nregion = r\n"
        );
        assert_eq!(
            edited("", "default", None),
            "[default]\ncredential_process = /h x\n"
        );
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let file = "# c\n[default]\nregion=x\n\n[profile a] # d\nregion=y\ncredential_process = old\n\
                    s3 =\n  k = v\n[sso-session a]\nsso_region = z";
        let expected = file.replace("credential_process = old", "credential_process = /h x");
        assert_eq!(edited(file, "a", None), expected);
        let expected = expected.replace("region=y", "region = r");
        assert_eq!(edited(file, "a", Some("r")), expected);
    }

    #[test]
    fn section_is_found_in_each_spelling() {
        for header in [
            "[profile a]",
            "[ profile  a ]",
            "[profile\ta]",
            "[profile \"a\"]",
            "[profile 'a' ]",
        ] {
            let file = format!("{header}\noutput = json\n");
            assert_eq!(
                edited(&file, "a", None),
                "[profile a]\ncredential_process = /h x\noutput = json\n"
            );
        }
        assert_eq!(
            edited("[profile default]\nregion = y\n", "default", None),
            "[default]\ncredential_process = /h x\nregion = y\n"
        );
        for file in [
            "[a]\n",
            "[profilea]\n",
            "[profile ab]\n",
            "[profile \"a']\n",
        ] {
            let expected = format!("{file}[profile a]\ncredential_process = /h x\n");
            assert_eq!(edited(file, "a", None), expected);
        }
    }
}
