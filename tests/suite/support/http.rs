//! A request as it came over the wire: nothing is put in order, nothing is left out. And the parts
//! that answers have as well.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::time::SystemTime;

/// One request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// In order, names in the case in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) arrived: SystemTime,
}

impl Request {
    /// Reads one request; `None` where the client closed the connection in front of it. What was
    /// read past its end stays in `ahead`.
    pub(crate) fn read(from: &mut dyn Read, ahead: &mut Vec<u8>) -> io::Result<Option<Request>> {
        let Some(head) = read_head(from, ahead)? else {
            return Ok(None);
        };
        let mut request = Request::parse(&head)?;
        if request.header("transfer-encoding").is_some() {
            return Err(malformed("a body that this endpoint does not read"));
        }
        let length = content_length(&request.headers)?;
        request.body = read_body(from, ahead, length.unwrap_or(0))?;
        request.arrived = SystemTime::now();
        Ok(Some(request))
    }

    fn parse(head: &[u8]) -> io::Result<Request> {
        let head = str::from_utf8(head).map_err(|_| malformed("the head is not UTF-8"))?;
        let mut lines = head.split("\r\n");
        let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else {
            return Err(malformed("the request line"));
        };
        Ok(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers(lines)?,
            body: Vec::new(),
            arrived: SystemTime::now(),
        })
    }

    /// The value of the first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    pub(crate) fn body_text(&self) -> &str {
        str::from_utf8(&self.body).expect("a body of JSON is UTF-8")
    }
}

/// Reads what is in front of an empty line; `None` where there is nothing at all.
pub(crate) fn read_head(from: &mut dyn Read, ahead: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = ahead.windows(4).position(|four| four == b"\r\n\r\n") {
            let mut head: Vec<u8> = ahead.drain(..end + 4).collect();
            head.truncate(end);
            return Ok(Some(head));
        }
        if ahead.len() > HEAD_BYTES_MAX {
            return Err(malformed("the head is too long"));
        }
        if !more(from, ahead)? {
            return match ahead.is_empty() {
                true => Ok(None),
                false => Err(ErrorKind::UnexpectedEof.into()),
            };
        }
    }
}

/// Reads a body of this length.
pub(crate) fn read_body(
    from: &mut dyn Read,
    ahead: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    if length > BODY_BYTES_MAX {
        return Err(malformed("the body is too long"));
    }
    while ahead.len() < length {
        if !more(from, ahead)? {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(ahead.drain(..length).collect())
}

/// The lines of a head behind its first, in order.
pub(crate) fn headers<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> io::Result<Vec<(String, String)>> {
    let header = |line: &str| {
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header"))?;
        Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
    };
    lines.map(header).collect()
}

/// The value of the first header of this name, in any case.
pub(crate) fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

pub(crate) fn content_length(headers: &[(String, String)]) -> io::Result<Option<usize>> {
    let length = value(headers, "content-length").map(str::parse);
    length.transpose().map_err(|_| malformed("content-length"))
}

/// True if there was more to read.
fn more(from: &mut dyn Read, ahead: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    let length = from.read(&mut chunk)?;
    ahead.extend_from_slice(&chunk[..length]);
    Ok(length > 0)
}

pub(crate) fn malformed(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Six intermediates of RSA 4096 in a header are some 14 KiB.
const HEAD_BYTES_MAX: usize = 256 * 1024;
const BODY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::ErrorKind;

    use crate::support::http::Request;

    fn read(bytes: &[u8]) -> io::Result<Option<Request>> {
        Request::read(&mut &bytes[..], &mut Vec::new())
    }

    #[test]
    fn order_and_case_of_the_headers_are_kept() {
        let request =
            read(b"POST /a?b HTTP/1.1\r\nZ-Last: 1\r\nhOsT:  x \r\nContent-Length: 2\r\n\r\n{}");
        let request = request.unwrap().unwrap();

        assert_eq!((&*request.method, &*request.target), ("POST", "/a?b"));
        let names: Vec<&str> = request.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["Z-Last", "hOsT", "Content-Length"]);
        assert_eq!(request.header("Host"), Some("x"));
        assert_eq!(request.body_text(), "{}");
    }

    #[test]
    fn pipelined_requests_are_read_in_order() {
        let mut bytes = &b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"[..];
        let mut ahead = Vec::new();
        let mut targets = Vec::new();
        while let Some(request) = Request::read(&mut bytes, &mut ahead).unwrap() {
            targets.push(request.target);
        }
        assert_eq!(targets, ["/1", "/2"]);
    }

    #[test]
    fn a_request_that_is_cut_or_malformed_is_an_error() {
        let kind = |bytes: &[u8]| read(bytes).unwrap_err().kind();

        assert_eq!(kind(b"POST / HTTP/1.1\r\nHost"), ErrorKind::UnexpectedEof);
        assert_eq!(
            kind(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}"),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(
            kind(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
            ErrorKind::InvalidData
        );
        assert_eq!(
            kind(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ErrorKind::InvalidData
        );
        assert_eq!(kind(b"\x16\x03\x01\r\n\r\n"), ErrorKind::InvalidData);
        assert_eq!(kind(&[b'x'; 300 * 1024]), ErrorKind::InvalidData);
    }

    #[test]
    fn nothing_is_no_request() {
        assert!(read(b"").unwrap().is_none());
    }
}
