//! Hours and days of a supply, in simulated time.

use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::task::Poll;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio::time::sleep;

use super::credential_source::CredentialSource;
use super::*;
use crate::credentials::ExpirationError;
use crate::session::Effort;

const BEGIN: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

thread_local! {
    static STARTED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Time that passed while no timer ran.
    static ASLEEP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// Offset of the wall clock.
    static AHEAD: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static JITTER: Cell<u32> = const { Cell::new(1) };
}

/// Since the beginning of the test.
fn elapsed() -> Duration {
    let started = STARTED.get().unwrap_or_else(|| {
        let now = Instant::now();
        STARTED.set(Some(now));
        now
    });
    started.elapsed() + ASLEEP.get()
}

fn simulated() -> Moment {
    let boot = Duration::from_secs(100_000) + elapsed();
    Moment {
        wall: BEGIN + elapsed() + AHEAD.get(),
        boot,
    }
}

/// The same numbers in each run.
fn jitter() -> f64 {
    let next = JITTER
        .get()
        .wrapping_mul(1_664_525)
        .wrapping_add(1_013_904_223);
    JITTER.set(next);
    f64::from(next >> 8) / f64::from(1 << 24)
}

#[derive(Debug, PartialEq)]
enum Failed {
    Expiration,
    Call(FailureClass),
    Final,
}

impl From<ExpirationError> for Failed {
    fn from(_: ExpirationError) -> Self {
        Self::Expiration
    }
}

/// A service that gives numbered sets.
struct Service {
    /// Life of sets, or the current failure.
    answer: Box<dyn Fn() -> Result<Duration, Failed>>,
    /// Response time.
    takes: Duration,
    /// When it was called.
    calls: Rc<RefCell<Vec<Duration>>>,
    efforts: Rc<RefCell<Vec<Effort>>>,
    /// True if there is another identity, once.
    is_renewed: Rc<Cell<bool>>,
    looks: Rc<Cell<u32>>,
}

impl Service {
    fn new(answer: impl Fn() -> Result<Duration, Failed> + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            takes: Duration::from_millis(100),
            calls: Rc::default(),
            efforts: Rc::default(),
            is_renewed: Rc::default(),
            looks: Rc::default(),
        }
    }
}

impl CredentialSource for Service {
    type Error = Failed;

    fn look(&mut self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.is_renewed.take()
    }

    async fn create_session(&mut self, effort: Effort) -> Result<Credentials, Failed> {
        self.efforts.borrow_mut().push(effort);
        self.calls.borrow_mut().push(elapsed());
        let number = self.calls.borrow().len();
        sleep(self.takes).await;
        let life = (self.answer)()?;
        // The service's clock is right.
        let now = BEGIN + elapsed();
        Ok(Credentials {
            access_key_id: format!("K{number}"),
            secret_access_key: Secret::new(format!("S{number}")),
            session_token: Secret::new(format!("T{number}")),
            expiration: (now + life).format(&Rfc3339).unwrap(),
            date: Some(now),
            assumed_role_arn: None,
        })
    }

    fn class(&self, error: &Failed) -> FailureClass {
        match error {
            Failed::Expiration | Failed::Final => FailureClass::Outage,
            Failed::Call(setback) => *setback,
        }
    }

    fn is_passing(&self, error: &Failed) -> bool {
        *error != Failed::Final
    }

    fn keep(&mut self, _: &Arc<Credentials>, _: &Renewal) {}

    fn renewed(&mut self, _: &Arc<Credentials>, _: &Renewal) {}

    fn failed(&mut self, _: Failed, _: &Renewal) {}
}

