//! [`describe`]: a distinguished name (RFC 5280, 4.1.2.4) as the reference helper writes it. Selectors
//! in existing configurations hold such names, so every byte counts.
//!
//! Only the escapes are RFC 2253's. Attributes are regrouped in a fixed order, one group for each kind
//! with a name; all others come last, in reverse order, with their values in hexadecimal.

use std::borrow::Cow;

use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::der_parser::asn1_rs::Class;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::der_parser::asn1_rs::ToDer;
use x509_parser::x509::AttributeTypeAndValue;
use x509_parser::x509::X509Name;

/// The name as one line of text, if there are no line breaks in its values: control characters are
/// not escaped, so show it through [`Printable`](crate::text::Printable).
///
/// A value that is not in its type's encoding is written as `#` and the hexadecimal DER of it. The
/// reference reads no certificate with such a value, nor with an attribute type that has an arc of
/// more than 31 bits; one of more than 64 is written in hexadecimal here.
pub fn describe(name: &X509Name<'_>) -> String {
    let named = NAMED.iter().filter_map(|kind| kind.group(name));
    let mut others: Vec<String> = name
        .iter_attributes()
        .filter(|attribute| !NAMED.iter().any(|kind| kind.is_of(attribute)))
        .map(other)
        .collect();
    others.reverse();
    named.chain(others).collect::<Vec<String>>().join(",")
}

/// The value of an attribute, if that is a string in its type's encoding.
pub(crate) fn text<'a>(attribute: &AttributeTypeAndValue<'a>) -> Option<Cow<'a, str>> {
    match Value::read(attribute.attr_value()) {
        Value::Text(text) => Some(text),
        Value::Garbled(_) | Value::Null | Value::Other(_) => None,
    }
}

/// A kind of attribute that has a name.
struct Named {
    name: &'static str,
    /// `n` in `2.5.4.n` (X.520, the attribute types of `id-at`).
    arc: u8,
    repeats: Repeats,
}

/// Treatment of several attributes of one kind.
enum Repeats {
    /// All are written, joined by `+`.
    Joined,
    /// The last one is, and not even that if it is empty.
    LastOnly,
}

impl Named {
    const fn new(name: &'static str, arc: u8, repeats: Repeats) -> Self {
        Self { name, arc, repeats }
    }

    fn is_of(&self, attribute: &AttributeTypeAndValue<'_>) -> bool {
        attribute.attr_type().as_bytes() == [0x55, 4, self.arc]
    }

    /// Values that are not strings (an INTEGER, also a `UniversalString`) count as absent.
    fn group(&self, name: &X509Name<'_>) -> Option<String> {
        let texts = name
            .iter_attributes()
            .filter(|attribute| self.is_of(attribute))
            .filter_map(|attribute| match Value::read(attribute.attr_value()) {
                Value::Text(text) => Some(escape(&text)),
                Value::Garbled(der) => Some(hexadecimal(&der)),
                Value::Null | Value::Other(_) => None,
            });
        let texts: Vec<String> = match self.repeats {
            Repeats::Joined => texts.collect(),
            Repeats::LastOnly => texts
                .last()
                .filter(|text| !text.is_empty())
                .into_iter()
                .collect(),
        };
        let assertions: Vec<String> = texts
            .iter()
            .map(|text| format!("{}={text}", self.name))
            .collect();
        (!assertions.is_empty()).then(|| assertions.join("+"))
    }
}

/// An attribute without a name: its type in dotted form and its value as DER. A string's type is
/// chosen again: `PrintableString` where its characters allow, else `UTF8String`.
fn other(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = match Value::read(attribute.attr_value()) {
        Value::Text(text) => {
            let tag = match text.bytes().all(is_printable_string) {
                true => Tag::PrintableString,
                false => Tag::Utf8String,
            };
            hexadecimal(&der(&Any::from_tag_and_data(tag, text.as_bytes())))
        }
        Value::Garbled(der) | Value::Other(der) => hexadecimal(&der),
        // Go's text for a missing value, escaped.
        Value::Null => "\\<nil\\>".to_owned(),
    };
    let oid = attribute.attr_type().as_bytes();
    let oid = dotted(oid).unwrap_or_else(|| hex::encode(oid));
    format!("{oid}={value}")
}

