//! Asks a running endpoint whether it is ready, for container images without a shell.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use crate::text::Printable;

/// Asks `/readyz` at a status address. An error if the answer is not that it is ready.
pub fn ask(address: SocketAddr) -> Result<(), HealthcheckError> {
    let address = SocketAddr::new(
        match address.ip() {
            // A wildcard address includes loopback.
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        },
        address.port(),
    );
    let answer =
        exchange(address).map_err(|source| HealthcheckError::Unreachable { address, source })?;
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(&answer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) | Err(_) => {
            return Err(HealthcheckError::Foreign { address });
        }
    };
    match head.code {
        Some(200) => Ok(()),
        Some(503) => {
            let body = answer.get(length..).unwrap_or_default();
            let why = String::from_utf8_lossy(body);
            Err(HealthcheckError::NotReady {
                why: Printable::new(why.trim(), WHY_CHARACTERS_MAX).to_string(),
            })
        }
        _ => Err(HealthcheckError::Foreign { address }),
    }
}

fn exchange(address: SocketAddr) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect_timeout(&address, TIME_MAX)?;
    stream.set_write_timeout(Some(TIME_MAX))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while answer.len() < ANSWER_BYTES_MAX {
        let left = TIME_MAX.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend(piece.iter().take(length)),
        }
    }
    Ok(answer)
}

/// Why the endpoint does not count as ready.
#[derive(Debug)]
#[non_exhaustive]
pub enum HealthcheckError {
    /// No answer came.
    Unreachable {
        /// Address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Something else answers.
    Foreign {
        /// Address.
        address: SocketAddr,
    },
    /// It says that it is not.
    NotReady {
        /// In its own words.
        why: String,
    },
}

impl fmt::Display for HealthcheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, .. } => {
                write!(f, "cannot query the status address {address}")
            }
            Self::Foreign { address } => write!(
                f,
                "the server at {address} is not the status address of a helper"
            ),
            Self::NotReady { why } => write!(f, "not ready: {why}"),
        }
    }
}

impl std::error::Error for HealthcheckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } => Some(source),
            Self::Foreign { .. } | Self::NotReady { .. } => None,
        }
    }
}

/// For all steps: callers of health checks have timeouts of a few seconds.
const TIME_MAX: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 32;
const WHY_CHARACTERS_MAX: usize = 200;
