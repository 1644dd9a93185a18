//! [`Pkcs11Uri`]: the name of a token and of an object on it
//! ([RFC 7512](https://www.rfc-editor.org/rfc/rfc7512)).
//!
//! A PIN in the text never gets into a message, also where the text is malformed.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::secret::Secret;
use crate::text::pin_value::PIN_VALUE_PLAIN;
use crate::text::pin_value::holds_pin;
use crate::text::pin_value::plain;

/// A `pkcs11:` URI. An attribute that is absent matches any value.
#[derive(Debug, Default)]
pub struct Pkcs11Uri {
    /// The text without its PIN.
    name: String,
    pub(super) token: TokenFilter,
    pub(super) object: ObjectFilter,
    pub(super) pin: Option<PinPlace>,
    holds_pin: bool,
    module_path: Option<PathBuf>,
    module_name: Option<String>,
}

/// Attributes of a token and of its slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TokenFilter {
    pub(super) token: Option<String>,
    pub(super) model: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot_description: Option<String>,
    pub(super) slot_manufacturer: Option<String>,
    pub(super) slot_id: Option<u64>,
}

impl TokenFilter {
    /// True if it asks for attributes of the slot.
    #[cfg(feature = "pkcs11")]
    pub(super) fn has_slot(&self) -> bool {
        self.slot_description.is_some() || self.slot_manufacturer.is_some()
    }
}

/// Attributes of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ObjectFilter {
    /// `CKA_LABEL`.
    pub(super) label: Option<Vec<u8>>,
    /// `CKA_ID`.
    pub(super) id: Option<Vec<u8>>,
}

/// A PIN, or the file that holds it.
#[derive(Debug)]
pub(super) enum PinPlace {
    Value(Secret<String>),
    File(PathBuf),
}

