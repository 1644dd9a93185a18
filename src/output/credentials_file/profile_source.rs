//! [`credential_settings`]: the settings by which a profile of a file says where credentials come from. They may
//! win over what SDKs ask later.

use std::path::Path;

use crate::file;
use crate::output::credentials_file::FILE_BYTES_MAX;
use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::lines;
use crate::output::credentials_file::line::profile_of;
use crate::output::credentials_file::line::setting;

/// The settings by which `profile` in the credentials or config file at `path` says where credentials come from,
/// each once. A file that cannot be read says nothing: SDKs do not get them from it either.
pub fn credential_settings(path: &Path, profile: &str) -> Vec<&'static str> {
    if !file::is_regular(path) {
        return Vec::new();
    }
    file::read(path, FILE_BYTES_MAX)
        .map(|bytes| found(bytes.expose(), profile.as_bytes()))
        .unwrap_or_default()
}

fn found(bytes: &[u8], profile: &[u8]) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut section = Section::default();
    // In the config file, either is the same profile.
    let is_ours = |name: &[u8]| profile_of(name).unwrap_or(name) == profile;
    let mut is_in_ours = false;
    for line in lines(bytes) {
        match section.kind(&line) {
            Kind::Header(name) => is_in_ours = name.is_some_and(is_ours),
            Kind::Setting if is_in_ours => {
                let name = setting(line.trimmed()).map(|(name, _)| name.to_ascii_lowercase());
                let is_named = |known: &&str| name.as_deref() == Some(known.as_bytes());
                found.extend(SETTINGS.into_iter().find(is_named));
            }
            Kind::Setting | Kind::Blank | Kind::Comment | Kind::Continuation => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

const SETTINGS: [&str; 7] = [
    "aws_access_key_id",
    "credential_process",
    "login_session",
    "role_arn",
    "sso_account_id",
    "sso_session",
    "web_identity_token_file",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_credentials_of_the_profile_count() {
        for (text, settings) in [
            (
                "[default]\naws_access_key_id = A\n",
                &["aws_access_key_id"][..],
            ),
            (
                "[a]\nregion = b\n[ default ] # c\n  Credential_Process=x",
                &["credential_process"],
            ),
            ("[profile\t'default']\nrole_arn = r\n", &["role_arn"]),
            (
                "[profile default]\nsso_session = s\nrole_arn = r\nsso_session = t\n",
                &["role_arn", "sso_session"],
            ),
        ] {
            assert_eq!(found(text.as_bytes(), b"default"), settings, "{text}");
        }
        for text in [
            "",
            "[default]\nregion = b\n# aws_access_key_id = A\n",
            "[default]\n[other]\naws_access_key_id = A\n",
            "aws_access_key_id = A\n",
            "[default]\nregion = b\n  aws_access_key_id = A\n",
        ] {
            assert_eq!(found(text.as_bytes(), b"default"), [""; 0], "{text}");
        }
    }
}
