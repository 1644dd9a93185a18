//! [`Clock`]: the wall clock, or a fixed time in tests.

use time::OffsetDateTime;

/// Where the time of a signature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock, which may be wrong.
    System,
    /// Always this time.
    Fixed(OffsetDateTime),
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Fixed(time) => time,
        }
    }
}
