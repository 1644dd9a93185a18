//! `Transport`: sends one request and receives one answer, within caps on time and size.
//!
//! It knows nothing of retries: a request is signed for one attempt and sent once. Redirects are not
//! followed, since they would carry the signature elsewhere.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::Method;
use reqwest::Response;
use reqwest::Url;
use reqwest::header::HeaderMap;
use rustls::CertificateError;

use crate::aws_call::endpoint::Endpoint;
use crate::aws_call::error::CallError;
use crate::aws_call::error::RESPONSE_BYTES_MAX;
use crate::aws_call::error::ServerCertificateFault;
use crate::aws_call::name_resolution::NameResolution;
use crate::aws_call::name_resolution::Unresolved;
use crate::aws_call::proxy::Proxy;
use crate::aws_call::proxy_answer;
use crate::aws_call::trust_roots::TrustRoots;
use crate::aws_call::trust_roots::TrustRootsError;
use crate::secret::Secret;

/// An HTTP client for one endpoint.
pub(crate) struct Transport {
    client: reqwest::Client,
    names: NameResolution,
    /// The host that is looked up, as messages name it.
    named: String,
    /// The peer that errors name: the host, and the proxy if one is used.
    host: String,
    proxy: Option<Proxy>,
    /// The host and port that a proxy is asked for.
    authority: String,
    limits: AttemptLimits,
}

/// An answer, whole. Its body may hold credentials.
pub struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Secret<Vec<u8>>,
}

/// Time limits of the parts of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct AttemptLimits {
    /// The name's resolution: as long as a resolver takes that tries several name servers.
    pub resolve: Duration,
    /// Until the connection is made, TLS included.
    pub connect: Duration,
    /// The same through a proxy, which looks the name up and connects in turn.
    pub connect_by_proxy: Duration,
    /// From the first packet of the connection to the answer's last byte; what a proxy may take more than
    /// `connect` comes on top.
    pub attempt: Duration,
}

impl AttemptLimits {
    /// The limit of connecting, and that of the attempt after the name's resolution.
    fn of(self, is_proxied: bool) -> (Duration, Duration) {
        match is_proxied {
            false => (self.connect, self.attempt),
            true => {
                let more = self.connect_by_proxy.saturating_sub(self.connect);
                (self.connect_by_proxy, self.attempt + more)
            }
        }
    }
}

