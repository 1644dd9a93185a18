//! [`Supply`]: the one set of a process that runs on and on, renewed in the background by one engine,
//! [`Supply::keep_up`], and read by any number of readers.
//!
//! What is done with a set is up to its readers: the endpoint hands it out from memory, `update` waits
//! for the next one and writes it. A set is one value: it is swapped whole, and the last one stays until
//! it expires, whatever fails.

pub mod engine;
pub mod session_source;
pub mod credential_source;

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::aws_call::FailureClass;
use crate::clock::Clock;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::renewal::Renewal;
use crate::secret::Secret;

/// The latest set, in the form `D` in which readers take it: by default, the bytes of a document.
pub struct Supply<D = Arc<Secret<Vec<u8>>>> {
    clock: Clock,
    /// Uniform in 0..1, a new number each time.
    jitter: fn() -> f64,
    form: Box<Form<D>>,
    state: Mutex<State<D>>,
    /// Wakes the engine.
    due: Notify,
    /// There is a set, or a call failed.
    changed: Notify,
}

/// Makes of a set what readers take, once for each.
type Form<D> = dyn Fn(&Arc<Credentials>, Moment) -> D + Send + Sync;

struct State<D> {
    document: Option<D>,
    /// Number of sets so far.
    number: u64,
    renewal: Renewal,
    /// The service's time when the latest set was received, and when that was by this machine's clocks.
    service_date: Option<(OffsetDateTime, Moment)>,
    /// From then on no failure ends the engine.
    is_settled: bool,
}

/// The state of the supply at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupplyState {
    /// Remaining life of the set; zero without one.
    pub left: Duration,
    /// Wait until the next call.
    pub wait: Duration,
}

impl<D: Clone> Supply<D> {
    /// Without a set. `form` makes of each what is handed out, `jitter` is uniform in 0..1, a new number
    /// each time.
    pub fn new(
        clock: Clock,
        jitter: fn() -> f64,
        form: impl Fn(&Arc<Credentials>, Moment) -> D + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock,
            jitter,
            form: Box::new(form),
            state: Mutex::new(State {
                document: None,
                number: 0,
                renewal: Renewal::default(),
                service_date: None,
                is_settled: false,
            }),
            due: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Continues from a stored set.
    pub fn begin_with(&self, credentials: Credentials, renewal: Renewal) {
        self.hand_out(&Arc::new(credentials), renewal);
    }

    fn hand_out(&self, credentials: &Arc<Credentials>, renewal: Renewal) {
        let received = renewal.set.map_or_else(|| self.now(), |set| set.received);
        let document = (self.form)(credentials, received);
        self.change(|state| {
            state.document = Some(document);
            state.number += 1;
            state.renewal = renewal;
            state.service_date = credentials.date.map(|date| (date, received));
        });
    }

    /// From now on the engine continues after every failure: the command has started.
    pub fn settle(&self) {
        self.locked().is_settled = true;
    }

    /// The time, by the clock that the set is judged by.
    pub fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// The set, unless it has expired. A renewal that is due begins now, if the machine has slept on it.
    pub fn document(&self, now: Moment) -> Option<D> {
        let state = self.locked();
        if state.renewal.wait(now).is_zero() {
            self.due.notify_one();
        }
        match state.renewal.is_lapsed(now) {
            true => None,
            false => state.document.clone(),
        }
    }

    /// The state at a moment, by the same judgement as [`Supply::document`].
    pub fn state(&self, now: Moment) -> SupplyState {
        let state = self.locked();
        SupplyState {
            left: state.renewal.left(now),
            wait: state.renewal.wait(now),
        }
    }

    /// The service's time, which is what its judgement of a certificate goes by: this machine's clock may
    /// be wrong. Without a set it is all there is.
    pub fn service_time(&self, now: Moment) -> OffsetDateTime {
        match self.locked().service_date {
            Some((date, received)) => {
                let passed = now.since_by_boot(received).try_into();
                date.saturating_add(passed.unwrap_or(time::Duration::MAX))
            }
            None => now.wall,
        }
    }

    /// When sets are received and due.
    pub fn renewal(&self) -> Renewal {
        self.locked().renewal
    }

    /// Waits until there is a set, or there will be none within `time_max`.
    pub async fn begun(&self, time_max: Duration) {
        let begun = self.now();
        loop {
            let changed = self.changed.notified();
            let now = self.now();
            let left = time_max.saturating_sub(now.since_by_boot(begun));
            let standing = self.state(now);
            if !standing.left.is_zero() || standing.wait >= left {
                return;
            }
            // A call that is under way may take longer than there is time.
            let _ = timeout(left, changed).await;
        }
    }

    /// Waits until there is a set.
    pub async fn filled(&self) {
        self.next(0).await;
    }

    /// Waits for the set after number `last`, the first being number 1; gives the latest and its number.
    pub async fn next(&self, last: u64) -> (D, u64) {
        loop {
            let changed = self.changed.notified();
            if let Some(next) = self.after(last) {
                return next;
            }
            changed.await;
        }
    }

    fn after(&self, last: u64) -> Option<(D, u64)> {
        let now = self.now();
        let state = self.locked();
        let is_next = state.number > last && !state.renewal.is_lapsed(now);
        let document = state.document.clone().filter(|_| is_next)?;
        Some((document, state.number))
    }

    /// Wakes the engine: there may be something for [`CredentialSource::look`](credential_source::CredentialSource::look). To be called
    /// every [`LOOK_APART`] in any case: timers stop while a machine sleeps.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    fn failed(&self, setback: FailureClass, now: Moment) -> Renewal {
        self.change(|state| {
            state.renewal.failed(now, setback, (self.jitter)());
            if state.renewal.is_over(now) {
                // Not to be kept in memory for nothing. A set that has expired by a clock that may be set
                // back is kept.
                state.document = None;
            }
        })
    }

    /// Changes the current set or the next renewal, and wakes the readers.
    fn change(&self, change: impl FnOnce(&mut State<D>)) -> Renewal {
        let mut state = self.locked();
        change(&mut state);
        let renewal = state.renewal;
        drop(state);
        self.changed.notify_waiters();
        renewal
    }

    /// Spreads the calls of a fleet whose certificates were renewed together.
    fn bring_forward(&self) {
        let now = self.now();
        let mut state = self.locked();
        let within = BRING_FORWARD_MAX.min(state.renewal.left(now) / 4);
        state
            .renewal
            .bring_forward(now, within.mul_f64((self.jitter)()));
    }

    fn is_settled(&self) -> bool {
        self.locked().is_settled
    }

    fn locked(&self) -> MutexGuard<'_, State<D>> {
        // Nothing that is done while it is held can panic half-way.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<D> fmt::Debug for Supply<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supply").finish_non_exhaustive()
    }
}

/// Interval of checking the identity's files and the clock.
pub const LOOK_APART: Duration = Duration::from_secs(10);

/// The longest wait until a renewed identity is used.
const BRING_FORWARD_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
