//! The calls of the services, and what their answers show.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::Event;
use rolesanywhere::aws_call::error::CallError;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::ExpirationError;
use rolesanywhere::session::Effort;
use rolesanywhere::session::Network;
use rolesanywhere::session::RoleChain;
use rolesanywhere::session::SessionError;
use rolesanywhere::session::SessionProvider;
use rolesanywhere::session::SessionRequest;
use rolesanywhere::text::ShownName;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::report::Report;
use super::report::Status;
use crate::debug;
use crate::report;
use crate::report::chain;
use crate::session::Failures;
use crate::session::jitter;

/// The calls, and what was seen of their answers.
pub(super) struct Calls<'a> {
    request: &'a SessionRequest,
    identity: &'a Identity,
    provider: SessionProvider,
    failures: Failures,
    /// Seconds by which the service's clock was ahead, in the first answer.
    ahead_seconds: Arc<Mutex<Option<i64>>>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(
        request: &'a SessionRequest,
        identity: &'a Identity,
        is_proxy_unused: bool,
        is_debug: bool,
    ) -> Self {
        let ahead_seconds = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&ahead_seconds);
        let watch = move |event: Event<'_>| {
            if is_debug {
                report::log(&debug::event("call", debug::describe(&event)));
            }
            if let Event::Answered { headers, .. } = &event {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                *seen = seen.or_else(|| ahead(headers));
            }
        };
        Self {
            request,
            identity,
            provider: SessionProvider::new(request, Clock::System, jitter, watch),
            failures: Failures::new(request, is_proxy_unused),
            ahead_seconds,
        }
    }

    pub(super) async fn run(self, report: &mut Report, sts: Option<Network>) {
        let failed_before = report.failed();
        let session = self.provider.create_session(self.identity, EFFORT).await;
        let failed = session
            .as_ref()
            .err()
            .map(|error| check_of(error, &self.request.network));
        self.tls(report, failed, &session);
        self.clock(report, failed);
        let session = self.create_session(report, session, failed_before);
        let Some(session) = session else {
            let roles = self.roles();
            roles
                .iter()
                .for_each(|_| report.skip("assume-role", NO_SESSION));
            if sts.is_some() {
                report.skip("caller-identity", NO_SESSION);
            }
            return;
        };
        let credentials = match &self.request.role_chain {
            Some(chain) => self.assume_roles(report, chain, &session).await,
            None => Some(session),
        };
        match (sts, credentials) {
            (Some(sts), Some(credentials)) => self.caller(report, &sts, &credentials).await,
            (Some(_), None) => report.skip("caller-identity", "a role was not assumed"),
            (None, _) => {}
        }
    }

    fn tls(
        &self,
        report: &mut Report,
        failed: Option<&'static str>,
        session: &Result<Credentials, SessionError>,
    ) {
        let network = &self.request.network;
        match (failed, session) {
            (Some("tls"), Err(error)) => self.fail(report, "tls", error),
            (Some("proxy"), Err(error)) => {
                let hint = self.failures.hint(error, Some(self.identity));
                report.fail_after_all("proxy", chain(error), hint.as_deref());
                report.skip("tls", "no connection");
            }
            _ if !network.endpoint.is_tls() => report.skip("tls", "the endpoint is http"),
            _ => report.ok(
                "tls",
                format!("verified by {}", roots(&network.trust_roots)),
            ),
        }
    }

    fn clock(&self, report: &mut Report, failed: Option<&'static str>) {
        let ahead = *self
            .ahead_seconds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match ahead {
            _ if matches!(failed, Some("tls" | "proxy")) => report.skip("clock", "no answer"),
            None => report.skip("clock", "the answer has no date"),
            Some(ahead) => {
                let status = match ahead.unsigned_abs() {
                    0..=CLOCK_SECONDS_ADVISED => Status::Ok,
                    seconds if seconds <= CLOCK_SECONDS_MAX => Status::Warn,
                    _ => Status::Fail,
                };
                let direction = match ahead > 0 {
                    true => "behind",
                    false => "ahead of",
                };
                let seconds = ahead.unsigned_abs();
                let detail = format!("{seconds} s {direction} the service's");
                report.add(
                    "clock",
                    status,
                    detail,
                    Some("set this machine's clock (is NTP running?)"),
                );
            }
        }
    }

    fn create_session(
        &self,
        report: &mut Report,
        session: Result<Credentials, SessionError>,
        failed_before: Option<&'static str>,
    ) -> Option<Credentials> {
        let check = "create-session";
        let are_tags_faulty = report.status("session-tags") == Some(Status::Fail);
        match session {
            Ok(session) => {
                if let Err(error @ ExpirationError::Past { .. }) =
                    session.life(Clock::System.moment())
                {
                    report.fail(check, error.to_string(), Some(PAST));
                    return None;
                }
                // The profile does not map them.
                if are_tags_faulty {
                    report.only_warn("session-tags");
                }
                report.ok(check, format!("credentials until {}", session.expiration));
                return Some(session);
            }
            Err(error) => match (check_of(&error, &self.request.network), failed_before) {
                ("create-session", None) => self.fail(report, check, &error),
                ("create-session", Some(failed)) => report.skip(check, format!("{failed} failed")),
                (failed, _) => report.skip(check, format!("{failed} failed")),
            },
        }
        None
    }

    fn roles(&self) -> Vec<&str> {
        let Some(chain) = &self.request.role_chain else {
            return Vec::new();
        };
        let roles = [&chain.first].into_iter().chain(&chain.later);
        roles.map(|role| role.role_arn.as_str()).collect()
    }

    async fn assume_roles(
        &self,
        report: &mut Report,
        chain: &RoleChain,
        session: &Credentials,
    ) -> Option<Credentials> {
        let check = "assume-role";
        let outcome = self.provider.assume_roles(chain, session, EFFORT).await;
        let mut failure = outcome.as_ref().err();
        let mut is_failed = false;
        for (place, role) in self.roles().into_iter().enumerate() {
            let name = ShownName::of(role);
            match failure {
                _ if is_failed => report.skip(check, format!("{name}: the role before failed")),
                Some(SessionError::Role { hop, .. }) if *hop != place => {
                    report.ok(check, name.to_string());
                }
                Some(error) => {
                    self.fail(report, check, error);
                    is_failed = true;
                    failure = None;
                }
                None => report.ok(check, name.to_string()),
            }
        }
        outcome.ok()
    }

    async fn caller(&self, report: &mut Report, sts: &Network, credentials: &Credentials) {
        let check = "caller-identity";
        match self
            .provider
            .caller_identity(sts, credentials, EFFORT)
            .await
        {
            Ok(caller) => report.ok(check, ShownName::of(&caller.arn).to_string()),
            // CreateSession's advice is of no use here.
            Err(error) => report.fail(check, chain(&error), advice(&error)),
        }
    }

    fn fail(&self, report: &mut Report, check: &'static str, error: &SessionError) {
        let hint = self.failures.hint(error, Some(self.identity));
        let advice = hint.as_deref().or_else(|| advice(error));
        report.fail(check, chain(error), advice);
    }
}

