//! Session tags: keys and values, and the characters that they may consist of.

use std::fmt;

/// A session tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The key, in the case in which it was sent.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Tag {
    /// Keys differ in more than their case.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.key.to_lowercase() == key.to_lowercase()
    }
}

/// True if session tags may consist of these characters: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`.
pub(crate) fn is_of_tag_characters(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_alphanumeric()
            || (character.is_whitespace() && !character.is_control())
            || "_.:/=+-@".contains(character)
    })
}

/// Attributes of a certificate that cannot become session tags, by their names: `CN`, `OU/2` for the
/// second of its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UntaggableAttributes {
    /// Of the issuer.
    pub issuer: Vec<String>,
    /// Of the subject.
    pub subject: Vec<String>,
    /// Of the subject alternative name.
    pub san: Vec<String>,
}

impl UntaggableAttributes {
    pub(crate) fn is_empty(&self) -> bool {
        self.issuer.is_empty() && self.subject.is_empty() && self.san.is_empty()
    }
}

impl fmt::Display for UntaggableAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| format!("[ {} ]", names.join(", "));
        let (issuer, subject, san) = (list(&self.issuer), list(&self.subject), list(&self.san));
        write!(f, "Issuer: {issuer}; Subject: {subject}; SAN: {san}")
    }
}

/// The names of the attributes whose values session tags refuse, of names and values in order.
pub(crate) fn untaggable(attributes: &[(String, String)]) -> Vec<String> {
    let mut names = Vec::new();
    for (index, (name, value)) in attributes.iter().enumerate() {
        if is_of_tag_characters(value) {
            continue;
        }
        let earlier = attributes.iter().take(index);
        match earlier.filter(|(earlier, _)| earlier == name).count() {
            0 => names.push(name.clone()),
            count => names.push(format!("{name}/{}", count + 1)),
        }
    }
    names
}

/// The pattern of a value, as the service has it.
pub(crate) const TAG_PATTERN: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";

/// The most characters of a key, by the documentation of AWS STS.
pub(crate) const TAG_KEY_CHARACTERS_MAX: usize = 128;

/// The most characters of a value, by the same.
pub(crate) const TAG_VALUE_CHARACTERS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_named_by_their_place() {
        let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let attributes = [
            attribute("CN", "(a)"),
            attribute("OU", "fine"),
            attribute("DNS", "a"),
            attribute("OU", "a,b"),
            attribute("OU", "*"),
        ];
        assert_eq!(untaggable(&attributes), ["CN", "OU/2", "OU/3"]);
    }

    #[test]
    fn letters_digits_and_blanks_of_any_script_are_legal() {
        for legal in ["", "ci runner", "é日本٣", "a_b.c:d/e=f+g-h@i", "\u{a0}"] {
            assert!(is_of_tag_characters(legal), "{legal:?}");
        }
        for illegal in [
            "a,b",
            "(a)",
            "*.example.com",
            "a\tb",
            "a\nb",
            "a&b",
            "\u{1b}",
        ] {
            assert!(!is_of_tag_characters(illegal), "{illegal:?}");
        }
    }
}
