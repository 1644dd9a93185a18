//! Faults: ways in which the emulator misbehaves. Each is explicit and counted, taken in order,
//! one per request; nothing is random, so that a failing test fails again.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A way to misbehave and for how many requests.
///
/// Parsed from `KIND[=VALUE][:COUNT]`, for example `throttle:3`, `status=503:2` or `drop:*`. The
/// count is 1 unless given, and `*` is for ever (faults behind such a one are never reached).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// To how many requests.
    pub times: Times,
}

impl Fault {
    /// A fault for so many requests.
    pub fn new(kind: FaultKind, count: u32) -> Fault {
        Fault {
            kind,
            times: Times::Count(count),
        }
    }

    /// A fault for every request from then on.
    pub fn forever(kind: FaultKind) -> Fault {
        Fault {
            kind,
            times: Times::Forever,
        }
    }
}

/// A way to misbehave on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// `throttle`: 429 `ThrottlingException`, unverified, as over the quota of 10 calls a second; for
    /// STS, 400 `Throttling`.
    Throttle,
    /// `quota=N`: as `throttle`, but only for the calls above so many a second; those within it are
    /// answered as without a fault.
    Quota {
        /// Requests per second, and the size of a burst.
        per_second: u32,
    },
    /// `status=CODE`: this status, unverified. A redirect leads to the emulator's own
    /// `/sessions`, for STS to `/`, so that a client which follows it is seen.
    Status {
        /// 300 to 599.
        status: u16,
    },
    /// `error=STATUS/CODE`: this status with this error code, unverified, for example
    /// `error=403/RequestExpired`.
    Error {
        /// 300 to 599.
        status: u16,
        /// The value of `x-amzn-errortype`; for STS, of `Code`.
        code: String,
    },
    /// `drop`: the connection is closed without an answer, unverified.
    Drop,
    /// `slow=MS`: verified and answered as ever, but only after so many milliseconds.
    Slow {
        /// The delay.
        milliseconds: u64,
    },
    /// `cut-body`: verified, but the connection is closed in the middle of the answer's body.
    CutBody,
    /// `html` or `html=STATUS`: a page of HTML (a captive portal, a gateway), unverified.
    Html {
        /// 200 unless given.
        status: u16,
    },
    /// `clock-skew=SECONDS`: verified and dated by a clock that is so far ahead (or, negative,
    /// behind).
    ClockSkew {
        /// Seconds ahead.
        seconds: i32,
    },
    /// `expires-in=SECONDS`: verified, but the credentials expire so soon (or, negative, have
    /// expired).
    ExpiresIn {
        /// From now.
        seconds: i32,
    },
}

/// To how many requests a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// So many; none with 0.
    Count(u32),
    /// All from then on.
    Forever,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Throttle => f.write_str("throttle"),
            FaultKind::Quota { per_second } => write!(f, "quota={per_second}"),
            FaultKind::Status { status } => write!(f, "status={status}"),
            FaultKind::Error { status, code } => {
                write!(f, "error={status}/{}", code.escape_debug())
            }
            FaultKind::Drop => f.write_str("drop"),
            FaultKind::Slow { milliseconds } => write!(f, "slow={milliseconds}"),
            FaultKind::CutBody => f.write_str("cut-body"),
            FaultKind::Html { status } => write!(f, "html={status}"),
            FaultKind::ClockSkew { seconds } => write!(f, "clock-skew={seconds}"),
            FaultKind::ExpiresIn { seconds } => write!(f, "expires-in={seconds}"),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let (kind, times) = match text.rsplit_once(':') {
            Some((kind, count)) => (kind, count.parse()?),
            None => (text, Times::Count(1)),
        };
        Ok(Fault {
            kind: kind.parse()?,
            times,
        })
    }
}

impl FromStr for Times {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Times, FaultError> {
        if text == "*" {
            return Ok(Times::Forever);
        }
        match text.parse() {
            Ok(count) if count > 0 => Ok(Times::Count(count)),
            _ => Err(FaultError::CountInvalid {
                count: text.to_owned(),
            }),
        }
    }
}

