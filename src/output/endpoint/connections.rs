//! [`Connections`]: the open connections, of which there are never more than a fixed number. The one
//! that has been idle the longest makes room for a new one. If none is idle, it is the one whose request
//! has taken the longest: answering takes microseconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::task::yield_now;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    /// Counts events, to order them.
    ticks: AtomicU64,
    is_closing: AtomicBool,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    handles: HashMap<u64, (Arc<Activity>, AbortHandle)>,
}

/// Activity of a connection and its start: twice the tick, and one more if it is busy.
#[derive(Debug)]
struct Activity(AtomicU64);

/// In the order in which connections are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// Nothing, since it was answered.
    Idle { since: u64 },
    /// A request, from the first byte until the answer is taken; or nothing yet, as it is new.
    Busy { since: u64 },
}

/// A place among them, for as long as the connection is open.
pub(super) struct Slot {
    number: u64,
    activity: Arc<Activity>,
    connections: Arc<Connections>,
}

impl Connections {
    /// Makes room, if necessary by closing another connection, whose task ends when it runs next.
    pub(super) async fn make_room(&self, open_max: usize) {
        while self.open().is_full(open_max) {
            yield_now().await;
        }
    }

    /// Starts a connection.
    pub(super) fn admit(self: &Arc<Self>, start: impl FnOnce(Slot) -> AbortHandle) {
        // Held until it is known, so that it cannot end before.
        let mut open = self.open();
        open.next += 1;
        let number = open.next;
        let activity = Arc::new(Activity(AtomicU64::new(self.tick() | BUSY)));
        let handle = start(Slot {
            number,
            activity: Arc::clone(&activity),
            connections: Arc::clone(self),
        });
        open.handles.insert(number, (activity, handle));
    }

    /// From now on a connection ends with its next answer. Closes those that are idle.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        for (activity, handle) in self.open().handles.values() {
            if let Doing::Idle { .. } = activity.doing() {
                handle.abort();
            }
        }
    }

    /// Waits until none is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open().handles.is_empty() {
                return;
            }
            closed.await;
        }
    }

    /// The next even number.
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(2, Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing that is done while it is held can panic half-way.
        self.open
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Open {
    /// True if the table is full; then a connection is asked to close, unless one already was.
    fn is_full(&self, open_max: usize) -> bool {
        if self.handles.len() < open_max {
            return false;
        }
        let doing = |(activity, _): &&(Arc<Activity>, _)| activity.doing();
        if let Some((_, handle)) = self.handles.values().min_by_key(doing) {
            handle.abort();
        }
        true
    }
}

impl Activity {
    fn doing(&self) -> Doing {
        match self.0.load(Ordering::Relaxed) {
            since if since & BUSY == 0 => Doing::Idle { since },
            since => Doing::Busy { since },
        }
    }
}

impl Slot {
    /// True if the connection is to end with its next answer.
    pub(super) fn is_closing(&self) -> bool {
        self.connections.is_closing.load(Ordering::Relaxed)
    }

    /// It was answered, and nothing has come since.
    pub(super) fn is_idle(&self) {
        if let Doing::Busy { .. } = self.activity.doing() {
            self.activity
                .0
                .store(self.connections.tick(), Ordering::Relaxed);
        }
    }

    /// Something has come. What is under way already does not start again.
    pub(super) fn is_busy(&self) {
        if let Doing::Idle { .. } = self.activity.doing() {
            let tick = self.connections.tick() | BUSY;
            self.activity.0.store(tick, Ordering::Relaxed);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.open().handles.remove(&self.number);
        self.connections.closed.notify_waiters();
    }
}

const BUSY: u64 = 1;
