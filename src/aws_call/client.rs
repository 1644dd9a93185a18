//! [`Client`]: the policy of a call, how often, how long and with which clock, over attempts that are
//! each signed afresh and sent once.

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use reqwest::header::AUTHORIZATION;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HOST;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::header::USER_AGENT;
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc2822;

use crate::arn::Region;
use crate::aws_call::endpoint::Endpoint;
use crate::aws_call::error::CallError;
use crate::aws_call::error::FailureClass;
use crate::aws_call::event::Event;
use crate::aws_call::operation::Operation;
use crate::aws_call::operation::OutputError;
use crate::aws_call::operation::SignedPost;
use crate::aws_call::proxy::Proxy;
use crate::aws_call::retry;
use crate::aws_call::transport::AttemptLimits;
use crate::aws_call::transport::HttpResponse;
use crate::aws_call::transport::Transport;
use crate::aws_call::transport::TransportError;
use crate::aws_call::trust_roots::TrustRoots;
use crate::clock::Clock;
use crate::sigv4::credential_scope::CredentialScope;

/// Settings of a client.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Endpoint that is called.
    pub endpoint: Endpoint,
    /// The region that is signed for, which the endpoint does not change.
    pub region: Region,
    /// Trust roots.
    pub trust_roots: TrustRoots,
    /// Proxy on the way to it.
    pub proxy: Option<Proxy>,
    /// Most attempts. One with a corrected clock is made even beyond that.
    pub attempts_max: u32,
    /// True if another attempt follows one that was throttled.
    pub is_throttling_retried: bool,
    /// Time limit of the whole call: no attempt and no wait begins that could end later.
    pub time_max: Duration,
    /// Time limits of one attempt.
    pub attempt_limits: AttemptLimits,
    /// The clock that is signed with.
    pub clock: Clock,
    /// Seconds by which the service's clock is ahead of it, as found by earlier calls.
    pub clock_ahead_seconds: i64,
    /// Uniform in 0..1, a new number each time: spreads out clients that failed together.
    pub jitter: fn() -> f64,
}

/// Calls one service at one endpoint.
pub struct Client {
    settings: ClientSettings,
    transport: Transport,
}

/// A call that failed.
#[derive(Debug)]
pub struct Failure {
    /// Error of the last attempt.
    pub error: CallError,
    /// Number of attempts.
    pub attempts: u32,
    /// True if the last of them was signed with the service's time, because this machine's clock is
    /// wrong.
    pub is_clock_corrected: bool,
}

impl Client {
    /// Sets up TLS and proxy. No connection is made.
    pub fn new(settings: ClientSettings) -> Result<Self, TransportError> {
        let transport = Transport::new(
            &settings.endpoint,
            &settings.trust_roots,
            settings.proxy.as_ref(),
            settings.attempt_limits,
        )?;
        Ok(Self {
            settings,
            transport,
        })
    }

