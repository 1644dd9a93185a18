//! [`Credentials`]: what the call is for, and [`Renewal`]: when to make it again.

pub mod renewal;

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock::Moment;
use crate::secret::Secret;
use crate::text::Printable;

pub use renewal::Renewal;

/// One session's credentials, complete.
#[derive(Debug)]
pub struct Credentials {
    /// Names the key; no secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret<String>,
    /// Goes with each request.
    pub session_token: Secret<String>,
    /// When they end, RFC 3339, as the service wrote it.
    pub expiration: String,
    /// The service's time when it made them, cut to whole seconds, where it sent it.
    pub date: Option<OffsetDateTime>,
    /// `arn:aws:sts::account:assumed-role/role/session-name`, where the service sent it: who they are.
    pub assumed_role_arn: Option<String>,
}

impl Credentials {
    /// Life from when they were `received`: until the expiration by the service's own
    /// time, less the second by which that may be cut. Where the service sent no time, its clock
    /// counts as that of this machine.
    pub fn life(&self, received: Moment) -> Result<Duration, ExpirationError> {
        let expiration = OffsetDateTime::parse(&self.expiration, &Rfc3339).map_err(|_| {
            ExpirationError::NoTime {
                text: self.expiration.clone(),
            }
        })?;
        let life = expiration - self.date.unwrap_or(received.wall) - time::Duration::SECOND;
        match Duration::try_from(life) {
            Ok(life) if !life.is_zero() => Ok(life.min(LIFE_MAX)),
            Ok(_) | Err(_) => Err(ExpirationError::Past {
                text: self.expiration.clone(),
            }),
        }
    }
}

/// An expiration that nothing can be planned by. It is passed on all the same where nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpirationError {
    /// It is not a time.
    NoTime {
        /// Value received.
        text: String,
    },
    /// They have expired already.
    Past {
        /// Value received.
        text: String,
    },
}

impl fmt::Display for ExpirationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTime { text } => write!(
                f,
                "the expiration of the credentials is not a time: {}",
                Printable::new(text, EXPIRATION_CHARACTERS_MAX)
            ),
            Self::Past { text } => write!(
                f,
                "the credentials had expired when they came: {}",
                Printable::new(text, EXPIRATION_CHARACTERS_MAX)
            ),
        }
    }
}

impl std::error::Error for ExpirationError {}

/// The longest session by CreateSession's documentation. A longer lifetime means a wrong clock; renewing
/// too early does no harm.
const LIFE_MAX: Duration = Duration::from_secs(43_200);

const EXPIRATION_CHARACTERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const RECEIVED: Moment = Moment {
        wall: datetime!(2030-01-01 12:00 UTC),
        boot: Duration::from_secs(5000),
    };

    /// The life in seconds, of a set that was made at `date`.
    fn life(expiration: &str, date: Option<OffsetDateTime>) -> Result<f64, ExpirationError> {
        let credentials = Credentials {
            access_key_id: "A".to_owned(),
            secret_access_key: Secret::new("S".to_owned()),
            session_token: Secret::new("T".to_owned()),
            expiration: expiration.to_owned(),
            date,
            assumed_role_arn: None,
        };
        Ok(credentials.life(RECEIVED)?.as_secs_f64())
    }

    #[test]
    fn life_is_measured_by_the_clock_of_the_service() {
        let date = |minutes| Some(RECEIVED.wall + time::Duration::minutes(minutes));
        for (expiration, date, seconds) in [
            ("2030-01-01T13:00:00Z", date(0), 3599.0),
            ("2030-01-01T13:20:00Z", date(20), 3599.0),
            ("2030-01-01T12:40:00Z", date(-20), 3599.0),
            ("2030-01-01T13:00:00Z", None, 3599.0),
            ("2030-01-01T14:00:00.5+01:00", date(0), 3599.5),
            ("2030-01-01T12:00:01.25Z", date(0), 0.25),
        ] {
            assert_eq!(life(expiration, date), Ok(seconds), "{expiration} {date:?}");
        }
    }

    #[test]
    fn life_is_no_longer_than_the_longest_session() {
        assert_eq!(life("9999-12-31T23:59:59Z", None), Ok(43_200.0));
    }

    #[test]
    fn malformed_or_past_expiration_is_an_error() {
        for expiration in ["e", "", "2030-01-01", "2030-01-01 13:00:00", "1893502800"] {
            let text = expiration.to_owned();
            assert_eq!(
                life(expiration, None),
                Err(ExpirationError::NoTime { text })
            );
        }
        for expiration in ["2030-01-01T12:00:01Z", "0000-01-01T00:00:00Z"] {
            let text = expiration.to_owned();
            assert_eq!(life(expiration, None), Err(ExpirationError::Past { text }));
        }
        let hostile = life("\u{1b}[31m", None).unwrap_err().to_string();
        assert!(hostile.ends_with("\\u{1b}[31m"), "{hostile}");
    }
}
