//! Text from outside, on its way to a terminal or a log.

use std::fmt;

/// Text from outside, fit for a terminal and a log: control characters escaped, cut at a length.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(ESCAPED_CHARACTERS_MAX) {
            write!(f, "{}", character.escape_debug())?;
        }
        if characters.next().is_some() {
            f.write_str("..")?;
        }
        Ok(())
    }
}

/// The most characters of one text from outside that are shown: enough for an ARN or a subject.
const ESCAPED_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_said_to_be() {
        assert_eq!(Escaped(&"é".repeat(200)).to_string(), "é".repeat(200));
        assert_eq!(
            Escaped(&"é".repeat(201)).to_string(),
            format!("{}..", "é".repeat(200))
        );
    }
}
