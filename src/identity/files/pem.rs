//! PEM text (RFC 7468), read as leniently as the files in the field need.
//!
//! Text around and between blocks, CRLF, any line length, indented lines, a byte-order mark and a
//! missing last newline are fine. Own code rather than a library's: those at hand either refuse such
//! files, or hide the headers that mark an encrypted key, or leave decoded keys behind in memory.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use memchr::memchr;
use memchr::memchr2;

use super::pem_repair;
use super::pem_repair::BEGIN;
use super::pem_repair::END;
use crate::secret::Secret;

/// One `-----BEGIN label-----` ... `-----END label-----` block.
#[derive(Debug)]
pub struct PemBlock {
    /// Label, such as `CERTIFICATE`.
    pub label: String,
    /// The value of a `DEK-Info` header: the DER is encrypted so (RFC 1421, 4.6.1.3).
    pub dek_info: Option<String>,
    /// The DER inside.
    pub der: Secret<Vec<u8>>,
}

/// Every block of `text`, in order, or what is wrong with it. A file without any gives none. Text that was
/// changed on its way is put right where that gives more blocks.
pub fn read_blocks(text: &[u8]) -> Vec<Result<PemBlock, PemError>> {
    let read = |text| -> Vec<_> {
        let sections = sections(text);
        sections.map(|section| PemBlock::decode(section?)).collect()
    };
    let blocks = read(text);
    let right = |blocks: &[Result<PemBlock, PemError>]| blocks.iter().flatten().count();
    let found = right(&blocks);
    if !pem_repair::is_needed(text, found) {
        return blocks;
    }
    let repaired = read(pem_repair::repaired(text).expose());
    match right(&repaired) > found {
        true => with_errors_of(blocks, repaired),
        false => blocks,
    }
}

/// Truncation is still an error, unless it was repaired too.
fn with_errors_of(
    blocks: Vec<Result<PemBlock, PemError>>,
    mut repaired: Vec<Result<PemBlock, PemError>>,
) -> Vec<Result<PemBlock, PemError>> {
    let is_gone = |label: &str| {
        let is_it = |block: &PemBlock| block.label == label;
        !repaired.iter().flatten().any(is_it)
    };
    let errors: Vec<_> = blocks
        .into_iter()
        .filter(|block| match block {
            Err(PemError::Unterminated { label }) => is_gone(label),
            Err(PemError::LineBreaksLost | PemError::NotBase64 { .. }) | Ok(_) => false,
        })
        .collect();
    repaired.extend(errors);
    repaired
}

impl PemBlock {
    fn decode(section: Section<'_>) -> Result<Self, PemError> {
        let mut base64 = Secret::new(Vec::with_capacity(section.body.len()));
        let dek_info = section.headers().find_map(dek_info);
        section.base64_into(base64.expose_mut());
        // Decoded into memory that is large enough from the start: growing would leave copies behind.
        let capacity = base64::decoded_len_estimate(base64.expose().len());
        let mut der = Secret::new(Vec::with_capacity(capacity));
        match BASE64_LENIENT.decode_vec(base64.expose(), der.expose_mut()) {
            Ok(()) => Ok(Self {
                label: section.label.to_owned(),
                dek_info,
                der,
            }),
            Err(_) => Err(PemError::NotBase64 {
                label: section.label.to_owned(),
            }),
        }
    }
}

/// A block before it is decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    /// Label.
    pub(crate) label: &'a str,
    /// The lines between its boundaries.
    body: &'a [u8],
}

impl<'a> Section<'a> {
    /// Headers, where there are any, have a colon, and base64 has none. An empty line should end them
    /// (RFC 1421, 4.4), but need not.
    fn headers(self) -> impl Iterator<Item = &'a [u8]> {
        Lines(self.body).take_while(|line| memchr(b':', line).is_some())
    }

    /// Appends the base64 text to `base64`, which is large enough if it holds as much as the file.
    pub(crate) fn base64_into(self, base64: &mut Vec<u8>) {
        for line in Lines(self.body).skip(self.headers().count()) {
            match memchr2(b' ', b'\t', line) {
                None => base64.extend_from_slice(line),
                Some(_) => base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace())),
            }
        }
    }
}

/// The blocks of `text`, in order, or what is wrong with one.
pub(crate) fn sections(text: &[u8]) -> impl Iterator<Item = Result<Section<'_>, PemError>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut lines = Lines(text);
    std::iter::from_fn(move || {
        let line = lines.find(|line| line.starts_with(BEGIN))?;
        let Some(label) = boundary(line, BEGIN) else {
            // Shown without its text: where line breaks were lost, the line is the key.
            return Some(Err(PemError::LineBreaksLost));
        };
        let begin = lines.0;
        let mut behind = Lines(begin);
        loop {
            let rest = behind.0.len();
            let line = behind.next();
            match line {
                Some(line) if line.starts_with(END) && boundary(line, END) == Some(label) => {
                    lines = behind;
                    let body = begin.get(..begin.len() - rest).unwrap_or_default();
                    return Some(Ok(Section { label, body }));
                }
                // No block holds the beginning of another, and a search to the file's end for each
                // of many beginnings would take its time. Whatever follows the bad boundary is
                // looked at as if that were not there.
                Some(line) if !line.starts_with(END) && !line.starts_with(BEGIN) => {}
                Some(_) | None => {
                    let label = label.to_owned();
                    return Some(Err(PemError::Unterminated { label }));
                }
            }
        }
    })
}