impl FromStr for FaultKind {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<FaultKind, FaultError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match (name, value) {
            ("throttle", None) => Ok(FaultKind::Throttle),
            ("drop", None) => Ok(FaultKind::Drop),
            ("cut-body", None) => Ok(FaultKind::CutBody),
            ("html", None) => Ok(FaultKind::Html { status: 200 }),
            ("html", Some(value)) => Ok(FaultKind::Html {
                status: html_status(value)?,
            }),
            ("quota", Some(value)) => Ok(FaultKind::Quota {
                per_second: calls_per_second(value)?,
            }),
            ("status", Some(value)) => Ok(FaultKind::Status {
                status: error_status(name, value)?,
            }),
            ("error", Some(value)) => service_error(value),
            ("slow", Some(value)) => Ok(FaultKind::Slow {
                milliseconds: delay(value)?,
            }),
            ("clock-skew", Some(value)) => Ok(FaultKind::ClockSkew {
                seconds: seconds(name, value)?,
            }),
            ("expires-in", Some(value)) => Ok(FaultKind::ExpiresIn {
                seconds: seconds(name, value)?,
            }),
            ("throttle" | "drop" | "cut-body", Some(_)) => Err(FaultError::ValueUnexpected {
                kind: name.to_owned(),
            }),
            ("quota" | "status" | "error" | "slow" | "clock-skew" | "expires-in", None) => {
                Err(FaultError::ValueMissing {
                    kind: name.to_owned(),
                })
            }
            _ => Err(FaultError::KindUnknown {
                kind: name.to_owned(),
            }),
        }
    }
}

fn calls_per_second(value: &str) -> Result<u32, FaultError> {
    match value.parse() {
        Ok(per_second @ 1..) => Ok(per_second),
        _ => Err(FaultError::invalid("quota", value, "a number above 0")),
    }
}

fn html_status(value: &str) -> Result<u16, FaultError> {
    match value.parse() {
        Ok(status @ 200..=599) => Ok(status),
        _ => Err(FaultError::invalid(
            "html",
            value,
            "a status from 200 to 599",
        )),
    }
}

fn error_status(kind: &str, value: &str) -> Result<u16, FaultError> {
    match value.parse() {
        Ok(status @ 300..=599) => Ok(status),
        _ => Err(FaultError::invalid(kind, value, "a status from 300 to 599")),
    }
}

fn service_error(value: &str) -> Result<FaultKind, FaultError> {
    let wants = "a status from 300 to 599, a slash and an error code of letters";
    match value.split_once('/') {
        Some((status, code))
            if !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            Ok(FaultKind::Error {
                status: error_status("error", status)?,
                code: code.to_owned(),
            })
        }
        _ => Err(FaultError::invalid("error", value, wants)),
    }
}

fn delay(value: &str) -> Result<u64, FaultError> {
    match value.parse() {
        Ok(milliseconds @ 0..=DELAY_MILLISECONDS_MAX) => Ok(milliseconds),
        _ => Err(FaultError::invalid(
            "slow",
            value,
            "milliseconds, at most 600000",
        )),
    }
}

fn seconds(kind: &str, value: &str) -> Result<i32, FaultError> {
    value
        .parse()
        .map_err(|_| FaultError::invalid(kind, value, "a whole number of seconds"))
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has this name.
    KindUnknown {
        /// The name.
        kind: String,
    },
    /// This kind needs `=VALUE`.
    ValueMissing {
        /// The kind.
        kind: String,
    },
    /// This kind takes no value.
    ValueUnexpected {
        /// The kind.
        kind: String,
    },
    /// The value does not fit the kind.
    ValueInvalid {
        /// The kind.
        kind: String,
        /// The value.
        value: String,
        /// The expected value.
        wants: &'static str,
    },
    /// The count is neither a number above 0 nor `*`.
    CountInvalid {
        /// The count.
        count: String,
    },
}

impl FaultError {
    fn invalid(kind: &str, value: &str, wants: &'static str) -> FaultError {
        FaultError::ValueInvalid {
            kind: kind.to_owned(),
            value: value.to_owned(),
            wants,
        }
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultError::KindUnknown { kind } => {
                write!(
                    f,
                    "unknown fault \"{}\", not one of {KINDS}",
                    kind.escape_debug()
                )
            }
            FaultError::ValueMissing { kind } => write!(f, "the fault {kind} needs a value"),
            FaultError::ValueUnexpected { kind } => write!(f, "the fault {kind} takes no value"),
            FaultError::ValueInvalid { kind, value, wants } => {
                write!(
                    f,
                    "the fault {kind} needs {wants}, not \"{}\"",
                    value.escape_debug()
                )
            }
            FaultError::CountInvalid { count } => {
                let count = count.escape_debug();
                write!(
                    f,
                    "the count of a fault is a number above 0 or *, not \"{count}\""
                )
            }
        }
    }
}

