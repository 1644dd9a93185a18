//! [`TrustRoots`]: which certificate authorities a server's certificate is verified against.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;

use crate::environment::Environment;
use crate::file;
use crate::file::FileError;
use crate::identity::files::pem;
use crate::platform;
use crate::text::ShownName;

/// Certificate authorities that servers are verified against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRoots {
    /// Those of a PEM file that has to be there.
    Bundle(PathBuf),
    /// The roots of a PEM file, or the system's if the file does not exist: some environments name a
    /// missing file on purpose.
    BundleIfPresent(PathBuf),
    /// Those of the operating system, else those built in.
    System,
    /// None: any server is believed.
    Unverified,
}

impl TrustRoots {
    /// `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else the system's.
    pub fn resolve(environment: &Environment) -> Self {
        if let Some(path) = environment.raw("AWS_CA_BUNDLE") {
            return Self::Bundle(path.into());
        }
        match environment.raw("SSL_CERT_FILE") {
            Some(path) => Self::BundleIfPresent(path.into()),
            None => Self::System,
        }
    }

    /// TLS 1.2 and 1.3 by ring, verifying servers against these roots.
    pub(crate) fn tls_config(&self) -> Result<ClientConfig, TrustRootsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TrustRootsError::tls)?;
        let builder = match self {
            Self::BundleIfPresent(path) if !path.exists() => return Self::System.tls_config(),
            Self::Bundle(path) | Self::BundleIfPresent(path) => {
                builder.with_root_certificates(read_bundle(path)?)
            }
            Self::Unverified => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyServer(provider))),
            Self::System => match platform::system_verifier(provider) {
                Some(verifier) => builder
                    .dangerous()
                    .with_custom_certificate_verifier(verifier.map_err(TrustRootsError::tls)?),
                None => builder.with_root_certificates(system_roots()),
            },
        };
        let mut config = builder.with_no_client_auth();
        // One connection a call: nothing is there to be resumed.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// The first bundle that can be read, else the roots built in.
fn system_roots() -> RootCertStore {
    platform::TRUST_BUNDLES
        .iter()
        .find_map(|path| read_bundle(Path::new(path)).ok())
        .unwrap_or_else(|| webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

/// The roots of a PEM file. Single certificates that rustls does not understand are passed over, as
/// there are some in the bundles of old distributions.
///
/// Bundles hold some 150 certificates, and every call reads one: the buffers are used again, and
/// base64 is decoded by the crate that is fastest at it.
fn read_bundle(path: &Path) -> Result<RootCertStore, TrustRootsError> {
    let text = file::read_public(path, BUNDLE_BYTES_MAX).map_err(TrustRootsError::File)?;
    let mut roots = RootCertStore::empty();
    let engine = base64_engine();
    let mut base64 = Vec::new();
    let mut der = Vec::new();
    for section in pem::sections(&text)
        .flatten()
        .filter(|section| section.label == "CERTIFICATE")
    {
        base64.clear();
        der.clear();
        section.base64_into(&mut base64);
        if engine.decode_vec(&base64, &mut der).is_ok() {
            let _ = roots.add(CertificateDer::from_slice(&der));
        }
    }
    match roots.is_empty() {
        true => Err(TrustRootsError::NoCertificate {
            path: path.to_owned(),
        }),
        false => Ok(roots),
    }
}

/// A bundle is 200 KB of base64, a third of a call's instructions without SIMD.
fn base64_engine() -> impl Engine {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return base64::engine::Simd::standard(base64::engine::general_purpose::PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    base64::prelude::BASE64_STANDARD
}

/// Believes any server, for `--no-verify-ssl`.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // A client that accepts any certificate gains nothing from checking its key. rustls could not check
    // it for the certificates of old servers, for which the flag is used.

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why there are no roots to verify a server against.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustRootsError {
    /// The bundle cannot be read.
    File(FileError),
    /// The bundle holds no certificate.
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    Tls {
        /// The TLS library's error.
        cause: String,
    },
}

impl TrustRootsError {
    pub(crate) fn tls(error: rustls::Error) -> Self {
        Self::Tls {
            cause: error.to_string(),
        }
    }
}

impl fmt::Display for TrustRootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("cannot load the trust roots"),
            Self::NoCertificate { path } => write!(
                f,
                "cannot load the trust roots: no certificate in {}",
                ShownName::of(path)
            ),
            Self::Tls { cause } => write!(f, "cannot set up TLS: {cause}"),
        }
    }
}

impl std::error::Error for TrustRootsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(source) => Some(source),
            Self::NoCertificate { .. } | Self::Tls { .. } => None,
        }
    }
}

/// The bundles of distributions have some 250 KB.
const BUNDLE_BYTES_MAX: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_ca_bundle_beats_ssl_cert_file() {
        let both = [("SSL_CERT_FILE", "/ssl"), ("AWS_CA_BUNDLE", "/aws")];
        let resolve =
            |variables: &[(&str, &str)]| TrustRoots::resolve(&variables.iter().copied().collect());
        assert_eq!(resolve(&both), TrustRoots::Bundle("/aws".into()));
        assert_eq!(
            resolve(&both[..1]),
            TrustRoots::BundleIfPresent("/ssl".into())
        );
        assert_eq!(resolve(&[]), TrustRoots::System);
    }

    #[test]
    fn bundle_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        std::fs::write(&path, "no certificate here\n").unwrap();
        let error = TrustRoots::Bundle(path).tls_config().unwrap_err();
        assert!(
            matches!(error, TrustRootsError::NoCertificate { .. }),
            "{error}"
        );
    }
}
