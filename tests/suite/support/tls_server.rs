//! A TLS server with a certificate made for one test, and a bundle that trusts its issuer.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use rcgen::BasicConstraints;
use rcgen::Certificate;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

/// A server that shows its certificate to one client and says nothing.
pub(crate) struct TlsServer {
    port: u16,
    server: JoinHandle<()>,
    folder: TempDir,
}

impl TlsServer {
    /// With a certificate for `localhost`, but for what `arrange` makes of it.
    pub(crate) fn with(arrange: impl Fn(&mut CertificateParams)) -> TlsServer {
        let issuer_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&issuer_key).unwrap();
        let issuer = Issuer::new(params, issuer_key);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        arrange(&mut params);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        TlsServer::start(&certificate, &key, &root)
    }

    /// With a CA's own certificate, which is in the bundle as well.
    pub(crate) fn with_ca_certificate() -> TlsServer {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        TlsServer::start(&certificate, &key, &certificate)
    }

    fn start(certificate: &Certificate, key: &KeyPair, root: &Certificate) -> TlsServer {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join(BUNDLE), root.pem()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
            // The client may not like it.
            let _ = tls.complete_io(&mut stream);
        });
        TlsServer {
            port,
            server,
            folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The PEM file that trusts its issuer.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.path().join(BUNDLE)
    }

    /// Waits until its client is gone.
    pub(crate) fn end(self) {
        self.server.join().unwrap();
    }
}

const BUNDLE: &str = "bundle.pem";