impl Transport {
    /// Sets up TLS, unless `endpoint` does without, and the proxy.
    pub(crate) fn new(
        endpoint: &Endpoint,
        trust_roots: &TrustRoots,
        proxy: Option<&Proxy>,
        limits: AttemptLimits,
    ) -> Result<Self, TransportError> {
        let (connect_time_max, attempt_time_max) = limits.of(proxy.is_some());
        let next_host = match proxy {
            Some(proxy) => proxy.url().host_str(),
            None => endpoint.url().host_str(),
        };
        let names = NameResolution::new(next_host.unwrap_or_default());
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(names.found())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // The next call is minutes away, and by then the service has closed the connection.
            .pool_max_idle_per_host(0)
            .connect_timeout(connect_time_max)
            .timeout(attempt_time_max)
            .http1_only();
        let proxy_is_tls = proxy.is_some_and(|proxy| proxy.url().scheme() == "https");
        let config = match endpoint.is_tls() || proxy_is_tls {
            true => trust_roots
                .tls_config()
                .map_err(TransportError::TrustRoots)?,
            // Without TLS no roots are read: none of them is going to be needed.
            false => rustls::ClientConfig::builder_with_provider(
                rustls::crypto::ring::default_provider().into(),
            )
            .with_safe_default_protocol_versions()
            .map_err(|error| TransportError::TrustRoots(TrustRootsError::tls(error)))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
        };
        builder = builder.tls_backend_preconfigured(config);
        if let Some(proxy) = proxy {
            // The URL is valid already; its text may hold a password and goes into no error.
            let proxy = reqwest::Proxy::all(proxy.url_for_client())
                .map_err(|_| TransportError::Client("the proxy's url is not supported".into()))?;
            builder = builder.proxy(proxy);
        }
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| TransportError::Client(innermost(&error)))?,
            names,
            named: match proxy {
                Some(proxy) => format!("the proxy {proxy}"),
                None => endpoint.authority(),
            },
            host: match proxy {
                Some(proxy) => format!("{} through the proxy {proxy}", endpoint.authority()),
                None => endpoint.authority(),
            },
            proxy: proxy.cloned(),
            authority: authority_with_port(endpoint),
            limits,
        })
    }

    /// Begins what a request needs whatever it says: looks the name up.
    pub(crate) async fn begin(&self) {
        self.names.begin().await;
    }

    /// Posts `body` to `url`, for an operation of this name.
    pub(crate) async fn post(
        &self,
        (operation, url): (&'static str, Url),
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<HttpResponse, CallError> {
        self.names
            .resolve(self.limits.resolve)
            .await
            .map_err(|error| self.unresolved(error))?;
        let sent = self
            .client
            .request(Method::POST, url)
            .headers(headers)
            .body(body)
            .send();
        let mut response = match sent.await {
            Ok(response) => response,
            Err(error) => return Err(self.failure_by_proxy(&error).await),
        };
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = self.body(operation, response, status).await?;
        Ok(HttpResponse {
            status,
            headers,
            body,
        })
    }

    async fn body(
        &self,
        operation: &'static str,
        mut response: Response,
        status: u16,
    ) -> Result<Secret<Vec<u8>>, CallError> {
        let mut body = Secret::new(Vec::with_capacity(BODY_BYTES_EXPECTED));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.cut(&error, status, body.expose().len()))?
        {
            let length = body.expose().len() + chunk.len();
            if length > RESPONSE_BYTES_MAX {
                return Err(CallError::TooLarge {
                    operation,
                    host: self.host.clone(),
                    status,
                });
            }
            if length > body.expose().capacity() {
                // A growing vector leaves its old memory unwiped.
                let mut larger = Secret::new(Vec::with_capacity(RESPONSE_BYTES_MAX));
                larger.expose_mut().extend_from_slice(body.expose());
                body = larger;
            }
            body.expose_mut().extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// An answer with a head whose body was cut off.
    fn cut(&self, error: &reqwest::Error, status: u16, bytes: usize) -> CallError {
        if error.is_timeout() {
            return self.failure(error);
        }
        CallError::Connection {
            host: self.host.clone(),
            cause: format!(
                "the answer with status {status} was cut off after {bytes} bytes of its body"
            ),
        }
    }

    /// As [`Transport::failure`], with what a proxy says that refuses to connect.
    async fn failure_by_proxy(&self, error: &reqwest::Error) -> CallError {
        let failure = self.failure(error);
        let (Some(proxy), CallError::Connect { host, cause }) = (&self.proxy, &failure) else {
            return failure;
        };
        for (text, cause_shown) in PROXY_AUTHENTICATION_CAUSES {
            if cause.contains(text) {
                return CallError::ProxyAuthentication {
                    host: host.clone(),
                    cause: (*cause_shown).to_owned(),
                };
            }
        }
        if !TUNNEL_REFUSED_CAUSES
            .iter()
            .any(|text| cause.contains(text))
        {
            return failure;
        }
        let addresses = self.names.found().addresses();
        match proxy_answer::refusal(proxy, &addresses, &self.authority).await {
            Some(answer) => CallError::Connect {
                host: host.clone(),
                cause: format!("the proxy answered CONNECT with {answer}"),
            },
            None => failure,
        }
    }

    /// Converts an error of the HTTP library.
    fn failure(&self, error: &reqwest::Error) -> CallError {
        let host = self.host.clone();
        if let Some(tls) = find::<rustls::Error>(error) {
            return match tls {
                rustls::Error::InvalidCertificate(invalid) => CallError::ServerCertificate {
                    host,
                    cause: server_certificate_cause(invalid),
                    fault: server_certificate_fault(invalid),
                },
                rustls::Error::InvalidMessage(_) => CallError::NotTls { host },
                other => CallError::Connect {
                    host,
                    cause: other.to_string(),
                },
            };
        }
        let (connect_time_max, attempt_time_max) = self.limits.of(self.proxy.is_some());
        if error.is_timeout() && !error.is_connect() {
            return CallError::TimedOut {
                host,
                after: attempt_time_max,
            };
        }
        let cause = match (error.is_timeout(), self.proxy.is_some()) {
            (true, false) => format!("no connection within {} s", connect_time_max.as_secs()),
            (true, true) => format!(
                "the proxy made no connection within {} s",
                connect_time_max.as_secs()
            ),
            (false, _) => innermost(error),
        };
        match error.is_connect() {
            true => CallError::Connect { host, cause },
            false => CallError::Connection { host, cause },
        }
    }

    fn unresolved(&self, error: Unresolved) -> CallError {
        let host = self.named.clone();
        match error {
            Unresolved::TimedOut => CallError::NameResolution {
                host,
                cause: format!(
                    "no answer from the name servers (DNS) within {} s",
                    self.limits.resolve.as_secs()
                ),
                is_temporary: true,
            },
            Unresolved::Refused(error) => {
                let cause = error.to_string();
                CallError::NameResolution {
                    host,
                    is_temporary: TEMPORARY_RESOLUTION_CAUSES
                        .iter()
                        .any(|text| cause.contains(text)),
                    cause,
                }
            }
        }
    }
}

/// The first `T` in the chain of causes; TLS errors come wrapped in an `io::Error`, which hides what
/// it wraps from `source()`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref());
        if let Some(found) = wrapped.and_then(|error| find::<T>(error)) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The text of the last cause: those before it only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Describes a fault of a server's certificate. What rustls has no word for, it shows as a
/// name from the library below.
fn server_certificate_cause(error: &CertificateError) -> String {
    match error {
        CertificateError::Other(_) if is_certificate_authority(error) => {
            "it is a CA's own certificate".to_owned()
        }
        CertificateError::Other(other) => other.0.to_string(),
        known => known.to_string(),
    }
}

fn server_certificate_fault(error: &CertificateError) -> ServerCertificateFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ServerCertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ServerCertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ServerCertificateFault::OtherName
        }
        CertificateError::UnknownIssuer => ServerCertificateFault::UnknownIssuer,
        error if is_certificate_authority(error) => ServerCertificateFault::CertificateAuthority,
        _ => ServerCertificateFault::Other,
    }
}

