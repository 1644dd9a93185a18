//! [`CallError`]: why a call of an AWS service failed, and [`FailureClass`]: what follows from that.

use std::fmt;
use std::time::Duration;

use crate::identity::signer::SignatureError;
use crate::text::Printable;

/// Why a call failed, as of its last attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The private key did not sign.
    Signature(SignatureError),
    /// The host's name has no address.
    NameResolution {
        /// The host that was looked up.
        host: String,
        /// The resolver's error.
        cause: String,
        /// True if a later lookup may find one.
        is_temporary: bool,
    },
    /// A proxy refused its user and password. They are not presented again by themselves: accounts lock.
    ProxyAuthentication {
        /// Host, and the proxy.
        host: String,
        /// The proxy's words.
        cause: String,
    },
    /// No connection came about.
    Connect {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// Error of the operating system or of a proxy.
        cause: String,
    },
    /// The server's certificate does not verify.
    ServerCertificate {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// The fault.
        cause: String,
        /// Kind of fault, for a hint.
        fault: ServerCertificateFault,
    },
    /// The server does not speak TLS.
    NotTls {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
    },
    /// The connection broke before the answer was whole.
    Connection {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// The cause.
        cause: String,
    },
    /// There was no answer in time.
    TimedOut {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// Time waited.
        after: Duration,
    },
    /// The service refused.
    Service {
        /// Operation, `CreateSession`.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// The error's name, such as `AccessDeniedException`.
        code: Option<String>,
        /// The service's message.
        message: String,
        /// The service's name for this request.
        request_id: Option<String>,
        /// Seconds by which the service's clock is ahead of ours, if it sent the time.
        clock_ahead_seconds: Option<i64>,
    },
    /// The answer is not the service's: a gateway, a captive portal or a web server gave it.
    UnexpectedAnswer {
        /// Operation.
        operation: &'static str,
        /// Host and port that answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Beginning of the body; empty where it may hold credentials.
        beginning: String,
    },
    /// A success that lacks what was asked for.
    Incomplete {
        /// Operation.
        operation: &'static str,
        /// The missing field of the credentials, as on the wire; `None` if there are no credentials.
        field: Option<&'static str>,
    },
    /// The answer is larger than any answer.
    TooLarge {
        /// Operation.
        operation: &'static str,
        /// Host and port that answered.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}

/// Fault of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCertificateFault {
    /// It has expired, by this machine's clock.
    Expired,
    /// It is not valid yet, by this machine's clock.
    NotYetValid,
    /// It was issued for another name.
    OtherName,
    /// None of the trust roots issued it.
    UnknownIssuer,
    /// It is a CA's own certificate, which other TLS libraries accept.
    CertificateAuthority,
    /// Something else.
    Other,
}

/// Class of a failed call. Retries, waits and messages follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The quota is used up: others are in front.
    Throttled,
    /// The service was not reached.
    NoConnection,
    /// The service rejected it permanently, or the key its PIN or password; retrying will not help.
    Refused,
    /// The service is down, or something else answered in its place.
    Outage,
    /// This machine is at fault: its configuration, or the key, which does not sign.
    Ours,
}