/// Lines without white space around them; any of CR LF and LF ends one.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = match memchr(b'\n', self.0) {
            Some(end) => self.0.split_at(end + 1),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(line.trim_ascii())
    }
}

/// The label of a boundary line, or `None` if `line` is not one (RFC 7468, 3: printable characters,
/// and no two hyphens together).
fn boundary<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(prefix)?.strip_suffix(b"-----")?;
    let label = std::str::from_utf8(label).ok()?;
    let is_label = label.len() <= LABEL_BYTES_MAX
        && !label.contains("--")
        && label
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_label.then_some(label)
}

fn dek_info(line: &[u8]) -> Option<String> {
    let value = line.strip_prefix(b"DEK-Info:")?;
    Some(String::from_utf8_lossy(value.trim_ascii()).into_owned())
}

/// Text that is not PEM although it begins as such.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemError {
    /// A block begins and does not end.
    Unterminated {
        /// Its label.
        label: String,
    },
    /// A block that begins and continues on the same line.
    LineBreaksLost,
    /// A block is not base64.
    NotBase64 {
        /// Its label.
        label: String,
    },
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated { label } => {
                write!(f, "the block {label:?} has no end: the file is cut off")
            }
            Self::LineBreaksLost => f.write_str("the file has lost its line breaks"),
            Self::NotBase64 { label } => write!(f, "the block {label:?} is not base64"),
        }
    }
}

impl std::error::Error for PemError {}

/// As OpenSSL and the reference helper read it: bits that are left over at the end may be set.
const BASE64_LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The longest label in use has 26 characters.
const LABEL_BYTES_MAX: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Result<Vec<String>, PemError> {
        read_blocks(text.as_bytes())
            .into_iter()
            .map(|block| block.map(|block| block.label))
            .collect()
    }

    #[test]
    fn text_between_blocks_is_ignored() {
        let text = "Bag Attributes: x\n-----BEGIN A-----\nAQID\n-----END A-----\nsubject=/CN=x\n\
                    -----BEGIN B-----\r\nAQID\r\n-----END B-----";
        assert_eq!(labels(text).unwrap(), ["A", "B"]);
    }

    #[test]
    fn cut_block_is_refused() {
        let error = PemError::Unterminated {
            label: "A".to_owned(),
        };
        assert_eq!(labels("-----BEGIN A-----\nAQID\n"), Err(error.clone()));
        let crossed = "-----BEGIN A-----\nAQID\n-----END B-----\n";
        assert_eq!(labels(crossed), Err(error));
    }

    #[test]
    fn content_that_is_not_base64_is_refused() {
        let text = "-----BEGIN A-----\nAQ*D\n-----END A-----\n";
        let label = "A".to_owned();
        assert_eq!(labels(text), Err(PemError::NotBase64 { label }));
    }

    #[test]
    fn headers_tell_an_encrypted_block() {
        let text = "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n\
                    -----END A-----\n";
        let block = read_blocks(text.as_bytes()).remove(0).unwrap();
        assert_eq!(block.dek_info.as_deref(), Some("AES-128-CBC,00"));
        assert_eq!(block.der.expose(), &[1, 2, 3]);
    }

    #[test]
    fn bits_left_over_are_passed_over() {
        let text = "-----BEGIN A-----\nAQJ=\n-----END A-----\n";
        let block = read_blocks(text.as_bytes()).remove(0).unwrap();
        assert_eq!(block.der.expose(), &[1, 2]);
    }

    #[test]
    fn blocks_after_a_bad_one_are_still_read() {
        let good = "-----BEGIN B-----\nAQID\n-----END B-----\n";
        for bad in [
            "-----BEGIN A-----\nAQ*D\n-----END A-----\n",
            "-----BEGIN A-----\nAQID\n",
            "-----BEGIN A-----\nAQID\n-----END C-----\n",
        ] {
            let blocks = read_blocks(format!("{bad}{good}").as_bytes());
            assert!(blocks[0].is_err(), "{bad}");
            assert_eq!(blocks[1].as_ref().unwrap().label, "B", "{bad}");
        }
    }

    #[test]
    fn key_that_has_lost_its_line_breaks_is_not_shown() {
        // Cut off as well, so that it cannot be put right.
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n";
        for separator in [" ", "", "\\n"] {
            let blocks = read_blocks(pem.replace('\n', separator).as_bytes());
            let error = blocks[0].as_ref().unwrap_err();
            assert_eq!(*error, PemError::LineBreaksLost);
            assert!(!format!("{error} {error:?}").contains("MIGH"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_line_length_come_back(
            der in prop::collection::vec(any::<u8>(), 0..300),
            columns in 1usize..100,
            newline in prop::sample::select(vec!["\n", "\r\n", "\n  ", " \n\t"]),
        ) {
            let base64 = BASE64_STANDARD.encode(&der);
            let lines: Vec<&str> = base64
                .as_bytes()
                .chunks(columns)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let text = format!(
                "-----BEGIN X Y-----{newline}{}{newline}-----END X Y-----",
                lines.join(newline)
            );
            let mut blocks = read_blocks(text.as_bytes());
            prop_assert_eq!(blocks.len(), 1);
            let block = blocks.remove(0).unwrap();
            prop_assert_eq!(block.der.expose(), &der);
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read_blocks(&text);
        }
    }
}
