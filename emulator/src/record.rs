//! The log of requests: what was received and what became of it. No secret access key and no
//! session token ever gets in here.

use std::collections::VecDeque;
use std::fmt;

use time::OffsetDateTime;

use crate::escaped::Escaped;
use crate::fault::FaultKind;
use crate::refusal::Refusal;
use crate::sts::AssumedRole;
use crate::sts::StsRefusal;
use crate::timestamp::Timestamp;

/// A request that was received and what became of it.
///
/// `Display` is one line for an operator, in which all that came from outside is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The first request is number 1.
    pub number: usize,
    /// The method, for example `POST`.
    pub method: String,
    /// The request target, with path and query.
    pub target: String,
    /// The header fields, their names in lower case. A session token is replaced.
    pub headers: Vec<(String, String)>,
    /// The body; empty if it was too long to be read.
    pub body: Vec<u8>,
    /// The subject of the certificate that was sent, proven or not.
    pub subject: Option<String>,
    /// The serial number of the certificate that was sent, in decimal.
    pub serial_number: Option<String>,
    /// The access key id that a request for STS was signed with, proven or not.
    pub access_key_id: Option<String>,
    /// The status of the answer; none if the connection was dropped.
    pub status: Option<u16>,
    /// The fault that was in effect, also one that let the request through to a judgement.
    pub fault: Option<FaultKind>,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It verified and was given credentials.
    #[non_exhaustive]
    Issued {
        /// The (fake) access key id, another one for each session.
        access_key_id: String,
        /// When the credentials expire.
        expiration: OffsetDateTime,
        /// For how long they were granted, faults aside.
        duration_seconds: u32,
        /// The role session's name.
        role_session_name: String,
        /// The profile's session policy.
        session_policy: Option<String>,
    },
    /// It was refused.
    Refused(Refusal),
    /// STS let a role be assumed.
    Assumed(Box<AssumedRole>),
    /// STS said who calls.
    #[non_exhaustive]
    Identified {
        /// The caller's ARN.
        arn: String,
    },
    /// STS refused it.
    StsRefused(StsRefusal),
    /// A fault took the place of an answer, or spoilt it.
    Faulted(FaultKind),
}

impl fmt::Display for RequestRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} {status} ", self.number)?,
            None => write!(f, "{} --- ", self.number)?,
        }
        self.sender(f)?;
        match &self.outcome {
            Outcome::Issued {
                access_key_id,
                expiration,
                session_policy,
                ..
            } => {
                let expiration = Timestamp(*expiration);
                write!(f, ": issued {access_key_id} until {expiration}")?;
                if let Some(policy) = session_policy {
                    write!(f, ", policy \"{}\"", Escaped(policy))?;
                }
            }
            Outcome::Assumed(role) => {
                let (access_key_id, expiration) = (&role.access_key_id, Timestamp(role.expiration));
                write!(f, ": issued {access_key_id} until {expiration}, {role}")?;
            }
            Outcome::Identified { arn } => write!(f, ": is {}", Escaped(arn))?,
            Outcome::Refused(refusal) => write!(f, ": {}: {refusal}", refusal.code())?,
            Outcome::StsRefused(refusal) => write!(f, ": {}: {refusal}", refusal.code())?,
            Outcome::Faulted(kind) => return write!(f, ": fault {kind}"),
        }
        match &self.fault {
            Some(kind) => write!(f, " (fault {kind})"),
            None => Ok(()),
        }
    }
}

/// The latest requests, within limits.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    bytes: usize,
}

impl RequestLog {
    /// Adds a record; the oldest ones make room for it.
    pub(crate) fn push(&mut self, record: RequestRecord) {
        self.bytes = self.bytes.saturating_add(record.bytes());
        self.records.push_back(record);
        while self.records.len() > REQUESTS_RECORDED_MAX || self.bytes > RECORDED_BYTES_MAX {
            let Some(oldest) = self.records.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }
}

impl RequestRecord {
    /// The certificate or the access key that a request comes with.
    fn sender(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(access_key_id) = &self.access_key_id {
            return write!(f, "{}", Escaped(access_key_id));
        }
        let (Some(subject), Some(serial_number)) = (&self.subject, &self.serial_number) else {
            return f.write_str("no certificate");
        };
        write!(
            f,
            "\"{}\" serial {}",
            Escaped(subject),
            Escaped(serial_number)
        )
    }

    fn bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.method.len() + self.target.len() + headers + self.body.len()
    }
}

/// The most requests that are kept: more than a test makes, even a soak test asserts on less.
const REQUESTS_RECORDED_MAX: usize = 10_000;

/// The most bytes of requests that are kept: room for all of [`REQUESTS_RECORDED_MAX`] at the
/// usual 6 KiB.
const RECORDED_BYTES_MAX: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, body: usize) -> RequestRecord {
        RequestRecord {
            number,
            method: "POST".to_owned(),
            target: "/sessions".to_owned(),
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: vec![0; body],
            subject: None,
            serial_number: None,
            access_key_id: None,
            status: Some(403),
            fault: None,
            outcome: Outcome::Refused(Refusal::AuthorizationMissing),
        }
    }

    #[test]
    fn only_the_latest_requests_are_kept() {
        let mut log = RequestLog::default();
        for number in 1..=REQUESTS_RECORDED_MAX + 5 {
            log.push(record(number, 0));
        }
        let kept = log.to_vec();
        assert_eq!(kept.len(), REQUESTS_RECORDED_MAX);
        assert_eq!(kept[0].number, 6);
    }

    #[test]
    fn only_so_many_bytes_are_kept() {
        let mut log = RequestLog::default();
        for number in 1..=5 {
            log.push(record(number, RECORDED_BYTES_MAX / 4));
        }
        let numbers: Vec<_> = log.to_vec().iter().map(|record| record.number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert!(log.bytes <= RECORDED_BYTES_MAX);
    }

    #[test]
    fn a_line_escapes_what_came_from_outside() {
        let mut odd = record(1, 0);
        odd.subject = Some("CN=\u{1b}[2J\nfake".to_owned());
        odd.serial_number = Some("1".to_owned());
        odd.outcome = Outcome::Refused(Refusal::PathUnknown {
            path: "/\u{7}\u{202e}".to_owned(),
        });
        let line = odd.to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains('\u{202e}'), "{line:?}");
        assert!(
            line.starts_with("1 403 \"CN=\\u{1b}[2J\\nfake\" serial 1: Unknown"),
            "{line}"
        );
    }
}
