//! [`Outcome`]: the results of a simulation, counted while it runs.

use rolesanywhere::aws_call::FailureClass;

use crate::simulation::Helper;
use crate::simulation::MICROS;
use crate::simulation::seconds;

/// The results of a simulation.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// All calls, including unanswered ones.
    pub(crate) calls: u64,
    /// Number of helpers whose set expired.
    pub(crate) lapsed: usize,
    /// Total time without valid credentials.
    pub(crate) lapsed_seconds: f64,
    /// Calls that reached the service, second by second.
    pub(crate) load: Vec<u32>,
    /// Helpers whose set is due or that have none, second by second.
    pub(crate) overdue: Vec<i32>,
    /// Helpers that have no set or a lapsed one, second by second.
    pub(crate) without_set: Vec<i32>,
}

impl Outcome {
    pub(crate) fn new(seconds: u32) -> Self {
        let seconds = seconds as usize;
        Self {
            calls: 0,
            lapsed: 0,
            lapsed_seconds: 0.0,
            load: vec![0; seconds],
            overdue: vec![0; seconds + 1],
            without_set: vec![0; seconds + 1],
        }
    }

    pub(crate) fn count_call(&mut self, time: u64, answer: &Result<(), FailureClass>) {
        self.calls += 1;
        if *answer != Err(FailureClass::NoConnection) {
            self.load[(time / MICROS) as usize] += 1;
        }
    }

    /// Counts the time that `helper` was overdue and without a set, once that has ended.
    pub(crate) fn count_overdue(&mut self, helper: &mut Helper, time: u64) {
        let now = time as f64 / MICROS as f64;
        let Some(set) = helper.renewal.set else {
            add(&mut self.overdue, 0.0, now);
            add(&mut self.without_set, 0.0, now);
            return;
        };
        let end = seconds(set.received) + set.life.as_secs_f64();
        add(&mut self.overdue, end - set.due_left.as_secs_f64(), now);
        add(&mut self.without_set, end, now);
        if end < now {
            self.lapsed += usize::from(!helper.has_lapsed);
            self.lapsed_seconds += now - end;
            helper.has_lapsed = true;
        }
    }

    /// Turns how many more or fewer there are from a second on into how many there are.
    pub(crate) fn summed(mut self) -> Self {
        for counts in [&mut self.overdue, &mut self.without_set] {
            let mut sum = 0;
            for count in counts {
                sum += *count;
                *count = sum;
            }
        }
        self
    }
}

/// One more from the first whole second in the interval on, and one fewer after its end.
fn add(counts: &mut [i32], from: f64, to: f64) {
    if from < to {
        counts[from.ceil() as usize] += 1;
        counts[to.ceil() as usize] -= 1;
    }
}
