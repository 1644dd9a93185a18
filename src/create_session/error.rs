//! [`CreateSessionError`]: why a call gave no session.

use std::fmt;
use std::time::Duration;

use crate::identity::signer::SignatureError;
use crate::text::Printable;

/// Why a call gave no session, as of its last attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum CreateSessionError {
    /// The private key did not sign.
    Signature(SignatureError),
    /// The host's name has no address.
    NameResolution {
        /// The host that was looked up.
        host: String,
        /// What the resolver says.
        cause: String,
        /// Whether it may have one later.
        is_temporary: bool,
    },
    /// No connection came about.
    Connect {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// What the operating system, or a proxy, says.
        cause: String,
    },
    /// The server's certificate does not verify.
    ServerCertificate {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// What is wrong with it.
        cause: String,
        /// Whether the server showed a CA's own certificate, which other TLS libraries accept.
        is_certificate_authority: bool,
    },
    /// Who answers does not speak TLS.
    NotTls {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
    },
    /// The connection broke before the answer was whole.
    Connection {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// What broke it.
        cause: String,
    },
    /// There was no answer in time.
    TimedOut {
        /// Host and port of the service, and the proxy on the way to it.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// The service refused.
    Service {
        /// The HTTP status.
        status: u16,
        /// The error's name, such as `AccessDeniedException`.
        code: Option<String>,
        /// What the service says.
        message: String,
        /// The service's name for this request.
        request_id: Option<String>,
        /// How far the service's clock is ahead of ours, in seconds, where it told the time.
        clock_ahead_seconds: Option<i64>,
    },
    /// Somebody else answered: a gateway, a captive portal, a web server.
    NotCreateSession {
        /// Host and port that answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// How the body begins; empty where it may hold credentials.
        beginning: String,
    },
    /// The answer is larger than any answer.
    TooLarge {
        /// Host and port that answered.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}

impl CreateSessionError {
    /// Whether another attempt may do better: by the AWS SDKs' standard mode, less what cannot
    /// change within seconds.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NameResolution { is_temporary, .. } => *is_temporary,
            Self::Connect { .. } | Self::Connection { .. } | Self::TimedOut { .. } => true,
            Self::Service { status, code, .. } => {
                is_transient_status(*status)
                    || code
                        .as_deref()
                        .is_some_and(|code| TRANSIENT_CODES.contains(&code))
            }
            Self::NotCreateSession { status, .. } => is_transient_status(*status),
            Self::Signature(_)
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Whether the quota is used up: others are in front.
    pub fn is_throttling(&self) -> bool {
        match self {
            Self::Service { status, code, .. } => {
                *status == 429 || code.as_deref() == Some("ThrottlingException")
            }
            Self::NotCreateSession { status, .. } => *status == 429,
            Self::Signature(_)
            | Self::NameResolution { .. }
            | Self::Connect { .. }
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. }
            | Self::Connection { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Whether it says nothing of what was asked: the service is down, or somebody else answered in its
    /// place.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Service { status, .. } => *status >= 500 || matches!(status, 408 | 429),
            Self::NotCreateSession { .. } | Self::TooLarge { .. } => true,
            Self::Connect { .. } | Self::Connection { .. } | Self::TimedOut { .. } => true,
            Self::Signature(_)
            | Self::NameResolution { .. }
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. } => false,
        }
    }

    /// A word for it, to count by: the service's own name for the error, where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Signature(_) => "Signature",
            Self::NameResolution { .. } => "NameResolution",
            Self::Connect { .. } => "Connect",
            Self::ServerCertificate { .. } => "ServerCertificate",
            Self::NotTls { .. } => "NotTls",
            Self::Connection { .. } => "Connection",
            Self::TimedOut { .. } => "TimedOut",
            Self::Service {
                code: Some(code), ..
            } => code,
            Self::Service { code: None, .. } => "Service",
            Self::NotCreateSession { .. } => "NotCreateSession",
            Self::TooLarge { .. } => "TooLarge",
        }
    }

    /// By how many seconds to correct the clock before another attempt: where the service calls the
    /// request's time wrong or refuses the request, and the clocks are far apart. Not by more than a
    /// day: whoever sits on the way could have requests signed for a time to come.
    pub(crate) fn clock_correction_seconds(&self) -> Option<i64> {
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
        let corrected = CLOCK_SKEW_SECONDS_MAX + 1..=CLOCK_CORRECTION_SECONDS_MAX;
        ((names_the_clock || *status == 403) && corrected.contains(&ahead.unsigned_abs()))
            .then_some(*ahead)
    }
}

fn is_transient_status(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

impl fmt::Display for CreateSessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(_) => f.write_str("cannot sign the request"),
            Self::NameResolution { host, cause, .. } => {
                write!(f, "cannot resolve {host}: {}", shown(cause))
            }
            Self::Connect { host, cause } => {
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
                status,
                code,
                message,
                request_id,
                ..
            } => {
                let code = code.as_deref().unwrap_or("UnknownError");
                let code = Printable::new(code, CODE_CHARACTERS_MAX);
                write!(f, "CreateSession was refused: {status} {code}")?;
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
            Self::NotCreateSession {
                host,
                status,
                beginning,
            } => {
                write!(
                    f,
                    "the answer of {host} is not a CreateSession response: status {status}"
                )?;
                match beginning.as_str() {
                    "" => Ok(()),
                    text => write!(f, ", {}", Printable::new(text, BEGINNING_CHARACTERS_MAX)),
                }
            }
            Self::TooLarge { host, status } => write!(
                f,
                "the answer of {host} is not a CreateSession response: status {status}, larger than \
                 {RESPONSE_BYTES_MAX} bytes"
            ),
        }
    }
}

/// A cause may quote what a server or a resolver sent.
fn shown(cause: &str) -> Printable<'_> {
    Printable::new(cause, CAUSE_CHARACTERS_MAX)
}

impl std::error::Error for CreateSessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Signature(source) => Some(source),
            Self::NameResolution { .. }
            | Self::Connect { .. }
            | Self::ServerCertificate { .. }
            | Self::NotTls { .. }
            | Self::Connection { .. }
            | Self::TimedOut { .. }
            | Self::Service { .. }
            | Self::NotCreateSession { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

/// Codes after which another attempt may do better, whatever the status.
const TRANSIENT_CODES: &[&str] = &[
    "ThrottlingException",
    "RequestTimeoutException",
    "RequestExpired",
    "RequestTimeTooSkewed",
];

/// Codes by which the service calls the request's time wrong.
const CLOCK_CODES: &[&str] = &["RequestExpired", "RequestTimeTooSkewed"];

/// A signature holds for 5 minutes; one more is left for the way.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 4 * 60;

/// A machine whose clock is further off cannot verify a server's certificate either.
const CLOCK_CORRECTION_SECONDS_MAX: u64 = 24 * 60 * 60;

/// A session's answer has some 3 KB.
pub(crate) const RESPONSE_BYTES_MAX: usize = 256 * 1024;

const CAUSE_CHARACTERS_MAX: usize = 500;
const CODE_CHARACTERS_MAX: usize = 100;
const MESSAGE_CHARACTERS_MAX: usize = 1000;
const BEGINNING_CHARACTERS_MAX: usize = 200;