impl Error for FaultError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FaultError::KindUnknown { .. }
            | FaultError::ValueMissing { .. }
            | FaultError::ValueUnexpected { .. }
            | FaultError::ValueInvalid { .. }
            | FaultError::CountInvalid { .. } => None,
        }
    }
}

/// The faults still to come, in order.
#[derive(Debug, Default)]
pub(crate) struct FaultQueue(VecDeque<Fault>);

impl FaultQueue {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push_back(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the fault of the next request.
    pub(crate) fn next(&mut self) -> Option<FaultKind> {
        loop {
            let fault = self.0.front_mut()?;
            match &mut fault.times {
                Times::Forever => return Some(fault.kind.clone()),
                Times::Count(0) => drop(self.0.pop_front()),
                Times::Count(count) => {
                    *count -= 1;
                    return Some(fault.kind.clone());
                }
            }
        }
    }
}

const KINDS: &str =
    "throttle, quota, status, error, drop, slow, cut-body, html, clock-skew and expires-in";

/// The longest delay of [`FaultKind::Slow`], in milliseconds: ten minutes, longer than any
/// client waits.
const DELAY_MILLISECONDS_MAX: u64 = 600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_parsed_and_printed_the_same() {
        for text in [
            "throttle",
            "quota=10",
            "status=503",
            "error=403/RequestExpired",
            "drop",
            "slow=1500",
            "cut-body",
            "html=200",
            "clock-skew=1800",
            "clock-skew=-1800",
            "expires-in=30",
        ] {
            assert_eq!(text.parse::<FaultKind>().unwrap().to_string(), text);
        }
        assert_eq!("html".parse(), Ok(FaultKind::Html { status: 200 }));
    }

    #[test]
    fn count_is_one_by_default_and_star_is_forever() {
        assert_eq!("drop".parse(), Ok(Fault::new(FaultKind::Drop, 1)));
        assert_eq!("drop:7".parse(), Ok(Fault::new(FaultKind::Drop, 7)));
        assert_eq!("drop:*".parse(), Ok(Fault::forever(FaultKind::Drop)));
        assert_eq!(
            "slow=5:2".parse(),
            Ok(Fault::new(FaultKind::Slow { milliseconds: 5 }, 2))
        );
    }

    #[test]
    fn malformed_fault_is_refused_with_its_reason() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err();
        for text in ["thrott", ""] {
            let kind = text.to_owned();
            assert_eq!(error(text), FaultError::KindUnknown { kind });
        }
        for (text, kind) in [
            ("status", "status"),
            ("slow:2", "slow"),
            ("quota:*", "quota"),
        ] {
            let kind = kind.to_owned();
            assert_eq!(error(text), FaultError::ValueMissing { kind });
        }
        let kind = "drop".to_owned();
        assert_eq!(error("drop=1"), FaultError::ValueUnexpected { kind });
        for (kind, value) in [
            ("quota", "0"),
            ("quota", "1.5"),
            ("status", "200"),
            ("status", "9999999"),
            ("html", "100"),
            ("error", "403"),
            ("error", "403/a\r\nb"),
            ("error", "403/"),
            ("slow", "-1"),
            ("slow", "600001"),
            ("clock-skew", "1h"),
        ] {
            let error = error(&format!("{kind}={value}"));
            let FaultError::ValueInvalid {
                kind: found,
                value: sent,
                ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!((&**found, &**sent), (kind, value));
        }
        for count in ["0", "", "-1", "\u{1b}"] {
            let error = error(&format!("drop:{count}"));
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
            let count = count.to_owned();
            assert_eq!(error, FaultError::CountInvalid { count });
        }
    }

    #[test]
    fn faults_are_taken_in_order_and_counted() {
        let mut queue = FaultQueue::default();
        queue.push(Fault::new(FaultKind::Drop, 2));
        queue.push(Fault::new(FaultKind::CutBody, 0));
        queue.push(Fault::new(FaultKind::Throttle, 1));
        let taken: Vec<_> = (0..4).map(|_| queue.next()).collect();
        let expected = [
            Some(FaultKind::Drop),
            Some(FaultKind::Drop),
            Some(FaultKind::Throttle),
            None,
        ];
        assert_eq!(taken, expected);

        queue.push(Fault::forever(FaultKind::Drop));
        queue.push(Fault::new(FaultKind::Throttle, 1));
        assert!((0..100).all(|_| queue.next() == Some(FaultKind::Drop)));
    }
}