fn hexadecimal(der: &[u8]) -> String {
    format!("#{}", hex::encode(der))
}

/// RFC 2253, 2.4; it leaves control characters alone.
fn escape(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        let is_special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => index == 0 || index == last,
            '#' => index == 0,
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// `1.2.3`, or `None` for an arc of more than 64 bits and one that has no end (X.690, 8.19).
fn dotted(oid: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut arc = 0_u64;
    for octet in oid {
        arc = arc.checked_mul(0x80)? | u64::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            // The first two arcs are one number, 40 for each of the first; there are three of those.
            let root = (arc / 40).min(2);
            text = format!("{root}.{}", arc - 40 * root);
        } else {
            text += &format!(".{arc}");
        }
        arc = 0;
    }
    oid.last()
        .is_some_and(|octet| octet & 0x80 == 0)
        .then_some(text)
}

/// An attribute's value, as far as its string depends on it.
enum Value<'a> {
    Text(Cow<'a, str>),
    /// DER with the tag of a string whose content is not in that string's encoding.
    Garbled(Vec<u8>),
    Null,
    /// DER of anything else.
    Other(Vec<u8>),
}

impl<'a> Value<'a> {
    fn read(value: &Any<'a>) -> Self {
        if value.class() != Class::Universal || value.header.is_constructed() {
            return Self::Other(der(value));
        }
        let text = match value.tag() {
            Tag::Utf8String => utf8(value.data),
            // Not all of ASCII is allowed in these, but everything is found in them.
            Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
                utf8(value.data).filter(|text| text.is_ascii())
            }
            // In the field, T.61 is Latin-1.
            Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
            Tag::BmpString => basic_multilingual_plane(value.data).map(Cow::Owned),
            Tag::Null => return Self::Null,
            Tag::UtcTime | Tag::GeneralizedTime => return Self::Other(time(value)),
            _ => return Self::Other(der(value)),
        };
        match text {
            Some(text) => Self::Text(text),
            None => Self::Garbled(der(value)),
        }
    }
}

fn utf8(octets: &[u8]) -> Option<Cow<'_, str>> {
    std::str::from_utf8(octets).ok().map(Cow::Borrowed)
}

/// Two octets for each character, and perhaps two zeros at the end. Neither surrogates nor what
/// Unicode will never assign are characters.
fn basic_multilingual_plane(octets: &[u8]) -> Option<String> {
    let (pairs, []) = octets.as_chunks::<2>() else {
        return None;
    };
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    pairs
        .iter()
        .map(|pair| match u16::from_be_bytes(*pair) {
            0xfdd0..=0xfdef | 0xfffe..=0xffff => None,
            unit => char::from_u32(unit.into()),
        })
        .collect()
}

/// DER of a time as RFC 5280, 4.1.2.5 wants it: `UTCTime` for the years 1950 to 2049, with seconds.
fn time(value: &Any<'_>) -> Vec<u8> {
    match (value.tag(), value.data) {
        (Tag::GeneralizedTime, [b'1', b'9', b'5'..=b'9', ..] | [b'2', b'0', b'0'..=b'4', ..]) => {
            let (_, short) = value.data.split_at(2);
            der(&Any::from_tag_and_data(Tag::UtcTime, short))
        }
        (Tag::UtcTime, data) if data.iter().take_while(|o| o.is_ascii_digit()).count() == 10 => {
            let (minutes, zone) = data.split_at(10);
            let with_seconds = [minutes, b"00", zone].concat();
            der(&Any::from_tag_and_data(Tag::UtcTime, &with_seconds))
        }
        _ => der(value),
    }
}

fn der(value: &Any<'_>) -> Vec<u8> {
    // Writing to memory does not fail.
    value.to_der_vec().unwrap_or_default()
}

