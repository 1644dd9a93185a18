//! [`has_credentials`]: whether a profile of a file says where credentials come from, and would win over what
//! SDKs ask later.

use std::path::Path;

use crate::file;
use crate::output::credentials_file::FILE_BYTES_MAX;
use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::lines;
use crate::output::credentials_file::line::setting;

/// Whether `profile` in the credentials or config file at `path` says where credentials come from. A file that cannot be read says nothing: SDKs do not get them from it either.
pub fn has_credentials(path: &Path, profile: &str) -> bool {
    file::is_regular(path)
        && file::read(path, FILE_BYTES_MAX)
            .is_ok_and(|bytes| names_credentials(bytes.expose(), profile.as_bytes()))
}

fn names_credentials(bytes: &[u8], profile: &[u8]) -> bool {
    let mut section = Section::default();
    // In the config file, either is the same profile.
    let is_ours = |name: &[u8]| name.strip_prefix(b"profile ").unwrap_or(name) == profile;
    let mut is_in_ours = false;
    lines(bytes).any(|line| match section.kind(&line) {
        Kind::Header(name) => {
            is_in_ours = name.is_some_and(is_ours);
            false
        }
        Kind::Setting => {
            let name = setting(line.trimmed()).map(|(name, _)| name.to_ascii_lowercase());
            is_in_ours && name.is_some_and(|name| SETTINGS.contains(&name.as_slice()))
        }
        Kind::Blank | Kind::Comment | Kind::Continuation => false,
    })
}

const SETTINGS: &[&[u8]] = &[
    b"aws_access_key_id",
    b"credential_process",
    b"login_session",
    b"role_arn",
    b"sso_account_id",
    b"sso_session",
    b"web_identity_token_file",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_credentials_of_the_profile_count() {
        for text in [
            "[default]\naws_access_key_id = A\n",
            "[a]\nregion = b\n[ default ] # c\n  Credential_Process=x",
            "[profile default]\nregion = b\nsso_session = s\n",
        ] {
            assert!(names_credentials(text.as_bytes(), b"default"), "{text}");
        }
        for text in [
            "",
            "[default]\nregion = b\n# aws_access_key_id = A\n",
            "[default]\n[other]\naws_access_key_id = A\n",
            "aws_access_key_id = A\n",
            "[default]\nregion = b\n  aws_access_key_id = A\n",
        ] {
            assert!(!names_credentials(text.as_bytes(), b"default"), "{text}");
        }
    }
}
