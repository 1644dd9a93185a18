//! [`Renewal`]: when to ask for the next session. Pure: moments and random numbers are arguments.
//!
//! One renewal is one call of CreateSession; nothing but what is decided here retries.
//! `docs/fleet.md` shows what the numbers make of fleets of up to a hundred thousand.

use std::time::Duration;

use crate::aws_call::FailureClass;
use crate::clock::Moment;

/// Decides when to renew, from a set of credentials and the calls for it.
///
/// It consists of plain values, so that it can be stored on disk and continued by another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Renewal {
    /// The latest set, lapsed or not.
    pub set: Option<Set>,
    /// The latest call, whatever came of it.
    pub call: Option<Call>,
}

/// A set of credentials in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set {
    /// When it came.
    pub received: Moment,
    /// Life from then on; `Credentials::life`.
    pub life: Duration,
    /// With how much of that left it is due. Drawn once, so that a fleet stays spread out.
    pub due_left: Duration,
}

/// A call of CreateSession.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// When it ended.
    pub ended: Moment,
    /// Failures in a row, this one included; 0 if it returned a set.
    pub failures: u32,
    /// Wait before the next one.
    pub wait: Duration,
}

/// Use of a set that is taken from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// A client uses it and asks again before it expires: it serves for as long as every client can use
    /// it.
    OnDemand,
    /// It is used until it expires: it serves for half of its life.
    Unrefreshed,
}

impl Renewal {
    /// Remaining life of the set at `now`; zero without one.
    pub fn left(&self, now: Moment) -> Duration {
        self.set.map_or(Duration::ZERO, |set| set.left(now))
    }

    /// True if there is no set or it has expired. Nothing else decides this.
    pub fn is_lapsed(&self, now: Moment) -> bool {
        self.left(now).is_zero()
    }

    /// As [`Renewal::is_lapsed`], whatever happens to the wall clock from now on.
    pub fn is_over(&self, now: Moment) -> bool {
        self.set
            .is_none_or(|set| now.since_by_boot(set.received) >= set.life)
    }

    /// Wait from `now` until the next call, for renewals in the background. Zero means
    /// that it is due.
    ///
    /// Timers stop while a machine sleeps and know of no clock that is set. So wait no longer than
    /// [`NAP_MAX`] at a time, and ask again.
    pub fn wait(&self, now: Moment) -> Duration {
        self.wait_with(now, Duration::MAX)
    }

    /// As [`Renewal::wait`], for a process that is started whenever credentials are wanted: how long a set
    /// that is due serves all the same.
    pub fn wait_for(&self, usage: Usage, now: Moment) -> Duration {
        let left_max = match usage {
            Usage::OnDemand => LEFT_ON_DEMAND,
            Usage::Unrefreshed => self.set.map_or(Duration::ZERO, |set| set.life / 2),
        };
        self.wait_with(now, left_max)
    }

    /// Until no more than `left_max` is left at the latest, and until the latest call is long enough
    /// ago.
    fn wait_with(&self, now: Moment, left_max: Duration) -> Duration {
        let until_due = self.set.map_or(Duration::ZERO, |set| {
            set.left(now).saturating_sub(set.due_left.min(left_max))
        });
        let until_allowed = self.call.map_or(Duration::ZERO, |call| {
            let spaced = CALLS_APART.saturating_sub(now.since_by_boot(call.ended));
            call.wait.saturating_sub(now.since(call.ended)).max(spaced)
        });
        until_due.max(until_allowed)
    }

    /// A call has given a set that lives for `life`. `jitter` is uniform in 0..1, a new number each
    /// time.
    pub fn renewed(&mut self, received: Moment, life: Duration, jitter: f64) {
        self.set = Some(Set {
            received,
            life,
            due_left: due_left(life, jitter),
        });
        self.call = Some(Call {
            ended: received,
            failures: 0,
            wait: Duration::ZERO,
        });
    }

