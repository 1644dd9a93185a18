//! [`Reader`]: as much of BER (X.690) as files with certificates and keys are written in.
//!
//! Most programs write DER. NSS (Firefox) and Bouncy Castle also write lengths that are only known
//! at the end, and octet strings in pieces. Nothing here recurses or reads past the bytes it was
//! given.

use pkcs8::ObjectIdentifier;

use crate::secret::Secret;

/// The elements of a content, one after another.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// An `AlgorithmIdentifier` (RFC 5280, 4.1.1.2).
pub(super) struct Algorithm<'a> {
    /// Its object identifier.
    pub(super) oid: ObjectIdentifier,
    /// Its parameters: one element, or none.
    pub(super) parameters: Reader<'a>,
}

/// Bytes that are not the expected elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True if the end is reached.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Fails where something follows.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(Malformed),
        }
    }

    /// True if an element with `tag` is next.
    pub(super) fn is_next(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    /// Reads the content of the next element, which must have `tag`.
    pub(super) fn content(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let element = self.element()?;
        match element.tag == tag {
            true => Ok(element.content),
            false => Err(Malformed),
        }
    }

    /// Reads the content of the next element, a SEQUENCE.
    pub(super) fn sequence(&mut self) -> Result<Self, Malformed> {
        self.content(SEQUENCE).map(Self::new)
    }

    /// The next element, a SEQUENCE, with its header.
    pub(super) fn whole_sequence(&mut self) -> Result<Secret<Vec<u8>>, Malformed> {
        let start = self.rest;
        self.sequence()?;
        let octets = start.len() - self.rest.len();
        let element = start.get(..octets).ok_or(Malformed)?;
        Ok(Secret::new(element.to_vec()))
    }

    /// Reads the content of the next element, tagged `[0] EXPLICIT`.
    pub(super) fn explicit(&mut self) -> Result<Self, Malformed> {
        self.content(CONTEXT_0 | CONSTRUCTED).map(Self::new)
    }

    /// An INTEGER that is not negative; one beyond 64 bits is as large as 64 bits can be.
    pub(super) fn integer(&mut self) -> Result<u64, Malformed> {
        let octets = self.content(INTEGER)?;
        match octets.first() {
            Some(..0x80) => Ok(octets.iter().fold(0, |value: u64, octet| {
                value.saturating_mul(256).saturating_add((*octet).into())
            })),
            Some(_) | None => Err(Malformed),
        }
    }

    pub(super) fn object_identifier(&mut self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.content(OBJECT_IDENTIFIER)?).map_err(|_| Malformed)
    }

    pub(super) fn algorithm(&mut self) -> Result<Algorithm<'a>, Malformed> {
        let mut sequence = self.sequence()?;
        Ok(Algorithm {
            oid: sequence.object_identifier()?,
            parameters: sequence,
        })
    }

    /// An octet string, whole or in pieces; `tag` is that of the whole one.
    pub(super) fn octets(&mut self, tag: u8) -> Result<Secret<Vec<u8>>, Malformed> {
        let element = self.element()?;
        let mut octets = Secret::new(Vec::with_capacity(element.content.len()));
        if element.tag == tag {
            octets.expose_mut().extend_from_slice(element.content);
        } else if element.tag == tag | CONSTRUCTED {
            let mut pieces = Self::new(element.content);
            while !pieces.is_empty() {
                let piece = pieces.content(OCTET_STRING)?;
                octets.expose_mut().extend_from_slice(piece);
            }
        } else {
            return Err(Malformed);
        }
        Ok(octets)
    }

    /// Skips an element with a tag of its context.
    pub(super) fn context_specific(&mut self) -> Result<(), Malformed> {
        match self.element()?.tag & CLASS == CONTEXT_0 {
            true => Ok(()),
            false => Err(Malformed),
        }
    }

    fn element(&mut self) -> Result<Element<'a>, Malformed> {
        let (element, rest) = split_element(self.rest).ok_or(Malformed)?;
        self.rest = rest;
        Ok(element)
    }
}

fn split_element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, length, rest) = split_header(bytes)?;
    let (content, rest) = match length {
        Some(length) => rest.split_at_checked(length)?,
        None => {
            let (content, rest) = rest.split_at_checked(length_to_end_of_contents(rest)?)?;
            (content, rest.strip_prefix(END_OF_CONTENTS)?)
        }
    };
    Some((Element { tag, content }, rest))
}

