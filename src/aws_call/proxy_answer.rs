//! A proxy's answer to CONNECT. The HTTP client hides a rejection, so this module repeats the CONNECT
//! after one: a `407` or `403` with the proxy's own text says what to do.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::aws_call::proxy::Proxy;
use crate::secret::Secret;

/// The status and reason with which `proxy` at `addresses` refuses a tunnel to `authority`; `None` where it
/// does not, or does not say so in time.
pub(crate) async fn refusal(
    proxy: &Proxy,
    addresses: &[SocketAddr],
    authority: &str,
) -> Option<String> {
    if proxy.url().scheme() != "http" {
        return None;
    }
    let port = proxy.url().port_or_known_default()?;
    let exchange = async {
        let mut stream = connect(addresses, port).await?;
        write(&mut stream, request(proxy, authority).expose()).await?;
        read_head(&mut stream).await
    };
    let head = timeout(ANSWER_TIME_MAX, exchange).await.ok()?.ok()?;
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&head).ok()?;
    let (code, reason) = (response.code?, response.reason.unwrap_or_default());
    (code / 100 != 2).then(|| format!("{code} {reason}"))
}

async fn connect(addresses: &[SocketAddr], port: u16) -> io::Result<TcpStream> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for address in addresses {
        outcome = TcpStream::connect((address.ip(), port)).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn request(proxy: &Proxy, authority: &str) -> Secret<Vec<u8>> {
    // Large enough not to be moved. The encoder's own copy of user and password is not wiped.
    let mut text = String::with_capacity(HEAD_BYTES_MAX);
    text += &format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    let user = proxy.url().username();
    if !user.is_empty() {
        let password = proxy.url().password().unwrap_or_default();
        let mut pair: Vec<u8> = percent_decode_str(user).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(password));
        let pair = Secret::new(pair);
        text += "Proxy-Authorization: Basic ";
        text += &BASE64_STANDARD.encode(pair.expose());
        text += "\r\n";
    }
    text += "\r\n";
    Secret::new(text.into_bytes())
}

async fn write(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::future::poll_fn(|context| {
            std::pin::Pin::new(&mut *stream).poll_write(context, bytes)
        });
        bytes = bytes.get(written.await?..).unwrap_or_default();
    }
    Ok(())
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < HEAD_BYTES_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut read = tokio::io::ReadBuf::new(&mut buffer);
        std::future::poll_fn(|context| {
            std::pin::Pin::new(&mut *stream).poll_read(context, &mut read)
        })
        .await?;
        if read.filled().is_empty() {
            break;
        }
        head.extend_from_slice(read.filled());
    }
    Ok(head)
}

/// It has just answered.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 100;