/// X.680, 41.4.
fn is_printable_string(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// In the order in which they are written.
const NAMED: [Named; 9] = [
    Named::new("SERIALNUMBER", 5, Repeats::LastOnly),
    Named::new("CN", 3, Repeats::LastOnly),
    Named::new("OU", 11, Repeats::Joined),
    Named::new("O", 10, Repeats::Joined),
    Named::new("POSTALCODE", 17, Repeats::Joined),
    Named::new("STREET", 9, Repeats::Joined),
    Named::new("L", 7, Repeats::Joined),
    Named::new("ST", 8, Repeats::Joined),
    Named::new("C", 6, Repeats::Joined),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use ring::digest;
    use serde_json::Value as Json;
    use x509_parser::prelude::FromDer;

    use super::*;
    use crate::identity::certificate;
    use crate::identity::files::pem;
    use crate::identity::selector::SerialNumber;

    #[test]
    fn vectors_are_described_as_the_reference_describes_them() {
        let mut count = 0;
        for file in fs::read_dir("fixtures/vectors/names").unwrap() {
            let path = file.unwrap().path();
            let case: Json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let text = |field: &str| case[field].as_str().unwrap();
            let file = fs::read(format!("fixtures/vectors/{}", text("certificate"))).unwrap();
            let block = pem::read_blocks(&file).remove(0).unwrap();
            let der = block.der.expose();
            let certificate = certificate::parse(der).unwrap();

            let at = path.display();
            let serial_number = SerialNumber::from_octets(certificate.raw_serial());
            let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
            assert_eq!(describe(certificate.subject()), text("subject"), "{at}");
            assert_eq!(describe(certificate.issuer()), text("issuer"), "{at}");
            assert_eq!(serial_number.to_string(), text("serial_hex"), "{at}");
            assert_eq!(hex::encode(sha1), text("fingerprint_sha1"), "{at}");
            count += 1;
        }
        assert_eq!(count, 11);
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let length = match length {
            [0, short @ 0..0x80] => vec![short],
            [0, octet] => vec![0x81, octet],
            [high, low] => vec![0x82, high, low],
        };
        [&[tag], length.as_slice(), content].concat()
    }

    /// A name of attributes, each in its own RDN: the content of its type, the tag and content of its
    /// value.
    fn name_of(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let rdns: Vec<u8> = attributes
            .iter()
            .flat_map(|(oid, tag, content)| {
                let attribute = [tlv(6, oid), tlv(*tag, content)].concat();
                tlv(0x31, &tlv(0x30, &attribute))
            })
            .collect();
        tlv(0x30, &rdns)
    }

    fn describe_der(der: &[u8]) -> String {
        describe(&X509Name::from_der(der).unwrap().1)
    }

    fn value(oid: &[u8], tag: u8, content: &[u8]) -> String {
        describe_der(&name_of(&[(oid, tag, content)]))
    }

    const CN: &[u8] = &[0x55, 4, 3];
    const OU: &[u8] = &[0x55, 4, 11];
    const PRIVATE: &[u8] = &[0x2a, 3];

    #[test]
    fn wrongly_encoded_value_is_written_as_der() {
        assert_eq!(value(CN, 0x0c, b"a\xff"), "CN=#0c0261ff");
        assert_eq!(value(CN, 0x16, b"\xe9"), "CN=#1601e9");
        for bmp in [&b"\x00"[..], b"\xd8\x00", b"\xff\xfe", b"\xfd\xd0"] {
            let expected = format!("CN=#{}", hex::encode(tlv(0x1e, bmp)));
            assert_eq!(value(CN, 0x1e, bmp), expected);
        }
        assert_eq!(value(CN, 0x0c, b"#0c0261ff"), "CN=\\#0c0261ff");
    }

    // The cases below were compared with Go 1.26, whose `pkix.Name.String` the reference calls.

    #[test]
    fn every_string_type_is_decoded() {
        assert_eq!(value(CN, 0x0c, "ü☃".as_bytes()), "CN=ü☃");
        assert_eq!(value(CN, 0x13, b"a*b&c"), "CN=a*b&c");
        assert_eq!(value(CN, 0x16, b"a@b"), "CN=a@b");
        assert_eq!(value(CN, 0x12, b"12 3"), "CN=12 3");
        assert_eq!(value(CN, 0x14, b"M\xfcller"), "CN=Müller");
        assert_eq!(value(CN, 0x1e, b"\x26\x03\x00x\x00\x00"), "CN=☃x");
    }

    #[test]
    fn named_value_that_is_no_string_is_left_out() {
        assert_eq!(value(CN, 2, &[1]), "");
        assert_eq!(value(CN, 5, &[]), "");
        assert_eq!(value(CN, 0x1c, b"\x00\x00\x00a"), "");
        assert_eq!(value(CN, 0x8c, b"a"), "");
    }

    #[test]
    fn last_common_name_counts_even_if_it_is_empty() {
        assert_eq!(value(OU, 0x0c, b""), "OU=");
        let name = name_of(&[(CN, 0x0c, b"a"), (OU, 0x0c, b"b"), (CN, 0x0c, b"")]);
        assert_eq!(describe_der(&name), "OU=b");
        let name = name_of(&[(CN, 0x0c, b"a"), (OU, 0x0c, b"b"), (CN, 2, &[1])]);
        assert_eq!(describe_der(&name), "CN=a,OU=b");
    }

    #[test]
    fn string_of_an_unnamed_attribute_gets_another_type() {
        assert_eq!(value(PRIVATE, 0x16, b"ab"), "1.2.3=#13026162");
        assert_eq!(value(PRIVATE, 0x1e, b"\x00a"), "1.2.3=#130161");
        assert_eq!(value(PRIVATE, 0x13, b"*"), "1.2.3=#0c012a");
        assert_eq!(value(PRIVATE, 0x1c, b"\0\0\0a"), "1.2.3=#1c0400000061");
        let long = [b'a'; 300];
        let expected = format!("1.2.3=#1382012c{}", "61".repeat(300));
        assert_eq!(value(PRIVATE, 0x0c, &long), expected);
    }

    #[test]
    fn other_values_of_an_unnamed_attribute_are_der() {
        assert_eq!(value(PRIVATE, 2, &[0x80]), "1.2.3=#020180");
        assert_eq!(value(PRIVATE, 5, &[]), "1.2.3=\\<nil\\>");
        assert_eq!(value(PRIVATE, 0x2c, b"x"), "1.2.3=#2c0178");
        let time = |tag, text: &str| value(PRIVATE, tag, text.as_bytes());
        let expected =
            |tag, text: &str| format!("1.2.3=#{}", hex::encode(tlv(tag, text.as_bytes())));
        let utc = expected(0x17, "500102030405Z");
        assert_eq!(time(0x18, "19500102030405Z"), utc);
        assert_eq!(time(0x17, "500102030405Z"), utc);
        let generalized = expected(0x18, "20500102030405Z");
        assert_eq!(time(0x18, "20500102030405Z"), generalized);
        let with_seconds = expected(0x17, "200102030400-0800");
        assert_eq!(time(0x17, "2001020304-0800"), with_seconds);
    }

    #[test]
    fn object_identifier_is_dotted() {
        let dotted = |oid: &[u8]| dotted(oid);
        assert_eq!(dotted(&[0x27]).unwrap(), "0.39");
        assert_eq!(dotted(&[0x78]).unwrap(), "2.40");
        assert_eq!(dotted(&[0x88, 0x37, 1]).unwrap(), "2.999.1");
        assert_eq!(dotted(&[0x2a, 0x87, 0xff, 0x7f]).unwrap(), "1.2.131071");
        assert_eq!(dotted(&[0x2a, 0x87]), None);
        assert_eq!(dotted(&[0xff; 12]), None);
        assert_eq!(value(&[0x55, 4, 3, 1], 5, &[]), "2.5.4.3.1=\\<nil\\>");
    }

    proptest! {
        #[test]
        fn any_name_is_described(
            attributes in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 1..5), any::<u8>(), any::<Vec<u8>>()),
                0..5,
            ),
        ) {
            let attributes: Vec<(&[u8], u8, &[u8])> = attributes
                .iter()
                .map(|(oid, tag, content)| (oid.as_slice(), *tag, content.as_slice()))
                .collect();
            if let Ok((_, name)) = X509Name::from_der(&name_of(&attributes)) {
                describe(&name);
            }
        }

        #[test]
        fn text_comes_back_out_of_its_escapes(text in any::<String>()) {
            let mut plain = String::new();
            let escaped = escape(&text);
            let mut characters = escaped.chars();
            while let Some(character) = characters.next() {
                plain.extend(match character {
                    '\\' => characters.next(),
                    character => Some(character),
                });
            }
            prop_assert_eq!(plain, text);
        }
    }
}