impl CallError {
    /// Its class.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::ProxyAuthentication { .. }
            | Self::Signature(SignatureError::SecretRefused(_)) => FailureClass::Refused,
            Self::NameResolution { .. }
            | Self::Connect { .. }
            | Self::Connection { .. }
            | Self::TimedOut { .. } => FailureClass::NoConnection,
            Self::Service { status, code, .. } => class_of_refusal(*status, code.as_deref()),
            Self::UnexpectedAnswer { status: 429, .. } => FailureClass::Throttled,
            Self::UnexpectedAnswer { .. } | Self::Incomplete { .. } | Self::TooLarge { .. } => {
                FailureClass::Outage
            }
            Self::Signature(_) | Self::ServerCertificate { .. } | Self::NotTls { .. } => {
                FailureClass::Ours
            }
        }
    }

    /// True if another attempt may succeed within seconds. Follows the AWS SDKs' standard mode, without
    /// what cannot change so soon.
    pub fn is_transient(&self) -> bool {
        match self.class() {
            FailureClass::Throttled => true,
            FailureClass::NoConnection => !self.is_unknown_host(),
            FailureClass::Outage => self.is_transient_outage(),
            FailureClass::Refused | FailureClass::Ours => false,
        }
    }

    /// True if the request may still be valid: a long-running process continues after such a failure,
    /// even without credentials.
    pub fn is_passing(&self) -> bool {
        match self.class() {
            FailureClass::Throttled | FailureClass::Outage => true,
            // It may be a region that was mistyped.
            FailureClass::NoConnection => !self.is_unknown_host(),
            FailureClass::Refused | FailureClass::Ours => false,
        }
    }

    fn is_unknown_host(&self) -> bool {
        matches!(
            self,
            Self::NameResolution {
                is_temporary: false,
                ..
            }
        )
    }

    fn is_transient_outage(&self) -> bool {
        match self {
            Self::Service { status, code, .. } => {
                is_transient_status(*status) || is_transient_code(code.as_deref())
            }
            Self::UnexpectedAnswer { status, .. } => is_transient_status(*status),
            Self::NameResolution { .. }
            | Self::Connect { .. }
            | Self::ProxyAuthentication { .. }
            | Self::Connection { .. }
            | Self::TimedOut { .. }
            | Self::Signature(_)
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. }
            | Self::Incomplete { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// A word for it, to count by: the service's own name for the error, where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Signature(_) => "Signature",
            Self::NameResolution { .. } => "NameResolution",
            Self::Connect { .. } => "Connect",
            Self::ProxyAuthentication { .. } => "ProxyAuthentication",
            Self::ServerCertificate { .. } => "ServerCertificate",
            Self::NotTls { .. } => "NotTls",
            Self::Connection { .. } => "Connection",
            Self::TimedOut { .. } => "TimedOut",
            Self::Service {
                code: Some(code), ..
            } => code,
            Self::Service { code: None, .. } => "Service",
            Self::UnexpectedAnswer { .. } => "UnexpectedAnswer",
            Self::Incomplete { .. } => "Incomplete",
            Self::TooLarge { .. } => "TooLarge",
        }
    }

    /// Seconds by which to correct the clock before another attempt, if the service rejected the request
    /// and its clock is far from the request's time. The request was signed with a clock corrected by
    /// `corrected`. Never more than a day: otherwise a man in the middle could have requests signed for
    /// a future time.
    pub(crate) fn clock_correction_seconds(&self, corrected: i64) -> Option<i64> {
        let Self::Service {
            status,
            code,
            clock_ahead_seconds: Some(ahead),
            ..
        } = self
        else {
            return None;
        };
        let names_the_clock = code
            .as_deref()
            .is_some_and(|code| CLOCK_CODES.contains(&code));
        let is_far = ahead.abs_diff(corrected) > CLOCK_SKEW_SECONDS_MAX;
        let is_plausible = ahead.unsigned_abs() <= CLOCK_CORRECTION_SECONDS_MAX;
        ((names_the_clock || *status == 403) && is_far && is_plausible).then_some(*ahead)
    }
}

fn class_of_refusal(status: u16, code: Option<&str>) -> FailureClass {
    if status == 429 || code.is_some_and(|code| THROTTLING_CODES.contains(&code)) {
        return FailureClass::Throttled;
    }
    match status >= 500 || status == 408 || is_transient_code(code) {
        true => FailureClass::Outage,
        false => FailureClass::Refused,
    }
}

fn is_transient_code(code: Option<&str>) -> bool {
    code.is_some_and(|code| TRANSIENT_CODES.contains(&code))
}

fn is_transient_status(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(_) => f.write_str("cannot sign the request"),
            Self::NameResolution { host, cause, .. } => {
                write!(f, "cannot resolve {host}: {}", shown(cause))
            }
            Self::Connect { host, cause } | Self::ProxyAuthentication { host, cause } => {
                write!(f, "cannot connect to {host}: {}", shown(cause))
            }
            Self::ServerCertificate { host, cause, .. } => {
                let cause = shown(cause);
                write!(f, "the certificate of {host} does not verify: {cause}")
            }
            Self::NotTls { host } => write!(f, "{host} does not speak TLS"),
            Self::Connection { host, cause } => {
                write!(f, "the connection to {host} broke: {}", shown(cause))
            }
            Self::TimedOut { host, after } => {
                write!(f, "no answer from {host} within {} s", after.as_secs())
            }
            Self::Service {
                operation,
                status,
                code,
                message,
                request_id,
                ..
            } => {
                let code = code.as_deref().unwrap_or("UnknownError");
                let code = Printable::new(code, CODE_CHARACTERS_MAX);
                write!(f, "{operation} was refused: {status} {code}")?;
                if !message.is_empty() {
                    write!(f, ": {}", Printable::new(message, MESSAGE_CHARACTERS_MAX))?;
                }
                match request_id {
                    Some(id) => {
                        write!(
                            f,
                            " (request id {})",
                            Printable::new(id, CODE_CHARACTERS_MAX)
                        )
                    }
                    None => Ok(()),
                }
            }
            Self::UnexpectedAnswer {
                operation,
                host,
                status,
                beginning,
            } => {
                let article = article(operation);
                write!(
                    f,
                    "the answer of {host} is not {article} {operation} response: status {status}"
                )?;
                match beginning.as_str() {
                    "" => Ok(()),
                    text => write!(f, ", {}", Printable::new(text, BEGINNING_CHARACTERS_MAX)),
                }
            }
            Self::Incomplete {
                operation,
                field: None,
            } => write!(f, "the answer of {operation} holds no credentials"),
            Self::Incomplete {
                operation,
                field: Some(field),
            } => write!(
                f,
                "the credentials in the answer of {operation} have no {field}"
            ),
            Self::TooLarge {
                operation,
                host,
                status,
            } => {
                let article = article(operation);
                write!(
                    f,
                    "the answer of {host} is not {article} {operation} response: status {status}, \
                     larger than {RESPONSE_BYTES_MAX} bytes"
                )
            }
        }
    }
}

fn article(operation: &str) -> &'static str {
    match operation.starts_with(['A', 'E', 'I', 'O']) {
        true => "an",
        false => "a",
    }
}

