//! The frame of a certificate, read strictly. The certificate parser is lenient about tags, and
//! what is outside of the signed part is protected by nothing else.

/// A certificate of RFC 5280 section 4.1, taken apart: the signed part and the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) to_be_signed: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads exactly one certificate; the error says what is wrong.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Frame<'a>, &'static str> {
        let (certificate, rest) = Element::expect(der, SEQUENCE)?;
        if !rest.is_empty() {
            return Err("bytes after the certificate");
        }
        let (to_be_signed, rest) = Element::expect(certificate.content, SEQUENCE)?;
        let (algorithm, rest) = Element::expect(rest, SEQUENCE)?;
        let (signature, rest) = Element::expect(rest, BIT_STRING)?;
        if !rest.is_empty() {
            return Err("bytes after the signature");
        }
        if inner_algorithm(to_be_signed.content)? != algorithm.whole {
            return Err("two different signature algorithms");
        }
        // The first octet says how many bits at the end do not count.
        let signature = signature
            .content
            .strip_prefix(&[0])
            .ok_or("a malformed signature")?;
        Ok(Frame {
            to_be_signed: to_be_signed.whole,
            signature,
        })
    }
}

/// The signature algorithm inside of the signed part, behind version and serial number.
fn inner_algorithm(to_be_signed: &[u8]) -> Result<&[u8], &'static str> {
    let (first, rest) = Element::read(to_be_signed)?;
    let (serial_number, rest) = if first.tag == VERSION {
        Element::read(rest)?
    } else {
        (first, rest)
    };
    if serial_number.tag != INTEGER {
        return Err("no DER certificate");
    }
    Ok(Element::expect(rest, SEQUENCE)?.0.whole)
}

/// One element of DER: a tag of one octet, a length in its shortest form, and the content.
struct Element<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The element at the start, and what comes after it.
    fn read(input: &'a [u8]) -> Result<(Element<'a>, &'a [u8]), &'static str> {
        Element::try_read(input).ok_or("no DER certificate")
    }

    fn expect(input: &'a [u8], tag: u8) -> Result<(Element<'a>, &'a [u8]), &'static str> {
        let (element, rest) = Element::read(input)?;
        if element.tag == tag {
            Ok((element, rest))
        } else {
            Err("no DER certificate")
        }
    }

    fn try_read(input: &'a [u8]) -> Option<(Element<'a>, &'a [u8])> {
        let (&tag, after_tag) = input.split_first()?;
        let (&first, after_first) = after_tag.split_first()?;
        let (length, body) = match first {
            0..=0x7f => (usize::from(first), after_first),
            0x81 => {
                let (&low, body) = after_first.split_first()?;
                (
                    Some(usize::from(low)).filter(|length| *length > 0x7f)?,
                    body,
                )
            }
            0x82 => {
                let (octets, body) = after_first.split_first_chunk::<2>()?;
                let length = usize::from(u16::from_be_bytes(*octets));
                (Some(length).filter(|length| *length > 0xff)?, body)
            }
            // Longer than any certificate is let to be.
            _ => return None,
        };
        let (content, rest) = body.split_at_checked(length)?;
        let whole = input.get(..input.len().checked_sub(rest.len())?)?;
        Some((
            Element {
                tag,
                whole,
                content,
            },
            rest,
        ))
    }
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// `[0]`, constructed: the version, which is left out for version 1.
const VERSION: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_their_shortest_form() {
        for (der, length) in [
            (vec![0x30, 0x00], Some(0)),
            (vec![0x30, 0x02, 1, 2, 9], Some(2)),
            ([vec![0x30, 0x81, 0x80], vec![0; 0x80]].concat(), Some(0x80)),
            (
                [vec![0x30, 0x82, 0x01, 0x00], vec![0; 0x100]].concat(),
                Some(0x100),
            ),
            (vec![], None),
            (vec![0x30], None),
            (vec![0x30, 0x01], None),
            (vec![0x30, 0x81, 0x01, 0], None),
            ([vec![0x30, 0x82, 0x00, 0xff], vec![0; 0xff]].concat(), None),
            (vec![0x30, 0x80, 0, 0], None),
            (vec![0x30, 0x83, 0x01, 0, 0], None),
        ] {
            let read = Element::try_read(&der);
            assert_eq!(
                read.map(|(element, _)| element.content.len()),
                length,
                "{der:02x?}"
            );
        }
    }

    /// Version 1: serial number, algorithm; then the algorithm again, and a signature.
    const CERTIFICATE: [u8; 17] = [
        0x30, 15, 0x30, 5, 2, 1, 9, 0x30, 0, 0x30, 0, 3, 4, 0, 0xaa, 0xbb, 0xcc,
    ];

    #[test]
    fn a_frame_is_taken_apart() {
        let frame = Frame::from_der(&CERTIFICATE).unwrap();
        assert_eq!(frame.to_be_signed, &CERTIFICATE[2..9]);
        assert_eq!(frame.signature, &CERTIFICATE[14..]);
    }

    #[test]
    fn every_bit_around_the_signed_part_counts() {
        for index in (0..4).chain(7..14) {
            for bit in 0..8 {
                let mut der = CERTIFICATE;
                der[index] ^= 1 << bit;
                assert!(Frame::from_der(&der).is_err(), "bit {bit} of {index}");
            }
        }
        for length in 0..CERTIFICATE.len() {
            assert!(Frame::from_der(&CERTIFICATE[..length]).is_err(), "{length}");
        }
        assert!(Frame::from_der(&[CERTIFICATE.as_slice(), &[0]].concat()).is_err());
    }
}
