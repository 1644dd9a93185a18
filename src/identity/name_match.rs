//! [`names`]: whether a text names a distinguished name, relative name by relative name.
//!
//! Text as other tools show it: RFC 4514 and `certutil` write the last relative name first, OpenSSL the first
//! one; Windows writes `S` for the state, `E` for an email address, and puts values in quotes.

use x509_parser::der_parser::asn1_rs::ToDer;
use x509_parser::x509::AttributeTypeAndValue;
use x509_parser::x509::X509Name;

use super::distinguished_name;

/// True if `text` has the same relative distinguished names as `name`, in either order. Types are compared in
/// any case, values as they are.
pub(super) fn names(text: &str, name: &X509Name<'_>) -> bool {
    let Some(wanted) = parse(text) else {
        return false;
    };
    let mut found: Vec<Vec<_>> = name.iter_rdn().map(|rdn| rdn.iter().collect()).collect();
    let is_same = |found: &[Vec<&AttributeTypeAndValue<'_>>]| {
        let mut pairs = wanted.iter().zip(found);
        wanted.len() == found.len() && pairs.all(|(wanted, found)| is_same_rdn(wanted, found))
    };
    if is_same(&found) {
        return true;
    }
    found.reverse();
    is_same(&found)
}

/// The attributes of a relative name have no order.
fn is_same_rdn(wanted: &[Attribute], found: &[&AttributeTypeAndValue<'_>]) -> bool {
    wanted.len() == found.len()
        && wanted
            .iter()
            .all(|attribute| found.iter().any(|found| attribute.is(found)))
}

/// A type and a value.
#[derive(Debug, PartialEq, Eq)]
struct Attribute {
    oid: String,
    value: Value,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Der(Vec<u8>),
}

impl Attribute {
    fn is(&self, found: &AttributeTypeAndValue<'_>) -> bool {
        let is_value = match &self.value {
            Value::Text(text) => {
                distinguished_name::text(found).is_some_and(|found| found == text.as_str())
            }
            Value::Der(der) => found.attr_value().to_der_vec().ok().as_ref() == Some(der),
        };
        is_value && found.attr_type().to_id_string() == self.oid
    }
}

/// The relative names of a text, or `None` if it is not such a text.
fn parse(text: &str) -> Option<Vec<Vec<Attribute>>> {
    let mut names = vec![Vec::new()];
    let mut rest = text;
    loop {
        let (kind, behind) = rest.split_once('=')?;
        let (value, end, behind) = read_value(behind)?;
        let attribute = Attribute {
            oid: oid(kind.trim())?,
            value,
        };
        names.last_mut()?.push(attribute);
        match end {
            None => return Some(names),
            Some('+') => {}
            Some(_) => names.push(Vec::new()),
        }
        rest = behind;
    }
}

/// A value, the separator that ends it, and the text after that.
fn read_value(text: &str) -> Option<(Value, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    let mut value = Vec::new();
    let mut is_quoted = false;
    // Spaces that are not escaped do not count at the end.
    let mut length = 0;
    let mut characters = text.char_indices();
    let mut end = (None, "");
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => {
                value.extend(escaped(&mut characters)?);
                length = value.len();
            }
            '"' if is_quoted && characters.as_str().starts_with('"') => {
                characters.next();
                value.push(b'"');
                length = value.len();
            }
            '"' => is_quoted = !is_quoted,
            ',' | ';' | '+' if !is_quoted => {
                end = (Some(character), text.get(index + 1..)?);
                break;
            }
            character => {
                value.extend(character.encode_utf8(&mut [0; 4]).bytes());
                if is_quoted || character != ' ' {
                    length = value.len();
                }
            }
        }
    }
    value.truncate(length);
    let value = String::from_utf8(value).ok().filter(|_| !is_quoted)?;
    let value = match value.strip_prefix('#').filter(|_| text.starts_with('#')) {
        Some(digits) => Value::Der(hex::decode(digits).ok()?),
        None => Value::Text(value),
    };
    Some((value, end.0, end.1))
}