impl Pkcs11Uri {
    /// True if `text` is meant to be such a URI.
    pub fn is_uri(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads a URI. Attributes that are unknown or describe the library are passed over, as in the
    /// reference helper.
    pub fn parse(text: &str) -> Result<Self, Pkcs11UriError> {
        if text.len() > URI_BYTES_MAX {
            return Err(Pkcs11UriError::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(Pkcs11UriError::Scheme)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if plain(path).contains(&format!("{PIN_VALUE_PLAIN}=")) {
            return Err(Pkcs11UriError::PinInPath);
        }
        let mut uri = Self {
            name: Self::without_pin(text),
            holds_pin: query.is_some_and(|query| query.split('&').any(holds_pin)),
            ..Self::default()
        };
        for (name, value) in attributes(path, ';')? {
            uri.set_path_attribute(name, value)?;
        }
        for (name, value) in attributes(query.unwrap_or_default(), '&')? {
            uri.set_query_attribute(name, value)?;
        }
        Ok(uri)
    }

    /// The text of a URI, which may be malformed, without its PIN. What follows a PIN may be its end, so
    /// that no more is shown of a path, and only attributes that are known of a query.
    pub fn without_pin(text: &str) -> String {
        let (scheme, rest) = match text.strip_prefix(SCHEME) {
            Some(rest) => (SCHEME, rest),
            None => ("", text),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let is_shown = |part: &&str| !plain(part).contains(PIN_VALUE_PLAIN);
        let shown: Vec<&str> = path.split(';').take_while(is_shown).collect();
        let mut is_behind = !is_shown(&path);
        let query = query.split('&').filter(|part| {
            let is_pin = !is_shown(part);
            is_behind |= is_pin;
            match part.split_once('=') {
                Some((name, _)) => !is_pin && (!is_behind || QUERY_ATTRIBUTES.contains(&name)),
                // Without a name in front of it, it may be the end of a PIN.
                None => false,
            }
        });
        let query: Vec<&str> = query.collect();
        let path = shown.join(";");
        match query.as_slice() {
            [] => format!("{scheme}{path}"),
            query => format!("{scheme}{path}?{}", query.join("&")),
        }
    }

    /// True if the text holds a PIN, also where a name is not quite `pin-value`.
    pub(super) fn holds_pin(&self) -> bool {
        self.holds_pin
    }

    /// Equal for URIs that name the same object in the same words.
    pub(super) fn object_named(&self) -> String {
        format!("{:?} {:?}", self.token, self.object)
    }

    /// The URI for messages, without its PIN.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `module-path`.
    pub fn module_path(&self) -> Option<&Path> {
        self.module_path.as_deref()
    }

    /// The file of `pin-source`.
    pub fn pin_source(&self) -> Option<&Path> {
        match &self.pin {
            Some(PinPlace::File(path)) => Some(path),
            Some(PinPlace::Value(_)) | None => None,
        }
    }

    /// `module-name`.
    pub fn module_name(&self) -> Option<&str> {
        self.module_name.as_deref()
    }

    fn set_path_attribute(&mut self, name: &str, value: &str) -> Result<(), Pkcs11UriError> {
        let text = || text(name, value);
        let token = &mut self.token;
        match name {
            "token" => token.token = Some(text()?),
            "model" => token.model = Some(text()?),
            "manufacturer" => token.manufacturer = Some(text()?),
            "serial" => token.serial = Some(text()?),
            "slot-description" => token.slot_description = Some(text()?),
            "slot-manufacturer" => token.slot_manufacturer = Some(text()?),
            "slot-id" => token.slot_id = slot_id(&text()?)?,
            "object" => self.object.label = Some(bytes(name, value)?.into_owned()),
            "id" => self.object.id = Some(bytes(name, value)?.into_owned()),
            "type" if !OBJECT_TYPES.contains(&text()?.as_str()) => {
                return Err(Pkcs11UriError::Type);
            }
            _ => {
                bytes(name, value)?;
            }
        }
        Ok(())
    }

    fn set_query_attribute(&mut self, name: &str, value: &str) -> Result<(), Pkcs11UriError> {
        let text = || text(name, value);
        let pin = match name {
            PIN_VALUE => {
                // An empty one counts as none, as in the reference helper.
                let pin = Secret::new(text()?);
                (!pin.expose().is_empty()).then_some(PinPlace::Value(pin))
            }
            "pin-source" => Some(PinPlace::File(pin_file(&text()?)?)),
            "module-path" => {
                let path = PathBuf::from(text()?);
                if !path.has_root() {
                    return Err(Pkcs11UriError::ModulePath);
                }
                self.module_path = Some(path);
                return Ok(());
            }
            "module-name" => {
                let module = text()?;
                if module.is_empty() || module.contains(['/', '\\']) {
                    return Err(Pkcs11UriError::ModuleName);
                }
                self.module_name = Some(module);
                return Ok(());
            }
            _ => {
                bytes(name, value)?;
                return Ok(());
            }
        };
        match (&self.pin, pin) {
            (Some(_), Some(_)) => Err(Pkcs11UriError::TwoPins),
            (_, pin) => {
                self.pin = pin.or(self.pin.take());
                Ok(())
            }
        }
    }
}

/// Names and values, still encoded. An empty text has none.
fn attributes(text: &str, separator: char) -> Result<Vec<(&str, &str)>, Pkcs11UriError> {
    let mut attributes: Vec<(&str, &str)> = Vec::new();
    if text.is_empty() {
        return Ok(attributes);
    }
    for part in text.split(separator) {
        let (name, value) = part.split_once('=').ok_or(Pkcs11UriError::NoValue)?;
        if attributes.iter().any(|(other, _)| *other == name) {
            return Err(Pkcs11UriError::Repeated {
                attribute: shown(name),
            });
        }
        attributes.push((name, value));
    }
    Ok(attributes)
}

fn bytes<'a>(name: &str, value: &'a str) -> Result<Cow<'a, [u8]>, Pkcs11UriError> {
    let is_escape = |escape: &str| {
        let digits = escape.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    };
    match value.split('%').skip(1).all(is_escape) {
        true => Ok(percent_decode_str(value).into()),
        false => Err(Pkcs11UriError::PercentEscape {
            attribute: shown(name),
        }),
    }
}

fn text(name: &str, value: &str) -> Result<String, Pkcs11UriError> {
    let bytes = bytes(name, value)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Pkcs11UriError::NotUtf8 {
            attribute: shown(name),
        }),
    }
}

/// 0 stands for any slot, as in the reference helper.
fn slot_id(text: &str) -> Result<Option<u64>, Pkcs11UriError> {
    let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal {
        return Err(Pkcs11UriError::SlotId);
    }
    let number: u64 = text.parse().map_err(|_| Pkcs11UriError::SlotIdTooLarge)?;
    Ok(Some(number).filter(|number| *number != 0))
}

