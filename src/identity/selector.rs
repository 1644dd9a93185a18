//! [`CertSelector`]: which of the certificates in a token or store is meant.
//!
//! What is accepted and refused is what the reference helper accepts and refuses, down to its oddities:
//! existing configurations hold such selectors. A name matches as a whole: byte for byte in the form of
//! [`distinguished_name::describe`], or relative name by relative name, as other tools write names. A
//! thumbprint is an addition.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use sha1::Digest;
use sha1::Sha1;
use sha2::Sha256;
use x509_parser::certificate::X509Certificate;
use x509_parser::x509::X509Name;

use crate::identity::distinguished_name;
use crate::identity::name_match;
use crate::text::Printable;

/// Required fields of a certificate; `None` matches any value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertSelector {
    /// Its subject, in the form of [`distinguished_name::describe`] or of another tool.
    pub subject: Option<String>,
    /// Its issuer, in such a form.
    pub issuer: Option<String>,
    /// Its serial number.
    pub serial_number: Option<SerialNumber>,
    /// The SHA-1 or SHA-256 of its DER.
    pub thumbprint: Option<Thumbprint>,
}

impl CertSelector {
    /// The file that a selector names as `file://PATH` rather than being one; its content is for
    /// [`CertSelector::from_json`].
    pub fn file_named_by(text: &str) -> Option<&Path> {
        text.strip_prefix("file://").map(Path::new)
    }

    /// Reads `Key=x509Subject,Value=CN=... Key=x509Issuer,Value=... Key=x509Serial,Value=...
    /// Key=x509Thumbprint,Value=...`, any of them. No text matches every certificate.
    ///
    /// A value ends before white space and the next `Key=`, or at the end, so a name that has `Key=`
    /// in it or ends in a space takes the JSON form. A `Key=` that is the end of the text is passed
    /// over.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        check_length(text.len())?;
        let mut fields = Fields::default();
        let mut rest = text;
        while !rest.is_empty() {
            let pair = Pair::at_start(rest).ok_or_else(|| SelectorError::Malformed {
                rest: rest.to_owned(),
            })?;
            fields.set(pair.key, pair.value)?;
            rest = pair.rest;
        }
        fields.read()
    }

    /// Reads `[{"Key":"x509Subject","Value":"CN=..."},..]`. The members' names are taken in any case,
    /// others are passed over; an absent value is an empty one.
    ///
    /// An empty list matches every certificate, and so do an empty subject and issuer.
    pub fn from_json(json: &[u8]) -> Result<Self, SelectorError> {
        check_length(json.len())?;
        let entries: Option<Vec<Option<Entry>>> =
            serde_json::from_slice(json).map_err(|error| SelectorError::Json {
                reason: error.to_string(),
            })?;
        let mut fields = Fields::default();
        for entry in entries.into_iter().flatten() {
            let entry = entry.unwrap_or_default();
            fields.set(&entry.key, &entry.value)?;
        }
        fields.read()
    }

    /// True if `certificate` has everything that the selector asks for.
    pub fn matches(&self, certificate: &X509Certificate<'_>) -> bool {
        let is_named = |text: &String, name: &X509Name<'_>| {
            *text == distinguished_name::describe(name) || name_match::names(text, name)
        };
        let is_subject = |text: &String| is_named(text, certificate.subject());
        let is_issuer = |text: &String| is_named(text, certificate.issuer());
        let is_serial_number =
            |number: &SerialNumber| *number == SerialNumber::from_octets(certificate.raw_serial());
        let is_thumbprint = |thumbprint: &Thumbprint| thumbprint.is_of(certificate.as_raw());
        self.serial_number.as_ref().is_none_or(is_serial_number)
            && self.thumbprint.as_ref().is_none_or(is_thumbprint)
            && self.subject.as_ref().is_none_or(is_subject)
            && self.issuer.as_ref().is_none_or(is_issuer)
    }
}

