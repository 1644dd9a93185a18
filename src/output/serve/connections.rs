//! [`Connections`]: those that are open, of which there are never more than a fixed number. Who waits
//! the longest for a request goes first: everything else takes microseconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    /// Counts what happens, to tell what was first.
    ticks: AtomicU64,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    handles: HashMap<u64, (Arc<Waiting>, AbortHandle)>,
}

/// Since when a connection waits for bytes.
#[derive(Debug, Default)]
pub(super) struct Waiting(AtomicU64);

/// One of them, for as long as it is open.
pub(super) struct Place {
    number: u64,
    waiting: Arc<Waiting>,
    connections: Arc<Connections>,
}

impl Connections {
    /// Makes a place, if need be by closing who has waited the longest, and starts the connection
    /// there.
    pub(super) fn admit(
        self: &Arc<Self>,
        open_max: usize,
        start: impl FnOnce(Place) -> AbortHandle,
    ) {
        while self.count() >= open_max && self.shed() {}
        let waiting = Arc::new(Waiting::default());
        // Held until it is known, so that it cannot end before.
        let mut open = self.open();
        open.next += 1;
        let number = open.next;
        let handle = start(Place {
            number,
            waiting: Arc::clone(&waiting),
            connections: Arc::clone(self),
        });
        open.handles.insert(number, (waiting, handle));
    }

    /// Closes all that wait for the beginning of a request.
    pub(super) fn close_idle(&self) {
        self.open().handles.retain(|_, (waiting, handle)| {
            let is_idle = matches!(waiting.since(), Since::Idle(_));
            if is_idle {
                handle.abort();
            }
            !is_idle
        });
        self.closed.notify_waiters();
    }

    /// Until none is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.count() == 0 {
                return;
            }
            closed.await;
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open().handles.len()
    }

    /// Closes the one that has waited the longest for a request to begin, else for one to go on.
    /// `false` if all are being answered.
    fn shed(&self) -> bool {
        let mut open = self.open();
        let longest = open
            .handles
            .iter()
            .map(|(number, (waiting, _))| (waiting.since(), *number))
            .min();
        match longest {
            Some((Since::Idle(_) | Since::Begun(_), number)) => {
                if let Some((_, handle)) = open.handles.remove(&number) {
                    handle.abort();
                }
                true
            }
            Some((Since::Answering, _)) | None => false,
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing that is done while it is held can panic half-way.
        self.open
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// In the order in which connections are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Since {
    /// No byte of a request has come since.
    Idle(u64),
    /// A request has begun.
    Begun(u64),
    /// One is being answered.
    Answering,
}

impl Waiting {
    fn since(&self) -> Since {
        match self.0.load(Ordering::Relaxed) {
            0 => Since::Answering,
            tick if tick & 1 == 0 => Since::Idle(tick),
            tick => Since::Begun(tick),
        }
    }
}

impl Place {
    /// It waits for bytes from now on: for the first of a request, or for more of one.
    pub(super) fn waits(&self, has_begun: bool) {
        let tick = self.connections.ticks.fetch_add(2, Ordering::Relaxed) + 2;
        let tick = tick + u64::from(has_begun);
        self.waiting.0.store(tick, Ordering::Relaxed);
    }

    /// It does not.
    pub(super) fn answers(&self) {
        self.waiting.0.store(0, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().handles.remove(&self.number);
        self.connections.closed.notify_waiters();
    }
}
