//! [`ProfileName`]: the name of a profile, such that it can stand in the credentials file.

use std::fmt;
use std::str::FromStr;

use crate::output::credentials_file::line::is_space;
use crate::text::ShownName;

/// A profile's name as it stands between `[` and `]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileName(String);

impl ProfileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all SDKs find a profile of this name.
    pub fn is_identifier(&self) -> bool {
        let mut bytes = self.0.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_./%@:+".contains(&byte))
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(name: &str) -> Result<Self, ProfileNameError> {
        let name_owned = || name.to_owned();
        if name.is_empty() {
            return Err(ProfileNameError::Empty);
        }
        if name.trim_matches(is_space) != name {
            return Err(ProfileNameError::OuterSpace { name: name_owned() });
        }
        let unsafe_character = |c: char| c.is_control() || "[]#;\u{2028}\u{2029}".contains(c);
        if let Some(character) = name.chars().find(|c| unsafe_character(*c)) {
            return Err(ProfileNameError::Character {
                name: name_owned(),
                character,
            });
        }
        if RESERVED.contains(&name) {
            return Err(ProfileNameError::Reserved { name: name_owned() });
        }
        Ok(Self(name_owned()))
    }
}

/// A text cannot be a profile's name in the credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileNameError {
    /// There is none.
    Empty,
    /// The space around it would be lost, for some SDKs only.
    OuterSpace {
        /// The text.
        name: String,
    },
    /// It would end the header, or make a comment of its end.
    Character {
        /// The text.
        name: String,
        /// Character that is not allowed.
        character: char,
    },
    /// It means something else to one of the SDKs.
    Reserved {
        /// The text.
        name: String,
    },
}

impl fmt::Display for ProfileNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = ShownName::of::<String>;
        match self {
            Self::Empty => f.write_str("the name of the profile is empty"),
            Self::OuterSpace { name } => write!(
                f,
                "the name of the profile \"{}\" begins or ends with a space",
                shown(name)
            ),
            Self::Character { name, character } => write!(
                f,
                "the name of the profile \"{}\" holds {character:?}, which is not allowed in the \
                                               credentials file",
                shown(name)
            ),
            Self::Reserved { name } => write!(
                f,
                "a profile \"{}\" would break the other profiles of the file for some SDKs; use another name",
                shown(name)
            ),
        }
    }
}

impl std::error::Error for ProfileNameError {}

/// botocore takes the settings of `DEFAULT` as those of every profile; the SDK for JavaScript reads no
/// file that has one of the others.
const RESERVED: &[&str] = &["DEFAULT", "__proto__", "profile __proto__"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_use_are_taken() {
        for name in ["default", "Default", "my profile", "prod-é☃", "a=b", "x:y"] {
            assert_eq!(name.parse::<ProfileName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_not_be_read_back_are_refused() {
        for name in [
            "",
            " a",
            "a\t",
            "a\u{a0}",
            "\u{feff}a",
            "a]b",
            "a[b",
            "a#b",
            "a ;b",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
            "DEFAULT",
            "__proto__",
        ] {
            let error = name.parse::<ProfileName>().unwrap_err().to_string();
            assert!(error.contains("profile"), "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}