fn check_length(bytes: usize) -> Result<(), SelectorError> {
    match bytes <= SELECTOR_BYTES_MAX {
        true => Ok(()),
        false => Err(SelectorError::TooLong),
    }
}

/// A serial number as the reference helper writes it: upper-case hexadecimal without zeros in front.
///
/// One that a selector asks for may be anything, but what is not hexadecimal is not a certificate's.
/// (The reference takes the digits up to the first other character, so `15:D1` asks for 15.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialNumber(String);

impl SerialNumber {
    /// A number of a selector: hexadecimal digits of either case, perhaps with a `+` in front.
    pub fn from_hex(text: &str) -> Self {
        let text = text.trim_ascii();
        let digits = text.strip_prefix('+').unwrap_or(text);
        match is_hexadecimal(digits) {
            true => Self::from_digits(&digits.to_ascii_uppercase()),
            false => Self(text.to_owned()),
        }
    }

    /// The content of a certificate's INTEGER. A negative one, which RFC 5280, 4.1.2.2 forbids, is
    /// taken for the positive number with the same octets.
    pub fn from_octets(octets: &[u8]) -> Self {
        Self::from_digits(&hex::encode_upper(octets))
    }

    /// True if a certificate can have it.
    pub fn is_hexadecimal(&self) -> bool {
        is_hexadecimal(&self.0)
    }

    fn from_digits(digits: &str) -> Self {
        match digits.trim_start_matches('0') {
            "" => Self("0".to_owned()),
            digits => Self(digits.to_owned()),
        }
    }
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash that Windows and `openssl x509 -fingerprint` show of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbprint(Vec<u8>);

impl Thumbprint {
    /// Reads 40 or 64 hexadecimal digits, perhaps with colons or white space between them. Windows puts a
    /// character that is not shown in front when a thumbprint is copied from its dialog.
    fn from_hex(text: &str) -> Option<Self> {
        let is_between = |c: char| c == ':' || c == '\u{200e}' || c.is_whitespace();
        let digits: String = text.chars().filter(|c| !is_between(*c)).collect();
        let octets = hex::decode(digits).ok()?;
        [Sha1::output_size(), Sha256::output_size()]
            .contains(&octets.len())
            .then_some(Self(octets))
    }

    fn is_of(&self, der: &[u8]) -> bool {
        let Self(octets) = self;
        match octets.len() == Sha1::output_size() {
            true => octets.as_slice() == Sha1::digest(der).as_slice(),
            false => octets.as_slice() == Sha256::digest(der).as_slice(),
        }
    }
}

/// One `Key=...,Value=...` and what comes after it.
struct Pair<'a> {
    key: &'a str,
    value: &'a str,
    rest: &'a str,
}

impl<'a> Pair<'a> {
    /// Key and value have at least one character each, whichever it is, and no line breaks.
    fn at_start(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii_start().strip_prefix(KEY)?;
        let (key, text) = text.split_at_checked(find_after_first(text, VALUE)?)?;
        let text = text.strip_prefix(VALUE)?;
        let first = text.chars().next()?;
        let end = find_after_first(text, KEY).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        let value = match value.trim_ascii_end() {
            // White space is a value if it is all that there is.
            "" => value.get(..first.len_utf8())?,
            trimmed => trimmed,
        };
        let rest = if rest == KEY { "" } else { rest };
        let has_line_break = key.contains('\n') || value.contains('\n');
        (!has_line_break).then_some(Self { key, value, rest })
    }
}

/// Position of the first `pattern` in `text` that has something in front of it.
fn find_after_first(text: &str, pattern: &str) -> Option<usize> {
    let first = text.chars().next()?.len_utf8();
    Some(first + text.get(first..)?.find(pattern)?)
}

/// Fields set so far, also to nothing.
#[derive(Default)]
struct Fields {
    subject: Option<String>,
    issuer: Option<String>,
    serial_number: Option<String>,
    thumbprint: Option<String>,
}

