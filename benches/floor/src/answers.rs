//! The least that an HTTP server can be: bare hyper on one thread, which gives every request the same
//! answer.
//!
//! The answer comes over stdin as it goes over the wire, head and body; of the head the status and the
//! header fields are taken, without `Date` and `Content-Length`, which hyper writes itself. Prints its
//! port on 127.0.0.1, and serves until it is killed.

use std::convert::Infallible;
use std::error::Error;
use std::io::Read;
use std::net::Ipv4Addr;

use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::header::DATE;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use hyper::http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let answer = Answer::parse(&text)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(Box::leak(Box::new(answer))))
}

struct Answer {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let (head, body) = text.split_once("\r\n\r\n").ok_or("there is no head")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut fields = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(": ").ok_or("a header field has no colon")?;
            let (name, value) = (name.parse::<HeaderName>()?, value.parse()?);
            if name != DATE && name != CONTENT_LENGTH {
                fields.push((name, value));
            }
        }
        Ok(Self {
            status: status.ok_or("there is no status")?.parse()?,
            fields,
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.fields.iter().cloned());
        response
    }
}

#[allow(clippy::print_stdout, reason = "who starts it has to know where it is")]
async fn serve(answer: &'static Answer) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(move |_: Request<Incoming>| async move {
            Ok::<_, Infallible>(answer.response())
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A client that disconnects is not a failure.
        tokio::spawn(async { drop(connection.await) });
    }
}