fn is_certificate_authority(error: &CertificateError) -> bool {
    match error {
        CertificateError::Other(other) => other.0.to_string().contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

/// Host and port, also where that is the scheme's own.
fn authority_with_port(endpoint: &Endpoint) -> String {
    let url = endpoint.url();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Reasons why a transport cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// There are no roots to verify the server against.
    TrustRoots(TrustRootsError),
    /// The HTTP client cannot be set up.
    Client(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrustRoots(error) => error.fmt(f),
            Self::Client(cause) => write!(f, "cannot set up the http client: {cause}"),
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TrustRoots(error) => error.source(),
            Self::Client(_) => None,
        }
    }
}

/// A session's answer has some 3 KB.
const BODY_BYTES_EXPECTED: usize = 16 * 1024;

/// Texts of the HTTP client for a response to CONNECT that is not a success.
const TUNNEL_REFUSED_CAUSES: &[&str] = &["tunnel error: unsuccessful"];

/// The same for a user and password that the proxy refused, by CONNECT and by SOCKS5, and our words for it.
const PROXY_AUTHENTICATION_CAUSES: &[(&str, &str)] = &[
    (
        "proxy authorization required",
        "the proxy answered CONNECT with 407 Proxy Authentication Required",
    ),
    (
        "credentials not accepted",
        "the proxy refused user and password",
    ),
];

/// Texts of resolvers for EAI_AGAIN (glibc and macOS, musl, Windows); the code itself gets lost on
/// the way through the standard library.
const TEMPORARY_RESOLUTION_CAUSES: &[&str] = &["Temporary failure", "Try again", "os error 11002"];

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::environment::Environment;

    fn never(_: &str) -> io::Result<Vec<SocketAddr>> {
        loop {
            std::thread::park();
        }
    }

    #[test]
    fn silent_name_servers_are_named() {
        let second = Duration::from_secs(1);
        let limits = AttemptLimits {
            resolve: 7 * second,
            connect: second,
            connect_by_proxy: second,
            attempt: second,
        };
        let endpoint = Endpoint::parse("http://service.example:8080").unwrap();
        let roots = TrustRoots::resolve(&Environment::default());
        let mut transport = Transport::new(&endpoint, &roots, None, limits).unwrap();
        transport.names = NameResolution::with("service.example", never);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let error = runtime.block_on(async {
            // Runs once the lookup is awaited, which keeps the paused clock from advancing.
            let advance = tokio::spawn(tokio::time::advance(7 * second));
            let url = endpoint.url().clone();
            let sent = transport.post(("CreateSession", url), HeaderMap::new(), Vec::new());
            let error = sent.await.err().unwrap();
            advance.await.unwrap();
            error
        });
        // The lookup does not end.
        runtime.shutdown_background();
        snapbox::assert_data_eq!(
            error.to_string(),
            snapbox::file!["../../tests/suite/snapshots/name-servers-that-never-answer.txt"]
        );
        assert!(error.is_transient());
    }
}