    /// Makes a call. `watch` sees what happens.
    ///
    /// Fails with the last attempt's error once that is final, or attempts or time are used up.
    pub async fn call<O: Operation>(
        &self,
        operation: &O,
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<O::Output, Failure> {
        let begin = Instant::now();
        let mut ahead_seconds = self.settings.clock_ahead_seconds;
        let mut may_correct = true;
        let mut attempt = 1;
        loop {
            let time = self.settings.clock.now();
            let time = time.saturating_add(time::Duration::seconds(ahead_seconds));
            // Whatever the parts of an attempt may take: the limit of the call is that of all of them.
            let left = self.settings.time_max.saturating_sub(begin.elapsed());
            let attempted = self.attempt(operation, (attempt, time), watch);
            let outcome = tokio::time::timeout(left, attempted).await;
            let error = match outcome {
                Ok(Ok(output)) => return Ok(output),
                Ok(Err(error)) => error,
                Err(_) => CallError::TimedOut {
                    host: self.settings.endpoint.authority(),
                    after: begin.elapsed(),
                },
            };
            let correction = match may_correct {
                true => error.clock_correction_seconds(ahead_seconds),
                false => None,
            };
            // A wrong clock does not get better by waiting.
            let wait = match correction {
                Some(_) => Duration::ZERO,
                None => retry::backoff(attempt, (self.settings.jitter)()),
            };
            let is_retried = error.is_transient()
                && (self.settings.is_throttling_retried
                    || error.class() != FailureClass::Throttled);
            // Otherwise a machine with a wrong clock and a single attempt would never get a session.
            let is_worth_it =
                correction.is_some() || (is_retried && attempt < self.settings.attempts_max);
            let would_take = wait.saturating_add(self.settings.attempt_limits.attempt);
            let is_in_time = begin.elapsed().saturating_add(would_take) <= self.settings.time_max;
            if !is_worth_it || !is_in_time {
                return Err(Failure {
                    error,
                    attempts: attempt,
                    is_clock_corrected: ahead_seconds != 0,
                });
            }
            if let Some(correction) = correction {
                ahead_seconds = correction;
                may_correct = false;
                watch(Event::ClockCorrected { ahead_seconds });
            }
            watch(Event::Waiting { wait });
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Signs and sends once. `attempt` is its number and the time to sign with.
    async fn attempt<O: Operation>(
        &self,
        operation: &O,
        (number, time): (u32, OffsetDateTime),
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<O::Output, CallError> {
        let begin = Instant::now();
        let host = self.settings.endpoint.authority();
        let scope = CredentialScope::new(time, &self.settings.region, O::SERVICE.name);
        self.transport.begin().await;
        let post = operation
            .sign(&host, &scope)
            .map_err(CallError::Signature)?;
        let url = self.settings.endpoint.request_url(O::PATH, &post.query);
        watch(Event::Signed {
            attempt: number,
            url: url.as_str(),
            request: &post.signed,
        });
        let headers = wire_headers(&host, &post);
        let outcome = self
            .transport
            .post((O::NAME, url), headers, post.body)
            .await;
        let after = begin.elapsed();
        match outcome {
            Ok(answer) => {
                watch(answered(&answer, after));
                self.read::<O>(&answer)
            }
            Err(error) => {
                let failed = Event::Failed {
                    error: &error,
                    after,
                };
                watch(failed);
                Err(error)
            }
        }
    }

    fn read<O: Operation>(&self, answer: &HttpResponse) -> Result<O::Output, CallError> {
        let unexpected = || CallError::UnexpectedAnswer {
            operation: O::NAME,
            host: self.settings.endpoint.authority(),
            status: answer.status,
            beginning: harmless_beginning(answer),
        };
        if let 200 | 201 = answer.status {
            return O::output(answer).map_err(|error| match error {
                OutputError::Foreign => unexpected(),
                OutputError::Incomplete { field } => CallError::Incomplete {
                    operation: O::NAME,
                    field,
                },
            });
        }
        let refusal = O::refusal(answer).ok_or_else(unexpected)?;
        let now = self.settings.clock.now();
        Err(CallError::Service {
            operation: O::NAME,
            status: answer.status,
            code: refusal.code,
            message: refusal.message,
            request_id: answer.header("x-amzn-requestid").map(str::to_owned),
            clock_ahead_seconds: answer.date().map(|date| (date - now).whole_seconds()),
        })
    }
}

impl HttpResponse {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The service's time, in whole seconds and UTC.
    pub(crate) fn date(&self) -> Option<OffsetDateTime> {
        let date = OffsetDateTime::parse(self.header("date")?, &Rfc2822).ok()?;
        date.checked_to_offset(UtcOffset::UTC)
    }
}

fn answered(answer: &HttpResponse, after: Duration) -> Event<'_> {
    Event::Answered {
        status: answer.status,
        headers: answer
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect(),
        body_bytes: answer.body.expose().len(),
        after,
    }
}

/// Beginning of a body that is not the service's, for a message. What may be the remains of credentials
/// is not shown: a success that is not HTML.
fn harmless_beginning(answer: &HttpResponse) -> String {
    let text = String::from_utf8_lossy(answer.body.expose());
    let text = text.trim_start();
    match answer.status < 300 && !text.starts_with('<') {
        true => String::new(),
        false => text.to_owned(),
    }
}

/// Everything that goes over the wire besides the body.
fn wire_headers(host: &str, post: &SignedPost) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(post.content_type));
    let mut insert = |name: HeaderName, value: &str| {
        // Host, base64, digits and hexadecimal: all of it is text that a header takes.
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(name == AUTHORIZATION || name == X_AMZ_SECURITY_TOKEN);
            headers.insert(name, value);
        }
    };
    insert(HOST, host);
    insert(USER_AGENT, &user_agent());
    insert(AUTHORIZATION, &post.signed.authorization.to_string());
    for (name, value) in &post.signed.headers {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            insert(name, value);
        }
    }
    if let Some(token) = &post.signed.session_token {
        insert(X_AMZ_SECURITY_TOKEN, token.expose());
    }
    headers
}

const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// `CredHelper/<version> (rust; <os>; <arch>)`, in the reference helper's form: some trails and
/// dashboards look for it.
fn user_agent() -> String {
    format!(
        "CredHelper/{} (rust; {}; {})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempts {
            1 => self.error.fmt(f),
            attempts => write!(f, "{} ({attempts} attempts)", self.error),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl ClientSettings {
    /// Default limits of one attempt, which include a cold start of the service.
    pub const ATTEMPT_LIMITS: AttemptLimits = AttemptLimits {
        resolve: Duration::from_secs(20),
        connect: Duration::from_secs(5),
        connect_by_proxy: Duration::from_secs(20),
        attempt: Duration::from_secs(15),
    };

    /// Default limit of a call: the AWS SDK for Go kills a
    /// `credential_process` after 60 s.
    pub const TIME_MAX: Duration = Duration::from_secs(50);
}
