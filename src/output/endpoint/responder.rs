//! [`Responder`]: gets each answer from the handler, logs rejections, and shows every answer to an observer.

use std::net::SocketAddr;
use std::sync::Mutex;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::handler::Handler;
use super::rejection_log::RejectionLog;
use super::request::Malformed;
use super::request::Request;
use super::response::Body;
use super::response::Response;
use super::response::StatusCode;
use super::response::TEXT;
use super::route::Route;
use crate::clock::Clock;
use crate::log::Level;
use crate::log::LogEvent;
use crate::text::Printable;

/// State shared by all connections of an endpoint.
pub(super) struct Responder {
    handler: Handler,
    settings: Settings,
    observe: Box<Observe>,
    rejections: RejectionLog,
    date: Mutex<Date>,
}

/// Is shown the route and status of each answer.
pub(super) type Observe = dyn Fn(Route, StatusCode) + Send + Sync;

/// Settings of an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The time.
    pub clock: Clock,
    /// Takes a line for the log.
    pub log: fn(&LogEvent),
    /// True if every request is logged.
    pub is_debug: bool,
}

/// The header field of this second.
#[derive(Default)]
struct Date {
    second: i64,
    text: String,
}

impl Responder {
    pub(super) fn new(handler: Handler, settings: Settings, observe: Box<Observe>) -> Self {
        Self {
            handler,
            settings,
            observe,
            rejections: RejectionLog::default(),
            date: Mutex::default(),
        }
    }

    /// `None` if the request shows a token that may be in its file by now: then it is to be answered after
    /// [`Responder::read_token_again`], where `is_token_current`.
    pub(super) fn answer(
        &self,
        request: &Request<'_>,
        peer: SocketAddr,
        is_token_current: bool,
    ) -> Option<Response> {
        let response = self.handler.answer(request, self.settings.clock.moment());
        if response.status == StatusCode::Unauthorized
            && !is_token_current
            && self.handler.token_in_file().is_some()
        {
            return None;
        }
        (self.observe)(response.route, response.status);
        if is_refusal(response.status) {
            self.refused(&response, || asked(request), peer);
        }
        if self.settings.is_debug {
            let code = response.status.code();
            let message = format!("{} from {peer}: {code}", asked(request));
            let event = LogEvent::new(Level::Debug, "request", message);
            (self.settings.log)(&event.with("status", code));
        }
        Some(response)
    }

    /// Waits until the file of the token was read once more, though not for long.
    pub(super) async fn read_token_again(&self) {
        if let Some(token) = self.handler.token_in_file() {
            token.read_again().await;
        }
    }

    pub(super) fn refuse(&self, malformed: Malformed, peer: SocketAddr) -> Response {
        let (status, text) = match malformed {
            Malformed::Syntax => (StatusCode::BadRequest, "malformed request"),
            Malformed::TooLarge => (StatusCode::HeaderFieldsTooLarge, "the head is too long"),
            Malformed::Target => (StatusCode::BadRequest, "not a proxy"),
            Malformed::Length => (StatusCode::BadRequest, "missing or conflicting body length"),
            Malformed::BodyTooLong => (StatusCode::ContentTooLarge, "the body is too long"),
            Malformed::TooSlow => (
                StatusCode::RequestTimeout,
                "the request took longer than 5 s",
            ),
        };
        let response = self.handler.refuse(status, text);
        (self.observe)(response.route, response.status);
        self.refused(&response, || "a malformed request".to_owned(), peer);
        response
    }

    /// The bytes of an answer in front of its body.
    pub(super) fn head(&self, response: &Response, connection: Option<&str>) -> Vec<u8> {
        let now = self.settings.clock.now();
        let mut date = self
            .date
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if date.second != now.unix_timestamp() {
            date.second = now.unix_timestamp();
            date.text = http_date(now);
        }
        response.head(&date.text, connection).into_bytes()
    }

    fn refused(&self, response: &Response, asked: impl FnOnce() -> String, peer: SocketAddr) {
        if let Some(count) = self.rejections.count(self.settings.clock.moment()) {
            // Ours, and no document for programs.
            let why = match &response.body {
                Body::Text(why) if response.content_type == TEXT => why,
                _ => response.status.reason(),
            };
            let code = response.status.code();
            let message = format!(
                "rejected {count} request(s) since the last such line, most recently {} from {peer}: \
                 {code} {why}",
                asked(),
            );
            let event = LogEvent::new(Level::Warning, "requests_rejected", message);
            (self.settings.log)(&event.with("count", count).with("status", code));
        }
    }
}

/// Formats a request without what may be a token in the wrong place: the query, and what is longer
/// than any name of a path.
fn asked(request: &Request<'_>) -> String {
    let short = |word: &str| match word.len() {
        length if length > NAME_CHARACTERS_MAX => format!("({length} characters)"),
        _ => Printable::new(word, NAME_CHARACTERS_MAX).to_string(),
    };
    let path = request.target.split('?').next().unwrap_or_default();
    let segments: Vec<String> = path.split('/').take(SEGMENTS_MAX).map(short).collect();
    format!("{} {}", short(request.method), segments.join("/"))
}

/// True if the status means an unwelcome client or a malformed request. SDKs ask for more paths than
/// exist, which does not count.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BadRequest | StatusCode::Unauthorized)
}

/// RFC 9110, section 5.6.7.
fn http_date(time: OffsetDateTime) -> String {
    time.format(HTTP_DATE).unwrap_or_default()
}

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// `security-credentials-extended` has 29, and a token at least 32.
const NAME_CHARACTERS_MAX: usize = 31;
const SEGMENTS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn date_has_the_form_of_http() {
        assert_eq!(
            http_date(datetime!(2030-01-06 08:49:37.5 UTC)),
            "Sun, 06 Jan 2030 08:49:37 GMT"
        );
    }
}
