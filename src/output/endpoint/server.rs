//! [`Endpoint`]: listens, and hands each connection to its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio::time::timeout;

use super::address;
use super::address::AddressError;
use super::address::Bound;
use super::connection::Connection;
use super::connections::Connections;
use super::handler::Handler;
use super::rejection_log::RejectionLog;
use super::responder::Responder;
use super::responder::Settings;
use super::response::StatusCode;
use super::route::Route;
use crate::log::Level;
use crate::log::LogEvent;
use crate::platform;

/// An endpoint that listens.
pub struct Endpoint {
    connections: Arc<Connections>,
    accepting: Vec<AbortHandle>,
}

/// State shared by all listeners of an endpoint.
struct Acceptor {
    responder: Arc<Responder>,
    connections: Arc<Connections>,
    open_max: usize,
    settings: Settings,
    /// Of connections that could not be accepted.
    failures: RejectionLog,
}

impl Endpoint {
    /// Accepts connections from now on. `observe` is shown the route and status of each answer. Needs an
    /// event loop.
    pub fn start(
        handler: Handler,
        bound: Bound,
        settings: Settings,
        observe: impl Fn(Route, StatusCode) + Send + Sync + 'static,
    ) -> Result<Self, AddressError> {
        let listeners = bound.listen()?;
        let connections = Arc::<Connections>::default();
        let connections_max = connections_max(&handler);
        let acceptor = Arc::new(Acceptor {
            responder: Arc::new(Responder::new(handler, settings, Box::new(observe))),
            connections: Arc::clone(&connections),
            // Each listener may have accepted one that waits for room, and it is open all the same. One
            // connection at least.
            open_max: connections_max.saturating_sub(listeners.len()).max(1),
            settings,
            failures: RejectionLog::default(),
        });
        let accepting = listeners.into_iter().map(|(listener, hop_limit)| {
            let accept = Arc::clone(&acceptor).accept(listener, hop_limit);
            tokio::spawn(accept).abort_handle()
        });
        Ok(Self {
            accepting: accepting.collect(),
            connections,
        })
    }

    /// Stops accepting at all of `endpoints`, and waits until requests that have begun are answered, though
    /// not for long. Idle connections are closed at once.
    pub async fn drain(endpoints: &[Self]) {
        endpoints.iter().for_each(Self::close);
        let closed = async {
            for endpoint in endpoints {
                endpoint.connections.all_closed().await;
            }
        };
        let _ = timeout(DRAIN_TIME_MAX, closed).await;
    }

    fn close(&self) {
        for accepting in &self.accepting {
            accepting.abort();
        }
        self.connections.close();
    }
}

impl Acceptor {
    async fn accept(self: Arc<Self>, listener: TcpListener, hop_limit: Option<u8>) {
        let mut wait = ACCEPT_AGAIN_MIN;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    wait = ACCEPT_AGAIN_MIN;
                    // An answer is one packet, and is not to wait for another.
                    let _ = stream.set_nodelay(true);
                    if let Some(hop_limit) = hop_limit
                        && address::limit_hops(&stream, hop_limit).is_err()
                    {
                        // It would go further than it may.
                        continue;
                    }
                    self.admit(stream, peer).await;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Out of descriptors, say: retrying at once does not help.
                Err(error) => {
                    self.failed(&error);
                    sleep(wait).await;
                    wait = (wait * 2).min(ACCEPT_AGAIN_MAX);
                }
            }
        }
    }

    async fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        self.connections.make_room(self.open_max).await;
        self.connections.admit(|slot| {
            let connection = Connection::new(stream, peer, Arc::clone(&self.responder), slot);
            tokio::spawn(connection.run()).abort_handle()
        });
    }

    fn failed(&self, error: &io::Error) {
        if let Some(count) = self.failures.count(self.settings.clock.moment()) {
            let message = format!(
                "cannot accept a connection, {count} time(s) since the last such line: {error}"
            );
            let event = LogEvent::new(Level::Warning, "accept_failed", message);
            (self.settings.log)(&event.with("count", count));
        }
    }
}

