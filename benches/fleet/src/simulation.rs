//! A fleet in simulated time. Each helper is a [`Renewal`], the very scheduler; the calls happen one
//! after the other, in no time. The same seed gives the same run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use rolesanywhere::aws_call::FailureClass;
use rolesanywhere::clock::Moment;
use rolesanywhere::credentials::Renewal;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::outcome::Outcome;
use crate::quota::Quota;
use crate::scenario::Fleet;

/// The parameters of a simulation. Times are in seconds from the start.
#[derive(Debug, Clone)]
pub(crate) struct Simulation {
    pub(crate) fleet: Fleet,
    pub(crate) begin: Begin,
    /// The outage: no helper reaches the service.
    pub(crate) outage: Range<u32>,
    /// Share of the helpers that are rejected permanently, from 0 to 1.
    pub(crate) refused_share: f64,
    /// Calls per second that the service lets through; `None` for all.
    pub(crate) quota_per_second: Option<f64>,
    /// Duration.
    pub(crate) seconds: u32,
    pub(crate) seed: u64,
}

/// Start of the helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With sets of all ages, as after a long time without troubles.
    Steady,
    /// Without sets, all within a minute.
    WithinAMinute,
}

/// One of the fleet.
pub(crate) struct Helper {
    pub(crate) renewal: Renewal,
    pub(crate) has_lapsed: bool,
    is_refused: bool,
}

impl Simulation {
    /// The same fleet with nothing in its way.
    pub(crate) fn on_time(&self) -> Self {
        Self {
            outage: 0..0,
            refused_share: 0.0,
            quota_per_second: None,
            ..self.clone()
        }
    }

    pub(crate) fn run(&self) -> Outcome {
        let mut rng = Rng::with_seed(self.seed);
        let mut service = Service {
            outage: self.outage.clone(),
            quota: self.quota_per_second.map(Quota::new),
        };
        let (mut helpers, mut calls) = self.helpers(&mut rng);
        let mut outcome = Outcome::new(self.seconds);
        let end = u64::from(self.seconds) * MICROS;
        while let Some(Reverse((time, index))) = calls.pop() {
            if time >= end {
                break;
            }
            let (now, helper) = (moment(time), &mut helpers[index]);
            if helper.renewal.wait(now).is_zero() {
                let answer = service.answer(time, helper);
                outcome.count_call(time, &answer);
                match answer {
                    Ok(()) => {
                        outcome.count_overdue(helper, time);
                        helper.renewal.renewed(now, self.life(), rng.f64());
                    }
                    Err(setback) => helper.renewal.failed(now, setback, rng.f64()),
                }
            }
            calls.push(Reverse((time + micros(helper.renewal.wait(now)), index)));
        }
        // These rejections are intended.
        for helper in helpers.iter_mut().filter(|helper| !helper.is_refused) {
            outcome.count_overdue(helper, end);
        }
        outcome.summed()
    }

    /// The helpers, and when each of them calls first.
    fn helpers(&self, rng: &mut Rng) -> (Vec<Helper>, BinaryHeap<Reverse<(u64, usize)>>) {
        (0..self.fleet.helpers as usize)
            .map(|index| {
                let (renewal, first_call) = match self.begin {
                    Begin::WithinAMinute => (Renewal::default(), rng.u64(0..60 * MICROS)),
                    Begin::Steady => self.in_the_middle(rng),
                };
                let helper = Helper {
                    renewal,
                    has_lapsed: false,
                    is_refused: rng.f64() < self.refused_share,
                };
                (helper, Reverse((first_call, index)))
            })
            .unzip()
    }

    /// With a set of an age before it is due.
    fn in_the_middle(&self, rng: &mut Rng) -> (Renewal, u64) {
        let mut renewal = Renewal::default();
        renewal.renewed(moment(0), self.life(), rng.f64());
        let due_after = renewal.wait(moment(0));
        let age = due_after.mul_f64(rng.f64());
        let received = Moment {
            wall: ORIGIN - age,
            boot: UP - age,
        };
        if let (Some(set), Some(call)) = (&mut renewal.set, &mut renewal.call) {
            set.received = received;
            call.ended = received;
        }
        (renewal, micros(due_after - age))
    }

    fn life(&self) -> Duration {
        Duration::from_secs(u64::from(self.fleet.session_seconds) - 1)
    }
}

/// CreateSession.
struct Service {
    outage: Range<u32>,
    quota: Option<Quota>,
}

impl Service {
    fn answer(&mut self, time: u64, helper: &Helper) -> Result<(), FailureClass> {
        let seconds = time as f64 / MICROS as f64;
        if self.outage.contains(&(seconds as u32)) {
            return Err(FailureClass::NoConnection);
        }
        if !self.quota.as_mut().is_none_or(|quota| quota.take(seconds)) {
            return Err(FailureClass::Throttled);
        }
        match helper.is_refused {
            true => Err(FailureClass::Refused),
            false => Ok(()),
        }
    }
}

