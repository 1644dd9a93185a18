//! [`Supply`]: the one set of a process that runs on and on, renewed in the background and read by
//! any number of readers, none of whom ever waits.
//!
//! A set is one value: it is swapped whole, and the last one stays until it ends, whatever fails.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::ExpirationError;
use crate::credentials::renewal::Renewal;
use crate::credentials::renewal::Setback;
use crate::secret::Secret;

/// The latest set, in the form in which it is handed out.
pub struct Supply {
    clock: Clock,
    /// Uniform in 0..1, a new number each time.
    share: fn() -> f64,
    form: Box<Form>,
    state: Mutex<State>,
    /// Somebody has seen that a renewal is due.
    due: Notify,
    /// There is a set, or a call failed.
    changed: Notify,
}

/// What readers are given of a set, made once for each.
type Form = dyn Fn(&Credentials, Moment) -> Secret<Vec<u8>> + Send + Sync;

#[derive(Default)]
struct State {
    document: Option<Arc<Secret<Vec<u8>>>>,
    renewal: Renewal,
}

/// Where sessions come from.
pub trait Source {
    /// Why there is none.
    type Error: From<ExpirationError>;

    /// Takes note of what was found out about the identity since the last time. `true` if it is another
    /// one, with which a session is to be asked for before the next is due.
    fn look(&mut self) -> bool;

    /// Asks for a session, once.
    fn create_session(&mut self) -> impl Future<Output = Result<Credentials, Self::Error>>;

    /// What a failure means for the next call; `None` if there is to be none.
    fn setback(&self, error: &Self::Error) -> Option<Setback>;

    /// Takes note of a set that is handed out from now on.
    fn renewed(&mut self, credentials: &Credentials, renewal: &Renewal);

    /// Takes note of a failure.
    fn failed(&mut self, error: Self::Error, renewal: &Renewal);
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How long the set is good; zero without one.
    pub left: Duration,
    /// How long until the next call.
    pub wait: Duration,
}

impl Supply {
    /// Without a set. `form` makes of each what is handed out, `share` is uniform in 0..1, a new number
    /// each time.
    pub fn new(
        clock: Clock,
        share: fn() -> f64,
        form: impl Fn(&Credentials, Moment) -> Secret<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock,
            share,
            form: Box::new(form),
            state: Mutex::default(),
            due: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Goes on from a set that was kept.
    pub fn begin_with(&self, credentials: &Credentials, renewal: Renewal) {
        let received = renewal.set.map_or_else(|| self.now(), |set| set.received);
        let document = Arc::new((self.form)(credentials, received));
        self.change(|state| {
            state.document = Some(document);
            state.renewal = renewal;
        });
    }

    /// The time, by the clock that the set is judged by.
    pub fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// The set, unless it has ended. A renewal that is due begins now, if the machine has slept on it.
    pub fn document(&self, now: Moment) -> Option<Arc<Secret<Vec<u8>>>> {
        let state = self.state();
        if state.renewal.wait(now).is_zero() {
            self.due.notify_one();
        }
        match state.renewal.left(now) {
            Duration::ZERO => None,
            _ => state.document.clone(),
        }
    }

    /// How things stand.
    pub fn standing(&self, now: Moment) -> Standing {
        let state = self.state();
        Standing {
            left: state.renewal.left(now),
            wait: state.renewal.wait(now),
        }
    }

    /// Until there is a set, or there will be none within `time_max`.
    pub async fn begun(&self, time_max: Duration) {
        let begun = self.now();
        loop {
            let changed = self.changed.notified();
            let now = self.now();
            let left = time_max.saturating_sub(now.since_by_boot(begun));
            let standing = self.standing(now);
            if !standing.left.is_zero() || standing.wait >= left {
                return;
            }
            // Whoever is calling now may take longer than there is time.
            let _ = timeout(left, changed).await;
        }
    }

    /// Until there is a set.
    pub async fn filled(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.standing(self.now()).left.is_zero() {
                return;
            }
            changed.await;
        }
    }

    /// There may be something for [`Source::look`]. To be called every [`LOOK_APART`] in any case: timers
    /// stop while a machine sleeps.
    pub fn nudge(&self) {
        self.due.notify_one();
    }

    /// Keeps the supply up, by one call at a time, for good: until `source` calls a failure final.
    pub async fn keep_up<S: Source>(&self, source: &mut S) -> S::Error {
        loop {
            if source.look() {
                self.hasten();
            }
            let wait = self.standing(self.now()).wait;
            if !wait.is_zero() {
                let _ = timeout(wait, self.due.notified()).await;
                continue;
            }
            let outcome = source.create_session().await;
            let now = self.now();
            let outcome = outcome.and_then(|credentials| {
                let life = credentials.life(now)?;
                Ok((credentials, life))
            });
            match outcome {
                Ok((credentials, life)) => {
                    let renewal = self.renewed(&credentials, life, now);
                    source.renewed(&credentials, &renewal);
                }
                Err(error) => match source.setback(&error) {
                    Some(setback) => {
                        let renewal = self.failed(setback, now);
                        source.failed(error, &renewal);
                    }
                    None => return error,
                },
            }
        }
    }

    fn renewed(&self, credentials: &Credentials, life: Duration, now: Moment) -> Renewal {
        let document = Arc::new((self.form)(credentials, now));
        self.change(|state| {
            state.document = Some(document);
            state.renewal.renewed(now, life, (self.share)());
        })
    }

    fn failed(&self, setback: Setback, now: Moment) -> Renewal {
        self.change(|state| {
            state.renewal.failed(now, setback, (self.share)());
            if state.renewal.left(now).is_zero() {
                // Not to be kept in memory for nothing.
                state.document = None;
            }
        })
    }

    /// Changes what is handed out or when the next is due, tells who waits for that, and says when.
    fn change(&self, change: impl FnOnce(&mut State)) -> Renewal {
        let mut state = self.state();
        change(&mut state);
        let renewal = state.renewal;
        drop(state);
        self.changed.notify_waiters();
        renewal
    }

    /// Spreads the calls of a fleet whose certificates were renewed together.
    fn hasten(&self) {
        let now = self.now();
        let mut state = self.state();
        let within = HASTE_MAX.min(state.renewal.left(now) / 4);
        state.renewal.hasten(now, within.mul_f64((self.share)()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done while it is held can panic half-way.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl fmt::Debug for Supply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supply").finish_non_exhaustive()
    }
}

/// How often the identity's files, and the clock, are looked at.
pub const LOOK_APART: Duration = Duration::from_secs(10);

/// The longest wait until a renewed identity is used.
const HASTE_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
