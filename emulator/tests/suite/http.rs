//! A client that writes bytes to a socket and reads what comes back; no HTTP library is between
//! the tests and the wire.

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Settings;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use time::OffsetDateTime;

use crate::support::Draft;
use crate::support::Identity;
use crate::support::simple;

/// A running emulator and an identity that it trusts.
pub(crate) struct Setup {
    pub(crate) emulator: Emulator,
    pub(crate) identity: Identity,
}

impl Setup {
    pub(crate) fn new(settings: Settings) -> Setup {
        let (trust_anchors, identity) = simple();
        let emulator = Emulator::start(Settings {
            trust_anchors,
            ..settings
        })
        .unwrap();
        Setup { emulator, identity }
    }

    pub(crate) fn with_faults(faults: &[&str]) -> Setup {
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        Setup::new(Settings {
            faults,
            ..Settings::default()
        })
    }

    /// A correct request, signed now.
    pub(crate) fn request(&self) -> ReceivedRequest {
        self.request_with(|_| {})
    }

    pub(crate) fn request_with(&self, change: impl FnOnce(&mut Draft)) -> ReceivedRequest {
        let mut draft = Draft::new(&self.identity, OffsetDateTime::now_utc());
        change(&mut draft);
        draft.sign(&self.identity)
    }

    /// Sends a correct request on a new connection.
    pub(crate) fn post(&self) -> Response {
        self.send(&self.request())
    }

    pub(crate) fn send(&self, request: &ReceivedRequest) -> Response {
        let mut stream = connect(&self.emulator);
        stream.write_all(&bytes(request)).unwrap();
        Response::read(&mut stream)
    }
}

pub(crate) fn connect(emulator: &Emulator) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", emulator.port())).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

/// Connects with TLS, trusting the emulator's certificate authority and nothing else.
pub(crate) fn connect_tls(
    emulator: &Emulator,
    name: &'static str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(emulator.tls_ca_path().unwrap()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, connect(emulator))
}

/// A request as it is on the wire.
pub(crate) fn bytes(request: &ReceivedRequest) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method, request.target).into_bytes();
    for (name, value) in &request.headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let length = request.body.len();
    bytes.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    bytes.extend_from_slice(&request.body);
    bytes
}

/// The received bytes.
#[derive(Debug)]
pub(crate) struct Response {
    /// 0 if nothing came before the connection was closed.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Reads one response, by its Content-Length, or until the connection is closed.
    pub(crate) fn read(stream: &mut impl Read) -> Response {
        let mut received = Vec::new();
        let end = loop {
            if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if !read_some(stream, &mut received) {
                assert!(received.is_empty(), "half a head: {received:?}");
                return Response {
                    status: 0,
                    headers: Vec::new(),
                    body: Vec::new(),
                };
            }
        };
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut response = Response {
            status,
            headers,
            body: received[end + 4..].to_vec(),
        };
        let length = response.content_length();
        while response.body.len() < length && read_some(stream, &mut response.body) {}
        assert!(response.body.len() <= length, "more than Content-Length");
        response
    }

    pub(crate) fn content_length(&self) -> usize {
        self.header("content-length")
            .map_or(0, |length| length.parse().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn access_key_id(&self) -> String {
        let id = &self.json()["credentialSet"][0]["credentials"]["accessKeyId"];
        id.as_str().unwrap().to_owned()
    }
}

/// True if anything arrived; a reset counts as an end.
fn read_some(stream: &mut impl Read, into: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(length) => {
            into.extend_from_slice(&buffer[..length]);
            true
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("no answer within {TIMEOUT:?}")
        }
        Err(_) => false,
    }
}

/// Long enough for a loaded machine; no test waits for it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(80);
