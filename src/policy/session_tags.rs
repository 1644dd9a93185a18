//! [`SessionTag`]: what IAM Roles Anywhere takes from a certificate into a session, by a profile's default
//! mapping ([attribute mapping](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html)).

use std::fmt;
use std::str::FromStr;

use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid;
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::identity::certificate::Certificate;
use crate::identity::distinguished_name;

/// A tag of a session, `aws:PrincipalTag/NAME` in policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTag {
    /// `x509Subject/CN`, for one.
    pub name: TagName,
    /// Several values of one attribute are joined by slashes, in the certificate's order.
    pub value: String,
}

impl SessionTag {
    /// The tags of a certificate: subject, issuer, and the first URI, DNS name and directory name among
    /// its subject alternative names.
    pub fn of(certificate: &Certificate) -> Vec<Self> {
        let Ok((_, certificate)) = X509Certificate::from_der(certificate.der()) else {
            return Vec::new();
        };
        let mut tags = of_name("x509Subject", certificate.subject());
        tags.extend(of_name("x509Issuer", certificate.issuer()));
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.map_or(&[][..], |extension| &extension.value.general_names);
        let find = |of: fn(&GeneralName<'_>) -> Option<String>| names.iter().find_map(of);
        let simple = [
            ("DNS", find(dns_name)),
            ("URI", find(uniform_resource_identifier)),
        ];
        tags.extend(simple.into_iter().filter_map(|(kind, value)| {
            let name = TagName(format!("x509SAN/{kind}"));
            value.map(|value| Self { name, value })
        }));
        let directory_name = names.iter().find_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(of_name("x509SAN/Name", name)),
            _ => None,
        });
        tags.extend(directory_name.into_iter().flatten());
        tags
    }

    /// Why STS refuses the tag, and with it the session.
    pub fn fault(&self) -> Option<TagFault> {
        value_fault(&self.value)
    }
}

/// Why STS refuses a session tag with this value, or, but for its length, with this key
/// ([session tags](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html)).
pub fn value_fault(text: &str) -> Option<TagFault> {
    let refused = text.chars().find(|c| !is_of_session_tags(*c));
    let characters = text.chars().count();
    match refused {
        Some(character) => Some(TagFault::Character(character)),
        None if characters > VALUE_CHARACTERS_MAX => Some(TagFault::TooLong(characters)),
        None => None,
    }
}

/// A value that is no session tag's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagFault {
    /// It has this character.
    Character(char),
    /// It has so many characters.
    TooLong(usize),
}

impl fmt::Display for TagFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(character) => {
                write!(f, "session tags refuse the character {character:?}")?;
            }
            Self::TooLong(characters) => write!(
                f,
                "session tags have at most {VALUE_CHARACTERS_MAX} characters, not {characters}"
            )?,
        }
        f.write_str("; CreateSession fails unless the profile's mapping leaves it out")
    }
}

/// The name of a session tag, spelled as in the service's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagName(String);

impl TagName {
    /// `x509Subject/CN`, the condition that every certificate with a common name can have.
    pub fn common_name() -> Self {
        Self("x509Subject/CN".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TagName {
    type Err = TagNameError;

    /// In any case, as IAM compares the names of tags.
    fn from_str(text: &str) -> Result<Self, TagNameError> {
        let attributes = |field: &'static str| {
            let names = ATTRIBUTES.into_iter();
            names.map(move |(name, _)| format!("{field}/{name}"))
        };
        let fields = ["x509Subject", "x509Issuer", "x509SAN/Name"];
        let simple = ["x509SAN/DNS", "x509SAN/URI"].map(str::to_owned);
        let mut known = fields.into_iter().flat_map(attributes).chain(simple);
        let name = known.find(|name| name.eq_ignore_ascii_case(text));
        name.map(Self).ok_or(TagNameError)
    }
}

/// Text that names no session tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagNameError;

impl fmt::Display for TagNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "x509Subject/ATTRIBUTE, x509Issuer/ATTRIBUTE, x509SAN/DNS, x509SAN/URI or \
             x509SAN/Name/ATTRIBUTE is expected, and CN, L, ST, O, OU, C, STREET, DC or UID as ATTRIBUTE",
        )
    }
}

impl std::error::Error for TagNameError {}

fn of_name(field: &str, name: &X509Name<'_>) -> Vec<SessionTag> {
    let tags = ATTRIBUTES.into_iter().filter_map(|(attribute, oid)| {
        let of_kind = name.iter_attributes().filter(|it| *it.attr_type() == oid);
        let values: Vec<_> = of_kind.filter_map(distinguished_name::text).collect();
        (!values.is_empty()).then(|| SessionTag {
            name: TagName(format!("{field}/{attribute}")),
            value: values.join("/"),
        })
    });
    tags.collect()
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) => Some((*text).to_owned()),
        _ => None,
    }
}

fn uniform_resource_identifier(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(text) => Some((*text).to_owned()),
        _ => None,
    }
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. The vowel signs of some scripts, which are marks, count as letters here.
fn is_of_session_tags(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

/// The attributes that have a name by a standard (RFC 4514, section 3).
const ATTRIBUTES: [(&str, Oid<'static>); 9] = [
    ("CN", oid!(2.5.4.3)),
    ("L", oid!(2.5.4.7)),
    ("ST", oid!(2.5.4.8)),
    ("O", oid!(2.5.4.10)),
    ("OU", oid!(2.5.4.11)),
    ("C", oid!(2.5.4.6)),
    ("STREET", oid!(2.5.4.9)),
    ("DC", oid!(0.9.2342.19200300.100.1.25)),
    ("UID", oid!(0.9.2342.19200300.100.1.1)),
];

const VALUE_CHARACTERS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(value: &str) -> Option<TagFault> {
        let name = TagName::common_name();
        let value = value.to_owned();
        SessionTag { name, value }.fault()
    }

    #[test]
    fn characters_that_session_tags_refuse_are_found() {
        for value in [
            "",
            "a b_c.d:e/f=g+h-i@j",
            "Zürich 東京 ٣",
            "a\u{a0}b\u{3000}",
        ] {
            assert_eq!(fault(value), None, "{value}");
        }
        for character in "*,'()&!\"#$%;<>?[\\]^`{|}~\t\n\r\u{85}\u{0}\u{202e}\u{feff}€😀".chars()
        {
            let value = format!("a{character}b");
            assert_eq!(fault(&value), Some(TagFault::Character(character)));
        }
    }

    #[test]
    fn length_of_a_session_tag_is_limited() {
        assert_eq!(fault(&"é".repeat(256)), None);
        assert_eq!(fault(&"é".repeat(257)), Some(TagFault::TooLong(257)));
    }

    #[test]
    fn names_of_tags_are_known_in_any_case() {
        let name: TagName = "X509subject/cn".parse().unwrap();
        assert_eq!(name.as_str(), "x509Subject/CN");
        for name in [
            "x509SAN/DNS",
            "x509SAN/URI",
            "x509SAN/Name/CN",
            "x509Issuer/UID",
        ] {
            assert_eq!(name.parse::<TagName>().unwrap().as_str(), name);
        }
        for name in [
            "",
            "CN",
            "x509Subject",
            "x509Subject/",
            "x509SAN/CN",
            "x509Subject/*",
        ] {
            assert_eq!(name.parse::<TagName>(), Err(TagNameError), "{name}");
        }
    }
}
