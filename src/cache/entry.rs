//! [`Entry`]: a cached session, as bytes with a checksum.
//!
//! One line, `aws_signing_helper cache 1 SHA-256`, and after it JSON over which that hash is. An entry
//! of another version, of another key or with one bit changed is not an entry.

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

/// State of one session.
#[derive(Debug, Default)]
pub struct Entry {
    /// The latest set, unless it has lapsed.
    pub credentials: Option<Credentials>,
    /// When that is due, and when the next call may be made.
    pub renewal: Renewal,
    /// Error of the latest call.
    pub failure: Option<FailureReport>,
}

/// Report of a failed call, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReport {
    /// The error with its causes.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The bytes of a file; `None` if they are too many.
pub fn to_bytes(
    key: &CacheKey,
    credentials: Option<&Credentials>,
    renewal: &Renewal,
    failure: Option<&FailureReport>,
) -> Option<Secret<Vec<u8>>> {
    let stored = StoredOut {
        key: key.as_str(),
        credentials: credentials.map(|set| StoredCredentials {
            access_key_id: set.access_key_id.as_str(),
            secret_access_key: set.secret_access_key.expose().as_str(),
            session_token: set.session_token.expose().as_str(),
            expiration: set.expiration.as_str(),
            date: set.date.map(OffsetDateTime::unix_timestamp),
            assumed_role_arn: set.assumed_role_arn.as_deref(),
        }),
        set: renewal.set.map(StoredSet::from),
        call: renewal.call.map(StoredCall::from),
        failure: failure.map(|failure| failure.message.as_str()),
        hint: failure.and_then(|failure| failure.hint.as_deref()),
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
    pub fn from_bytes(bytes: &[u8], key: &CacheKey) -> Option<Self> {
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
                assumed_role_arn: set.assumed_role_arn,
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
            failure: stored.failure.map(|message| FailureReport {
                message,
                hint: stored.hint,
            }),
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
    hint: Option<&'a str>,
}

/// An entry on its way in.
#[derive(Deserialize)]
struct StoredIn {
    key: String,
    credentials: Option<StoredCredentials<String, Secret<String>>>,
    set: Option<StoredSet>,
    call: Option<StoredCall>,
    failure: Option<String>,
    hint: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredCredentials<Text, Hidden> {
    access_key_id: Text,
    secret_access_key: Hidden,
    session_token: Hidden,
    expiration: Text,
    date: Option<i64>,
    assumed_role_arn: Option<Text>,
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

/// A number that is not a time.
struct OutOfRange;

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The form, and its version.
const MAGIC: &str = "aws_signing_helper cache 1";

/// The longest answer of CreateSession is a few kilobytes.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const MOMENT: Moment = Moment {
        wall: datetime!(2030-01-01 12:00:00.123 UTC),
        boot: Duration::from_millis(5_000_456),
    };

    fn key() -> CacheKey {
        CacheKey::parse(&"0123456789abcdef".repeat(4)).unwrap()
    }

    fn credentials() -> Credentials {
        Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret/key+1= \"\\\u{1}\u{e9}".to_owned()),
            session_token: Secret::new("token/1+=".to_owned()),
            expiration: "2030-01-01T13:00:00Z".to_owned(),
            date: Some(datetime!(2030-01-01 12:00 UTC)),
            assumed_role_arn: None,
        }
    }

    fn renewal() -> Renewal {
        Renewal {
            set: Some(Set {
                received: MOMENT,
                life: Duration::from_millis(3_599_001),
                due_left: Duration::from_millis(1_200_002),
            }),
            call: Some(Call {
                ended: MOMENT,
                failures: 3,
                wait: Duration::from_millis(7_003),
            }),
        }
    }

    fn down() -> FailureReport {
        FailureReport {
            message: "down".to_owned(),
            hint: Some("wait".to_owned()),
        }
    }

    /// A file with everything in it.
    fn whole() -> Vec<u8> {
        let bytes = to_bytes(&key(), Some(&credentials()), &renewal(), Some(&down())).unwrap();
        bytes.expose().clone()
    }

    /// A file with this JSON in it, and the hash that it should have.
    fn with_digest(json: &str) -> Vec<u8> {
        format!("{}{json}", head(json.as_bytes())).into_bytes()
    }

    fn is_absent(bytes: &[u8]) -> bool {
        Entry::from_bytes(bytes, &key()).is_none()
    }

    #[test]
    fn entry_comes_back_as_it_was_kept() {
        let entry = Entry::from_bytes(&whole(), &key()).unwrap();
        let (kept, read) = (credentials(), entry.credentials.unwrap());
        assert_eq!(read.access_key_id, kept.access_key_id);
        assert_eq!(
            read.secret_access_key.expose(),
            kept.secret_access_key.expose()
        );
        assert_eq!(read.session_token.expose(), kept.session_token.expose());
        assert_eq!(read.expiration, kept.expiration);
        assert_eq!(read.date, kept.date);
        assert_eq!(entry.renewal, renewal());
        assert_eq!(entry.failure, Some(down()));
    }

    #[test]
    fn entry_without_anything_comes_back() {
        let bytes = to_bytes(&key(), None, &Renewal::default(), None).unwrap();
        let entry = Entry::from_bytes(bytes.expose(), &key()).unwrap();
        assert!(entry.credentials.is_none());
        assert_eq!(entry.renewal, Renewal::default());
        assert_eq!(entry.failure, None);
    }

    #[test]
    fn one_changed_bit_makes_no_entry() {
        let whole = whole();
        for index in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[index] ^= 1 << bit;
                assert!(is_absent(&changed), "bit {bit} of byte {index}");
            }
        }
    }

    #[test]
    fn cut_or_longer_file_is_no_entry() {
        let whole = whole();
        for length in 0..whole.len() {
            assert!(is_absent(&whole[..length]), "{length}");
        }
        for more in [&b"\n"[..], b" ", b"\0", &whole] {
            assert!(is_absent(&[&whole, more].concat()));
            assert!(is_absent(&[more, &whole].concat()));
        }
    }

    #[test]
    fn entry_of_another_key_is_none() {
        let other = CacheKey::parse(&"f".repeat(64)).unwrap();
        assert!(Entry::from_bytes(&whole(), &other).is_none());
    }

    #[test]
    fn entry_of_another_version_is_none() {
        let text = String::from_utf8(whole()).unwrap();
        let newer = text.replacen("cache 1 ", "cache 2 ", 1);
        assert_ne!(newer, text);
        assert!(is_absent(newer.as_bytes()));
    }

    #[test]
    fn more_than_64_kib_are_not_kept() {
        let head = head(b"").len();
        let failure = |length| FailureReport {
            message: "f".repeat(length),
            hint: None,
        };
        let empty = to_bytes(&key(), None, &Renewal::default(), Some(&failure(0))).unwrap();
        let room = ENTRY_BYTES_MAX - empty.expose().len();
        let bytes = |length| {
            let failure = failure(length);
            to_bytes(&key(), None, &Renewal::default(), Some(&failure))
        };
        let largest = bytes(room).unwrap();
        assert_eq!(largest.expose().len(), ENTRY_BYTES_MAX);
        assert!(!is_absent(largest.expose()));
        for over in [1, head, head + 1, ENTRY_BYTES_MAX] {
            assert!(bytes(room + over).is_none(), "{over}");
        }
    }

    #[test]
    fn digest_alone_makes_no_entry() {
        let key = key();
        let with = |set: &str| {
            with_digest(&format!(
                r#"{{"key":"{}","credentials":null,"set":{set},"call":null,"failure":null}}"#,
                key.as_str()
            ))
        };
        let set = |wall: &str, life: &str| {
            format!(
                r#"{{"received":{{"wall_ms":{wall},"boot_ms":0}},"life_ms":{life},"due_left_ms":0}}"#
            )
        };
        assert!(!is_absent(&with("null")));
        assert!(!is_absent(&with(&set("0", "18446744073709551615"))));
        for odd in [
            set("9223372036854775807", "0"),
            set("-9223372036854775808", "0"),
            set("1e3", "0"),
            set("0", "-1"),
            set("0", "18446744073709551616"),
            "[]".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(is_absent(&with(&odd)), "{odd}");
        }
        for json in ["", "{}", "null", "[", "{\"key\":1}"] {
            assert!(is_absent(&with_digest(json)), "{json}");
        }
    }
}
