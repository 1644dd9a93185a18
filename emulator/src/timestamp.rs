//! Points in time as they are written in answers and shown to people: RFC 3339, in UTC, without
//! a fraction.

use std::fmt;

use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

/// `2026-03-04T05:06:07Z`
pub(crate) struct Timestamp(pub(crate) OffsetDateTime);

impl Timestamp {
    /// `20260304T050607Z`, as in Signature Version 4.
    pub(crate) fn basic(&self) -> String {
        self.to_string().replace(['-', ':'], "")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.to_offset(UtcOffset::UTC);
        let whole = time.replace_nanosecond(0).unwrap_or(time);
        f.write_str(&whole.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_no_fraction_and_ends_in_z() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(784_111_777_123_456_789).unwrap();
        assert_eq!(Timestamp(time).to_string(), "1994-11-06T08:49:37Z");
        assert_eq!(Timestamp(time).basic(), "19941106T084937Z");
        let elsewhere = time.to_offset(UtcOffset::from_hms(5, 30, 0).unwrap());
        assert_eq!(Timestamp(elsewhere).to_string(), "1994-11-06T08:49:37Z");
    }
}