fn supply() -> Supply {
    Supply::new(Clock::Simulated(simulated), jitter, |credentials, _| {
        let text = format!(
            "{} {} {}",
            credentials.access_key_id,
            credentials.secret_access_key.expose(),
            credentials.session_token.expose()
        );
        Arc::new(Secret::new(text.into_bytes()))
    })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Runs `test` beside the supply that it looks at.
fn beside(supply: &Supply, mut service: Service, test: impl Future<Output = ()>) {
    runtime().block_on(async {
        elapsed();
        let keep_up = std::pin::pin!(supply.keep_up(&mut service));
        let mut keep_up = Some(keep_up);
        let mut nudges = std::pin::pin!(async {
            loop {
                sleep(LOOK_APART).await;
                supply.wake();
            }
        });
        let mut test = std::pin::pin!(test);
        std::future::poll_fn(|context| {
            if let Some(running) = &mut keep_up {
                assert!(running.as_mut().poll(context).is_pending(), "it ended");
            }
            let _: Poll<()> = nudges.as_mut().poll(context);
            let outcome = test.as_mut().poll(context);
            if outcome.is_ready() {
                keep_up = None;
            }
            outcome
        })
        .await;
    });
}

/// The set that is handed out now.
fn handed_out(supply: &Supply) -> Option<String> {
    let document = supply.document(supply.now())?;
    Some(String::from_utf8(document.expose().clone()).unwrap())
}

fn left(supply: &Supply) -> Duration {
    supply.state(supply.now()).left
}

#[test]
fn week_of_hourly_sets_always_has_ten_minutes_left() {
    let supply = supply();
    let service = Service::new(|| Ok(HOUR));
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        for _ in 0..7 * 24 * 60 {
            sleep(MINUTE).await;
            let document = handed_out(&supply).unwrap();
            let numbers: Vec<&str> = document.split(' ').map(|part| &part[1..]).collect();
            assert!(
                numbers.iter().all(|number| *number == numbers[0]),
                "{document}"
            );
            assert!(left(&supply) > 10 * MINUTE);
        }
    });
    let calls = calls.borrow().len();
    // One in 36 to 42 minutes, less 60 and 240 s.
    assert!(
        (7 * 24 * 60 / 42..7 * 24 * 60 / 18).contains(&calls),
        "{calls}"
    );
}

#[test]
fn shortest_sets_have_nearly_ten_minutes_left_at_any_moment() {
    let supply = supply();
    beside(&supply, Service::new(|| Ok(15 * MINUTE)), async {
        sleep(MINUTE).await;
        for _ in 0..24 * 360 {
            sleep(Duration::from_secs(10)).await;
            assert!(
                left(&supply) > Duration::from_secs(595),
                "{:?}",
                left(&supply)
            );
        }
    });
}

#[test]
fn outage_within_the_life_of_the_set_is_not_felt() {
    let supply = supply();
    let is_down = Rc::new(Cell::new(false));
    let service = Service::new({
        let is_down = Rc::clone(&is_down);
        move || match is_down.get() {
            true => Err(Failed::Call(FailureClass::Outage)),
            false => Ok(HOUR),
        }
    });
    beside(&supply, service, async {
        sleep(30 * MINUTE).await;
        is_down.set(true);
        for _ in 0..20 {
            sleep(MINUTE).await;
            assert!(handed_out(&supply).is_some());
        }
        is_down.set(false);
        sleep(10 * MINUTE).await;
        assert!(left(&supply) > 40 * MINUTE);
    });
}

#[test]
fn set_is_kept_until_it_expires_and_replaced_soon_after() {
    let supply = supply();
    let is_down = Rc::new(Cell::new(false));
    let service = Service::new({
        let is_down = Rc::clone(&is_down);
        move || match is_down.get() {
            true => Err(Failed::Call(FailureClass::Outage)),
            false => Ok(HOUR),
        }
    });
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        is_down.set(true);
        let first = handed_out(&supply);
        let end = supply.state(supply.now()).left;
        sleep(end - Duration::from_millis(10)).await;
        assert_eq!(handed_out(&supply), first);
        sleep(Duration::from_millis(20)).await;
        assert_eq!(handed_out(&supply), None);
        sleep(3 * HOUR).await;
        assert_eq!(handed_out(&supply), None);
        is_down.set(false);
        sleep(Duration::from_secs(20)).await;
        assert!(handed_out(&supply).is_some());
    });
    for pair in calls.borrow().windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(5), "{pair:?}");
    }
}

