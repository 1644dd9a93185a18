//! [`Request`]: the head of one HTTP/1 request, and what follows from it for the connection. Pure.
//!
//! `httparse` reads lines and header fields, what has to be judged beyond that is here (RFC 9110, RFC
//! 9112): `hyper` shows no `Content-Length` that comes with a `Transfer-Encoding`, and such a request
//! is to be refused.

use httparse::EMPTY_HEADER;
use httparse::Header;

use super::request_body::RequestBody;

/// The head of a request, as long as its bytes.
#[derive(Debug)]
pub struct Request<'a> {
    /// As it was sent: methods are case-sensitive.
    pub method: &'a str,
    /// Path and query, which begin with `/`.
    pub target: &'a str,
    /// True if it is HTTP/1.1; else HTTP/1.0.
    pub is_http_1_1: bool,
    headers: &'a [Header<'a>],
}

/// Value of a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// It was not sent.
    Absent,
    /// It was sent once, with this value.
    Once(&'a [u8]),
    /// It was sent several times.
    Repeated,
}

/// A head that stands at the beginning of what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// Length.
    pub head_length: usize,
    /// Encoding of the body.
    pub body: RequestBody,
    /// True if another request may follow on the connection.
    pub is_persistent: bool,
}

/// Bytes that are no request which can be answered. The connection ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No HTTP/1.
    Syntax,
    /// More header fields than any client sends.
    TooLarge,
    /// Neither a path nor a path with a query: what proxies are sent.
    Target,
    /// Its length can be read in two ways, or in none (request smuggling).
    Length,
    /// A longer body than any client needs.
    BodyTooLong,
    /// It has not come within its time.
    TooSlow,
}

impl Request<'_> {
    /// Reads the head at the beginning of `bytes`; `None` as long as it has not come whole. `answer`
    /// is given the request, and its own result is given back.
    pub fn read<T>(
        bytes: &[u8],
        answer: impl FnOnce(&Request<'_>) -> T,
    ) -> Result<Option<(Framing, T)>, Malformed> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        let head_length = match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooLarge),
            Err(_) => return Err(Malformed::Syntax),
        };
        let request = Request {
            method: head.method.unwrap_or_default(),
            target: head.path.unwrap_or_default(),
            is_http_1_1: head.version == Some(1),
            headers: head.headers,
        };
        if !request.target.starts_with('/') {
            return Err(Malformed::Target);
        }
        let framing = Framing {
            head_length,
            body: request.body()?,
            is_persistent: request.is_persistent(),
        };
        Ok(Some((framing, answer(&request))))
    }

    /// The header fields of this name.
    pub fn field(&self, name: &str) -> Field<'_> {
        let mut found = self.fields(name);
        match (found.next(), found.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => Field::Once(value),
            (Some(_), Some(_)) => Field::Repeated,
        }
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.trim_ascii())
    }

    /// RFC 9112, section 6: which of the two fields gives the body's length; both are an attack.
    fn body(&self) -> Result<RequestBody, Malformed> {
        match (
            self.field("transfer-encoding"),
            self.field("content-length"),
        ) {
            (Field::Absent, Field::Absent) => Ok(RequestBody::NONE),
            (Field::Absent, Field::Once(length)) => {
                if !length.iter().all(u8::is_ascii_digit) {
                    return Err(Malformed::Length);
                }
                let length = str::from_utf8(length).map_err(|_| Malformed::Length)?;
                match length.trim_start_matches('0') {
                    "" if length.is_empty() => Err(Malformed::Length),
                    "" => Ok(RequestBody::NONE),
                    length => {
                        let length = length.parse().unwrap_or(usize::MAX);
                        RequestBody::of_length(length).ok_or(Malformed::BodyTooLong)
                    }
                }
            }
            (Field::Once(coding), Field::Absent)
                if self.is_http_1_1 && coding.eq_ignore_ascii_case(b"chunked") =>
            {
                Ok(RequestBody::CHUNKED)
            }
            _ => Err(Malformed::Length),
        }
    }

    /// RFC 9112, section 9.3.
    fn is_persistent(&self) -> bool {
        let has_option = |option: &[u8]| {
            self.fields("connection")
                .flat_map(|value| value.split(|byte| *byte == b','))
                .any(|word| word.trim_ascii().eq_ignore_ascii_case(option))
        };
        match self.is_http_1_1 {
            true => !has_option(b"close"),
            false => has_option(b"keep-alive") && !has_option(b"close"),
        }
    }
}