/// `file:/p`, `file:///p` or `/p`. A command (`|command`) is never run.
fn pin_file(text: &str) -> Result<PathBuf, Pkcs11UriError> {
    let path = text.strip_prefix("file:").unwrap_or(text);
    let path = Path::new(path.strip_prefix("//").unwrap_or(path));
    match path.has_root() {
        true => Ok(path.to_owned()),
        false => Err(Pkcs11UriError::PinSource),
    }
}

/// The name of an attribute that is known. Another may be part of a PIN.
fn shown(name: &str) -> String {
    let is_known = PATH_ATTRIBUTES.contains(&name) || QUERY_ATTRIBUTES.contains(&name);
    let name = if is_known { name } else { "..." };
    name.to_owned()
}

/// Text that is not a `pkcs11:` URI. No value is shown: it may be a PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs11UriError {
    /// It does not begin with `pkcs11:`.
    Scheme,
    /// It is longer than any URI.
    TooLong,
    /// A part has no `=`.
    NoValue,
    /// A `%` is not followed by two hexadecimal digits.
    PercentEscape {
        /// The attribute.
        attribute: String,
    },
    /// A value is not UTF-8 once it is decoded.
    NotUtf8 {
        /// The attribute.
        attribute: String,
    },
    /// An attribute stands twice.
    Repeated {
        /// The attribute.
        attribute: String,
    },
    /// `slot-id` is not a decimal number.
    SlotId,
    /// `slot-id` is larger than any.
    SlotIdTooLarge,
    /// `type` is not a class of objects.
    Type,
    /// `pin-value` stands before the `?`.
    PinInPath,
    /// It has both `pin-value` and `pin-source`.
    TwoPins,
    /// `pin-source` does not name a file by its whole path.
    PinSource,
    /// `module-path` is not a whole path.
    ModulePath,
    /// `module-name` is empty, or a path.
    ModuleName,
}

impl fmt::Display for Pkcs11UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("it does not begin with pkcs11:"),
            Self::TooLong => write!(f, "it has more than {URI_BYTES_MAX} bytes"),
            Self::NoValue => f.write_str(
                "a part of it has no \"=\": attributes are separated by \";\", after \"?\" by \"&\"",
            ),
            Self::PercentEscape { attribute } => write!(
                f,
                "in \"{attribute}\", a \"%\" is not followed by two hexadecimal digits; write \"%25\" \
                 for \"%\""
            ),
            Self::NotUtf8 { attribute } => write!(f, "\"{attribute}\" is not UTF-8"),
            Self::Repeated { attribute } => write!(f, "it has \"{attribute}\" twice"),
            Self::SlotId => f.write_str("\"slot-id\" is not a decimal number"),
            Self::SlotIdTooLarge => write!(f, "\"slot-id\" is larger than {}", u64::MAX),
            Self::Type => write!(f, "\"type\" is not one of {}", OBJECT_TYPES.join(", ")),
            Self::PinInPath => f.write_str("\"pin-value\" has to stand after a \"?\""),
            Self::TwoPins => f.write_str("it has both \"pin-value\" and \"pin-source\""),
            Self::PinSource => f.write_str(
                "\"pin-source\" is not the absolute path of a file, with or without \"file:\" before it",
            ),
            Self::ModulePath => f.write_str("\"module-path\" is not an absolute path"),
            Self::ModuleName => {
                f.write_str("\"module-name\" is empty or a path; \"module-path\" takes a path")
            }
        }
    }
}

impl std::error::Error for Pkcs11UriError {}

const SCHEME: &str = "pkcs11:";

const PIN_VALUE: &str = "pin-value";

const PATH_ATTRIBUTES: [&str; 10] = [
    "token",
    "model",
    "manufacturer",
    "serial",
    "slot-description",
    "slot-manufacturer",
    "slot-id",
    "object",
    "id",
    "type",
];

const QUERY_ATTRIBUTES: [&str; 4] = [PIN_VALUE, "pin-source", "module-path", "module-name"];

/// RFC 7512, 2.3. It selects nothing: a certificate's URI may be given for its key, and the reverse.
const OBJECT_TYPES: [&str; 5] = ["public", "private", "cert", "secret-key", "data"];