#[test]
fn any_number_of_readers_makes_one_call() {
    let supply = supply();
    let mut service = Service::new(|| Ok(HOUR));
    service.takes = Duration::from_secs(3);
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        // At the start, without a set.
        for _ in 0..500 {
            assert_eq!(handed_out(&supply), None);
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(calls.borrow().len(), 1);
        sleep(MINUTE).await;
        // When it is due.
        let wait = supply.state(supply.now()).wait;
        sleep(wait).await;
        for _ in 0..500 {
            assert!(handed_out(&supply).is_some());
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(calls.borrow().len(), 2);
    });
}

#[test]
fn reader_after_a_sleep_of_the_machine_begins_the_renewal() {
    let supply = supply();
    let service = Service::new(|| Ok(HOUR));
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        ASLEEP.set(8 * HOUR);
        for _ in 0..500 {
            assert_eq!(handed_out(&supply), None);
        }
        sleep(Duration::from_millis(150)).await;
        assert_eq!(handed_out(&supply).unwrap(), "K2 S2 T2");
        assert_eq!(calls.borrow().len(), 2);
    });
}

#[test]
fn machine_that_slept_renews_without_a_reader() {
    let supply = supply();
    let service = Service::new(|| Ok(HOUR));
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        ASLEEP.set(8 * HOUR);
        sleep(LOOK_APART + MINUTE / 60).await;
        assert_eq!(calls.borrow().len(), 2);
    });
}

#[test]
fn idle_supply_looks_once_in_ten_seconds() {
    let supply = supply();
    let service = Service::new(|| Ok(12 * HOUR));
    let looks = Rc::clone(&service.looks);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        let before = looks.get();
        sleep(HOUR).await;
        assert_eq!(looks.get() - before, 360);
    });
}

#[test]
fn start_waits_for_the_first_set_but_not_for_long() {
    /// When it had begun, in milliseconds.
    fn begun(takes: u64, answer: impl Fn() -> Result<Duration, Failed> + 'static) -> u128 {
        ASLEEP.set(Duration::ZERO);
        STARTED.set(None);
        let supply = supply();
        let mut service = Service::new(answer);
        service.takes = Duration::from_millis(takes);
        let waited = Cell::new(0);
        beside(&supply, service, async {
            supply.begun(Duration::from_secs(10)).await;
            waited.set(elapsed().as_millis());
        });
        waited.get()
    }
    assert_eq!(begun(300, || Ok(HOUR)), 300);
    // It hangs.
    assert_eq!(begun(50_000, || Ok(HOUR)), 10_000);
    // The next attempt comes later than that.
    let given_up = begun(20, || Err(Failed::Call(FailureClass::NoConnection)));
    assert!((20..9900).contains(&given_up), "{given_up}");
    // The next attempt helps.
    let count = Cell::new(0);
    let second = begun(20, move || {
        count.set(count.get() + 1);
        match count.get() {
            1 => Err(Failed::Call(FailureClass::Throttled)),
            _ => Ok(HOUR),
        }
    });
    assert!((5000..10_000).contains(&second), "{second}");
}

#[test]
fn only_the_first_call_may_take_several_attempts() {
    let supply = supply();
    let service = Service::new(|| Ok(HOUR));
    let efforts = Rc::clone(&service.efforts);
    beside(&supply, service, async { sleep(2 * HOUR).await });
    let efforts = efforts.borrow();
    assert_eq!(efforts[0], Effort::Start);
    assert!(efforts.len() > 2, "{efforts:?}");
    assert!(efforts[1..].iter().all(|it| *it == Effort::Renewal));
}

#[test]
fn set_that_was_kept_needs_no_first_call() {
    let supply = supply();
    let mut renewal = Renewal::default();
    renewal.renewed(supply.now(), HOUR, 0.5);
    let credentials = Credentials {
        access_key_id: "K0".to_owned(),
        secret_access_key: Secret::new("S0".to_owned()),
        session_token: Secret::new("T0".to_owned()),
        expiration: String::new(),
        date: None,
        assumed_role_arn: None,
    };
    supply.begin_with(credentials, renewal);
    let service = Service::new(|| Ok(HOUR));
    let efforts = Rc::clone(&service.efforts);
    beside(&supply, service, async { sleep(HOUR).await });
    assert_eq!(efforts.borrow()[0], Effort::Renewal);
}