/// Browsers send some 20.
const HEADERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Framing>, Malformed> {
        Request::read(text.as_bytes(), |_| ()).map(|read| read.map(|(framing, ())| framing))
    }

    fn framing(lines: &str) -> Framing {
        let text = format!("PUT /a {lines}\r\n\r\n");
        let framing = read(&text).unwrap().unwrap();
        assert_eq!(framing.head_length, text.len());
        framing
    }

    #[test]
    fn head_is_read_once_it_is_whole() {
        let text = "GET /a?b HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-b: 2\r\nX-B: 3\r\n\r\nrest";
        let head = text.len() - "rest".len();
        for end in 0..head {
            assert_eq!(read(&text[..end]), Ok(None), "{end}");
        }
        let (framing, ()) = Request::read(text.as_bytes(), |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.target, "/a?b");
            assert!(request.is_http_1_1);
            assert_eq!(request.field("x-a"), Field::Once(b"1"));
            assert_eq!(request.field("x-b"), Field::Repeated);
            assert_eq!(request.field("x-c"), Field::Absent);
        })
        .unwrap()
        .unwrap();
        assert_eq!(framing.head_length, head);
        assert_eq!(framing.body, RequestBody::NONE);
    }

    #[test]
    fn connection_lasts_as_its_version_and_options_say() {
        for (lines, is_persistent) in [
            ("HTTP/1.1", true),
            ("HTTP/1.1\r\nConnection: keep-alive", true),
            ("HTTP/1.1\r\nConnection: Close", false),
            ("HTTP/1.1\r\nConnection: a, close", false),
            ("HTTP/1.1\r\nConnection: a\r\nConnection: close", false),
            ("HTTP/1.0", false),
            ("HTTP/1.0\r\nConnection: Keep-Alive", true),
            ("HTTP/1.0\r\nConnection: keep-alive, close", false),
        ] {
            assert_eq!(framing(lines).is_persistent, is_persistent, "{lines}");
        }
    }

    #[test]
    fn conflicting_body_lengths_are_refused() {
        for (fields, body) in [
            ("", Ok(RequestBody::NONE)),
            ("Content-Length: 0", Ok(RequestBody::NONE)),
            (
                "Content-Length: 005",
                Ok(RequestBody::of_length(5).unwrap()),
            ),
            ("Transfer-Encoding: Chunked", Ok(RequestBody::CHUNKED)),
            ("Content-Length:", Err(Malformed::Length)),
            ("Content-Length: +5", Err(Malformed::Length)),
            ("Content-Length: 5, 5", Err(Malformed::Length)),
            (
                "Content-Length: 5\r\nContent-Length: 5",
                Err(Malformed::Length),
            ),
            ("Transfer-Encoding: gzip", Err(Malformed::Length)),
            ("Transfer-Encoding: gzip, chunked", Err(Malformed::Length)),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Err(Malformed::Length),
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                Err(Malformed::Length),
            ),
            (
                "Content-Length: 0\r\nTransfer-Encoding: chunked",
                Err(Malformed::Length),
            ),
            ("Content-Length: 10000000", Err(Malformed::BodyTooLong)),
            (
                "Content-Length: 99999999999999999999999999",
                Err(Malformed::BodyTooLong),
            ),
        ] {
            let text = match fields {
                "" => "PUT /a HTTP/1.1\r\n\r\n".to_owned(),
                fields => format!("PUT /a HTTP/1.1\r\n{fields}\r\n\r\n"),
            };
            let read = read(&text).map(|framing| framing.unwrap().body);
            assert_eq!(read, body, "{fields}");
        }
        assert_eq!(
            read("PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Malformed::Length)
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, malformed) in [
            ("hello\r\n\r\n", Malformed::Syntax),
            ("GET /a b HTTP/1.1\r\n\r\n", Malformed::Syntax),
            ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", Malformed::Syntax),
            ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", Malformed::Syntax),
            ("GET / HTTP/9.9\r\n\r\n", Malformed::Syntax),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Malformed::Syntax),
            ("GET http://h/ HTTP/1.1\r\n\r\n", Malformed::Target),
            ("OPTIONS * HTTP/1.1\r\n\r\n", Malformed::Target),
            ("CONNECT h:1 HTTP/1.1\r\n\r\n", Malformed::Target),
        ] {
            assert_eq!(read(text), Err(malformed), "{text}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert_eq!(read(&many), Err(Malformed::TooLarge));
    }
}
