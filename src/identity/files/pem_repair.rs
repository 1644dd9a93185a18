//! PEM that went through a one-line variable or a program that changed it, put right where what was meant is
//! plain: line breaks that became spaces, `\n`, `%0A` or nothing; quotes around it; UTF-16; a byte-order mark
//! or a boundary in the middle of a line.

use crate::secret::Secret;

/// True if `text` begins blocks that lines do not show, or is UTF-16.
pub(super) fn is_needed(text: &[u8], blocks_found: usize) -> bool {
    is_utf16(text) || positions(text, BEGIN.trim_ascii_end()).count() != blocks_found
}

/// The blocks of `text`, each with its boundaries on lines of their own.
pub(super) fn repaired(text: &[u8]) -> Secret<Vec<u8>> {
    let text = plain(text);
    let mut rest = text.expose().as_slice();
    // Large enough, so that no piece of a key stays behind: a block grows by a few line breaks.
    let mut repaired = Secret::new(Vec::with_capacity(2 * rest.len() + 64));
    while let Some((label, body, behind)) = next_block(rest) {
        let out = repaired.expose_mut();
        for part in [BEGIN, label, b"-----\n"] {
            out.extend_from_slice(part);
        }
        write_body(body, out);
        for part in [b"\n", END, label, b"-----\n"] {
            out.extend_from_slice(part);
        }
        rest = behind;
    }
    repaired
}

/// Label and body of the first block that ends, and what is behind it.
fn next_block(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut rest = text;
    loop {
        let (_, begun) = split_once(rest, BEGIN)?;
        let (label, behind) = split_once(begun, HYPHENS)?;
        // A label is short, and the same at the end.
        let end = [END, label, HYPHENS].concat();
        let (body, after) = match split_once(behind, BEGIN) {
            Some((until_next, _)) => {
                let (body, _) = split_once(until_next, &end).unwrap_or((b"", b""));
                (body, behind.get(body.len() + end.len()..))
            }
            None => match split_once(behind, &end) {
                Some((body, after)) => (body, Some(after)),
                None => (&b""[..], None),
            },
        };
        match after {
            Some(after) if !body.is_empty() && label.len() <= LABEL_BYTES_MAX => {
                return Some((label, body, after));
            }
            Some(_) | None => rest = behind,
        }
    }
}

/// Headers on lines of their own, and the base64 behind an empty one.
fn write_body(body: &[u8], out: &mut Vec<u8>) {
    let mut words = body
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .peekable();
    let mut has_headers = false;
    while let Some(name) = words.next_if(|word| word.ends_with(b":")) {
        out.extend_from_slice(name);
        out.push(b' ');
        out.extend_from_slice(words.next().unwrap_or_default());
        out.push(b'\n');
        has_headers = true;
    }
    if has_headers {
        out.push(b'\n');
    }
    for word in words {
        out.extend_from_slice(word);
    }
}

/// The text in one byte a character, without marks, quotes and escapes.
fn plain(text: &[u8]) -> Secret<Vec<u8>> {
    let mut bytes = Secret::new(Vec::with_capacity(text.len()));
    let is_wide = is_utf16(text);
    // PEM is ASCII: of UTF-16, the other half of each character is nothing.
    let keeps = |byte: u8| byte.is_ascii() && !(is_wide && byte == 0) && !b"\"'".contains(&byte);
    bytes
        .expose_mut()
        .extend(text.iter().copied().filter(|byte| keeps(*byte)));
    let is_percent_encoded = positions(bytes.expose(), b"%0A")
        .chain(positions(bytes.expose(), b"%0a"))
        .next()
        .is_some();
    let mut plain = Secret::new(Vec::with_capacity(text.len()));
    let mut rest = bytes.expose().as_slice();
    while let Some((byte, behind)) = rest.split_first() {
        let (byte, behind) = match (byte, behind) {
            (b'\\', [b'n' | b'r', behind @ ..]) => (b'\n', behind),
            (
                b'\\',
                [
                    b'u',
                    b'0',
                    b'0',
                    b'0',
                    b'a' | b'A' | b'd' | b'D',
                    behind @ ..,
                ],
            ) => (b'\n', behind),
            // Escapes may be escaped: `\\n`, `\/`.
            (b'\\', behind) => {
                rest = behind;
                continue;
            }
            (b'%', [high, low, behind @ ..]) if is_percent_encoded => match hex(*high, *low) {
                Some(byte) => (byte, behind),
                None => (b'%', rest.get(1..).unwrap_or_default()),
            },
            (byte, behind) => (*byte, behind),
        };
        plain.expose_mut().push(byte);
        rest = behind;
    }
    plain
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff])
}

fn positions<'a>(text: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(text, wanted)
}

fn split_once<'a>(text: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let position = memchr::memmem::find(text, by)?;
    Some((text.get(..position)?, text.get(position + by.len()..)?))
}

/// In front of a label.
pub(super) const BEGIN: &[u8] = b"-----BEGIN ";
pub(super) const END: &[u8] = b"-----END ";

const HYPHENS: &[u8] = b"-----";
const LABEL_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::pem;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nTUlJ\nQUJD\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\
                       \nTUlJ\nQUJD\n-----END RSA PRIVATE KEY-----\n";

    /// Labels, DEK-Info and content of the blocks that are right.
    fn read(text: &[u8]) -> Vec<(String, Option<String>, Vec<u8>)> {
        pem::read_blocks(text)
            .into_iter()
            .map(|block| block.unwrap())
            .map(|block| (block.label, block.dek_info, block.der.expose().clone()))
            .collect()
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(to_bytes).collect()
    }

    #[test]
    fn text_is_read_with_any_line_breaks() {
        let text = [ONE, KEY, ONE].concat();
        let right = read(text.as_bytes());
        assert_eq!(right.len(), 3);
        assert_eq!(right[1].1.as_deref(), Some("AES-256-CBC,00FF"));
        let base64 = [ONE, ONE].concat();
        for changed in [
            text.replace('\n', " "),
            text.replace('\n', "\\n"),
            text.replace('\n', "\\r\\n"),
            text.replace('\n', "\\\\n"),
            text.replace('\n', "%0A"),
            text.replace('\n', "%0d%0a")
                .replace(' ', "%20")
                .replace(':', "%3A"),
            text.replace('\n', "\\u000a"),
            format!("\"{}\"", text.replace('\n', "\\n")),
            format!("'{text}'"),
            text.replace("-----\n-----", "----------"),
            text.replace('\n', "\r"),
            text.replace(KEY, &format!("\u{feff}{KEY}")),
        ] {
            assert_eq!(read(changed.as_bytes()), right, "{changed}");
        }
        assert_eq!(read(&utf16(&text, u16::to_le_bytes)), right);
        assert_eq!(read(&utf16(&text, u16::to_be_bytes)), right);
        assert_eq!(
            read(base64.replace('\n', "").as_bytes()),
            read(base64.as_bytes())
        );
    }

    #[test]
    fn what_is_cut_off_is_still_named() {
        let cut = ONE.replace("-----END CERTIFICATE-----\n", "");
        for text in [cut.clone(), [ONE, &cut].concat(), cut.replace('\n', " ")] {
            let blocks = pem::read_blocks(text.as_bytes());
            assert!(blocks.iter().any(Result::is_err), "{text}");
        }
    }
}
