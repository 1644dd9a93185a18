//! A request as it was received. Nothing in it is trusted or normalised.

/// One HTTP request, as it came: what [`verify()`](crate::verify()) judges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method, for example `POST`.
    pub method: String,
    /// The request target of RFC 9112 section 3.2, with path and query: `/sessions?..`.
    pub target: String,
    /// The header fields in the order received. Names are compared without regard to case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl ReceivedRequest {
    /// The path, percent-encoded as received.
    pub(crate) fn path(&self) -> &str {
        let target = self.origin_form();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query without its question mark, percent-encoded as received; empty if absent.
    pub(crate) fn query(&self) -> &str {
        self.origin_form()
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    /// The values of a header field, in the order received.
    pub(crate) fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(received, _)| received.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target without scheme and authority: a proxy may be sent the absolute form.
    fn origin_form(&self) -> &str {
        let Some((_, rest)) = self.target.split_once("://") else {
            return &self.target;
        };
        if self.target.starts_with('/') {
            return &self.target;
        }
        rest.find('/')
            .and_then(|start| rest.get(start..))
            .unwrap_or("/")
    }
}

/// `x-amzn-RequestId`, a UUID that holds the number of the request.
pub(crate) fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
