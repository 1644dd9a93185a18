//! One HTTP/1.1 connection: bytes to requests, answers to bytes. Every size and every wait has a
//! limit.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::body::Bytes;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use hyper::header::CONTENT_TYPE;
use hyper::header::DATE;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use hyper::header::LOCATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::request::request_id;
use crate::respond::http_date;
use crate::service::Reply;
use crate::service::Service;

/// Serves the requests of one connection, until it is closed by either side.
pub(crate) async fn serve<S>(stream: S, service: Arc<Service>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let respond = service_fn(move |request| respond(request, Arc::clone(&service)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), respond)
        .await;
    // Faults of a connection, such as a dropped or cut answer, only concern its client.
    drop(served);
}

async fn respond(
    request: Request<Incoming>,
    service: Arc<Service>,
) -> Result<Response<AnswerBody>, Closed> {
    let (request, refusal) = receive(request).await?;
    let reply = service.reply(request, refusal);
    sleep(reply.delay).await;
    response(reply).ok_or(Closed)
}

/// Reads a request whole; one with a body that is too long comes without it, and refused.
async fn receive(request: Request<Incoming>) -> Result<(ReceivedRequest, Option<Refusal>), Closed> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let mut request = ReceivedRequest {
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let collected = timeout(READ_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect());
    match collected.await {
        Ok(Ok(body)) => {
            request.body = body.to_bytes().to_vec();
            Ok((request, None))
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Ok((
            request,
            Some(Refusal::BodyTooLarge {
                limit_bytes: BODY_BYTES_MAX,
            }),
        )),
        Ok(Err(_)) | Err(_) => Err(Closed),
    }
}

fn response(reply: Reply) -> Option<Response<AnswerBody>> {
    let answer = reply.answer?;
    let body = Bytes::from(answer.body);
    let declared = u64::try_from(body.len()).ok()?;
    let sent = answer
        .cut_at
        .and_then(|length| body.get(..length))
        .map(Bytes::copy_from_slice);
    let is_cut = sent.is_some();
    let rest = if is_cut { Rest::Flush } else { Rest::Nothing };
    let mut response = Response::new(AnswerBody {
        data: Some(sent.unwrap_or(body)),
        declared,
        rest,
    });
    *response.status_mut() = StatusCode::from_u16(answer.status).ok()?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(DATE, HeaderValue::from_str(&http_date(reply.date)).ok()?);
    headers.insert(
        REQUEST_ID,
        HeaderValue::from_str(&request_id(reply.number)).ok()?,
    );
    if let Some(code) = answer.error_type {
        headers.insert(ERROR_TYPE, HeaderValue::from_str(&code).ok()?);
    }
    if let Some(location) = answer.location {
        headers.insert(LOCATION, HeaderValue::from_static(location));
    }
    Some(response)
}

/// The body of an answer, which may end early, on purpose.
struct AnswerBody {
    data: Option<Bytes>,
    declared: u64,
    rest: Rest,
}

/// The bytes after the data.
enum Rest {
    Nothing,
    /// A pause, in which what has been written is flushed.
    Flush,
    Close,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.rest {
            Rest::Nothing => Poll::Ready(None),
            Rest::Flush => {
                self.rest = Rest::Close;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Rest::Close => Poll::Ready(Some(Err(Closed))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && matches!(self.rest, Rest::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.declared)
    }
}

/// The connection is to be closed as it is.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl Error for Closed {}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The longest request head, in bytes: five intermediates and an end-entity certificate, each of
/// 8 KiB in base64, and as much again. A longer one is answered with 431, and not recorded.
const HEAD_BYTES_MAX: usize = 96 * 1024;

/// The most header fields; a helper sends about ten. More are answered with 431.
const HEADERS_MAX: usize = 100;

/// The longest body, in bytes: three ARNs of 1011 bytes at most, a duration and a session name,
/// many times over.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The longest wait for a request's head, and then for its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
