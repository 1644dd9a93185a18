//! A local server that answers by script and verifies nothing. It records each request before it
//! answers, so that a request is in [`Endpoint::requests`] once its answer has arrived.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::support::http::Request;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::vectors;

/// A running endpoint; it stops, and closes every connection, when it is dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Endpoint {
    pub(crate) fn start(script: Script) -> Endpoint {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            port: address.port(),
            script,
            log: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Endpoint {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The value of `--endpoint` that leads here.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.shared.script.tls {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://127.0.0.1:{}", self.port())
    }

    /// Every request so far, in the order of arrival; `CONNECT` too.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap().requests.clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection, and looks whether it shall stop after each.
        let _ = TcpStream::connect_timeout(&self.address, IDLE_MAX);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Takes connections until the endpoint stops, then ends each of them.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut open = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(second) = stream.try_clone() else {
            continue;
        };
        let shared = Arc::clone(shared);
        let worker = thread::spawn(move || {
            // A client that goes away or speaks nonsense is the client's affair.
            let _ = shared.serve(&stream);
            let _ = stream.shutdown(Shutdown::Both);
        });
        open.push((second, worker));
    }
    for (stream, worker) in open {
        let _ = stream.shutdown(Shutdown::Both);
        let _ = worker.join();
    }
}

struct Shared {
    port: u16,
    script: Script,
    log: Mutex<Log>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    answered: usize,
}

impl Shared {
    /// Answers the requests of one connection until one side closes it.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(IDLE_MAX))?;
        stream.set_write_timeout(Some(IDLE_MAX))?;
        stream.set_nodelay(true)?;
        let mut wire: Box<dyn Wire> = match self.script.tls {
            true => Box::new(secure(stream)?),
            false => Box::new(stream.try_clone()?),
        };
        let mut ahead = Vec::new();
        let mut is_tunnel = false;
        while let Some(request) = Request::read(&mut wire, &mut ahead)? {
            if self.script.proxy && !is_tunnel && request.method == "CONNECT" {
                self.log.lock().unwrap().requests.push(request);
                wire.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                wire = Box::new(secure(stream)?);
                is_tunnel = true;
                continue;
            }
            let response = self.record(request);
            self.pause(response.delay());
            wire.write_all(&response.bytes(self.port))?;
            wire.flush()?;
            if response.closes() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, request: Request) -> Response {
        let mut log = self.log.lock().unwrap();
        log.requests.push(request);
        log.answered += 1;
        self.script.response(log.answered - 1)
    }

    /// Waits, but no longer than the endpoint runs.
    fn pause(&self, delay: Duration) {
        let started = Instant::now();
        while started.elapsed() < delay && !self.stopping.load(Ordering::SeqCst) {
            thread::sleep(delay.saturating_sub(started.elapsed()).min(TICK));
        }
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn secure(stream: &TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let connection = ServerConnection::new(Arc::clone(&TLS)).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream.try_clone()?))
}

static TLS: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let pki = vectors().join("pki");
    let certificates = CertificateDer::pem_file_iter(pki.join("tls-server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(pki.join("tls-server.key")).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.map(Result::unwrap).collect(), key);
    Arc::new(config.unwrap())
});

/// No client of a test is silent for so long on a connection that it still needs.
const IDLE_MAX: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
