//! [`Clock`]: the machine's clocks, or a fixed time in tests; [`Moment`]: what they show.

use std::time::Duration;

use time::OffsetDateTime;

use crate::platform;

/// Source of the time: of a signature, and of what is to happen later.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's clock, which may be wrong.
    System,
    /// Always this time.
    Fixed(OffsetDateTime),
    /// Whatever this says: hours that pass in a test.
    Simulated(fn() -> Moment),
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Fixed(time) => time,
            Self::Simulated(moment) => moment().wall,
        }
    }

    /// This moment by both clocks.
    pub fn moment(self) -> Moment {
        let (wall, boot) = match self {
            Self::System => {
                let wall = self.now();
                (wall, platform::time_since_boot(wall))
            }
            Self::Fixed(time) => (time, Duration::ZERO),
            Self::Simulated(moment) => return moment(),
        };
        Moment { wall, boot }
    }
}

/// A moment by two clocks, as either alone may mislead.
///
/// Plain values: a moment may be kept on disk and compared by another process, after another start
/// of the machine too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock. It may be wrong, and be set forward and back.
    pub wall: OffsetDateTime,
    /// Uptime of the machine, asleep or not. It cannot be set, and restarts at each boot.
    pub boot: Duration,
}

impl Moment {
    /// Time since `earlier`, by the clock that shows more.
    pub fn since(self, earlier: Self) -> Duration {
        let is_set_back = self.wall < earlier.wall;
        if is_set_back && self.boot < earlier.boot {
            // The machine was restarted, with a clock that is behind: it may have been any time.
            return Duration::MAX;
        }
        let by_wall = Duration::try_from(self.wall - earlier.wall).unwrap_or_default();
        by_wall.max(self.since_by_boot(earlier))
    }

    /// Least time since `earlier`, independent of the wall clock.
    pub fn since_by_boot(self, earlier: Self) -> Duration {
        // A moment before this boot is longer ago than the uptime. If a boot went unnoticed, the
        // difference is smaller still: the age may come out too small, never too large.
        self.boot.checked_sub(earlier.boot).unwrap_or(self.boot)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: Moment = Moment {
        wall: datetime!(2030-01-01 12:00 UTC),
        boot: Duration::from_secs(5000),
    };

    /// As many seconds later by the wall clock, and as many by the other.
    fn later(wall: i64, boot: i64) -> Moment {
        Moment {
            wall: NOON.wall + time::Duration::seconds(wall),
            boot: Duration::from_secs(5000_u64.checked_add_signed(boot).unwrap()),
        }
    }

    #[test]
    fn clock_that_says_more_counts() {
        for (wall, boot, seconds) in [
            (60, 60, 60),
            // Set forward, set back.
            (1260, 60, 1260),
            (-1140, 60, 60),
            // Both are the same moment.
            (0, 0, 0),
        ] {
            assert_eq!(later(wall, boot).since(NOON).as_secs(), seconds);
        }
        assert_eq!(later(1260, 60).since_by_boot(NOON).as_secs(), 60);
    }

    #[test]
    fn moments_before_boot_are_longer_ago_than_boot() {
        let after_start = later(7, -4990);
        assert_eq!(after_start.boot.as_secs(), 10);
        assert_eq!(after_start.since(NOON).as_secs(), 10);
        assert_eq!(after_start.since_by_boot(NOON).as_secs(), 10);
        // Up for longer than it had been then.
        assert_eq!(later(9000, 1000).since_by_boot(NOON).as_secs(), 1000);
    }

    #[test]
    fn nothing_is_recent_by_a_slow_clock_after_boot() {
        assert_eq!(later(-1, -4990).since(NOON), Duration::MAX);
        assert_eq!(later(-1, 10).since(NOON).as_secs(), 10);
    }

    #[test]
    fn clocks_of_the_machine_go_forward() {
        let earlier = Clock::System.moment();
        let later = Clock::System.moment();
        assert!(earlier.boot > Duration::ZERO);
        assert!(later.boot >= earlier.boot);
        assert!(later.since(earlier) < Duration::from_secs(60));
    }

    #[test]
    fn fixed_clock_stands() {
        let clock = Clock::Fixed(NOON.wall);
        assert_eq!(clock.moment(), clock.moment());
        assert_eq!(clock.moment().wall, NOON.wall);
    }
}
