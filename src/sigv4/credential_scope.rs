//! [`CredentialScope`]: the day, region and service for which a signature holds.

use std::fmt;

use time::OffsetDateTime;
use time::UtcOffset;

use crate::arn::Region;

/// `YYYYMMDD/region/service/aws4_request`, with the time it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope {
    date_time: String,
    region: String,
    service: &'static str,
}

impl CredentialScope {
    /// The scope of a signature made at `time` for a `service` in `region`. The service's name is that of its
    /// documentation: `rolesanywhere`.
    pub fn new(time: OffsetDateTime, region: &Region, service: &'static str) -> Self {
        // The last hours of the year 9999 may have none.
        let time = time.checked_to_offset(UtcOffset::UTC).unwrap_or(time);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let month = u8::from(month);
        Self {
            date_time: format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"),
            region: region.as_str().to_owned(),
            service,
        }
    }

    /// The time as the `X-Amz-Date` header says it, `YYYYMMDDTHHMMSSZ`.
    pub fn date_time(&self) -> &str {
        &self.date_time
    }

    /// The day, `YYYYMMDD`.
    pub(crate) fn date(&self) -> &str {
        self.date_time.split('T').next().unwrap_or_default()
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn service(&self) -> &'static str {
        self.service
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, region, service) = (self.date(), &self.region, self.service);
        write!(f, "{date}/{region}/{service}/{TERMINATOR}")
    }
}

/// The last part of every scope.
pub(crate) const TERMINATOR: &str = "aws4_request";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn time_is_written_in_utc() {
        let region = "eu-north-1".parse().unwrap();
        let scope = CredentialScope::new(datetime!(2026-01-01 00:30:00 +1), &region, "sts");
        assert_eq!(scope.date_time(), "20251231T233000Z");
        assert_eq!(scope.to_string(), "20251231/eu-north-1/sts/aws4_request");
    }
}