/// A cause may quote what a server or a resolver sent.
fn shown(cause: &str) -> Printable<'_> {
    Printable::new(cause, CAUSE_CHARACTERS_MAX)
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Signature(source) => Some(source),
            Self::NameResolution { .. }
            | Self::Connect { .. }
            | Self::ProxyAuthentication { .. }
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. }
            | Self::Connection { .. }
            | Self::TimedOut { .. }
            | Self::Service { .. }
            | Self::UnexpectedAnswer { .. }
            | Self::Incomplete { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

/// Codes of a quota that is used up, whatever the status: those of Roles Anywhere and of STS.
const THROTTLING_CODES: &[&str] = &[
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequestsException",
];

/// Codes after which another attempt may do better, whatever the status.
const TRANSIENT_CODES: &[&str] = &[
    "RequestTimeoutException",
    "RequestTimeout",
    "RequestExpired",
    "RequestTimeTooSkewed",
];

/// Codes by which the service calls the request's time wrong.
const CLOCK_CODES: &[&str] = &["RequestExpired", "RequestTimeTooSkewed"];

/// A signature holds for 5 minutes; one more is left for the way.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 4 * 60;

/// With a larger offset, a machine cannot verify a server's certificate either.
const CLOCK_CORRECTION_SECONDS_MAX: u64 = 24 * 60 * 60;

/// A session's answer has some 3 KB.
pub(crate) const RESPONSE_BYTES_MAX: usize = 256 * 1024;

const CAUSE_CHARACTERS_MAX: usize = 500;
const CODE_CHARACTERS_MAX: usize = 100;
const MESSAGE_CHARACTERS_MAX: usize = 1000;
const BEGINNING_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: u16, code: &str) -> CallError {
        CallError::Service {
            operation: "CreateSession",
            status,
            code: Some(code.to_owned()),
            message: String::new(),
            request_id: None,
            clock_ahead_seconds: None,
        }
    }

    fn unexpected(status: u16) -> CallError {
        CallError::UnexpectedAnswer {
            operation: "CreateSession",
            host: "h".to_owned(),
            status,
            beginning: String::new(),
        }
    }

    fn unresolved(is_temporary: bool) -> CallError {
        CallError::NameResolution {
            host: "h".to_owned(),
            cause: String::new(),
            is_temporary,
        }
    }

    /// The two views of a failure's class: transient, and passing.
    const NEVER: (bool, bool) = (false, false);
    const LATER: (bool, bool) = (false, true);
    const SOON: (bool, bool) = (true, true);

    #[test]
    fn all_that_is_asked_follows_from_the_class() {
        use FailureClass::NoConnection;
        use FailureClass::Ours;
        use FailureClass::Outage;
        use FailureClass::Refused;
        use FailureClass::Throttled;
        let host = || "h".to_owned();
        let cause = String::new;
        let after = Duration::from_secs(15);
        let operation = "CreateSession";
        for (error, class, views) in [
            (service(429, "TooManyRequestsException"), Throttled, SOON),
            (service(400, "ThrottlingException"), Throttled, SOON),
            (service(403, "AccessDeniedException"), Refused, NEVER),
            (service(400, "ValidationException"), Refused, NEVER),
            (service(503, "ServiceUnavailableException"), Outage, SOON),
            (service(501, "NotImplemented"), Outage, LATER),
            (service(408, ""), Outage, LATER),
            (service(400, "RequestTimeoutException"), Outage, SOON),
            (service(403, "RequestTimeTooSkewed"), Outage, SOON),
            (unexpected(429), Throttled, SOON),
            (unexpected(503), Outage, SOON),
            (unexpected(200), Outage, LATER),
            (
                CallError::TooLarge {
                    operation,
                    host: host(),
                    status: 200,
                },
                Outage,
                LATER,
            ),
            (
                CallError::Incomplete {
                    operation,
                    field: None,
                },
                Outage,
                LATER,
            ),
            (
                CallError::TimedOut {
                    host: host(),
                    after,
                },
                NoConnection,
                SOON,
            ),
            (
                CallError::Connect {
                    host: host(),
                    cause: cause(),
                },
                NoConnection,
                SOON,
            ),
            (
                CallError::Connection {
                    host: host(),
                    cause: cause(),
                },
                NoConnection,
                SOON,
            ),
            (unresolved(true), NoConnection, SOON),
            (unresolved(false), NoConnection, NEVER),
            (CallError::NotTls { host: host() }, Ours, NEVER),
            (
                CallError::Signature(SignatureError::Signer("the token is gone".into())),
                Ours,
                NEVER,
            ),
            (
                CallError::Signature(SignatureError::SecretRefused("its PIN is wrong".into())),
                Refused,
                NEVER,
            ),
            (
                CallError::ProxyAuthentication {
                    host: host(),
                    cause: "407".to_owned(),
                },
                Refused,
                NEVER,
            ),
        ] {
            assert_eq!(error.class(), class, "{error:?}");
            let found = (error.is_transient(), error.is_passing());
            assert_eq!(found, views, "{error:?}");
        }
    }
}
