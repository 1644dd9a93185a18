//! The running emulator: a listener on 127.0.0.1 and a thread, which both end when the
//! [`Emulator`] is dropped.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempPath;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::certificate::TrustAnchorError;
use crate::connection::serve;
use crate::fault::Fault;
use crate::record::RequestRecord;
use crate::service::Service;
use crate::settings::Settings;
use crate::tls::Tls;

/// A running stand-in for IAM Roles Anywhere. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    service: Arc<Service>,
    port: u16,
    tls_ca_path: Option<TempPath>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator. When this returns, it accepts connections.
    ///
    /// # Errors
    ///
    /// If a trust anchor is not a certificate, the port is taken, or the system gives no thread or
    /// no temporary file.
    pub fn start(settings: Settings) -> Result<Emulator, StartError> {
        for (index, der) in settings.trust_anchors.iter().enumerate() {
            let position = index + 1;
            Certificate::from_der(der)
                .map_err(|reason| TrustAnchorError::CertificateMalformed { position, reason })
                .map_err(StartError::TrustAnchor)?;
        }
        let tls = settings
            .tls
            .then(Tls::generate)
            .transpose()
            .map_err(StartError::Tls)?;
        let (config, tls_ca_path) = tls.map(|tls| (tls.config, tls.ca_path)).unzip();
        let (listener, port) = listen(settings.port)?;
        let service = Arc::new(Service::new(settings));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let server = Server {
            service: Arc::clone(&service),
            acceptor: config.map(TlsAcceptor::from),
        };
        let thread = std::thread::Builder::new()
            .name("rolesanywhere-emulator".to_owned())
            .spawn(move || run(&runtime, listener, server, stopped))
            .map_err(StartError::Thread)?;
        Ok(Emulator {
            service,
            port,
            tls_ca_path,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address for `--endpoint`: `http://127.0.0.1:PORT`, or `https://localhost:PORT`.
    pub fn url(&self) -> String {
        match self.tls_ca_path {
            Some(_) => format!("https://localhost:{}", self.port),
            None => format!("http://127.0.0.1:{}", self.port),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate authority of the HTTPS server as a PEM file, for `AWS_CA_BUNDLE`; none
    /// with HTTP. The file goes with the emulator.
    pub fn tls_ca_path(&self) -> Option<&Path> {
        self.tls_ca_path.as_deref()
    }

    /// The requests so far, in the order received. A request is in here before its answer can
    /// have arrived. Only the latest ones are kept, within limits that no test should meet.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.service.requests()
    }

    /// Adds a fault behind those still to come.
    pub fn inject(&self, fault: Fault) {
        self.service.inject(fault);
    }

    /// Drops all faults still to come, also those that would last for ever.
    pub fn recover(&self) {
        self.service.recover();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended, which is all that is wanted.
            drop(thread.join());
        }
    }
}

fn listen(port: u16) -> Result<(std::net::TcpListener, u16), StartError> {
    let bind = || {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    bind().map_err(|source| StartError::Listen { port, source })
}

struct Server {
    service: Arc<Service>,
    acceptor: Option<TlsAcceptor>,
}

/// Runs until `stopped` is closed; then every connection is closed with the runtime's tasks.
fn run(
    runtime: &Runtime,
    listener: std::net::TcpListener,
    server: Server,
    stopped: oneshot::Receiver<Infallible>,
) {
    runtime.block_on(async {
        let Ok(listener) = TcpListener::from_std(listener) else {
            return;
        };
        let accepting = tokio::spawn(accept(listener, server));
        drop(stopped.await);
        accepting.abort();
    });
}

async fn accept(listener: TcpListener, server: Server) {
    let server = Arc::new(server);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    server.serve(stream).await;
                    drop(permit);
                });
            }
            // Out of file descriptors, or a connection that was gone again.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

impl Server {
    async fn serve(&self, stream: TcpStream) {
        // Without it an answer waits for the client's acknowledgement; nothing else depends on it.
        drop(stream.set_nodelay(true));
        let service = Arc::clone(&self.service);
        let Some(acceptor) = &self.acceptor else {
            return serve(stream, service).await;
        };
        // A client that does not trust the certificate ends here, without a request to record.
        if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            serve(stream, service).await;
        }
    }
}

/// Why an emulator cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A trust anchor is not a certificate.
    TrustAnchor(TrustAnchorError),
    /// The port cannot be listened on.
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificates for HTTPS cannot be made or written.
    Tls(Box<dyn Error + Send + Sync>),
    /// The system gives no thread, or no means to wait on sockets.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::TrustAnchor(_) => f.write_str("cannot use a trust anchor"),
            StartError::Listen { port, .. } => write!(f, "cannot listen on 127.0.0.1:{port}"),
            StartError::Tls(_) => f.write_str("cannot make the certificates for https"),
            StartError::Thread(_) => f.write_str("cannot start the server's thread"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::TrustAnchor(source) => Some(source),
            StartError::Listen { source, .. } | StartError::Thread(source) => Some(source),
            StartError::Tls(source) => Some(source.as_ref()),
        }
    }
}

/// The most connections at a time; further ones wait to be accepted. A test of concurrency has
/// fewer, and the files that a process may open are rarely under 1024.
const CONNECTIONS_MAX: usize = 256;

/// The longest wait for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed accept, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
