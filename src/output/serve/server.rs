//! [`Server`]: listens, and hands each connection to a task of its own.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::Face;
use super::address;
use super::connection::Connection;
use super::connections::Connections;
use super::refusals::Refusals;
use super::request::Malformed;
use super::request::Request;
use super::response::Body;
use super::response::Response;
use super::response::Status;
use super::response::TEXT;
use super::traffic::Traffic;
use crate::clock::Clock;
use crate::text::Printable;

/// What is served, to all connections.
pub(super) struct Endpoint {
    face: Face,
    traffic: Arc<Traffic>,
    settings: Settings,
    refusals: Refusals,
    /// Of connections that could not be accepted.
    failures: Refusals,
    connections: Arc<Connections>,
    listeners: usize,
    is_closing: AtomicBool,
    date: Mutex<Date>,
}

/// How to serve.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The time.
    pub clock: Clock,
    /// Takes a line for the log.
    pub tell: fn(&str),
    /// Whether each request is one.
    pub is_debug: bool,
    /// How many connections may be open.
    pub connections_max: usize,
}

/// The header field of this second.
#[derive(Default)]
struct Date {
    second: i64,
    text: String,
}

/// An endpoint that is listened at.
pub struct Server {
    endpoint: Arc<Endpoint>,
    accepting: Vec<AbortHandle>,
}

impl Server {
    /// Accepts connections from now on, and counts their requests. Needs an event loop.
    pub fn start(
        face: Face,
        traffic: Arc<Traffic>,
        settings: Settings,
        listeners: Vec<(TcpListener, Option<u8>)>,
    ) -> io::Result<Self> {
        let endpoint = Arc::new(Endpoint {
            face,
            traffic,
            settings,
            refusals: Refusals::default(),
            failures: Refusals::default(),
            connections: Arc::default(),
            // One connection at least.
            listeners: listeners
                .len()
                .min(settings.connections_max.saturating_sub(1)),
            is_closing: AtomicBool::new(false),
            date: Mutex::default(),
        });
        let accepting = listeners.into_iter().map(|(listener, hop_limit)| {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let accept = accept(listener, hop_limit, Arc::clone(&endpoint));
            Ok(tokio::spawn(accept).abort_handle())
        });
        let accepting = accepting.collect::<io::Result<_>>()?;
        Ok(Self {
            endpoint,
            accepting,
        })
    }

    /// Accepts no more, and closes the connections of those who were answered and have sent nothing
    /// since.
    pub fn close(&self) {
        for accepting in &self.accepting {
            accepting.abort();
        }
        self.endpoint.is_closing.store(true, Ordering::Relaxed);
        self.endpoint.connections.close_idle();
    }

    /// Until everybody else has been answered.
    pub async fn closed(&self) {
        self.endpoint.connections.all_closed().await;
    }
}

impl Endpoint {
    pub(super) fn answer(&self, request: &Request<'_>, peer: SocketAddr) -> Response {
        let response = self.face.answer(request, self.settings.clock.moment());
        self.traffic.count(response.route, response.status);
        if is_refusal(response.status) {
            self.refused(&response, || asked(request), peer);
        }
        if self.settings.is_debug {
            let code = response.status.code();
            (self.settings.tell)(&format!("debug: {} from {peer}: {code}", asked(request)));
        }
        response
    }

    pub(super) fn refuse(&self, malformed: Malformed, peer: SocketAddr) -> Response {
        let (status, text) = match malformed {
            Malformed::Syntax => (Status::BadRequest, "this is no request"),
            Malformed::TooLarge => (Status::HeaderFieldsTooLarge, "the head is too long"),
            Malformed::Target => (Status::BadRequest, "this is no proxy"),
            Malformed::Length => (
                Status::BadRequest,
                "the length of the body is told in no way or in two",
            ),
            Malformed::BodyTooLong => (Status::ContentTooLarge, "the body is too long"),
            Malformed::TooSlow => (
                Status::RequestTimeout,
                "the request did not come within 5 s",
            ),
        };
        let response = self.face.refuse(status, text);
        self.traffic.count(response.route, response.status);
        self.refused(&response, || "what is no request".to_owned(), peer);
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

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    fn refused(&self, response: &Response, asked: impl FnOnce() -> String, peer: SocketAddr) {
        if let Some(count) = self.refusals.count(self.settings.clock.moment()) {
            // Ours, and no document for programs.
            let why = match &response.body {
                Body::Text(why) if response.content_type == TEXT => why,
                _ => response.status.reason(),
            };
            (self.settings.tell)(&format!(
                "warning: refused {count} request(s) since the last such line, at last {} from \
                 {peer}: {} {why}",
                asked(),
                response.status.code(),
            ));
        }
    }

    async fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Each listener may have accepted one that waits for room, and it is open all the same.
        let open_max = self.settings.connections_max - self.listeners;
        self.connections.make_room(open_max).await;
        self.connections.admit(|slot| {
            let connection = Connection::new(stream, peer, Arc::clone(self), slot);
            tokio::spawn(connection.run()).abort_handle()
        });
    }
}

async fn accept(listener: tokio::net::TcpListener, hop_limit: Option<u8>, endpoint: Arc<Endpoint>) {
    let mut wait = ACCEPT_AGAIN_MIN;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                wait = ACCEPT_AGAIN_MIN;
                // An answer is one packet, and is not to wait for another.
                let _ = stream.set_nodelay(true);
                if let Some(hop_limit) = hop_limit
                    && address::limit_hops(&stream, hop_limit).is_err()
                {
                    // It would go further than it may.
                    continue;
                }
                endpoint.admit(stream, peer).await;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // Out of descriptors, say: it is not helped by trying again at once.
            Err(error) => {
                let now = endpoint.settings.clock.moment();
                if let Some(count) = endpoint.failures.count(now) {
                    (endpoint.settings.tell)(&format!(
                        "warning: cannot accept a connection, {count} time(s) since the last such \
                         line: {error}"
                    ));
                }
                sleep(wait).await;
                wait = (wait * 2).min(ACCEPT_AGAIN_MAX);
            }
        }
    }
}

/// What was asked for, without what may be a token in the wrong place: the query, and what is longer
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

/// Whether it says that somebody asks who should not, or in a way that nobody should. SDKs ask for
/// more paths than there are, which is no refusal.
fn is_refusal(status: Status) -> bool {
    matches!(status, Status::BadRequest | Status::Unauthorized)
}

/// RFC 9110, section 5.6.7.
fn http_date(time: OffsetDateTime) -> String {
    time.format(HTTP_DATE).unwrap_or_default()
}

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

const ACCEPT_AGAIN_MIN: Duration = Duration::from_millis(10);
const ACCEPT_AGAIN_MAX: Duration = Duration::from_secs(1);

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
