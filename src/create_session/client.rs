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
use time::format_description::well_known::Rfc2822;

use crate::arn::Region;
use crate::clock::Clock;
use crate::create_session::endpoint::Endpoint;
use crate::create_session::error::CreateSessionError;
use crate::create_session::event::Event;
use crate::create_session::proxy::Proxy;
use crate::create_session::request::CreateSessionRequest;
use crate::create_session::request::PATH;
use crate::create_session::response::CreateSessionResponse;
use crate::create_session::response::Refusal;
use crate::create_session::retry;
use crate::create_session::transport::Answer;
use crate::create_session::transport::AttemptLimits;
use crate::create_session::transport::Transport;
use crate::create_session::transport::TransportError;
use crate::create_session::trust_roots::TrustRoots;
use crate::identity::Identity;
use crate::sigv4_x509;
use crate::sigv4_x509::SignedRequest;
use crate::sigv4_x509::canonical_request::canonical_query;

/// How and where to call.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Where to.
    pub endpoint: Endpoint,
    /// The region that is signed for, which the endpoint does not change.
    pub region: Region,
    /// Whom to believe.
    pub trust_roots: TrustRoots,
    /// Which way.
    pub proxy: Option<Proxy>,
    /// How many attempts at most. One with the corrected clock is made even beyond that.
    pub attempts_max: u32,
    /// Whether another attempt follows one that was throttled.
    pub is_throttling_retried: bool,
    /// How long the whole call may take: no attempt and no wait begins that could end later.
    pub time_max: Duration,
    /// How long one attempt may take.
    pub attempt_limits: AttemptLimits,
    /// The clock that is signed with.
    pub clock: Clock,
    /// Uniform in 0..1, a new number each time: spreads out those who were refused together.
    pub jitter: fn() -> f64,
}

/// Calls CreateSession.
pub struct Client {
    settings: ClientSettings,
    transport: Transport,
}

/// A call that gave no session.
#[derive(Debug)]
pub struct Failure {
    /// What its last attempt failed with.
    pub error: CreateSessionError,
    /// How many attempts were made.
    pub attempts: u32,
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

    /// Asks for a session as `identity`. `watch` is told what happens.
    ///
    /// Fails with the last attempt's error once that is final, or attempts or time are used up.
    pub async fn create_session(
        &self,
        identity: &Identity,
        request: &CreateSessionRequest,
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<CreateSessionResponse, Failure> {
        let begin = Instant::now();
        let mut clock_ahead = None;
        let mut attempt = 1;
        loop {
            let time =
                self.settings.clock.now() + time::Duration::seconds(clock_ahead.unwrap_or(0));
            let outcome = self
                .attempt(identity, request, (attempt, time), watch)
                .await;
            let error = match outcome {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let correction = match clock_ahead {
                None => error.clock_correction_seconds(),
                Some(_) => None,
            };
            // A wrong clock does not get better by waiting.
            let wait = match correction {
                Some(_) => Duration::ZERO,
                None => retry::backoff(attempt, (self.settings.jitter)()),
            };
            // And who allows one attempt only would never get a session.
            let is_retried = error.is_transient()
                && (self.settings.is_throttling_retried || !error.is_throttling());
            let is_worth_it =
                correction.is_some() || (is_retried && attempt < self.settings.attempts_max);
            let would_take = wait.saturating_add(self.settings.attempt_limits.attempt);
            let is_in_time = begin.elapsed().saturating_add(would_take) <= self.settings.time_max;
            if !is_worth_it || !is_in_time {
                return Err(Failure {
                    error,
                    attempts: attempt,
                });
            }
            if let Some(ahead_seconds) = correction {
                watch(Event::ClockCorrected { ahead_seconds });
                clock_ahead = Some(ahead_seconds);
            }
            watch(Event::Waiting { wait });
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Signs and sends once. `attempt` is its number and the time to sign with.
    async fn attempt(
        &self,
        identity: &Identity,
        request: &CreateSessionRequest,
        (number, time): (u32, OffsetDateTime),
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<CreateSessionResponse, CreateSessionError> {
        let begin = Instant::now();
        let host = self.settings.endpoint.authority();
        let body = request.body();
        let query = request.query();
        let to_sign = sigv4_x509::Request {
            method: "POST",
            path: PATH,
            query: &query,
            headers: &[("content-type", "application/json"), ("host", &host)],
            body: &body,
        };
        let signed = sigv4_x509::sign(&to_sign, identity, &self.settings.region, time)
            .map_err(CreateSessionError::Signature)?;
        let url = self
            .settings
            .endpoint
            .request_url(PATH, &canonical_query(&query));
        watch(Event::Signed {
            attempt: number,
            url: url.as_str(),
            request: &signed,
        });
        let outcome = self
            .transport
            .post(url, wire_headers(&host, &signed), body)
            .await;
        let after = begin.elapsed();
        match outcome {
            Ok(answer) => {
                watch(answered(&answer, after));
                self.read(&answer)
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

    fn read(&self, answer: &Answer) -> Result<CreateSessionResponse, CreateSessionError> {
        let not_create_session = || CreateSessionError::NotCreateSession {
            host: self.settings.endpoint.authority(),
            status: answer.status,
            beginning: harmless_beginning(answer),
        };
        if let 200 | 201 = answer.status {
            let response = CreateSessionResponse::from_json(answer.body.expose())
                .ok_or_else(not_create_session)?;
            return Ok(CreateSessionResponse {
                date: answer.date(),
                ..response
            });
        }
        let refusal = Refusal::read(answer.header("x-amzn-errortype"), answer.body.expose())
            .ok_or_else(not_create_session)?;
        let now = self.settings.clock.now();
        Err(CreateSessionError::Service {
            status: answer.status,
            code: refusal.code,
            message: refusal.message,
            request_id: answer.header("x-amzn-requestid").map(str::to_owned),
            clock_ahead_seconds: answer.date().map(|date| (date - now).whole_seconds()),
        })
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The service's time, in whole seconds.
    fn date(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.header("date")?, &Rfc2822).ok()
    }
}

fn answered(answer: &Answer, after: Duration) -> Event<'_> {
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

/// How a body begins that is none of the service's, to show. What may be the remains of credentials
/// is not shown: a success that is no HTML.
fn harmless_beginning(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(answer.body.expose());
    let text = text.trim_start();
    match answer.status < 300 && !text.starts_with('<') {
        true => String::new(),
        false => text.to_owned(),
    }
}

/// Everything that goes over the wire besides the body.
fn wire_headers(host: &str, signed: &SignedRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut insert = |name: HeaderName, value: &str| {
        // Host, base64, digits and hexadecimal: all of it is text that a header takes.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    insert(HOST, host);
    insert(USER_AGENT, &user_agent());
    insert(AUTHORIZATION, &signed.authorization.to_string());
    for (name, value) in &signed.headers {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            insert(name, value);
        }
    }
    headers
}

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
    /// How long one attempt may take unless told otherwise: a cold start of the service included.
    pub const ATTEMPT_LIMITS: AttemptLimits = AttemptLimits {
        connect: Duration::from_secs(5),
        attempt: Duration::from_secs(15),
    };

    /// How long a call may take unless told otherwise: the AWS SDK for Go kills a
    /// `credential_process` after 60 s.
    pub const TIME_MAX: Duration = Duration::from_secs(50);
}