/// What follows a backslash: two hexadecimal digits, or the character itself.
fn escaped(characters: &mut std::str::CharIndices<'_>) -> Option<Vec<u8>> {
    let digits = characters.as_str().get(..2);
    if let Some(octet) = digits.and_then(|digits| hex::decode(digits).ok()) {
        characters.nth(1);
        return Some(octet);
    }
    let (_, character) = characters.next()?;
    Some(character.to_string().into_bytes())
}

/// The object identifier of a type, by its name or in dotted form.
fn oid(kind: &str) -> Option<String> {
    let dotted = kind.strip_prefix("OID.").unwrap_or(kind);
    if dotted.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(dotted.to_owned());
    }
    let upper = kind.to_ascii_uppercase();
    let (_, oid) = TYPES.iter().find(|(name, _)| *name == upper)?;
    Some((*oid).to_owned())
}

const TYPES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("T", "2.5.4.12"),
    ("TITLE", "2.5.4.12"),
    ("POSTALCODE", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("G", "2.5.4.42"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("E", "1.2.840.113549.1.9.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    /// True if `text` names a name with these attributes, each a relative name, in a certificate's order.
    fn is_named(text: &str, attributes: &[(rcgen::DnType, &str)]) -> bool {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params
            .self_signed(&rcgen::KeyPair::generate().unwrap())
            .unwrap();
        let (_, parsed) =
            x509_parser::certificate::X509Certificate::from_der(certificate.der()).unwrap();
        names(text, parsed.subject())
    }

    fn widget() -> Vec<(rcgen::DnType, &'static str)> {
        vec![
            (rcgen::DnType::CountryName, "US"),
            (rcgen::DnType::StateOrProvinceName, "Ohio"),
            (rcgen::DnType::OrganizationName, "Widgets, Inc"),
            (rcgen::DnType::CommonName, "a b"),
        ]
    }

    #[test]
    fn names_of_other_tools_match_in_both_orders() {
        for text in [
            r"CN=a b,O=Widgets\, Inc,ST=Ohio,C=US",
            r#"C = US, ST = Ohio, O = "Widgets, Inc", CN = a b"#,
            r#"CN=a b, O="Widgets, Inc", S=Ohio, C=US"#,
            r"cn=a b;o=Widgets\2c Inc;st=Ohio;c=US",
            r"OID.2.5.4.6=US,2.5.4.8=Ohio,O=Widgets\, Inc,CN=#0c03612062",
        ] {
            assert!(is_named(text, &widget()), "{text}");
        }
    }

    #[test]
    fn windows_doubles_quotes_in_quotes() {
        let name = [(rcgen::DnType::OrganizationName, "a \"b\"")];
        assert!(is_named(r#"O="a ""b""""#, &name));
        assert!(!is_named(r#"O="a "b"""#, &name));
    }

    #[test]
    fn other_names_do_not_match() {
        for text in [
            "",
            "CN=a b",
            r"O=Widgets\, Inc,CN=a b,ST=Ohio,C=US",
            r"CN=A B,O=Widgets\, Inc,ST=Ohio,C=US",
            r"CN=a b+O=Widgets\, Inc,ST=Ohio,C=US",
            r"CN=a b\ ,O=Widgets\, Inc,ST=Ohio,C=US",
            r"CN=a b,O=Widgets\, Inc,ST=Ohio,C=US,",
            r"CN=a b,O=Widgets\, Inc,ST=Ohio,Country=US",
            r#"CN="a b,O=Widgets\, Inc,ST=Ohio,C=US"#,
            r"CN=#0c0361206,O=Widgets\, Inc,ST=Ohio,C=US",
            r"CN=a b,O=Widgets\, Inc,ST=Ohio,C=US\",
        ] {
            assert!(!is_named(text, &widget()), "{text}");
        }
    }
}