/// Where nothing is known of the circumstances.
fn advice(error: &SessionError) -> Option<&'static str> {
    let failure = match error {
        SessionError::Transport(_) => return Some(ROOTS),
        SessionError::Call(failure) => failure,
        SessionError::Role { failure, .. } => failure,
        SessionError::Expiration(_) | _ => return None,
    };
    match &failure.error {
        CallError::Connect { .. } | CallError::Connection { .. } | CallError::TimedOut { .. } => {
            Some(WAY)
        }
        CallError::ProxyAuthentication { .. } => Some(PROXY_PASSWORD),
        CallError::Service { status, .. } if *status >= 500 => Some(LATER),
        _ => None,
    }
}

/// The check that a failed call belongs to.
fn check_of(error: &SessionError, network: &Network) -> &'static str {
    let failure = match error {
        SessionError::Transport(_) => return "tls",
        SessionError::Call(failure) => &failure.error,
        _ => return "create-session",
    };
    match failure {
        CallError::ServerCertificate { .. } | CallError::NotTls { .. } => "tls",
        CallError::ProxyAuthentication { .. } => "proxy",
        // The first connection was made a moment ago.
        CallError::Connect { .. } if network.proxy.is_some() => "proxy",
        CallError::Connect { .. } => "tls",
        _ => "create-session",
    }
}

fn ahead(headers: &[(&str, &str)]) -> Option<i64> {
    let (_, date) = headers.iter().find(|(name, _)| *name == "date")?;
    let date = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    Some((date - Clock::System.now()).whole_seconds())
}

fn roots(roots: &TrustRoots) -> String {
    match roots {
        TrustRoots::Bundle(path) | TrustRoots::BundleIfPresent(path) => {
            format!("the roots in {}", ShownName::of(path))
        }
        TrustRoots::System => "the system's roots".to_owned(),
        TrustRoots::Unverified => "nothing: --no-verify-ssl".to_owned(),
    }
}

const EFFORT: Effort = Effort::Whole(ClientSettings::TIME_MAX);
/// A signature holds for five minutes.
const CLOCK_SECONDS_MAX: u64 = 300;
const CLOCK_SECONDS_ADVISED: u64 = 60;
const NO_SESSION: &str = "there is no session";
const PAST: &str = "check who answers at the endpoint, and its clock";
const ROOTS: &str =
    "name a PEM file of certificates that can be read in AWS_CA_BUNDLE, or unset it";
const WAY: &str = "try again; if it stays so, check firewall and proxy on the way";
const PROXY_PASSWORD: &str = "correct user and password in the proxy's variable";
const LATER: &str = "try again later; the service's state is at https://health.aws.amazon.com";
