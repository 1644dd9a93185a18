//! One connection: requests are read one after the other, each within its time, and answered.

use std::future::poll_fn;
use std::io;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout_at;
use zeroize::Zeroizing;

use super::connections::Slot;
use super::request::Framing;
use super::request::Malformed;
use super::request::Request;
use super::request_body::BadBody;
use super::request_body::RequestBody;
use super::responder::Responder;
use super::response::Body;
use super::response::Response;

/// A client.
pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    responder: Arc<Responder>,
    slot: Slot,
    /// Until then it does not count as idle.
    has_been_answered: bool,
    /// True if the file of the token was read since the request came.
    is_token_current: bool,
    /// Received bytes that are not processed yet; may contain a token.
    received: Zeroizing<Vec<u8>>,
    /// Remaining body of the last request.
    body: RequestBody,
    /// When the request began of which `received` and `body` are part; else when the one before was over.
    since: Instant,
}

/// Next step.
enum Step {
    /// Write this and continue.
    Answer(Vec<u8>, Response),
    /// Write this, and close.
    Last(Vec<u8>, Response),
    /// More bytes are needed.
    Read,
    /// The request may show a token that is newer than the one in memory.
    ReadTokenAgain,
    /// Close.
    Close,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        responder: Arc<Responder>,
        slot: Slot,
    ) -> Self {
        Self {
            stream,
            peer,
            responder,
            slot,
            has_been_answered: false,
            is_token_current: false,
            received: Zeroizing::default(),
            body: RequestBody::NONE,
            since: Instant::now(),
        }
    }

    /// Serves requests until either side closes the connection.
    pub(super) async fn run(mut self) {
        // The client has gone.
        let _ = self.serve().await;
    }

    async fn serve(&mut self) -> io::Result<()> {
        loop {
            match self.step() {
                Step::Answer(head, response) => self.write(&head, response.body.bytes()).await?,
                Step::Last(head, response) => {
                    self.write(&head, response.body.bytes()).await?;
                    return self.part().await;
                }
                Step::Read => {
                    let has_begun = self.has_begun();
                    if !has_begun && self.has_been_answered {
                        self.slot.is_idle();
                    }
                    match timeout_at(self.since + time_max(has_begun), self.read()).await {
                        Ok(Ok(0)) => return Ok(()),
                        Ok(Ok(_)) if has_begun => {}
                        Ok(Ok(_)) => {
                            self.slot.is_busy();
                            self.since = Instant::now();
                        }
                        Ok(Err(error)) => return Err(error),
                        // The client is gone, or the answer was given before the body came.
                        Err(_) if !has_begun || !self.body.is_over() => return Ok(()),
                        Err(_) => {
                            let response = self.responder.refuse(Malformed::TooSlow, self.peer);
                            let head = self.responder.head(&response, Some("close"));
                            self.write(&head, response.body.bytes()).await?;
                            return self.part().await;
                        }
                    }
                }
                Step::ReadTokenAgain => {
                    self.responder.read_token_again().await;
                    self.is_token_current = true;
                }
                Step::Close => return Ok(()),
            }
        }
    }

    /// Deals with what was received.
    fn step(&mut self) -> Step {
        if !self.body.is_over() {
            match self.body.pass_over(&self.received) {
                Ok(passed) => self.forget(passed),
                // It was answered already.
                Err(BadBody) => return Step::Close,
            }
            if !self.body.is_over() {
                return match self.received.len() < HEAD_BYTES_MAX {
                    true => Step::Read,
                    false => Step::Close,
                };
            }
            self.since = Instant::now();
        }
        let is_idle = self.has_been_answered && self.received.is_empty();
        if is_idle && self.slot.is_closing() {
            return Step::Close;
        }
        let responder = &self.responder;
        let (peer, is_token_current) = (self.peer, self.is_token_current);
        let read = Request::read(&self.received, |request| {
            let mut response = responder.answer(request, peer, is_token_current)?;
            if request.method == "HEAD" {
                // RFC 9110, section 9.3.2: the client would take a body for the next answer.
                response.body = Body::EMPTY;
            }
            Some((response, request.is_http_1_1))
        });
        match read {
            Ok(Some((framing, Some((response, is_http_1_1))))) => {
                self.answered(framing, response, is_http_1_1)
            }
            Ok(Some((_, None))) => Step::ReadTokenAgain,
            Ok(None) if self.received.len() < HEAD_BYTES_MAX => Step::Read,
            Ok(None) => self.refused(Malformed::TooLarge),
            Err(malformed) => self.refused(malformed),
        }
    }

    fn answered(&mut self, framing: Framing, response: Response, is_http_1_1: bool) -> Step {
        self.forget(framing.head_length);
        self.has_been_answered = true;
        self.is_token_current = false;
        self.body = framing.body;
        if self.body.is_over() {
            self.since = Instant::now();
        }
        let is_last = !framing.is_persistent || self.slot.is_closing();
        let connection = match (is_last, is_http_1_1) {
            (true, _) => Some("close"),
            (false, true) => None,
            (false, false) => Some("keep-alive"),
        };
        let head = self.responder.head(&response, connection);
        match is_last {
            true => Step::Last(head, response),
            false => Step::Answer(head, response),
        }
    }

    fn refused(&self, malformed: Malformed) -> Step {
        let response = self.responder.refuse(malformed, self.peer);
        Step::Last(self.responder.head(&response, Some("close")), response)
    }

    /// True if part of a request is there.
    fn has_begun(&self) -> bool {
        !self.received.is_empty() || !self.body.is_over()
    }

    fn forget(&mut self, length: usize) {
        if length < self.received.len() {
            self.received.drain(..length);
        } else if self.received.capacity() > KEPT_BYTES_MAX {
            self.received = Zeroizing::default();
        } else {
            self.received.clear();
        }
    }

    /// Reads the next bytes.
    async fn read(&mut self) -> io::Result<usize> {
        let Self {
            stream, received, ..
        } = self;
        poll_fn(|context| {
            let mut piece = [MaybeUninit::uninit(); PIECE_BYTES];
            let mut piece = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut piece))?;
            received.extend_from_slice(piece.filled());
            Poll::Ready(Ok(piece.filled().len()))
        })
        .await
    }

    /// Writes head and body, without a copy of the body.
    async fn write(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let mut written = 0;
        let stream = &mut self.stream;
        let write = poll_fn(|context| {
            while written < head.len() + body.len() {
                let parts = [
                    IoSlice::new(head.get(written..).unwrap_or_default()),
                    IoSlice::new(
                        body.get(written.saturating_sub(head.len())..)
                            .unwrap_or_default(),
                    ),
                ];
                match ready!(Pin::new(&mut *stream).poll_write_vectored(context, &parts))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    length => written += length,
                }
            }
            Poll::Ready(Ok(()))
        });
        timeout_at(Instant::now() + REQUEST_TIME_MAX, write).await?
    }

    /// Ends the answers, and waits briefly for the client to close the connection: unread bytes would
    /// otherwise reset it and discard the answer.
    async fn part(&mut self) -> io::Result<()> {
        let stream = &mut self.stream;
        poll_fn(|context| Pin::new(&mut *stream).poll_shutdown(context)).await?;
        let end = Instant::now() + PARTING_TIME_MAX;
        let mut left = PARTING_BYTES_MAX;
        while let Ok(Ok(length @ 1..)) = timeout_at(end, self.read()).await {
            self.received.clear();
            left = left.saturating_sub(length);
            if left == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn time_max(has_begun: bool) -> Duration {
    match has_begun {
        true => REQUEST_TIME_MAX,
        false => IDLE_TIME_MAX,
    }
}

/// The longest head: the reference helper is sent one of 10 KB in its tests.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Read at a time.
const PIECE_BYTES: usize = 4096;

/// As much as stays with an idle connection.
const KEPT_BYTES_MAX: usize = 2 * PIECE_BYTES;

/// For a whole request, and for taking an answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// Between two requests.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// For the other side to end the connection.
const PARTING_TIME_MAX: Duration = Duration::from_secs(1);
const PARTING_BYTES_MAX: usize = 2 * 1024 * 1024;
