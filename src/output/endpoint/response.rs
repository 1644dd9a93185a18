//! [`Response`]: an answer as a value, written once and whole.

use std::borrow::Cow;
use std::sync::Arc;

use super::route::Route;
use crate::secret::Secret;

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: StatusCode,
    /// Route for the metrics.
    pub route: Route,
    /// More header fields: names and values, none of which come from outside.
    pub fields: Vec<(&'static str, String)>,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Body,
}

/// The statuses that are ever answered (RFC 9110, section 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusCode {
    /// 200
    Ok,
    /// 400
    BadRequest,
    /// 401
    Unauthorized,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 408
    RequestTimeout,
    /// 413
    ContentTooLarge,
    /// 431
    HeaderFieldsTooLarge,
    /// 500
    InternalServerError,
    /// 503
    ServiceUnavailable,
}

/// The content.
#[derive(Debug, Clone)]
pub enum Body {
    /// Public.
    Text(Cow<'static, str>),
    /// Credentials, shared by all answers, or a metadata token.
    Secret(Arc<Secret<Vec<u8>>>),
}

impl Response {
    /// A text and nothing else.
    pub fn text(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            route: Route::Other,
            fields: Vec::new(),
            content_type: TEXT,
            body: Body::Text(text.into()),
        }
    }

    /// The reference helper's answer to a path that there is not.
    pub fn not_found() -> Self {
        Self::text(StatusCode::NotFound, "404 page not found\n")
    }

    /// The answer where only another method is known.
    pub fn method_not_allowed(allowed: &str) -> Self {
        Self {
            fields: vec![("Allow", allowed.to_owned())],
            ..Self::text(StatusCode::MethodNotAllowed, "")
        }
    }

    /// Its first line and header fields, with the empty line behind them.
    pub fn head(&self, date: &str, connection: Option<&str>) -> String {
        use std::fmt::Write as _;
        let mut head = String::with_capacity(HEAD_BYTES);
        // Writing into a string does not fail.
        let _ = write!(
            head,
            "HTTP/1.1 {} {}\r\nDate: {date}\r\nContent-Length: {}\r\n",
            self.status.code(),
            self.status.reason(),
            self.body.bytes().len()
        );
        if !self.body.bytes().is_empty() {
            let _ = write!(head, "Content-Type: {}\r\n", self.content_type);
        }
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(connection) = connection {
            let _ = write!(head, "Connection: {connection}\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

impl Body {
    /// None.
    pub const EMPTY: Self = Self::Text(Cow::Borrowed(""));

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Secret(bytes) => bytes.expose(),
        }
    }
}

impl StatusCode {
    pub(super) const ALL: [Self; 10] = [
        Self::Ok,
        Self::BadRequest,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::ContentTooLarge,
        Self::HeaderFieldsTooLarge,
        Self::InternalServerError,
        Self::ServiceUnavailable,
    ];

    /// The number.
    pub fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::ContentTooLarge => 413,
            Self::HeaderFieldsTooLarge => 431,
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The words behind it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::ContentTooLarge => "Content Too Large",
            Self::HeaderFieldsTooLarge => "Request Header Fields Too Large",
            Self::InternalServerError => "Internal Server Error",
            Self::ServiceUnavailable => "Service Unavailable",
        }
    }
}

/// The type of nearly everything, as the reference helper names it.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// The type of what only programs read.
pub const JSON: &str = "application/json";

/// A head has some 200.
const HEAD_BYTES: usize = 256;