/// So many microseconds from the beginning.
fn moment(time: u64) -> Moment {
    let elapsed = Duration::from_micros(time);
    Moment {
        wall: ORIGIN + elapsed,
        boot: UP + elapsed,
    }
}

/// When a set came, in seconds from the beginning.
pub(crate) fn seconds(moment: Moment) -> f64 {
    moment.boot.as_secs_f64() - UP.as_secs_f64()
}

/// Rounded up, so that the wait is over by then.
fn micros(wait: Duration) -> u64 {
    wait.as_nanos().div_ceil(1000) as u64
}

/// In a second.
pub(crate) const MICROS: u64 = 1_000_000;

const ORIGIN: OffsetDateTime = datetime!(2030-01-01 00:00 UTC);
const UP: Duration = Duration::from_secs(1_000_000);

#[cfg(test)]
mod tests {
    use crate::scenario::OUTAGE_BEGIN;
    use crate::scenario::Scenario;

    use super::*;

    /// The results of a scenario within this number of hours, and those without an incident.
    fn run(scenario: Scenario, fleet: Fleet, hours: u32, seed: u64) -> (Outcome, Outcome) {
        let simulation = Simulation {
            seconds: hours * 3600,
            seed,
            ..scenario.simulation(fleet)
        };
        (simulation.run(), simulation.on_time().run())
    }

    fn ratio((outcome, on_time): &(Outcome, Outcome)) -> f64 {
        outcome.calls as f64 / on_time.calls as f64
    }

    const LARGE: Fleet = Fleet::new(10_000, 3600);
    const LARGEST: Fleet = Fleet::new(100_000, 43_200);

    #[test]
    fn after_an_outage_one_helper_of_2000_lapses_at_most() {
        for seed in [2, 3] {
            let runs = run(Scenario::Outage, LARGE, 6, seed);
            assert!(runs.0.lapsed <= 5, "{} of 10000", runs.0.lapsed);
            assert!(ratio(&runs) <= 1.5, "{}", ratio(&runs));
        }
    }

    #[test]
    fn after_an_outage_none_of_100_000_lapses_with_12_hours() {
        let runs = run(Scenario::Outage, LARGEST, 6, 2);
        assert_eq!(runs.0.lapsed, 0);
        assert!(ratio(&runs) <= 1.5, "{}", ratio(&runs));
    }

    #[test]
    fn in_steady_hours_none_lapses() {
        for fleet in [Fleet::new(1000, 900), LARGE, LARGEST] {
            let runs = run(Scenario::SteadyDay, fleet, 3, 2);
            assert_eq!(runs.0.lapsed, 0);
            assert!(ratio(&runs) <= 1.01, "{}", ratio(&runs));
        }
    }

    #[test]
    fn ten_thousand_that_start_within_a_minute_have_a_set_within_90() {
        let runs = run(Scenario::MassStart, LARGE, 4, 2);
        // No more than the quota lets through.
        assert!((9380..9500).contains(&runs.0.without_set[60]));
        assert!(runs.0.without_set[30 * 60] <= 300);
        assert_eq!(runs.0.without_set[90 * 60], 0);
        assert_eq!(runs.0.lapsed, 0);
        // A day of sets of 12 hours has 5.7 calls of each helper.
        let refused = (runs.0.calls - runs.1.calls) / u64::from(LARGE.helpers);
        assert!(refused <= 3, "{refused}");
    }

    #[test]
    fn those_who_are_refused_do_not_make_others_lapse() {
        let runs = run(Scenario::RefusedSecrets, LARGE, 3, 2);
        assert_eq!(runs.0.lapsed, 0);
        assert!((1.005..1.2).contains(&ratio(&runs)), "{}", ratio(&runs));
    }

    #[test]
    fn fleet_beyond_the_quota_lapses() {
        let (outcome, _) = run(Scenario::SteadyDay, Fleet::new(1000, 90), 1, 2);
        assert!(outcome.lapsed > 500, "{}", outcome.lapsed);
    }

    #[test]
    fn calls_that_nobody_saw_are_counted_but_are_no_load() {
        let (outcome, on_time) = run(Scenario::Outage, Fleet::new(1000, 3600), 2, 2);
        let begin = OUTAGE_BEGIN as usize;
        assert!(
            outcome.load[begin..begin + 1800]
                .iter()
                .all(|load| *load == 0)
        );
        let seen: u32 = outcome.load.iter().sum();
        assert!(u64::from(seen) < outcome.calls);
        assert_eq!(u64::from(on_time.load.iter().sum::<u32>()), on_time.calls);
    }

    #[test]
    fn same_seed_gives_the_same_run() {
        let outcome = |seed| {
            run(Scenario::Outage, Fleet::new(1000, 3600), 3, seed)
                .0
                .load
        };
        assert_eq!(outcome(5), outcome(5));
        assert_ne!(outcome(5), outcome(6));
    }
}
