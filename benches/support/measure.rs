//! Interleaved measurements, their medians, and the ratio of two of them with its uncertainty.
//!
//! A machine is faster in one minute than in the next: only what ran side by side is compared.

use std::fmt;
use std::time::Duration;

/// Something to measure: runs once and returns the time that counts.
pub(crate) type Run<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// Runs each of `runs` once per round, in a new random order each round. The times of one round have the
/// same index in every `Times`.
pub(crate) fn interleaved(rounds: usize, runs: &mut [Run<'_>]) -> Vec<Times> {
    let mut random = Random(SEED);
    let mut times = vec![Times(Vec::with_capacity(rounds)); runs.len()];
    let mut order: Vec<usize> = (0..runs.len()).collect();
    for round in 0..rounds + WARM_UP_ROUNDS {
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last + 1));
        }
        for &index in &order {
            let time = runs[index]();
            if round >= WARM_UP_ROUNDS {
                times[index].0.push(time);
            }
        }
    }
    times
}

/// The times of a number of runs.
#[derive(Debug, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    #[allow(dead_code, reason = "most benchmarks measure one thing in a run")]
    pub(crate) fn new(times: Vec<Duration>) -> Self {
        Self(times)
    }

    /// One thing and another, round by round.
    #[allow(dead_code, reason = "few benchmarks compare with a sum")]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let sums = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(one, other)| *one + *other);
        Self(sums.collect())
    }

    pub(crate) fn median(&self) -> Duration {
        let mut times = self.0.clone();
        *quantile(&mut times, 0.5)
    }

    /// The median as a multiple of `other`'s, with a 95 % interval by bootstrap over the rounds.
    pub(crate) fn ratio_to(&self, other: &Self) -> Ratio {
        let mut random = Random(SEED);
        let rounds = self.0.len();
        let mut resampled: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let picked: Vec<usize> = (0..rounds).map(|_| random.below(rounds)).collect();
                let pick = |times: &Self| Self(picked.iter().map(|&i| times.0[i]).collect());
                pick(self).median().div_duration_f64(pick(other).median())
            })
            .collect();
        Ratio {
            of_medians: self.median().div_duration_f64(other.median()),
            low: *quantile(&mut resampled, 0.025),
            high: *quantile(&mut resampled, 0.975),
        }
    }
}

/// One median as a multiple of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) of_medians: f64,
    low: f64,
    high: f64,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            of_medians,
            low,
            high,
        } = self;
        write!(f, "{of_medians:.3} ({low:.3} to {high:.3})")
    }
}

fn quantile<T: PartialOrd>(values: &mut [T], fraction: f64) -> &T {
    let index = ((values.len() - 1) as f64 * fraction).round() as usize;
    let by_value = |one: &T, other: &T| one.partial_cmp(other).expect("no time is NaN");
    values.select_nth_unstable_by(index, by_value).1
}

/// xorshift64*: an order that is arbitrary and the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        drawn as usize % limit
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// So many go before those that count.
pub(crate) const WARM_UP_ROUNDS: usize = 5;

const RESAMPLES: usize = 1000;