impl Fields {
    fn set(&mut self, key: &str, value: &str) -> Result<(), SelectorError> {
        let (key, field) = match key {
            SUBJECT => (SUBJECT, &mut self.subject),
            ISSUER => (ISSUER, &mut self.issuer),
            SERIAL_NUMBER => (SERIAL_NUMBER, &mut self.serial_number),
            THUMBPRINT => (THUMBPRINT, &mut self.thumbprint),
            _ => {
                return Err(SelectorError::UnknownKey {
                    key: key.to_owned(),
                });
            }
        };
        match field.replace(value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(SelectorError::RepeatedKey { key }),
        }
    }

    fn read(self) -> Result<CertSelector, SelectorError> {
        let thumbprint = self
            .thumbprint
            .map(|text| Thumbprint::from_hex(&text).ok_or(SelectorError::Thumbprint { text }));
        Ok(CertSelector {
            subject: self.subject.filter(|name| !name.is_empty()),
            issuer: self.issuer.filter(|name| !name.is_empty()),
            serial_number: self.serial_number.map(|text| SerialNumber::from_hex(&text)),
            thumbprint: thumbprint.transpose()?,
        })
    }
}

/// One entry of the JSON form. Of several members with the same name, the last counts.
#[derive(Default)]
struct Entry {
    key: String,
    value: String,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"Key\" and \"Value\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entry, A::Error> {
        let mut entry = Entry::default();
        while let Some(name) = members.next_key::<String>()? {
            let field = match name.to_ascii_lowercase().as_str() {
                "key" => &mut entry.key,
                "value" => &mut entry.value,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Some(text) = members.next_value::<Option<String>>()? {
                *field = text;
            }
        }
        Ok(entry)
    }
}

/// Text that is not a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectorError {
    /// It is longer than any selector.
    TooLong,
    /// It does not continue with `Key=...,Value=...`.
    Malformed {
        /// Text found instead.
        rest: String,
    },
    /// It is not JSON, or not a list of keys and values.
    Json {
        /// The fault and its position.
        reason: String,
    },
    /// Nothing of a certificate has this name.
    UnknownKey {
        /// The name.
        key: String,
    },
    /// It is not a certificate's thumbprint.
    Thumbprint {
        /// The text.
        text: String,
    },
    /// Something is asked for twice.
    RepeatedKey {
        /// Its name.
        key: &'static str,
    },
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a selector has at most {SELECTOR_BYTES_MAX} bytes"),
            Self::Malformed { rest } => write!(
                f,
                "the selector does not go on with {KEY}...{VALUE}... at \"{}\"",
                shown(rest)
            ),
            Self::Json { reason } => write!(
                f,
                "the selector is not a json list of keys and values: {}",
                shown(reason)
            ),
            Self::UnknownKey { key } => write!(
                f,
                "the selector's key \"{}\" is not one of {SUBJECT}, {ISSUER}, {SERIAL_NUMBER} and \
                 {THUMBPRINT}",
                shown(key)
            ),
            Self::Thumbprint { text } => write!(
                f,
                "\"{}\" is not a thumbprint, 40 hexadecimal digits (SHA-1) or 64 (SHA-256)",
                shown(text)
            ),
            Self::RepeatedKey { key } => write!(f, "the selector has the key {key} twice"),
        }
    }
}

impl std::error::Error for SelectorError {}

fn shown(text: &str) -> Printable<'_> {
    Printable::new(text, SHOWN_CHARACTERS_MAX)
}

const KEY: &str = "Key=";
const VALUE: &str = ",Value=";

const SUBJECT: &str = "x509Subject";
const ISSUER: &str = "x509Issuer";
const SERIAL_NUMBER: &str = "x509Serial";
const THUMBPRINT: &str = "x509Thumbprint";

