//! `serve`, and a client of it that sends what it is given, byte for byte.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::http::content_length;
use crate::support::http::headers;
use crate::support::http::malformed;
use crate::support::http::read_body;
use crate::support::http::read_head;
use crate::support::http::value;
use crate::support::log;
use crate::support::running::wait_until;

/// `serve` on a free port, against the service at this address.
pub(crate) fn serve(url: &str) -> Helper {
    Helper::command_at("serve", url)
        .args(["--port", "0"])
        .args(log::JSON)
}

/// A `serve` that listens.
pub(crate) struct Server<'a> {
    pub(crate) port: u16,
    pub(crate) running: Running<'a>,
}

impl<'a> Server<'a> {
    /// Starts it, and waits until it says that it listens.
    pub(crate) fn start(helper: &'a Helper) -> Server<'a> {
        let mut running = helper.start();
        wait_until(&mut running, "it listens", |said| port(said).is_some());
        let port = port(&running.stderr_so_far()).unwrap();
        Server { port, running }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.port)
    }

    /// The answer to a request, on a new connection.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        self.connect().ask(request)
    }

    /// A metadata token for six hours.
    pub(crate) fn token(&self) -> String {
        self.connect().token()
    }

    /// The answer to a request for credentials, as every SDK makes it.
    pub(crate) fn credentials(&self) -> Answer {
        let mut connection = self.connect();
        let token = connection.token();
        connection.ask(&get(CREDENTIALS, &token))
    }

    /// The access key id that is served.
    pub(crate) fn access_key_id(&self) -> String {
        self.credentials().field("AccessKeyId")
    }
}

/// The port that it says it listens on, in either form of the log.
pub(crate) fn port(said: &str) -> Option<u16> {
    match log::events(said, "listening").first() {
        Some(event) => event["port"].as_u64()?.try_into().ok(),
        None => {
            let (_, rest) = said.split_once("Local server started on port: ")?;
            rest.split_once('\n')?.0.parse().ok()
        }
    }
}

/// A connection to `serve`, which stays open from one request to the next.
pub(crate) struct Connection {
    stream: TcpStream,
    ahead: Vec<u8>,
}

impl Connection {
    /// To this port of 127.0.0.1.
    pub(crate) fn open(port: u16) -> Connection {
        Connection::to((Ipv4Addr::LOCALHOST, port).into()).unwrap()
    }

    pub(crate) fn to(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(Connection {
            stream,
            ahead: Vec::new(),
        })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// The next answer; `None` where the server closed the connection instead. One to `HEAD` has no
    /// body, whatever it says of the length.
    pub(crate) fn answer(&mut self, is_to_head: bool) -> io::Result<Option<Answer>> {
        let Some(head) = read_head(&mut self.stream, &mut self.ahead)? else {
            return Ok(None);
        };
        let mut answer = Answer::parse(&head)?;
        if !is_to_head {
            let length = content_length(&answer.headers)?;
            let length = length.ok_or_else(|| malformed("an answer without a length"))?;
            answer.body = read_body(&mut self.stream, &mut self.ahead, length)?;
        }
        Ok(Some(answer))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: &str) -> Answer {
        let mut ask = || {
            self.send(request)?;
            self.answer(request.starts_with("HEAD "))
        };
        match ask() {
            Ok(Some(answer)) => answer,
            Ok(None) => panic!("closed without an answer to {request:?}"),
            Err(error) => panic!("{error}; no answer to {request:?}"),
        }
    }

    /// A metadata token for six hours.
    pub(crate) fn token(&mut self) -> String {
        let answer = self.ask(&put_token("21600"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text().to_owned()
    }

    /// True if the server closes the connection within this time, without another byte.
    pub(crate) fn is_closed_within(&mut self, limit: Duration) -> bool {
        let begin = Instant::now();
        assert!(self.ahead.is_empty(), "{:?}", self.ahead);
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return false;
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut [0]) {
                Ok(0) => return true,
                Ok(_) => panic!("a byte more"),
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => return true,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => panic!("{error}"),
                },
            }
        }
    }

    /// True if the server closes the connection within this time, after any bytes.
    pub(crate) fn is_ended_within(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        match self.stream.read(&mut [0; 4096]) {
            Ok(length) => length == 0,
            Err(error) => !matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ),
        }
    }

    /// All that the server sends until it closes the connection, answers or not.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
}

/// An answer of `serve`.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In order, names in the case in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(head: &[u8]) -> io::Result<Answer> {
        let head = str::from_utf8(head).map_err(|_| malformed("the head is not UTF-8"))?;
        let mut lines = head.split("\r\n");
        let words: Vec<&str> = lines.next().unwrap_or_default().splitn(3, ' ').collect();
        let ["HTTP/1.1" | "HTTP/1.0", status, _] = words[..] else {
            return Err(malformed("the status line"));
        };
        Ok(Answer {
            status: status.parse().map_err(|_| malformed("the status"))?,
            headers: headers(lines)?,
            body: Vec::new(),
        })
    }

    /// The value of the first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("a body is UTF-8")
    }

    /// One JSON value, and nothing but it.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A text of the JSON object.
    pub(crate) fn field(&self, name: &str) -> String {
        let document = self.json();
        let text = document[name].as_str();
        text.unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .to_owned()
    }
}

/// A request with a `Host` that is right and these headers.
pub(crate) fn request(line: &str, headers: &[(&str, &str)]) -> String {
    let headers = headers.iter();
    let headers: String = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n")
}

/// A request for a metadata token that is good for so long.
pub(crate) fn put_token(ttl_seconds: &str) -> String {
    request("PUT /latest/api/token", &[(TTL_HEADER, ttl_seconds)])
}

/// A request with a metadata token.
pub(crate) fn get(path: &str, token: &str) -> String {
    request(&format!("GET {path}"), &[(TOKEN_HEADER, token)])
}

pub(crate) const TOKEN_HEADER: &str = "X-aws-ec2-metadata-token";
pub(crate) const TTL_HEADER: &str = "X-aws-ec2-metadata-token-ttl-seconds";
pub(crate) const ROLE_LIST: &str = "/latest/meta-data/iam/security-credentials/";
pub(crate) const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/ci-role";

/// An answer comes from memory; this is for machines that are very busy.
const ANSWER_MAX: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests;