/// The wall clock jumps ahead for a while, in which a call is made that ends like this.
fn glitch(outcome: fn() -> Result<Duration, Failed>, ahead: Duration) {
    let supply = supply();
    let service = Service::new(move || match AHEAD.get() {
        Duration::ZERO => Ok(HOUR),
        _ => outcome(),
    });
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(5 * MINUTE).await;
        assert!(handed_out(&supply).is_some());
        AHEAD.set(ahead);
        supply.wake();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(calls.borrow().len(), 2, "no call was made meanwhile");
        AHEAD.set(Duration::ZERO);
        for _ in 0..3 * 60 {
            sleep(MINUTE).await;
            let is_ready = !left(&supply).is_zero();
            assert!(is_ready, "after {:?}", elapsed());
            assert!(handed_out(&supply).is_some(), "after {:?}", elapsed());
        }
    });
}

#[test]
fn clock_that_jumps_ahead_and_back_takes_no_set() {
    for days in [1, 2, 400] {
        let ahead = days * 24 * HOUR;
        glitch(|| Err(Failed::Call(FailureClass::Refused)), ahead);
        glitch(|| Err(Failed::Call(FailureClass::NoConnection)), ahead);
        glitch(|| Err(Failed::Expiration), ahead);
        glitch(|| Ok(HOUR), ahead);
    }
}

#[test]
fn final_failure_ends_it() {
    let supply = supply();
    let mut service = Service::new(|| Err(Failed::Final));
    let ended = runtime().block_on(supply.keep_up(&mut service));
    assert_eq!(ended, Failed::Final);
    assert_eq!(service.calls.borrow().len(), 1);
}

#[test]
fn renewed_identity_is_used_within_five_minutes() {
    for (life, within) in [(12 * HOUR, 5 * MINUTE), (15 * MINUTE, 4 * MINUTE)] {
        let supply = supply();
        let service = Service::new(move || Ok(life));
        let (calls, is_renewed) = (Rc::clone(&service.calls), Rc::clone(&service.is_renewed));
        beside(&supply, service, async {
            sleep(MINUTE).await;
            is_renewed.set(true);
            sleep(within + LOOK_APART).await;
            assert_eq!(calls.borrow().len(), 2);
        });
    }
}

#[test]
fn renewed_identity_ends_a_wait_after_failures() {
    let supply = supply();
    let is_refused = Rc::new(Cell::new(false));
    let service = Service::new({
        let is_refused = Rc::clone(&is_refused);
        move || match is_refused.get() {
            true => Err(Failed::Call(FailureClass::Refused)),
            false => Ok(15 * MINUTE),
        }
    });
    let is_renewed = Rc::clone(&service.is_renewed);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        is_refused.set(true);
        sleep(HOUR).await;
        while supply.state(supply.now()).wait < MINUTE {
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(handed_out(&supply), None);
        is_refused.set(false);
        is_renewed.set(true);
        sleep(LOOK_APART + Duration::from_secs(6)).await;
        assert!(handed_out(&supply).is_some());
    });
}

#[test]
fn time_of_a_service_at_the_end_of_the_calendar_stays_there() {
    let date = datetime!(9999-12-31 23:59:59 UTC);
    let supply = supply();
    supply.locked().service_date = Some((date, simulated()));
    let mut later = simulated();
    later.boot += HOUR;
    assert!(supply.service_time(later) >= date);
}

#[test]
fn set_whose_end_is_no_time_is_a_failure() {
    let supply = supply();
    let service = Service::new(|| Ok(Duration::ZERO));
    let calls = Rc::clone(&service.calls);
    beside(&supply, service, async {
        sleep(MINUTE).await;
        assert_eq!(handed_out(&supply), None);
        assert!((2..=13).contains(&calls.borrow().len()));
    });
}
