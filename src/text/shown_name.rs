//! [`ShownName`]: a typed name as messages show it, unless it may be a secret.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;

use super::Printable;
use super::pin_value::holds_pin;

/// A path, or whatever stands in a flag or variable in place of one.
///
/// People pass a key where its path is expected: `--private-key "$(cat leaf.key)"`. Or a `pkcs11:` URI with its
/// PIN in quotes that are not taken away, so that it is no URI. A name that looks like either is never shown.
#[derive(Clone)]
pub struct ShownName<'a>(Cow<'a, str>);

impl<'a> ShownName<'a> {
    /// Formats `name` for messages.
    pub fn of<N: AsRef<OsStr> + ?Sized>(name: &'a N) -> Self {
        Self(name.as_ref().to_string_lossy())
    }

    /// True if it is hidden.
    pub fn is_hidden(&self) -> bool {
        hidden(&self.0).is_some()
    }
}

impl fmt::Display for ShownName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match hidden(&self.0) {
            Some(hidden) => f.write_str(hidden),
            None => Printable::new(&self.0, NAME_BYTES_MAX).fmt(f),
        }
    }
}

/// Hides as `Display` does, so that no `{:?}` shows more.
impl fmt::Debug for ShownName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match hidden(&self.0) {
            Some(hidden) => f.write_str(hidden),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// What is shown in place of a name.
fn hidden(name: &str) -> Option<&'static str> {
    match () {
        () if holds_pin(name) => Some(HIDDEN_PIN),
        () if looks_like_content(name) => Some(HIDDEN),
        () => None,
    }
}

fn looks_like_content(name: &str) -> bool {
    let is_line_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let upper = name.to_ascii_uppercase();
    name.len() > NAME_BYTES_MAX
        || name.contains(is_line_break)
        || PEM_MARKS.iter().any(|mark| upper.contains(mark))
        || is_hex(name)
        || is_encoded(name)
}

/// Hexadecimal as a whole, or somewhere in it with a colon after each byte, as OpenSSL prints it.
fn is_hex(name: &str) -> bool {
    let whole = name.strip_prefix("0x").unwrap_or(name);
    let is_whole =
        whole.len() >= ENCODED_CHARACTERS_MIN && whole.chars().all(|c| c.is_ascii_hexdigit());
    let mut parts = name.split(|c: char| c != ':' && !c.is_ascii_hexdigit());
    is_whole || parts.any(|part| part.matches(':').count() >= ENCODED_CHARACTERS_MIN / 2)
}

/// True if a part of the name is base64 or hexadecimal of a key, with or without the marks of lost
/// line breaks.
fn is_encoded(name: &str) -> bool {
    let mut text = name.to_owned();
    for escape in LINE_BREAK_ESCAPES {
        text = text.replace(escape, "");
    }
    text.retain(|c| !c.is_whitespace());
    text.split(|c: char| !is_base64_character(c))
        .map(|part| part.trim_start_matches('/'))
        .filter(|part| part.len() >= ENCODED_CHARACTERS_MIN)
        .any(|part| {
            // Paths hold digests, but no other hexadecimal of that length.
            let is_hex = part.chars().all(|c| c.is_ascii_hexdigit())
                && (part.starts_with("30") || !DIGEST_CHARACTERS.contains(&part.len()));
            let is_base64 = DER_OR_PEM.iter().any(|begin| part.starts_with(begin));
            is_hex || is_base64 || is_random(part)
        })
}

fn is_base64_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

/// Words have runs of letters of one kind. In base64 of a key, two neighbours out of three differ.
fn is_random(part: &str) -> bool {
    let kinds = || part.chars().filter_map(Kind::of);
    let changes = kinds()
        .zip(kinds().skip(1))
        .filter(|(one, next)| one != next);
    let has = |kind| kinds().any(|one| one == kind);
    has(Kind::Upper)
        && has(Kind::Lower)
        && has(Kind::Digit)
        && changes.count() * 100 >= kinds().count() * CHANGES_PERCENT_MIN
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
}

impl Kind {
    fn of(c: char) -> Option<Self> {
        match c {
            'A'..='Z' => Some(Self::Upper),
            'a'..='z' => Some(Self::Lower),
            '0'..='9' => Some(Self::Digit),
            _ => None,
        }
    }
}

/// No file system has longer names; whole paths of that length are rare.
const NAME_BYTES_MAX: usize = 255;

/// A private key of 192 bits takes as many in base64.
const ENCODED_CHARACTERS_MIN: usize = 32;

/// Hexadecimal of MD5, SHA-1 and SHA-256.
const DIGEST_CHARACTERS: [usize; 3] = [32, 40, 64];

/// 64 is the mean of random base64; words written together in capitals reach 35.
const CHANGES_PERCENT_MIN: usize = 38;

const PEM_MARKS: [&str; 3] = ["-----BEGIN", "-----END", "PRIVATE KEY"];