/// Two names of certificates as long as certificates get, and then some.
pub const SELECTOR_BYTES_MAX: usize = 64 * 1024;

const SHOWN_CHARACTERS_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;
    use x509_parser::prelude::FromDer;
    use x509_parser::x509::X509Name;

    use super::*;
    use crate::identity::certificate;
    use crate::identity::files::pem;

    fn selector(subject: &str, issuer: &str, serial_number: &str) -> CertSelector {
        Fields {
            subject: Some(subject.to_owned()),
            issuer: Some(issuer.to_owned()),
            serial_number: Some(serial_number.to_owned()).filter(|text| !text.is_empty()),
            thumbprint: None,
        }
        .read()
        .unwrap()
    }

    fn malformed(rest: &str) -> SelectorError {
        SelectorError::Malformed {
            rest: rest.to_owned(),
        }
    }

    fn unknown(key: &str) -> SelectorError {
        SelectorError::UnknownKey {
            key: key.to_owned(),
        }
    }

    /// Each `selector-*` case of `fixtures/vectors/cli` and the reference's result; where it accepted
    /// the selector, it reported that Linux has no certificate store.
    fn cases() -> Vec<(&'static str, Result<CertSelector, SelectorError>)> {
        let json = |reason: &str| {
            Err(SelectorError::Json {
                reason: reason.to_owned(),
            })
        };
        let repeated = || Err(SelectorError::RepeatedKey { key: SUBJECT });
        let column = "line 1 column";
        vec![
            ("bad-key", Err(unknown("nosuch"))),
            ("bad-serial", Ok(selector("", "", "zz"))),
            ("empty-value", Err(malformed("Key=x509Subject,Value="))),
            ("file-bad-key", Err(unknown("nosuch"))),
            ("file-empty-list", Ok(CertSelector::default())),
            ("file-good", Ok(selector("CN=x", "", "15D1"))),
            ("file-lower-case-names", Ok(selector("CN=x", "", ""))),
            (
                "file-not-json",
                json(&format!("expected value at {column} 1")),
            ),
            (
                "file-number",
                json(&format!(
                    "invalid type: integer `15`, expected a string at {column} 31"
                )),
            ),
            (
                "file-object",
                json(&format!(
                    "invalid type: map, expected a sequence at {column} 0"
                )),
            ),
            ("file-repeated-key", repeated()),
            ("garbage", Err(malformed("laksdjadf"))),
            ("good-then-garbage", Ok(selector("CN=x", "", ""))),
            ("good", Ok(selector("CN=x", "CN=y", "15D1"))),
            (
                "leading-text",
                Err(malformed("asdf Key=x509Subject,Value=Test")),
            ),
            ("lower-case", Err(malformed("key=x509Subject,value=x"))),
            ("no-comma", Err(malformed("Key=x509SubjectValue=x"))),
            ("no-value", Err(malformed("Key=x509Subject"))),
            ("repeated-key", repeated()),
            (
                "spaces-after-comma",
                Err(malformed("Key=x509Subject, Value=x")),
            ),
            ("spaces", Ok(selector("CN=a b  ,O=c", "", ""))),
        ]
    }

    /// The selector of a case, read; `None` where its file is absent, which is not ours to notice.
    fn read(case: &Value) -> Option<Result<CertSelector, SelectorError>> {
        let arguments = case["args"].as_array().unwrap();
        let flag = arguments.iter().position(|a| a == "--cert-selector");
        let text = arguments[flag.unwrap() + 1].as_str().unwrap();
        let Some(path) = CertSelector::file_named_by(text) else {
            return Some(CertSelector::parse(text));
        };
        let files = case["files"].as_array()?;
        let file = files
            .iter()
            .find(|file| path == PathBuf::from("{TMP}").join(file["path"].as_str().unwrap()))?;
        let content = file["text"].as_str().unwrap();
        Some(CertSelector::from_json(content.as_bytes()))
    }

    #[test]
    fn vectors_are_accepted_and_refused_as_by_the_reference() {
        let cases = cases();
        let mut count = 0;
        for file in fs::read_dir("fixtures/vectors/cli").unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let Some(name) = name.strip_prefix("selector-") else {
                continue;
            };
            let case: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let Some(found) = read(&case) else {
                assert_eq!(name, "file-absent");
                continue;
            };
            let expected = cases.iter().find(|(case, _)| *case == name);
            assert_eq!(Some(&found), expected.map(|(_, result)| result), "{name}");
            let message = found.map_or_else(|error| error.to_string(), |_| "selector".to_owned());
            for word in case["expect"]["stderr_words"]
                .as_array()
                .into_iter()
                .flatten()
            {
                assert!(
                    message.contains(word.as_str().unwrap()),
                    "{name}: {message}"
                );
            }
            count += 1;
        }
        assert_eq!(count, cases.len());
    }

    // The cases below were compared with the reference's regular expression and with Go's JSON.

    #[test]
    fn value_ends_at_the_next_key() {
        let parse = |text: &str| CertSelector::parse(text);
        let cut = parse("Key=x509Subject,Value=CN=MonKey=y");
        assert_eq!(cut, Err(malformed("Key=y")));
        let joined = parse("Key=x509Subject,Value=aKey=x509Serial,Value=0f");
        assert_eq!(joined, Ok(selector("a", "", "F")));
        let space = parse("Key=x509Subject,Value= \t Key=x509Issuer,Value= b");
        assert_eq!(space, Ok(selector(" ", " b", "")));
        assert_eq!(
            parse("Key=x509Subject,Value=Key="),
            Ok(selector("Key=", "", ""))
        );
    }

    #[test]
    fn line_break_belongs_to_no_value() {
        let text = "Key=x509Subject,Value=a\nb";
        assert_eq!(CertSelector::parse(text), Err(malformed(text)));
        let text = "Key=x509Subject,Value=a\nKey=x509Issuer,Value=b\n";
        assert_eq!(CertSelector::parse(text), Ok(selector("a", "b", "")));
    }

    #[test]
    fn no_text_matches_everything_but_white_space_is_none() {
        assert_eq!(CertSelector::parse(""), Ok(CertSelector::default()));
        assert_eq!(CertSelector::parse(" "), Err(malformed(" ")));
        assert_eq!(CertSelector::parse("Key="), Err(malformed("Key=")));
    }

    #[test]
    fn json_is_read_as_leniently_as_by_the_reference() {
        let accepted = [
            ("null", CertSelector::default()),
            (
                r#" [{"kEY":"x509Issuer","VALUE":"a","More":[{}]}] "#,
                selector("", "a", ""),
            ),
            (r#"[{"Key":"x509Subject"}]"#, CertSelector::default()),
            (
                r#"[{"Key":"x509Subject","Value":"a","Value":null}]"#,
                selector("a", "", ""),
            ),
            (
                r#"[{"Key":"a","Key":"x509Subject","Value":"b"}]"#,
                selector("b", "", ""),
            ),
            (
                r#"[{"Key":"x509Serial","Value":" 0f "}]"#,
                selector("", "", "F"),
            ),
        ];
        for (json, expected) in accepted {
            assert_eq!(
                CertSelector::from_json(json.as_bytes()),
                Ok(expected),
                "{json}"
            );
        }
        for json in ["[null]", "[{}]", r#"[{"Key":null}]"#] {
            assert_eq!(
                CertSelector::from_json(json.as_bytes()),
                Err(unknown("")),
                "{json}"
            );
        }
        for json in [
            "",
            "[",
            "[] x",
            "[[]]",
            "{}",
            r#"["x509Subject"]"#,
            "\u{feff}[]",
        ] {
            let found = CertSelector::from_json(json.as_bytes());
            assert!(matches!(found, Err(SelectorError::Json { .. })), "{json}");
        }
        let twice = br#"[{"Key":"x509Subject"},{"Key":"x509Subject"}]"#;
        let repeated = SelectorError::RepeatedKey { key: SUBJECT };
        assert_eq!(CertSelector::from_json(twice), Err(repeated));
    }

    #[test]
    fn long_text_is_refused_before_it_is_read() {
        let text = format!("Key={SUBJECT},Value={}", "a".repeat(SELECTOR_BYTES_MAX));
        assert_eq!(CertSelector::parse(&text), Err(SelectorError::TooLong));
        let found = CertSelector::from_json(text.as_bytes());
        assert_eq!(found, Err(SelectorError::TooLong));
    }

    #[test]
    fn error_shows_its_cause_in_one_line() {
        let error = CertSelector::parse("a\u{1b}[2J\nb").unwrap_err();
        let message = error.to_string();
        assert!(message.ends_with("at \"a\\u{1b}[2J\\u{a}b\""), "{message}");
        let error = CertSelector::parse(&format!("Key={},Value=a", "k".repeat(4000))).unwrap_err();
        assert!(error.to_string().len() < 250);
    }

    #[test]
    fn serial_numbers_are_compared_as_numbers() {
        let number = |octets: &[u8]| SerialNumber::from_octets(octets);
        assert_eq!(SerialNumber::from_hex("00fF"), number(&[0, 0xff]));
        assert_eq!(SerialNumber::from_hex(" +f "), number(&[15]));
        assert_eq!(SerialNumber::from_hex("000"), number(&[0]));
        assert_eq!(number(&[0, 0x8a, 0x0b]).to_string(), "8A0B");
        for text in ["", "zz", "0x15", "15:D1", "-5", "++5", "1 5"] {
            assert!(!SerialNumber::from_hex(text).is_hexadecimal(), "{text}");
        }
        assert_ne!(SerialNumber::from_hex(""), number(&[]));
    }

    fn fixture(name: &str) -> Vec<u8> {
        let file = fs::read(format!("fixtures/vectors/pki/{name}.crt")).unwrap();
        let block = pem::read_blocks(&file).remove(0).unwrap();
        block.der.expose().clone()
    }

    #[test]
    fn all_that_is_asked_for_has_to_match() {
        let der = fixture("serial-128");
        let certificate = certificate::parse(&der).unwrap();
        let subject = "CN=widget serial-128,O=Example Widgets,C=US";
        let issuer = "CN=widget root,O=Example Widgets,C=US";
        let matches = |selector: CertSelector| selector.matches(&certificate);
        assert!(matches(CertSelector::default()));
        assert!(matches(selector(subject, issuer, "0080")));
        assert!(!matches(selector(issuer, issuer, "80")));
        assert!(!matches(selector(subject, subject, "80")));
        assert!(!matches(selector(subject, issuer, "81")));
        assert!(!matches(selector(subject, issuer, "zz")));
        assert!(!matches(selector("CN=widget serial-128", "", "")));
        assert!(!matches(selector(&subject.to_lowercase(), "", "")));
    }

    #[test]
    fn thumbprint_is_sha1_or_sha256_of_the_certificate() {
        let der = fixture("serial-128");
        let certificate = certificate::parse(&der).unwrap();
        let selector =
            |thumbprint: &str| CertSelector::parse(&format!("Key={THUMBPRINT},Value={thumbprint}"));
        let sha1 = hex::encode_upper(Sha1::digest(&der));
        let pairs: Vec<&str> = sha1
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .collect();
        for text in [
            sha1.clone(),
            sha1.to_lowercase(),
            pairs.join(":"),
            format!("\u{200e}{}", pairs.join(" ")),
            hex::encode(Sha256::digest(&der)),
        ] {
            assert!(selector(&text).unwrap().matches(&certificate), "{text}");
        }
        assert!(!selector(&"0".repeat(40)).unwrap().matches(&certificate));
        for text in ["00", "zz", &sha1[1..]] {
            let refused = SelectorError::Thumbprint {
                text: text.to_owned(),
            };
            assert_eq!(selector(text), Err(refused));
        }
    }

    #[test]
    fn name_of_another_tool_matches() {
        let der = fixture("serial-128");
        let certificate = certificate::parse(&der).unwrap();
        let subject = "C = US, O = Example Widgets, CN = widget serial-128";
        assert!(selector(subject, "", "").matches(&certificate));
        let issuer = "C=US,O=Example Widgets,CN=widget root";
        assert!(selector("", issuer, "").matches(&certificate));
        assert!(!selector(issuer, "", "").matches(&certificate));
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let length = match (high, low) {
            (0, 0..0x80) => vec![low],
            (0, _) => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag], length.as_slice(), content].concat()
    }

    /// DER of a name with attributes of `2.5.4.n`.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![
            "[ #,+\\\\a=]{0,4}",
            "(a|Key=|,Value=| |\n){0,4}",
            any::<String>()
        ];
        let tag = prop::sample::select(vec![0x0c, 0x13, 0x14, 0x16, 0x1e, 2, 4]);
        let attribute = (2u8..20, tag, text).prop_map(|(arc, tag, text)| {
            let assertion = [tlv(6, &[0x55, 4, arc]), tlv(tag, text.as_bytes())];
            tlv(0x31, &tlv(0x30, &assertion.concat()))
        });
        prop::collection::vec(attribute, 0..6).prop_map(|rdns| tlv(0x30, &rdns.concat()))
    }

    proptest! {
        #[test]
        fn selector_made_of_a_name_finds_its_certificate(name in name()) {
            let der = fixture("serial-20-octets");
            let mut certificate = certificate::parse(&der).unwrap();
            let Ok((_, name)) = X509Name::from_der(&name) else {
                return Ok(());
            };
            certificate.tbs_certificate.subject = name;
            let subject = distinguished_name::describe(certificate.subject());
            let issuer = distinguished_name::describe(certificate.issuer());
            let serial_number = SerialNumber::from_octets(certificate.raw_serial()).to_string();

            let json = json!([
                {"Key": SUBJECT, "Value": subject},
                {"Key": ISSUER, "Value": issuer},
                {"Key": SERIAL_NUMBER, "Value": serial_number},
            ]);
            let found = CertSelector::from_json(json.to_string().as_bytes()).unwrap();
            prop_assert!(found.matches(&certificate));

            let is_inline = !subject.is_empty()
                && !subject.ends_with(|c: char| c.is_ascii_whitespace())
                && !subject.contains('\n')
                && !subject.contains(KEY);
            if is_inline {
                let text = format!("Key={ISSUER},Value={issuer} Key={SUBJECT},Value={subject}");
                let found = CertSelector::parse(&text).unwrap();
                prop_assert_eq!(found.subject.as_ref(), Some(&subject));
                prop_assert!(found.matches(&certificate));
            }

            if !subject.is_empty() {
                let other = CertSelector { subject: Some(subject + "x"), ..found };
                prop_assert!(!other.matches(&certificate));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(
            text in prop_oneof![
                any::<String>(),
                "(Key=|x509Subject|x509Serial|,Value=|,| |\t|é|\n){0,12}",
            ],
        ) {
            let _ = CertSelector::parse(&text).map_err(|error| error.to_string());
        }

        #[test]
        fn any_bytes_are_read_or_refused_as_json(
            json in prop_oneof![
                any::<Vec<u8>>(),
                r#"(\[|\]|\{|\}|"Key"|"Value"|"x509Serial"|:|,|null|1){0,12}"#.prop_map(String::into),
            ],
        ) {
            let _ = CertSelector::from_json(&json).map_err(|error| error.to_string());
        }
    }
}
