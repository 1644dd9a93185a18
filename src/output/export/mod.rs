//! Variables in the form in which another program reads them: `shells`, `files` and `pipelines`, one function
//! for each.
//!
//! A form either carries a value as it is or refuses it: [`ExportError`].

pub mod files;
pub mod pipelines;
pub mod shells;

use std::fmt;

use crate::output::variables::Variable;
use crate::secret::Secret;

/// Puts each variable into a text, with what `write` makes of it.
fn text(
    variables: &[Variable],
    write: impl Fn(&mut String, &Variable) -> Result<(), Unfit>,
) -> Result<Secret<String>, ExportError> {
    // Large enough from the start: a text that grows leaves its old memory as it was.
    let lengths = variables
        .iter()
        .map(|variable| variable.value.expose().len());
    let capacity = lengths
        .map(|length| length * ESCAPED_OCTET_BYTES_MAX + FRAME_BYTES_MAX)
        .sum();
    let mut text = Secret::new(String::with_capacity(capacity));
    for variable in variables {
        let fits = match variable.value.expose().contains('\0') {
            true => Err(Unfit("a zero byte")),
            false => write(text.expose_mut(), variable),
        };
        fits.map_err(|Unfit(what)| ExportError::Unfit {
            variable: variable.name,
            what,
        })?;
    }
    Ok(text)
}

/// What a form cannot carry.
#[derive(Debug)]
struct Unfit(&'static str);

/// Refuses a value with one of these characters.
fn refuse(value: &str, characters: &[char], what: &'static str) -> Result<(), Unfit> {
    match value.contains(|c: char| characters.contains(&c)) {
        true => Err(Unfit(what)),
        false => Ok(()),
    }
}

/// Appends `value` with each character that `escape` knows replaced.
fn push_escaped(text: &mut String, value: &str, escape: impl Fn(char) -> Option<&'static str>) {
    for character in value.chars() {
        match escape(character) {
            Some(escaped) => text.push_str(escaped),
            None => text.push(character),
        }
    }
}

/// A form does not carry the variables as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// One of them.
    Unfit {
        /// Its name.
        variable: &'static str,
        /// What stands in its value.
        what: &'static str,
    },
    /// All of them together.
    TooLong {
        /// Their length in bytes.
        length: usize,
        /// What is allowed.
        length_max: usize,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit { variable, what } => {
                write!(
                    f,
                    "this format cannot carry {variable}: its value holds {what}"
                )
            }
            Self::TooLong { length, length_max } => write!(
                f,
                "this format carries {length_max} bytes at most, and the variables take {length}"
            ),
        }
    }
}

impl std::error::Error for ExportError {}

const LINE_BREAKS: &[char] = &['\n', '\r'];
const LINE_BREAK: &str = "a line break";

/// A line break for PowerShell.
const ESCAPED_OCTET_BYTES_MAX: usize = 20;

/// Names, commands and quotes.
const FRAME_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a form makes of one secret variable `N`.
    pub(super) fn one(
        form: fn(&[Variable]) -> Result<Secret<String>, ExportError>,
        value: &str,
    ) -> Result<String, String> {
        let variable = Variable {
            name: "N",
            value: Secret::new(value.to_owned()),
            is_secret: true,
        };
        let capacity = value.len() * ESCAPED_OCTET_BYTES_MAX + FRAME_BYTES_MAX;
        match form(&[variable]) {
            Ok(text) => {
                assert!(text.expose().len() <= capacity, "{}", text.expose());
                Ok(text.expose().clone())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn zero_byte_fits_nowhere() {
        for form in [
            shells::posix,
            shells::fish,
            shells::powershell,
            shells::cmd,
            files::dotenv,
            files::gitlab,
            files::jenkins,
            pipelines::azure_devops,
            pipelines::github_environment,
            pipelines::teamcity,
        ] {
            let error = one(form, "a\0b").unwrap_err();
            assert!(error.contains("carry N: "), "{error}");
        }
    }
}