    /// There is a reason to make the next call `within` that time, although the set is valid for longer,
    /// or calls have failed before. Never two calls within 5 s all the same.
    pub fn bring_forward(&mut self, now: Moment, within: Duration) {
        if let Some(set) = &mut self.set {
            set.due_left = set.due_left.max(set.left(now).saturating_sub(within));
        }
        if let Some(call) = &mut self.call {
            call.wait = call.wait.min(now.since(call.ended).saturating_add(within));
            call.failures = 0;
        }
    }

    /// A call has given none. `jitter` as above.
    pub fn failed(&mut self, ended: Moment, class: FailureClass, jitter: f64) {
        let before = self.call.map_or(0, |call| call.failures);
        let mean = match (self.set, self.left(ended)) {
            (None, _) => wait_for_first_set(before, class),
            (Some(_), Duration::ZERO) => wait_for_lapsed_set(before, class),
            (Some(_), left) => doubled(RETRY_MIN.max(left / 100), before)
                .min(longest_wait(left))
                .clamp(RETRY_MIN, RETRY_MAX),
        };
        self.call = Some(Call {
            ended,
            failures: before.saturating_add(1),
            wait: mean.mul_f64(between(0.5, 1.5, jitter)),
        });
    }
}

impl Set {
    fn left(&self, now: Moment) -> Duration {
        self.life.saturating_sub(now.since(self.received))
    }
}

/// With how much of its `life` left a set is due: 0.6 to 0.7 of it, though never before 4 minutes have
/// gone by; the shortest, of 15 minutes, once 4 to 5 have. Even shorter ones, as stand-ins for the
/// service give them, are due at half their life.
fn due_left(life: Duration, jitter: f64) -> Duration {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let latest = life.saturating_sub(minutes(4));
    let least = minutes(15).min(life.saturating_sub(minutes(5)));
    let within = |jitter: f64, share_least: f64| {
        let due = life.mul_f64(jitter).min(latest).max(least);
        due.max(life.mul_f64(share_least))
    };
    let (low, high) = (within(0.6, 0.45), within(0.7, 0.5));
    low + high.saturating_sub(low).mul_f64(between(0.0, 1.0, jitter))
}

/// A quarter of what is `left` of a set, and less and less of it within the last quarter of an hour: after an
/// outage those whose sets end first get through first.
fn longest_wait(left: Duration) -> Duration {
    let hour = Duration::from_secs(60 * 60);
    let within_hour = left.min(hour);
    let square = within_hour.mul_f64(within_hour.as_secs_f64() / hour.as_secs_f64());
    square.min(left / 4)
}

fn wait_for_first_set(failures: u32, class: FailureClass) -> Duration {
    let longest = match class {
        // Many have started at once. The longer it has taken, the more there are, and the longer it will.
        FailureClass::Throttled => {
            let [waits @ .., longest] = FIRST_SET_THROTTLED;
            let wait = usize::try_from(failures)
                .ok()
                .and_then(|failures| waits.get(failures));
            return wait.copied().unwrap_or(longest);
        }
        FailureClass::NoConnection => Duration::from_secs(60),
        FailureClass::Refused | FailureClass::Outage | FailureClass::Ours => {
            Duration::from_secs(300)
        }
    };
    doubled(RETRY_MIN, failures).min(longest)
}

fn wait_for_lapsed_set(failures: u32, class: FailureClass) -> Duration {
    match class {
        FailureClass::Throttled => Duration::from_secs(30),
        FailureClass::NoConnection | FailureClass::Outage | FailureClass::Ours => LAPSED_BASE,
        // A hundred that are refused every 10 s would use the whole quota up.
        FailureClass::Refused => doubled(LAPSED_BASE, failures).min(Duration::from_secs(300)),
    }
}

fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(2_u32.saturating_pow(times))
}

/// `jitter` of the way from `low` to `high`; one that is not a number is all of it.
fn between(low: f64, high: f64, jitter: f64) -> f64 {
    match jitter.is_nan() {
        true => high,
        false => low + (high - low) * jitter.clamp(0.0, 1.0),
    }
}

/// Longest single wait before checking again.
pub const NAP_MAX: Duration = Duration::from_secs(30);

