//! [`Printable`]: text from outside, made safe to show on a terminal or in a log. [`ShownName`]: names
//! of files, which may be secrets by mistake.

pub mod pin_value;
mod shown_name;

use std::fmt;

pub use self::shown_name::ShownName;

/// Shows at most a given number of characters of a text from outside; control characters, line
/// breaks and the like are escaped, so that the text can neither forge a line nor drive a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    characters_max: usize,
}

impl<'a> Printable<'a> {
    /// `text`, cut after `characters_max` characters.
    pub fn new(text: &'a str, characters_max: usize) -> Self {
        Self {
            text,
            characters_max,
        }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        for character in characters.by_ref().take(self.characters_max) {
            if is_unsafe(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        if characters.next().is_some() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

/// Control characters and those that reorder or hide what is around them (Unicode TR 36, 39).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let shown = Printable::new("a\u{1b}[31m\nb\u{202e}c", 100).to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\u{a}b\\u{202e}c");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(Printable::new("éééé", 3).to_string(), "ééé...");
        assert_eq!(Printable::new("ééé", 3).to_string(), "ééé");
    }
}