/// The tag and the length, which is `None` where the content marks its own end (X.690, 8.1.3.6).
pub(super) fn split_header(bytes: &[u8]) -> Option<(u8, Option<usize>, &[u8])> {
    let [tag, length, rest @ ..] = bytes else {
        return None;
    };
    // Tags of several octets are not used in these files.
    if tag & TAG_NUMBER == TAG_NUMBER {
        return None;
    }
    match length {
        ..0x80 => Some((*tag, Some(usize::from(*length)), rest)),
        0x80 => (tag & CONSTRUCTED != 0).then_some((*tag, None, rest)),
        _ => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = octets.iter().try_fold(0_usize, |length, octet| {
                Some(length.checked_mul(256)? | usize::from(*octet))
            })?;
            Some((*tag, Some(length), rest))
        }
    }
}

fn length_to_end_of_contents(content: &[u8]) -> Option<usize> {
    let mut rest = content;
    let mut open = 1_usize;
    loop {
        if let Some(after) = rest.strip_prefix(END_OF_CONTENTS) {
            open -= 1;
            if open == 0 {
                return Some(content.len() - rest.len());
            }
            rest = after;
            continue;
        }
        let (_, length, after) = split_header(rest)?;
        match length {
            Some(length) => rest = after.get(length..)?,
            None => {
                open += 1;
                rest = after;
            }
        }
    }
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// `[0]`, whose content is an octet string where it is tagged `IMPLICIT`.
pub(super) const CONTEXT_0: u8 = 0x80;

/// The bit that says that elements are inside (X.690, 8.1.2.5).
const CONSTRUCTED: u8 = 0x20;
const TAG_NUMBER: u8 = 0x1f;
const CLASS: u8 = 0xc0;
const END_OF_CONTENTS: &[u8] = &[0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_in_each_form_is_read() {
        let long = [[0x04, 0x81, 0x80].as_slice(), &[7; 128]].concat();
        let zeros = [0x04, 0x84, 0, 0, 0, 2, 7, 7];
        let open = [0x24, 0x80, 0x04, 1, 7, 0x04, 0, 0x04, 2, 7, 7, 0, 0];
        let nested = [0x30, 0x80, 0x30, 0x80, 0x02, 1, 3, 0, 0, 0x04, 1, 7, 0, 0];
        for (bytes, octets) in [(&long[..], 128), (&zeros, 2), (&open, 3)] {
            let mut reader = Reader::new(bytes);
            let read = reader.octets(OCTET_STRING).unwrap();
            assert_eq!(*read.expose(), vec![7; octets]);
            assert!(reader.is_empty());
        }
        let mut outer = Reader::new(&nested).sequence().unwrap();
        assert_eq!(outer.sequence().unwrap().integer(), Ok(3));
        assert_eq!(outer.content(OCTET_STRING), Ok(&[7][..]));
        assert!(outer.is_empty());
    }

    #[test]
    fn length_that_is_wrong_is_refused() {
        for bytes in [
            &[][..],
            &[0x04],
            &[0x04, 2, 7],
            &[0x04, 0x81],
            &[0x04, 0x80, 7, 0, 0],
            &[0x24, 0x80, 0x04, 1, 7],
            &[0x24, 0x80, 0x04, 1, 7, 0],
            &[0x24, 0x80, 0x02, 1, 7, 0, 0],
            &[0x04, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            &[0x1f, 0x81, 0x04, 1, 7],
            &[0x04, 0xff],
        ] {
            let read = Reader::new(bytes).octets(OCTET_STRING);
            assert!(read.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn integer_is_not_negative_and_saturates() {
        let integer = |bytes: &[u8]| Reader::new(bytes).integer();
        assert_eq!(integer(&[2, 3, 0, 0xff, 0xff]), Ok(0xffff));
        assert_eq!(integer(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(u64::MAX));
        assert_eq!(integer(&[2, 1, 0x80]), Err(Malformed));
        assert_eq!(integer(&[2, 0]), Err(Malformed));
    }

    #[test]
    fn hundred_thousand_open_elements_are_no_burden() {
        let bytes = [0x30, 0x80].repeat(100_000);
        assert!(Reader::new(&bytes).sequence().is_err());
    }
}