/// First bytes of a key in DER, and `-----` of PEM, in base64 and in hexadecimal.
const DER_OR_PEM: [&str; 7] = [
    "MII",
    "MIG",
    "MIH",
    "MHc",
    "LS0tLS",
    "2d2d2d2d2d",
    "2D2D2D2D2D",
];

const LINE_BREAK_ESCAPES: [&str; 6] = ["\\n", "\\r", "%0A", "%0a", "%0D", "%0d"];

const HIDDEN_PIN: &str = "(not shown: it holds a PIN)";
const HIDDEN: &str = "(not shown: it looks like the content of a file)";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;
    use crate::identity::files::pem;

    /// All forms in which the content of a file has been seen where its path belongs.
    fn forms(pem: &str) -> Vec<String> {
        let der = pem::read_blocks(pem.as_bytes()).remove(0).unwrap().der;
        let der = der.expose();
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with('-') && !line.contains(':'))
            .collect();
        let hex = hex::encode(der);
        let mut forms = vec![
            pem.to_owned(),
            pem.replace('\n', " "),
            pem.replace('\n', ""),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "%0A"),
            BASE64_STANDARD.encode(pem),
            BASE64_STANDARD.encode(der),
            BASE64_URL_SAFE_NO_PAD.encode(der),
            format!("{:?}", BASE64_STANDARD.encode(der)),
            String::from_utf8_lossy(der).into_owned(),
            body.clone(),
            hex.to_uppercase(),
            hex.as_bytes()
                .chunks(2)
                .map(|pair| String::from_utf8_lossy(pair).into_owned())
                .collect::<Vec<_>>()
                .join(":"),
            hex,
        ];
        // A shell splits what is not quoted.
        if pem.contains("PRIVATE KEY") {
            forms.push(body.chars().skip(body.len() - 64).collect());
        }
        let prefixed: Vec<String> = forms
            .iter()
            .flat_map(|form| {
                ["env:", "fd:", "file://", "./"].map(|prefix| format!("{prefix}{form}"))
            })
            .collect();
        forms.extend(prefixed);
        forms
    }

    #[test]
    fn content_of_a_key_file_is_never_shown() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
        let mut count = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let Some(begin) = text.find("-----BEGIN") else {
                continue;
            };
            match pem::read_blocks(&text.as_bytes()[begin..]).first() {
                Some(Ok(block)) if block.der.expose().len() > 100 => {}
                Some(_) | None => continue,
            }
            for form in forms(&text[begin..]) {
                // In full and cut, as far as there is a key in it.
                for length in [form.len(), 255, 100, 64] {
                    let cut: String = form.chars().take(length).collect();
                    let shown = ShownName::of(&cut);
                    assert!(shown.is_hidden(), "{}: {cut:?}", path.display());
                    assert_eq!(shown.to_string(), HIDDEN);
                    assert_eq!(format!("{shown:?}"), HIDDEN);
                }
            }
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn content_of_other_files_is_never_shown() {
        for content in [
            "a\nb",
            "a\rb",
            "a\u{2028}b",
            "\u{1b}[2J",
            &"a".repeat(256),
            "[default]\naws_secret_access_key = abc",
            "MC4CAQAwBQYDK2VwBCIEIPf2Yy8Rk3b0X1tQvL0o7Yy1d3mZrS1n5c0Gk2uH9aBc",
            "q7J9xLr2Vt/0sWm4ZkBpN8fGhY1cUe+Ra5TdQi3o",
            "env:q7J9xLr2Vt/0sWm4ZkBpN8fGhY1cUe+Ra5TdQi3o",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(ShownName::of(content).is_hidden(), "{content}");
        }
    }

    #[test]
    fn path_is_shown_as_it_is() {
        for path in [
            "-",
            "env:CI_PRIVATE_KEY",
            "fd:3",
            "leaf.key",
            "MIIB.pem",
            "/etc/pki/tls/private/webserver2024.example.com.key",
            "/home/somebody/.config/aws-signing-helper/certificates/production",
            "/var/run/secrets/kubernetes.io/serviceaccount/..2024_05_06_07_08_09.123456789/tls.key",
            "/var/lib/kubelet/pods/0b5c0e7e-6f0d-4a38-9f55-4f8a2a1d2f6b/volumes/tls",
            "/private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/leaf.key",
            "/nix/store/s66mzxpvicwk07gjbjfw9izjfa797vsw-certificate/leaf",
            "C:\\Users\\Somebody\\AppData\\Local\\Certificates\\Production2024\\leaf.key",
            "/opt/MyCompany/CertificateAuthorities/ProductionRootCA2024/PrivateKeys/Current",
            "zertifikat-für-köln.pem",
        ] {
            assert!(!ShownName::of(path).is_hidden(), "{path}");
            assert_eq!(ShownName::of(path).to_string(), path);
        }
    }

    #[test]
    fn name_that_reorders_text_is_escaped() {
        assert_eq!(ShownName::of("a\u{202e}b").to_string(), "a\\u{202e}b");
    }
}
