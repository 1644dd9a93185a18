//! [`Quota`]: a token bucket, as AWS limits its APIs.

/// So many calls a second, and as many at once. A call that is refused uses nothing up.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    per_second: f64,
    tokens: f64,
    counted_at: f64,
}

impl Quota {
    /// A full one.
    pub(crate) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            tokens: per_second,
            counted_at: 0.0,
        }
    }

    /// True if a call passes, at this number of seconds from the start.
    pub(crate) fn take(&mut self, seconds: f64) -> bool {
        let filled = (seconds - self.counted_at) * self.per_second;
        self.tokens = (self.tokens + filled).min(self.per_second);
        self.counted_at = seconds;
        let is_within = self.tokens >= 1.0;
        if is_within {
            self.tokens -= 1.0;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_lets_a_second_s_worth_through_at_once_and_then_the_rate() {
        let mut quota = Quota::new(10.0);
        let mut taken = |seconds: f64| (0..100).filter(|_| quota.take(seconds)).count();
        assert_eq!(taken(5.0), 10);
        let in_a_minute: usize = (1..=60).map(|second| taken(5.0 + f64::from(second))).sum();
        assert!((599..=600).contains(&in_a_minute), "{in_a_minute}");
        assert_eq!(taken(1000.0), 10);
    }
}
