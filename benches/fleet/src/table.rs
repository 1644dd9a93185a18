//! The tables of `docs/fleet.md`.

use std::fmt;

use crate::outcome::Outcome;
use crate::scenario::Fleet;
use crate::scenario::Scenario;

/// A line of a table: what came of one fleet.
pub(crate) struct Row {
    pub(crate) fleet: Fleet,
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
    /// Its calls with nothing in the way.
    pub(crate) calls_on_time: u64,
}

pub(crate) const HEAD: &str = "\
| helpers | session | lapsed | for, on average | calls | peak a second | 99 % up to date after |
|-:|-:|-:|-:|-:|-:|-:|";

pub(crate) const NEEDS_HEAD: &str = "\
| helpers | session | minimum | renewed on time | |
|-:|-:|-:|-:|-|";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fleet, outcome) = (self.fleet, &self.outcome);
        write!(
            f,
            "| {} | {} s ",
            thousands(fleet.helpers),
            thousands(fleet.session_seconds)
        )?;
        match outcome.lapsed {
            0 => f.write_str("| none | ")?,
            lapsed => {
                let jitter = 100.0 * lapsed as f64 / f64::from(fleet.helpers);
                let average = outcome.lapsed_seconds / lapsed as f64;
                write!(f, "| {jitter:.2} % | {average:.0} s ")?;
            }
        }
        let ratio = outcome.calls as f64 / self.calls_on_time as f64;
        let peak = outcome.load.iter().max().copied().unwrap_or_default();
        write!(f, "| {ratio:.2} | {} ", thousands(peak))?;
        let recovered = match (self.scenario, self.recovered_after()) {
            (Scenario::SteadyDay | Scenario::RefusedSecrets, _) => String::new(),
            (_, Some(seconds)) => duration(seconds),
            (_, None) => "never".to_owned(),
        };
        write!(f, "| {recovered} |")
    }
}

impl Row {
    /// The fleet's calls by arithmetic: with each set used to its last second, and renewed on time.
    pub(crate) fn needs(&self) -> String {
        let fleet = self.fleet;
        let least = fleet.calls_per_second_least();
        let seconds = self.outcome.load.len() as f64;
        let on_time = self.calls_on_time as f64 / seconds;
        let verdict = match fleet.is_beyond_quota() {
            true => "beyond the quota",
            false => "",
        };
        format!(
            "| {} | {} s | {least:.1} | {on_time:.1} | {verdict} |",
            thousands(fleet.helpers),
            thousands(fleet.session_seconds)
        )
    }

    /// Time from the end of the outage, or the start, until at most one helper in a hundred is overdue.
    fn recovered_after(&self) -> Option<usize> {
        let begin = self.scenario.outage().end as usize;
        let most = self.fleet.helpers / 100;
        self.outcome
            .overdue
            .iter()
            // One more than there are seconds: the end of all that was not over.
            .take(self.outcome.load.len())
            .skip(begin)
            .position(|overdue| u32::try_from(*overdue).is_ok_and(|overdue| overdue <= most))
    }
}

fn duration(seconds: usize) -> String {
    match seconds {
        0 => "at once".to_owned(),
        1..=299 => format!("{seconds} s"),
        300.. => format!("{} min", seconds.div_ceil(60)),
    }
}

fn thousands(number: u32) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000.. => format!("{} {:03}", number / 1000, number % 1000),
    }
}