/// Most open connections: never so many that no descriptor is left to call the service and
/// to read files.
fn connections_max(handler: &Handler) -> usize {
    match handler {
        Handler::Health(_) => PROBES_MAX,
        Handler::Imds(_) | Handler::Container(_) => {
            let open_files = platform::allow_open_files(OPEN_FILES_WANTED);
            let left = open_files - OPEN_FILES_ELSE.min(open_files / 2);
            usize::try_from(left).map_or(CONNECTIONS_MAX, |left| left.min(CONNECTIONS_MAX))
        }
    }
}

const ACCEPT_AGAIN_MIN: Duration = Duration::from_millis(10);
const ACCEPT_AGAIN_MAX: Duration = Duration::from_secs(1);

/// For requests that have begun when the endpoint is to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Far more than there are programs on a machine.
const CONNECTIONS_MAX: usize = 512;

/// Far more than there are probes.
const PROBES_MAX: usize = 32;

/// Descriptors for all of that and for everything else.
const OPEN_FILES_WANTED: u64 = 1024;

/// Probes, listeners, files and calls of the service.
const OPEN_FILES_ELSE: u64 = 96;

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::io::Write as _;
    use std::sync::Mutex;
    use std::time::Instant;

    use ring::rand::SystemRandom;
    use time::macros::datetime;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::clock::Clock;
    use crate::clock::Moment;
    use crate::credentials::Credentials;
    use crate::credentials::Renewal;
    use crate::output::endpoint::authorization_token::AuthorizationToken;
    use crate::output::endpoint::container::Container;
    use crate::output::endpoint::document;
    use crate::output::endpoint::origin_check::AllowedHosts;
    use crate::secret::Secret;
    use crate::supply::Supply;

    const NOW: Moment = Moment {
        wall: datetime!(2030-01-01 12:00 UTC),
        boot: Duration::ZERO,
    };

    fn container(authorization: AuthorizationToken) -> Handler {
        let supply = Supply::new(
            Clock::Fixed(NOW.wall),
            || 0.5,
            |credentials, _| Arc::new(document::container(credentials, "arn")),
        );
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: Secret::new("token".to_owned()),
            expiration: "2030-01-01T13:00:00Z".to_owned(),
            date: None,
            assumed_role_arn: None,
        };
        let mut renewal = Renewal::default();
        renewal.renewed(NOW, Duration::from_secs(3600), 0.5);
        supply.begin_with(credentials, renewal);
        Handler::Container(Container {
            names: AllowedHosts::new([], Vec::new()),
            authorization,
            supply: Arc::new(supply),
        })
    }

    /// The first line of the answer to a request with this token.
    async fn ask(address: SocketAddr, token: String) -> String {
        let ask = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(
                stream,
                "GET /v1/credentials HTTP/1.0\r\nAuthorization: {token}\r\n\r\n"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.lines().next().unwrap_or_default().to_owned()
        };
        spawn_blocking(ask).await.unwrap()
    }

    #[test]
    fn endpoint_serves_a_random_token_until_drained() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve_and_drain());
    }

    async fn serve_and_drain() {
        let (token, text) = AuthorizationToken::random(&SystemRandom::new()).unwrap();
        let bound = Bound::new(None, 0, None).unwrap();
        let address = bound.addresses().next().unwrap();
        let settings = Settings {
            clock: Clock::Fixed(NOW.wall),
            log: |_| {},
            is_debug: false,
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observe = {
            let seen = Arc::clone(&seen);
            move |route, status| seen.lock().unwrap().push((route, status))
        };
        let endpoint = Endpoint::start(container(token), bound, settings, observe).unwrap();
        assert_eq!(
            ask(address, "x".repeat(64)).await,
            "HTTP/1.1 401 Unauthorized"
        );
        assert_eq!(ask(address, text.expose().clone()).await, "HTTP/1.1 200 OK");
        let counted =
            [StatusCode::Unauthorized, StatusCode::Ok].map(|status| (Route::Container, status));
        assert_eq!(*seen.lock().unwrap(), counted);
        Endpoint::drain(&[endpoint]).await;
        // Wine closes a socket a moment later.
        let is_refused = move || std::net::TcpStream::connect(address).is_err();
        let begin = Instant::now();
        while !spawn_blocking(is_refused).await.unwrap() {
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
    }
}