/// All attributes at their full lengths, with each byte escaped, take some 3000.
const URI_BYTES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_its_pin(
            text in "(pkcs11:)?([a-z=;&?%0-9-]|pin-value=|token=|id=|%4|.){0,40}",
        ) {
            let _ = Pkcs11Uri::parse(&text).map_err(|error| error.to_string());
            for separator in ['?', '&', ';'] {
                let with_pin = format!("{text}{separator}pin-value=97531");
                let name = Pkcs11Uri::without_pin(&with_pin);
                prop_assert!(!name.contains("pin-value"), "{name}");
            }
        }
    }

    fn parse(text: &str) -> Pkcs11Uri {
        Pkcs11Uri::parse(text).unwrap()
    }

    fn error(text: &str) -> Pkcs11UriError {
        Pkcs11Uri::parse(text).unwrap_err()
    }

    #[test]
    fn attributes_are_decoded_once() {
        let uri = parse("pkcs11:token=a%20b c;object=%c3%A9+é%2525;id=%00%ff;serial=1;model=m");
        assert_eq!(uri.token.token.as_deref(), Some("a b c"));
        assert_eq!(uri.token.serial.as_deref(), Some("1"));
        assert_eq!(uri.token.model.as_deref(), Some("m"));
        assert_eq!(uri.object.label.as_deref(), Some("é+é%25".as_bytes()));
        assert_eq!(uri.object.id.as_deref(), Some([0, 255].as_slice()));
        let uri = parse("pkcs11:manufacturer=x;slot-description=y;slot-manufacturer=z;slot-id=7");
        assert_eq!(uri.token.manufacturer.as_deref(), Some("x"));
        assert_eq!(uri.token.slot_description.as_deref(), Some("y"));
        assert_eq!(uri.token.slot_manufacturer.as_deref(), Some("z"));
        assert_eq!(uri.token.slot_id, Some(7));
    }

    #[test]
    fn path_may_be_empty() {
        for text in ["pkcs11:", "pkcs11:?pin-value=1", "pkcs11:?"] {
            assert_eq!(parse(text).token, TokenFilter::default(), "{text}");
        }
    }

    #[test]
    fn slot_0_is_any_slot() {
        assert_eq!(parse("pkcs11:slot-id=0").token.slot_id, None);
    }

    #[test]
    fn unknown_attributes_are_passed_over() {
        let uri = parse("pkcs11:library-version=3;Token=x;x-own=y?max-uri=1&x-more=2");
        assert_eq!(uri.token, TokenFilter::default());
        for kind in OBJECT_TYPES {
            assert_eq!(
                parse(&format!("pkcs11:type={kind}")).object,
                ObjectFilter::default()
            );
        }
    }

    #[test]
    fn query_names_pin_and_module() {
        let value = |text: &str| match parse(text).pin {
            Some(PinPlace::Value(pin)) => pin.expose().clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value("pkcs11:token=x?pin-value=1%3f2"), "1?2");
        assert!(parse("pkcs11:?pin-value=").pin.is_none());
        for source in ["file:/p%20q", "file:///p%20q", "/p%20q"] {
            match parse(&format!("pkcs11:?pin-source={source}")).pin {
                Some(PinPlace::File(path)) => assert_eq!(path, Path::new("/p q")),
                other => panic!("{other:?}"),
            }
        }
        let uri = parse("pkcs11:?module-path=/a/b.so&module-name=softhsm2");
        assert_eq!(uri.module_path(), Some(Path::new("/a/b.so")));
        assert_eq!(uri.module_name(), Some("softhsm2"));
    }

    #[test]
    fn malformed_uri_is_refused() {
        let repeated = |attribute: &str| Pkcs11UriError::Repeated {
            attribute: attribute.to_owned(),
        };
        let escape = |attribute: &str| Pkcs11UriError::PercentEscape {
            attribute: attribute.to_owned(),
        };
        let not_utf8 = Pkcs11UriError::NotUtf8 {
            attribute: "token".to_owned(),
        };
        for (text, expected) in [
            ("PKCS11:token=x", Pkcs11UriError::Scheme),
            ("pkcs11:token", Pkcs11UriError::NoValue),
            ("pkcs11:token=x;", Pkcs11UriError::NoValue),
            ("pkcs11:token=x;;id=%01", Pkcs11UriError::NoValue),
            ("pkcs11:?pin-value=1&", Pkcs11UriError::NoValue),
            ("pkcs11:token=%4", escape("token")),
            ("pkcs11:x-own=%zz", escape("...")),
            ("pkcs11:?pin-value=%", escape("pin-value")),
            ("pkcs11:token=%ff", not_utf8),
            ("pkcs11:token=x;token=x", repeated("token")),
            ("pkcs11:?pin-value=1&pin-value=1", repeated("pin-value")),
            ("pkcs11:slot-id=0x1", Pkcs11UriError::SlotId),
            ("pkcs11:slot-id=+1", Pkcs11UriError::SlotId),
            ("pkcs11:slot-id=", Pkcs11UriError::SlotId),
            (
                "pkcs11:slot-id=18446744073709551616",
                Pkcs11UriError::SlotIdTooLarge,
            ),
            ("pkcs11:pin-value=1", Pkcs11UriError::PinInPath),
            ("pkcs11:slot-id=x;Pin%2Dvalue=1", Pkcs11UriError::PinInPath),
            ("pkcs11:token=x&pin-value=1", Pkcs11UriError::PinInPath),
            ("pkcs11:type=certificate", Pkcs11UriError::Type),
            ("pkcs11:?pin-value=1&pin-source=/p", Pkcs11UriError::TwoPins),
            ("pkcs11:?pin-source=|echo 1", Pkcs11UriError::PinSource),
            ("pkcs11:?pin-source=pin", Pkcs11UriError::PinSource),
            ("pkcs11:?module-path=lib.so", Pkcs11UriError::ModulePath),
            ("pkcs11:?module-name=a/b", Pkcs11UriError::ModuleName),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        let long = format!("pkcs11:token={}", "x".repeat(URI_BYTES_MAX));
        assert_eq!(error(&long), Pkcs11UriError::TooLong);
    }

    #[test]
    fn similar_names_of_a_pin_count() {
        for name in [
            "pin-value",
            "PIN-VALUE",
            "pin%2dvalue",
            "pin_value",
            "%50in-value",
        ] {
            let text = format!("pkcs11:?module-name=m&{name}=1");
            assert!(parse(&text).holds_pin(), "{text}");
        }
        for text in [
            "pkcs11:?pin-value=",
            "pkcs11:object=my-pin-value",
            "pkcs11:?pin-source=/pin-value",
        ] {
            assert!(!parse(text).holds_pin(), "{text}");
        }
    }

    #[test]
    fn end_of_a_pin_is_in_no_error() {
        for text in [
            "pkcs11:?pin-value=1&RETPIN=%",
            "pkcs11:?pin-value=1&RETPIN=1&RETPIN=2",
        ] {
            let said = error(text).to_string();
            assert!(!said.contains("RETPIN"), "{said}");
        }
    }

    #[test]
    fn pin_is_not_in_the_name() {
        for (text, name) in [
            ("pkcs11:token=x?pin-value=9731", "pkcs11:token=x"),
            ("pkcs11:?pin-value=9731", "pkcs11:"),
            ("pkcs11:pin-value=9731", "pkcs11:"),
            ("pkcs11:token=x;pin-value=1;9731", "pkcs11:token=x"),
            ("pkcs11:token=x;pin-value=1;a=9731", "pkcs11:token=x"),
            ("pkcs11:token=x;pin-value=1?a=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?pin-value=1&a=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?pin_value=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?PIN-VALUE=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?%70in%2dvalue=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?pin%252dvalue=9731", "pkcs11:token=x"),
            ("pkcs11:token=x;pin-value=9731", "pkcs11:token=x"),
            ("pkcs11:token=x?pin-value=1&9731", "pkcs11:token=x"),
            ("pkcs11:token=x??pin-value=9731", "pkcs11:token=x"),
            (
                "pkcs11:token=x?pin-value=9731&module-name=m",
                "pkcs11:token=x?module-name=m",
            ),
        ] {
            assert_eq!(Pkcs11Uri::without_pin(text), name, "{text}");
            if let Ok(uri) = Pkcs11Uri::parse(text) {
                assert_eq!(uri.name(), name);
                assert!(!format!("{uri:?}").contains("9731"), "{uri:?}");
            }
        }
    }
}
