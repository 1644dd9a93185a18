//! A quota, be it the service's or a fault: a bucket that the service's clock fills.

use time::Duration;
use time::OffsetDateTime;

/// The unused quota, as the time in which it accumulated: a second at most.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    left: Duration,
    counted_at: Option<OffsetDateTime>,
}

impl Quota {
    /// Takes a call out of a quota of so many a second, as many of which may come at once. False
    /// is over the quota, and takes nothing.
    pub(crate) fn take(&mut self, per_second: u32, now: OffsetDateTime) -> bool {
        let since = self.counted_at.replace(now).map(|then| now - then);
        // A clock that is set back fills nothing, and takes nothing away.
        let filled = since.unwrap_or(Duration::SECOND).max(Duration::ZERO);
        self.left = self.left.saturating_add(filled).min(Duration::SECOND);
        let call = Duration::nanoseconds(1_000_000_000 / i64::from(per_second.max(1)));
        let is_within = self.left >= call;
        if is_within {
            self.left -= call;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);

    #[test]
    fn as_many_as_a_second_allows_may_come_at_once() {
        let mut quota = Quota::default();
        let taken = |quota: &mut Quota, milliseconds| {
            let now = NOON + Duration::milliseconds(milliseconds);
            (0..20).filter(|_| quota.take(10, now)).count()
        };
        assert_eq!(taken(&mut quota, 0), 10);
        assert_eq!(taken(&mut quota, 0), 0);
        assert_eq!(taken(&mut quota, 300), 3);
        assert_eq!(taken(&mut quota, 999_999), 10);
    }

    #[test]
    fn who_is_over_the_quota_uses_nothing_up() {
        let mut quota = Quota::default();
        let within = (0..600).filter(|tenths| {
            let now = NOON + Duration::milliseconds(tenths * 100);
            quota.take(1, now)
        });
        assert_eq!(within.count(), 60);
    }

    #[test]
    fn clock_that_is_set_back_changes_nothing() {
        let mut quota = Quota::default();
        assert!(quota.take(1, NOON));
        assert!(!quota.take(1, NOON - Duration::hours(1)));
        assert!(quota.take(1, NOON - Duration::minutes(59)));
    }
}
