//! The scenarios: fleets, and the incidents they meet.

use std::ops::Range;

use crate::simulation::Begin;
use crate::simulation::Simulation;

/// Helpers that jitter one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fleet {
    pub(crate) helpers: u32,
    pub(crate) session_seconds: u32,
}

/// An incident of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Nothing.
    SteadyDay,
    /// The service is unreachable for 30 minutes.
    Outage,
    /// All start within a minute, without a set.
    MassStart,
    /// One in a hundred is refused for good.
    RefusedSecrets,
}

impl Fleet {
    pub(crate) const fn new(helpers: u32, session_seconds: u32) -> Self {
        Self {
            helpers,
            session_seconds,
        }
    }

    /// True if the quota is too small even if each set is used to its last second.
    pub(crate) fn is_beyond_quota(self) -> bool {
        self.calls_per_second_least() > QUOTA_PER_SECOND
    }

    /// Calls per second if each set is used to its last second.
    pub(crate) fn calls_per_second_least(self) -> f64 {
        f64::from(self.helpers) / f64::from(self.session_seconds)
    }
}

impl Scenario {
    pub(crate) const ALL: [Self; 4] = [
        Self::SteadyDay,
        Self::Outage,
        Self::MassStart,
        Self::RefusedSecrets,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::SteadyDay => "A steady day",
            Self::Outage => "An outage of 30 minutes",
            Self::MassStart => "All start within a minute",
            Self::RefusedSecrets => "One in a hundred is refused for good",
        }
    }

    /// Without service, in seconds from the beginning.
    pub(crate) fn outage(self) -> Range<u32> {
        match self {
            Self::Outage => OUTAGE_BEGIN..OUTAGE_BEGIN + OUTAGE_SECONDS,
            Self::SteadyDay | Self::MassStart | Self::RefusedSecrets => 0..0,
        }
    }

    pub(crate) fn simulation(self, fleet: Fleet) -> Simulation {
        Simulation {
            fleet,
            begin: match self {
                Self::MassStart => Begin::WithinAMinute,
                Self::SteadyDay | Self::Outage | Self::RefusedSecrets => Begin::Steady,
            },
            outage: self.outage(),
            refused_share: match self {
                Self::RefusedSecrets => 0.01,
                Self::SteadyDay | Self::Outage | Self::MassStart => 0.0,
            },
            quota_per_second: Some(QUOTA_PER_SECOND),
            seconds: match fleet.is_beyond_quota() {
                true => SECONDS_BEYOND_QUOTA,
                false => 24 * 60 * 60,
            },
            seed: SEED,
        }
    }
}

pub(crate) const FLEETS: [Fleet; 9] = [
    Fleet::new(1000, 900),
    Fleet::new(1000, 3600),
    Fleet::new(1000, 43_200),
    Fleet::new(10_000, 900),
    Fleet::new(10_000, 3600),
    Fleet::new(10_000, 43_200),
    Fleet::new(100_000, 900),
    Fleet::new(100_000, 3600),
    Fleet::new(100_000, 43_200),
];

/// That of CreateSession, for an account and region.
pub(crate) const QUOTA_PER_SECOND: f64 = 10.0;

pub(crate) const OUTAGE_BEGIN: u32 = 60 * 60;
const OUTAGE_SECONDS: u32 = 30 * 60;

/// Most calls of such a fleet fail: simulating a day takes long and shows nothing new.
const SECONDS_BEYOND_QUOTA: u32 = 2 * 60 * 60 + 30 * 60;

const SEED: u64 = 1;
