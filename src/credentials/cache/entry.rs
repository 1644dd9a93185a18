//! [`Entry`]: what is kept of a session, as bytes that tell when they are not what was written.
//!
//! One line, `aws_signing_helper cache 1 SHA-256`, and after it JSON over which that hash is. An entry
//! of another version, of another key or with one bit changed is no entry.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use time::OffsetDateTime;

use super::key::CacheKey;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::renewal::Call;
use crate::credentials::renewal::Renewal;
use crate::credentials::renewal::Set;
use crate::secret::Secret;

/// What is known of one session.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The latest set, unless it has lapsed.
    pub(super) credentials: Option<Credentials>,
    /// When that is due, and when the next call may be made.
    pub(super) renewal: Renewal,
    /// What the latest call failed with.
    pub(super) failure: Option<String>,
}

/// The bytes of a file; `None` if they are too many.
pub(super) fn to_bytes(
    key: &CacheKey,
    credentials: Option<&Credentials>,
    renewal: &Renewal,
    failure: Option<&str>,
) -> Option<Secret<Vec<u8>>> {
    let stored = StoredOut {
        key: key.as_str(),
        credentials: credentials.map(|set| StoredCredentials {
            access_key_id: set.access_key_id.as_str(),
            secret_access_key: set.secret_access_key.expose().as_str(),
            session_token: set.session_token.expose().as_str(),
            expiration: set.expiration.as_str(),
            date: set.date.map(OffsetDateTime::unix_timestamp),
        }),
        set: renewal.set.map(StoredSet::from),
        call: renewal.call.map(StoredCall::from),
        failure,
    };
    // A vector that grows leaves its old memory as it was; this one is large enough, or no entry.
    let mut json = Secret::new(vec![0; ENTRY_BYTES_MAX]);
    let mut free = json.expose_mut().as_mut_slice();
    serde_json::to_writer(&mut free, &stored).ok()?;
    let length = ENTRY_BYTES_MAX - free.len();
    json.expose_mut().truncate(length);
    let head = head(json.expose());
    let mut bytes = Secret::new(Vec::with_capacity(head.len() + length));
    bytes.expose_mut().extend_from_slice(head.as_bytes());
    bytes.expose_mut().extend_from_slice(json.expose());
    (bytes.expose().len() <= ENTRY_BYTES_MAX).then_some(bytes)
}

impl Entry {
    /// The entry of `key` in a file's bytes; `None` if it is anything else.
    pub(super) fn from_bytes(bytes: &[u8], key: &CacheKey) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let (first_line, json) = bytes.split_at_checked(end)?;
        if first_line != head(json).as_bytes() {
            return None;
        }
        let stored: StoredIn = serde_json::from_slice(json).ok()?;
        if stored.key != key.as_str() {
            return None;
        }
        let credentials = match stored.credentials {
            None => None,
            Some(set) => Some(Credentials {
                access_key_id: set.access_key_id,
                secret_access_key: set.secret_access_key,
                session_token: set.session_token,
                expiration: set.expiration,
                date: match set.date {
                    None => None,
                    Some(date) => Some(OffsetDateTime::from_unix_timestamp(date).ok()?),
                },
            }),
        };
        let set = match stored.set {
            None => None,
            Some(set) => Some(set.try_into().ok()?),
        };
        let call = match stored.call {
            None => None,
            Some(call) => Some(call.try_into().ok()?),
        };
        Some(Self {
            credentials,
            renewal: Renewal { set, call },
            failure: stored.failure,
        })
    }
}

fn head(json: &[u8]) -> String {
    format!("{MAGIC} {}\n", hex::encode(Sha256::digest(json)))
}

/// An entry on its way out; the texts are borrowed.
#[derive(Serialize)]
struct StoredOut<'a> {
    key: &'a str,
    credentials: Option<StoredCredentials<&'a str, &'a str>>,
    set: Option<StoredSet>,
    call: Option<StoredCall>,
    failure: Option<&'a str>,
}

/// An entry on its way in.
#[derive(Deserialize)]
struct StoredIn {
    key: String,
    credentials: Option<StoredCredentials<String, Secret<String>>>,
    set: Option<StoredSet>,
    call: Option<StoredCall>,
    failure: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredCredentials<Text, Hidden> {
    access_key_id: Text,
    secret_access_key: Hidden,
    session_token: Hidden,
    expiration: Text,
    date: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredSet {
    received: StoredMoment,
    life_ms: u64,
    due_left_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredCall {
    ended: StoredMoment,
    failures: u32,
    wait_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredMoment {
    wall_ms: i64,
    boot_ms: u64,
}

impl From<Set> for StoredSet {
    fn from(set: Set) -> Self {
        Self {
            received: set.received.into(),
            life_ms: milliseconds(set.life),
            due_left_ms: milliseconds(set.due_left),
        }
    }
}

impl TryFrom<StoredSet> for Set {
    type Error = OutOfRange;

    fn try_from(set: StoredSet) -> Result<Self, OutOfRange> {
        Ok(Self {
            received: set.received.try_into()?,
            life: Duration::from_millis(set.life_ms),
            due_left: Duration::from_millis(set.due_left_ms),
        })
    }
}

impl From<Call> for StoredCall {
    fn from(call: Call) -> Self {
        Self {
            ended: call.ended.into(),
            failures: call.failures,
            wait_ms: milliseconds(call.wait),
        }
    }
}

impl TryFrom<StoredCall> for Call {
    type Error = OutOfRange;

    fn try_from(call: StoredCall) -> Result<Self, OutOfRange> {
        Ok(Self {
            ended: call.ended.try_into()?,
            failures: call.failures,
            wait: Duration::from_millis(call.wait_ms),
        })
    }
}

impl From<Moment> for StoredMoment {
    fn from(moment: Moment) -> Self {
        let wall = moment.wall.unix_timestamp_nanos() / 1_000_000;
        Self {
            // No clock shows a year that 64 bits cannot count in milliseconds.
            wall_ms: i64::try_from(wall).unwrap_or_default(),
            boot_ms: milliseconds(moment.boot),
        }
    }
}

impl TryFrom<StoredMoment> for Moment {
    type Error = OutOfRange;

    fn try_from(moment: StoredMoment) -> Result<Self, OutOfRange> {
        let wall = i128::from(moment.wall_ms) * 1_000_000;
        Ok(Self {
            wall: OffsetDateTime::from_unix_timestamp_nanos(wall).map_err(|_| OutOfRange)?,
            boot: Duration::from_millis(moment.boot_ms),
        })
    }
}

/// A number that is no time.
struct OutOfRange;

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The form, and its version.
const MAGIC: &str = "aws_signing_helper cache 1";

/// The longest answer of CreateSession is a few kilobytes.
pub(super) const ENTRY_BYTES_MAX: usize = 64 * 1024;
