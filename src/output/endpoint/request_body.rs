//! [`RequestBody`]: what follows the head of a request. Nothing in it is wanted: it is passed over, so
//! that the next request is found. Pure.

/// Remaining part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBody {
    state: State,
    /// Bytes that it may still have, chunk headers included.
    allowance: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes.
    Length(usize),
    /// A line with a chunk's size (RFC 9112, section 7.1).
    ChunkSize,
    /// So many bytes of a chunk, with the line break behind it.
    Chunk(usize),
    /// Lines of a trailer, up to an empty one.
    Trailer,
}

/// A body that breaks its own rules, or has more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadBody;

impl RequestBody {
    /// No body.
    pub const NONE: Self = Self {
        state: State::Length(0),
        allowance: BODY_BYTES_MAX,
    };

    /// A chunked one.
    pub const CHUNKED: Self = Self {
        state: State::ChunkSize,
        allowance: BODY_BYTES_MAX,
    };

    /// One of so many bytes; `None` if that is more than a body may have.
    pub fn of_length(length: usize) -> Option<Self> {
        (length <= BODY_BYTES_MAX).then_some(Self {
            state: State::Length(length),
            allowance: BODY_BYTES_MAX,
        })
    }

    /// True if it is complete.
    pub fn is_over(&self) -> bool {
        self.state == State::Length(0)
    }

    /// Passes over what `bytes` holds of it, and says how much that is. Less than all of them without
    /// its end: the rest is of use with what comes next.
    pub fn pass_over(&mut self, bytes: &[u8]) -> Result<usize, BadBody> {
        let mut passed = 0;
        while !self.is_over() {
            let rest = bytes.get(passed..).unwrap_or_default();
            let (length, state) = match self.state {
                State::Length(length) => {
                    let here = length.min(rest.len());
                    (here, State::Length(length - here))
                }
                State::ChunkSize => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((line, 0))) => (line, State::Trailer),
                    Ok(httparse::Status::Complete((line, size))) => {
                        let size = usize::try_from(size).map_err(|_| BadBody)?;
                        if size > self.allowance {
                            return Err(BadBody);
                        }
                        (line, State::Chunk(size + LINE_BREAK.len()))
                    }
                    Ok(httparse::Status::Partial) => (0, self.state),
                    Err(_) => return Err(BadBody),
                },
                State::Chunk(left) if left > LINE_BREAK.len() => {
                    let here = (left - LINE_BREAK.len()).min(rest.len());
                    (here, State::Chunk(left - here))
                }
                State::Chunk(_) => match rest.get(..LINE_BREAK.len()) {
                    Some(LINE_BREAK) => (LINE_BREAK.len(), State::ChunkSize),
                    Some(_) => return Err(BadBody),
                    None => (0, self.state),
                },
                State::Trailer => match memchr::memchr(b'\n', rest) {
                    Some(0) => return Err(BadBody),
                    Some(1) if rest.starts_with(LINE_BREAK) => (2, State::Length(0)),
                    Some(end) => (end + 1, State::Trailer),
                    None => (0, self.state),
                },
            };
            if length == 0 && state == self.state {
                break;
            }
            self.allowance = self.allowance.checked_sub(length).ok_or(BadBody)?;
            self.state = state;
            passed += length;
        }
        Ok(passed)
    }
}

const LINE_BREAK: &[u8] = b"\r\n";

/// No request here has a reason for a body at all.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes over `bytes`, which come in pieces of `piece`; how much of them the body was.
    fn length(mut body: RequestBody, bytes: &[u8], piece: usize) -> Result<Option<usize>, BadBody> {
        let (mut passed, mut received) = (0, 0);
        while !body.is_over() {
            if received == bytes.len() {
                return Ok(None);
            }
            received = (received + piece).min(bytes.len());
            passed += body.pass_over(&bytes[passed..received])?;
        }
        Ok(Some(passed))
    }

    #[test]
    fn body_ends_where_it_says_however_it_is_cut() {
        let chunked = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: r\r\n\r\nGET";
        let plain = b"01234GET";
        for piece in 1..50 {
            let five = RequestBody::of_length(5).unwrap();
            assert_eq!(length(five, plain, piece), Ok(Some(5)), "{piece}");
            assert_eq!(
                length(RequestBody::CHUNKED, chunked, piece),
                Ok(Some(chunked.len() - 3)),
                "{piece}"
            );
            assert_eq!(length(RequestBody::NONE, plain, piece), Ok(Some(0)));
        }
    }

    #[test]
    fn chunks_that_break_the_rules_are_refused() {
        for bytes in [
            "x\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n0\r\n",
            "-1\r\n",
            "0\r\n\n",
            "ffffffffffffffff\r\n",
            "10001\r\n",
        ] {
            let mut body = RequestBody::CHUNKED;
            assert_eq!(body.pass_over(bytes.as_bytes()), Err(BadBody), "{bytes:?}");
        }
    }

    #[test]
    fn body_limit_holds_however_the_body_is_split() {
        assert!(RequestBody::of_length(BODY_BYTES_MAX).is_some());
        assert!(RequestBody::of_length(BODY_BYTES_MAX + 1).is_none());
        let chunks = b"1\r\nx\r\n".repeat(BODY_BYTES_MAX / 6 + 1);
        assert_eq!(length(RequestBody::CHUNKED, &chunks, 1000), Err(BadBody));
        let trailer = [
            b"0\r\n".to_vec(),
            b"A: b\r\n".repeat(BODY_BYTES_MAX / 6 + 1),
        ]
        .concat();
        assert_eq!(length(RequestBody::CHUNKED, &trailer, 1000), Err(BadBody));
    }
}
