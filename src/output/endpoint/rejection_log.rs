//! [`RejectionLog`]: logs rejected requests, one line a minute at most.

use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Moment;

/// Number of rejections since the last line.
#[derive(Debug, Default)]
pub(super) struct RejectionLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    logged: Option<Moment>,
    since: u64,
}

impl RejectionLog {
    /// Counts one more. `Some` if a line is to be written: how many there were since the last one, this
    /// one included.
    pub(super) fn count(&self, now: Moment) -> Option<u64> {
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.since += 1;
        let is_early = state
            .logged
            .is_some_and(|logged| now.since_by_boot(logged) < LINES_APART);
        if is_early {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.since))
    }
}

const LINES_APART: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_a_minute_says_how_many_there_were() {
        let rejections = RejectionLog::default();
        let at = |seconds| Moment {
            wall: datetime!(2030-01-01 12:00 UTC),
            boot: Duration::from_secs(seconds),
        };
        assert_eq!(rejections.count(at(1000)), Some(1));
        for second in 1001..1060 {
            assert_eq!(rejections.count(at(second)), None);
        }
        assert_eq!(rejections.count(at(1060)), Some(60));
        assert_eq!(rejections.count(at(1061)), None);
        assert_eq!(rejections.count(at(9999)), Some(2));
    }
}
