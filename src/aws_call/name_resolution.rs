//! [`NameResolution`]: the addresses of a host. Each lookup has its own limit. A lookup that exceeds it
//! keeps running, and the next attempt joins it instead of asking a dead name server again.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use tokio::sync;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The lookups of one host.
pub(crate) struct NameResolution {
    host: String,
    lookup: Lookup,
    /// The lookup that is still running.
    running: sync::Mutex<Option<oneshot::Receiver<io::Result<Vec<SocketAddr>>>>>,
    found: Arc<Found>,
}

/// Asks the operating system. It takes as long as it takes.
pub(super) type Lookup = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The latest addresses, for the HTTP client.
#[derive(Default)]
pub(crate) struct Found(Mutex<Vec<SocketAddr>>);

/// Reasons why there is no address.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// The resolver says no.
    Refused(io::Error),
    /// It has not answered yet.
    TimedOut,
}

impl NameResolution {
    /// Of `host`, as it stands in a URL.
    pub(crate) fn new(host: &str) -> Self {
        Self::with(host, by_system)
    }

    /// With the given lookup.
    pub(super) fn with(host: &str, lookup: Lookup) -> Self {
        Self {
            host: host.to_owned(),
            lookup,
            running: sync::Mutex::default(),
            found: Arc::default(),
        }
    }

    /// Resolver for the HTTP client.
    pub(crate) fn found(&self) -> Arc<Found> {
        Arc::clone(&self.found)
    }

    /// Begins to look the host up, unless it is an address: what comes before the connection takes its time,
    /// too.
    pub(crate) async fn begin(&self) {
        if self.address().is_none() {
            self.running
                .lock()
                .await
                .get_or_insert_with(|| self.look_up());
        }
    }

    /// Looks the host up, for `time_max` at most, unless it is an address.
    pub(crate) async fn resolve(&self, time_max: Duration) -> Result<(), Unresolved> {
        if let Some(address) = self.address() {
            self.found.set(vec![(address, 0).into()]);
            return Ok(());
        }
        let mut running = self.running.lock().await;
        let answer = running.get_or_insert_with(|| self.look_up());
        let answered = timeout(time_max, answer)
            .await
            .map_err(|_| Unresolved::TimedOut)?;
        *running = None;
        let found = answered
            .map_err(io::Error::other)
            .flatten()
            .map_err(Unresolved::Refused)?;
        self.found.set(found);
        Ok(())
    }

    fn address(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }

    /// On a thread of its own, which the end of the process does not wait for.
    fn look_up(&self) -> oneshot::Receiver<io::Result<Vec<SocketAddr>>> {
        let (host, lookup) = (self.host.clone(), self.lookup);
        let (answer, receiver) = oneshot::channel();
        let started = thread::Builder::new().spawn(move || {
            // Nobody waits any longer: not worth a word.
            let _ = answer.send(lookup(&host));
        });
        match started {
            Ok(_) => receiver,
            Err(error) => {
                let (answer, receiver) = oneshot::channel();
                let _ = answer.send(Err(error));
                receiver
            }
        }
    }
}

impl Found {
    /// The addresses, without a port.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }

    fn set(&self, found: Vec<SocketAddr>) {
        *self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = found;
    }
}

impl Resolve for Found {
    fn resolve(&self, _name: Name) -> Resolving {
        let found: Addrs = Box::new(self.addresses().into_iter());
        Box::pin(ready(Ok(found)))
    }
}

fn by_system(host: &str) -> io::Result<Vec<SocketAddr>> {
    // The HTTP client puts the port of the URL in.
    (host, 0).to_socket_addrs().map(Iterator::collect)
}

impl fmt::Debug for NameResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameResolution")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;

    use super::*;

    static LOOKUPS: AtomicU32 = AtomicU32::new(0);
    static IS_ANSWERED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    /// A resolver whose first name server is dead.
    fn slow(_: &str) -> io::Result<Vec<SocketAddr>> {
        LOOKUPS.fetch_add(1, Ordering::Relaxed);
        let (answered, changed) = &IS_ANSWERED;
        let guard = answered.lock().unwrap();
        drop(changed.wait_while(guard, |answered| !*answered).unwrap());
        Ok(vec!["127.0.0.1:0".parse().unwrap()])
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    #[test]
    fn later_attempts_join_the_lookup() {
        let names = NameResolution::with("service.example", slow);
        runtime().block_on(async {
            for _ in 0..2 {
                let outcome = names.resolve(Duration::from_millis(20)).await;
                assert!(matches!(outcome, Err(Unresolved::TimedOut)), "{outcome:?}");
            }
            *IS_ANSWERED.0.lock().unwrap() = true;
            IS_ANSWERED.1.notify_all();
            names.resolve(Duration::from_secs(240)).await.unwrap();
        });
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 1);
        assert_eq!(names.found.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn resolution_joins_the_lookup_that_has_begun() {
        static LOOKUPS: AtomicU32 = AtomicU32::new(0);
        let names = NameResolution::with("service.example", |_| {
            LOOKUPS.fetch_add(1, Ordering::Relaxed);
            Ok(vec!["127.0.0.1:0".parse().unwrap()])
        });
        runtime().block_on(async {
            names.begin().await;
            names.resolve(Duration::from_secs(240)).await.unwrap();
        });
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn next_lookup_begins_after_a_refusal() {
        let names =
            NameResolution::with("service.example", |_| Err(io::ErrorKind::NotFound.into()));
        for _ in 0..2 {
            let outcome = runtime().block_on(names.resolve(Duration::from_secs(240)));
            assert!(
                matches!(outcome, Err(Unresolved::Refused(_))),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn address_is_not_looked_up() {
        for host in ["127.0.0.1", "[::1]"] {
            let names = NameResolution::with(host, |_| panic!("looked up"));
            runtime()
                .block_on(names.resolve(Duration::from_secs(240)))
                .unwrap();
        }
    }
}