/// No two calls are less apart.
const CALLS_APART: Duration = Duration::from_secs(5);

/// botocore does not believe in less than 15 minutes, and 5 more are for its command to end in.
const LEFT_ON_DEMAND: Duration = Duration::from_secs(20 * 60);

/// Waits after each time in a row that the first set was throttled; `docs/fleet.md` compares others.
const FIRST_SET_THROTTLED: [Duration; 6] = [
    RETRY_MIN,
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(25 * 60),
    Duration::from_secs(40 * 60),
];

const RETRY_MIN: Duration = Duration::from_secs(5);
const LAPSED_BASE: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;

    const RECEIVED: Moment = Moment {
        wall: datetime!(2030-01-01 12:00 UTC),
        boot: secs(100_000),
    };

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// So many seconds after `RECEIVED`, by the wall clock and by the other.
    fn at(wall: i64, boot: u64) -> Moment {
        Moment {
            wall: RECEIVED.wall + time::Duration::seconds(wall),
            boot: RECEIVED.boot + secs(boot),
        }
    }

    fn after(seconds: u64) -> Moment {
        at(i64::try_from(seconds).unwrap(), seconds)
    }

    /// With a set of this life, and a due moment in the middle of what may be drawn.
    fn renewed(life: u64) -> Renewal {
        let mut renewal = Renewal::default();
        renewal.renewed(RECEIVED, secs(life), 0.5);
        renewal
    }

    /// The wait after this many failures in a row, the last of them at `ended`.
    fn wait_after(renewal: Renewal, failures: u32, ended: Moment, class: FailureClass) -> f64 {
        let mut renewal = renewal;
        for _ in 0..failures {
            renewal.failed(ended, class, 0.5);
        }
        renewal.wait(ended).as_secs_f64()
    }

    #[test]
    fn sets_are_due_within_a_range_of_their_life() {
        for (life, earliest, latest) in [
            (43_199, 12_959.7, 17_279.6),
            (3599, 1079.7, 1439.6),
            (1799, 539.7, 719.6),
            // Here and below: 4 to 5 minutes after they came.
            (899, 269.7, 300.0),
            (600, 240.0, 240.0),
            // At half their life.
            (400, 200.0, 220.0),
            (300, 150.0, 165.0),
            (60, 30.0, 33.0),
            (12, 6.0, 6.6),
        ] {
            for (jitter, due) in [(1.0, earliest), (0.0, latest)] {
                let mut renewal = Renewal::default();
                renewal.renewed(RECEIVED, secs(life), jitter);
                let wait = renewal.wait(RECEIVED).as_secs_f64();
                assert!((wait - due).abs() < 0.001, "{life} {jitter}: {wait}");
            }
        }
    }

    #[test]
    fn session_of_900_s_always_has_10_minutes_left() {
        let mut renewal = Renewal::default();
        renewal.renewed(RECEIVED, secs(899), 0.0);
        let due = after(renewal.wait(RECEIVED).as_secs());
        assert!(renewal.left(due) >= secs(599));
    }

    #[test]
    fn without_a_set_a_call_is_due_at_once() {
        let renewal = Renewal::default();
        assert_eq!(renewal.wait(RECEIVED), Duration::ZERO);
        assert_eq!(renewal.wait_for(Usage::OnDemand, RECEIVED), Duration::ZERO);
        assert_eq!(renewal.left(RECEIVED), Duration::ZERO);
    }

    #[test]
    fn clock_that_is_wrong_all_along_makes_no_difference() {
        let right = renewed(3599);
        for wrong in [time::Duration::minutes(20), time::Duration::minutes(-20)] {
            let by_wrong = |moment: Moment| Moment {
                wall: moment.wall + wrong,
                ..moment
            };
            let mut renewal = Renewal::default();
            renewal.renewed(by_wrong(RECEIVED), secs(3599), 0.5);
            for seconds in [0, 1000, 1500, 3598, 3599] {
                let (now, shown) = (after(seconds), by_wrong(after(seconds)));
                assert_eq!(renewal.wait(shown), right.wait(now));
                assert_eq!(renewal.left(shown), right.left(now));
            }
        }
    }

    #[test]
    fn clock_that_says_more_decides() {
        // Due after 1259.65 s.
        let renewal = renewed(3599);
        for (now, left, wait) in [
            (at(60, 60), 3539, 1199),
            // Set forward by 20 minutes, then by an hour.
            (at(1260, 60), 2339, 0),
            (at(3660, 60), 0, 0),
            // Set back by 20 minutes, then by ten years.
            (at(-1140, 60), 3539, 1199),
            (at(-315_360_000, 1260), 2339, 0),
            // A long sleep during which the wall clock stood still.
            (at(0, 4000), 0, 0),
            (at(4000, 4000), 0, 0),
        ] {
            assert_eq!(renewal.left(now).as_secs(), left, "{now:?}");
            assert_eq!(renewal.wait(now).as_secs(), wait, "{now:?}");
        }
    }

    #[test]
    fn set_survives_a_reboot_by_the_wall_clock() {
        let renewal = renewed(3599);
        let started = |wall: i64, boot: u64| Moment {
            boot: secs(boot),
            ..at(wall, 0)
        };
        assert_eq!(renewal.left(started(600, 30)), secs(2999));
        assert_eq!(renewal.left(started(600, 700)), secs(2899));
        // A machine without a running clock: the set's age is unknown.
        assert_eq!(renewal.left(started(-600, 30)), Duration::ZERO);
        assert_eq!(renewal.wait(started(-600, 30)), Duration::ZERO);
    }

    #[test]
    fn calls_are_5_s_apart_whatever_the_arithmetic_says() {
        for life in [1, 3, 5, 8] {
            let renewal = renewed(life);
            assert_eq!(renewal.wait(RECEIVED), secs(5), "{life}");
            // The clock was set forward by an hour in between.
            assert_eq!(renewal.wait(at(3601, 1)), secs(4), "{life}");
            assert_eq!(renewal.wait(after(5)), Duration::ZERO);
        }
        let mut lapsing = renewed(10);
        lapsing.failed(after(9), FailureClass::Outage, 0.0);
        assert_eq!(lapsing.wait(after(9)), secs(5));
        assert_eq!(lapsing.wait(at(3600, 10)), secs(4));
    }

    #[test]
    fn waits_double_while_a_set_is_valid() {
        let due = after(1260);
        for (failures, wait) in [
            (1, 23.39),
            (2, 46.78),
            (5, 374.24),
            (6, 584.75),
            (99, 584.75),
        ] {
            assert_eq!(
                wait_after(renewed(3599), failures, due, FailureClass::Throttled),
                wait,
                "{failures}"
            );
        }
        let long = wait_after(
            renewed(43_199),
            99,
            after(18_000),
            FailureClass::NoConnection,
        );
        assert_eq!(long, 900.0);
        let mut short = renewed(60);
        short.failed(after(50), FailureClass::NoConnection, 1.0);
        assert_eq!(short.wait(after(50)).as_secs_f64(), 7.5);
    }

    #[test]
    fn waits_are_spread_by_a_half_to_either_side() {
        for (jitter, wait) in [
            (0.0, 93.56),
            (0.5, 187.12),
            (1.0, 280.68),
            (-1.0, 93.56),
            (f64::NAN, 280.68),
        ] {
            let mut renewal = renewed(3599);
            (0..4).for_each(|_| renewal.failed(after(1260), FailureClass::Outage, jitter));
            assert_eq!(renewal.wait(after(1260)).as_secs_f64(), wait, "{jitter}");
        }
    }

    #[test]
    fn after_a_lapse_the_wait_is_short_but_for_refusals() {
        for (class, failures, wait) in [
            (FailureClass::Throttled, 1, 30.0),
            (FailureClass::Throttled, 99, 30.0),
            (FailureClass::NoConnection, 99, 10.0),
            (FailureClass::Outage, 99, 10.0),
            (FailureClass::Refused, 1, 10.0),
            (FailureClass::Refused, 3, 40.0),
            (FailureClass::Refused, 99, 300.0),
        ] {
            let lapsed = after(3599);
            assert_eq!(wait_after(renewed(3599), failures, lapsed, class), wait);
        }
    }

    #[test]
    fn waits_for_the_first_set_grow_up_to_a_limit() {
        for (class, failures, wait) in [
            (FailureClass::Throttled, 1, 5.0),
            (FailureClass::Throttled, 2, 60.0),
            (FailureClass::Throttled, 4, 600.0),
            (FailureClass::Throttled, 6, 2400.0),
            (FailureClass::Throttled, 99, 2400.0),
            (FailureClass::Refused, 2, 10.0),
            (FailureClass::Refused, 99, 300.0),
            (FailureClass::Outage, 99, 300.0),
            (FailureClass::NoConnection, 4, 40.0),
            (FailureClass::NoConnection, 99, 60.0),
        ] {
            let never = Renewal::default();
            assert_eq!(wait_after(never, failures, RECEIVED, class), wait);
        }
    }

    #[test]
    fn waits_go_on_while_the_machine_sleeps() {
        let mut renewal = renewed(43_199);
        (0..9).for_each(|_| renewal.failed(after(20_000), FailureClass::NoConnection, 0.5));
        assert_eq!(renewal.wait(after(20_100)), secs(800));
        assert_eq!(renewal.wait(at(20_000, 21_000)), Duration::ZERO);
        assert_eq!(renewal.wait(at(21_000, 20_005)), Duration::ZERO);
        assert_eq!(renewal.wait(at(0, 20_100)), secs(800));
    }

    #[test]
    fn set_ends_the_row_of_failures() {
        let mut renewal = renewed(3599);
        (0..9).for_each(|_| renewal.failed(after(2000), FailureClass::Outage, 0.5));
        renewal.renewed(after(2600), secs(3599), 0.5);
        assert_eq!(renewal.left(after(2600)), secs(3599));
        assert_eq!(renewal.wait(after(2600)).as_secs(), 1259);
        assert_eq!(
            wait_after(renewal, 1, after(5000), FailureClass::Outage),
            11.99
        );
    }

    #[test]
    fn on_demand_set_serves_until_20_minutes_are_left() {
        let renewal = renewed(3599);
        assert_eq!(renewal.wait_for(Usage::OnDemand, after(1400)), secs(999));
        assert_eq!(
            renewal.wait_for(Usage::OnDemand, after(2399)),
            Duration::ZERO
        );
        let short = renewed(899);
        assert_eq!(
            short.wait_for(Usage::OnDemand, RECEIVED),
            short.wait(RECEIVED)
        );
        // A failure of a background renewal is not a reason to.
        let mut failed = renewal;
        failed.failed(after(1400), FailureClass::Outage, 0.5);
        assert_eq!(failed.wait_for(Usage::OnDemand, after(1400)), secs(999));
        assert_eq!(failed.wait(after(1400)).as_millis(), 21_990);
        // And one's own is waited for.
        failed.failed(after(2500), FailureClass::Outage, 0.5);
        assert_eq!(
            failed.wait_for(Usage::OnDemand, after(2500)).as_millis(),
            21_980
        );
        assert_eq!(failed.left(after(2500)), secs(1099));
    }

    #[test]
    fn unrefreshed_set_serves_for_half_of_its_life() {
        let renewal = renewed(3600);
        assert_eq!(renewal.wait_for(Usage::Unrefreshed, after(1700)), secs(100));
        assert_eq!(
            renewal.wait_for(Usage::Unrefreshed, after(1800)),
            Duration::ZERO
        );
        let never = Renewal::default();
        assert_eq!(never.wait_for(Usage::Unrefreshed, RECEIVED), Duration::ZERO);
    }

    /// Events that may happen to a scheduler.
    #[derive(Debug, Clone)]
    enum Happening {
        /// So much time goes by, and the wall clock is set by so many seconds.
        Time {
            millis: u64,
            set_by: i64,
        },
        Renewed {
            life_millis: u64,
            jitter: f64,
        },
        Failed {
            class: FailureClass,
            jitter: f64,
        },
    }

    fn happening() -> impl Strategy<Value = Happening> {
        let class = prop_oneof![
            Just(FailureClass::Throttled),
            Just(FailureClass::NoConnection),
            Just(FailureClass::Refused),
            Just(FailureClass::Outage),
        ];
        let time = (
            0..4_000_000_u64,
            prop_oneof![4 => Just(0), 1 => -90_000..90_000_i64],
        );
        prop_oneof![
            time.prop_map(|(millis, set_by)| Happening::Time { millis, set_by }),
            (1..43_200_000_u64, 0.0..1.0).prop_map(|(life_millis, jitter)| Happening::Renewed {
                life_millis,
                jitter
            }),
            (class, 0.0..1.0).prop_map(|(class, jitter)| Happening::Failed { class, jitter }),
        ]
    }

    proptest! {
        #[test]
        fn next_call_is_neither_too_soon_nor_too_late(
            happenings in proptest::collection::vec(happening(), 1..40),
            boot_later_millis in 0..5_000_u64,
            set_by in -90_000..90_000_i64,
        ) {
            let mut now = RECEIVED;
            let mut renewal = Renewal::default();
            for happening in happenings {
                match happening {
                    Happening::Time { millis, set_by } => {
                        now.boot += Duration::from_millis(millis);
                        now.wall += Duration::from_millis(millis);
                        now.wall += time::Duration::seconds(set_by);
                        continue;
                    }
                    Happening::Renewed { life_millis, jitter } => {
                        let life = Duration::from_millis(life_millis);
                        renewal.renewed(now, life, jitter);
                        prop_assert_eq!(renewal.left(now), life);
                        prop_assert!(renewal.wait(now) < life.max(secs(6)));
                        prop_assert!(renewal.wait_for(Usage::OnDemand, now) < life.max(secs(6)));
                    }
                    Happening::Failed { class, jitter } => {
                        renewal.failed(now, class, jitter);
                        // The next one comes before the set ends, if that is not about to happen,
                        // unless it was not due.
                        let (left, wait) = (renewal.left(now), renewal.wait(now));
                        prop_assert!(left < secs(12) || wait < left);
                    }
                }
                prop_assert!(renewal.wait(now) >= secs(5));
                prop_assert!(renewal.wait_for(Usage::OnDemand, now) >= renewal.wait(now));
                prop_assert!(renewal.wait_for(Usage::OnDemand, now) <= renewal.left(now).max(secs(3600)));
                let soon = Moment {
                    wall: now.wall + time::Duration::seconds(set_by),
                    boot: now.boot + Duration::from_millis(boot_later_millis),
                };
                let apart = soon.boot - now.boot + renewal.wait(soon);
                prop_assert!(apart >= secs(5));
            }
        }

        #[test]
        fn values_from_a_damaged_disk_do_no_harm(
            life in any::<Duration>(),
            due_left in any::<Duration>(),
            wait in any::<Duration>(),
            boot in any::<Duration>(),
            unix in -377_705_116_800..253_402_300_799_i64,
            failures in prop_oneof![any::<u32>(), Just(u32::MAX)],
            jitter in any::<f64>(),
        ) {
            let odd = Moment { wall: OffsetDateTime::from_unix_timestamp(unix).unwrap(), boot };
            let mut renewal = Renewal {
                set: Some(Set { received: odd, life, due_left }),
                call: Some(Call { ended: odd, failures, wait }),
            };
            let _ = (renewal.left(RECEIVED), renewal.wait(RECEIVED), renewal.wait_for(Usage::OnDemand, odd));
            renewal.failed(RECEIVED, FailureClass::Refused, jitter);
            prop_assert!(renewal.call.unwrap().wait <= secs(3600));
            renewal.renewed(RECEIVED, life, jitter);
            prop_assert!(renewal.wait(RECEIVED) <= life.max(secs(5)));
        }
    }
}
