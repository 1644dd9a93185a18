//! The common part of the long-running commands: reading the identity, renewing, logging.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;

use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::arn::RoleArn;
use rolesanywhere::cache::session_entry::SessionEntry;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::FilesVersion;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::platform;
use rolesanywhere::supply::Supply;
use rolesanywhere::supply::engine;
use rolesanywhere::supply::session_source::SessionSource;
use rolesanywhere::supply::session_source::SupplyEvent;
use rolesanywhere::text::ShownName;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arguments::call::LogFlags;
use crate::arguments::call::LogFormat;
use crate::doctor::DAYS_LEFT_ADVISED;
use crate::error::RunError;
use crate::report;
use crate::session::Failures;
use crate::session::Session;
use crate::session::runtime;
use crate::signals::first;
use crate::signals::until_signal;

/// Starts the log of a command that keeps running.
pub(crate) fn start_log(flags: &LogFlags, environment: &Environment) -> Result<(), RunError> {
    let format = flags.log_format.unwrap_or(LogFormat::Text);
    // systemd.exec(5): the device and inode that stderr has if it leads to the journal.
    let is_journal = environment
        .text("JOURNAL_STREAM")
        .is_some_and(|stream| platform::is_stderr(&stream));
    report::start_log(format, is_journal).map_err(RunError::Runtime)
}

/// A session that is renewed in the background.
pub(crate) struct Renewing {
    session: Session,
    identity: Identity,
    version: FilesVersion,
    entry: Option<SessionEntry>,
    is_for_good: bool,
}

impl Renewing {
    /// As [`Renewing::open`], for a process that is to outlive its certificate.
    pub(crate) fn open_for_good(
        session: Session,
        entry: Option<SessionEntry>,
    ) -> Result<Self, RunError> {
        warn_of_short_sessions(session.request().create_session.duration_seconds);
        for name in session.request().identity.fixed() {
            let message = format!(
                "{} is read only at startup; restart after renewing the certificate",
                ShownName::of(name)
            );
            report::log(&LogEvent::new(Level::Warning, "read_once", message));
        }
        Ok(Self {
            is_for_good: true,
            ..Self::open(session, entry)?
        })
    }

    /// Reads the identity. During a password prompt, signals end the process directly.
    pub(crate) fn open(session: Session, entry: Option<SessionEntry>) -> Result<Self, RunError> {
        session.passwords().keep_answer();
        let version = session.request().identity.version();
        let identity = session.open()?;
        session.passwords().ask_no_more();
        Ok(Self {
            session,
            identity,
            version,
            entry,
            is_for_good: false,
        })
    }

    /// The role of the sessions.
    pub(crate) fn role_arn(&self) -> &RoleArn {
        self.session.request().role_arn()
    }

    /// The identity that requests sessions.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Keeps `supply` up until a signal ends the process, `work` ends, or the supply fails before it is
    /// settled. `observe` sees what happens to it, before the log. `drain` is the end of the work.
    pub(crate) fn run<D: Clone + Send + 'static>(
        self,
        supply: &Arc<Supply<D>>,
        observe: impl Fn(&SupplyEvent<'_>) + Send + 'static,
        work: impl Future<Output = Result<(), RunError>>,
        drain: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let failed = self.start(supply, observe)?;
        let failed = async { Err(failed.await) };
        let runtime = runtime()?;
        let outcome = runtime.block_on(async {
            until_signal(first(failed, work)).await?;
            drain.await;
            Ok(())
        });
        runtime.shutdown_background();
        outcome
    }

    /// Keeps `supply` up in the background. The future is why that ended: the supply failed before it was
    /// settled.
    pub(crate) fn start<D: Clone + Send + 'static>(
        self,
        supply: &Arc<Supply<D>>,
        observe: impl Fn(&SupplyEvent<'_>) + Send + 'static,
    ) -> Result<impl Future<Output = RunError>, RunError> {
        let Self {
            session,
            identity,
            version,
            entry,
            is_for_good,
        } = self;
        let latest = entry
            .as_ref()
            .and_then(|entry| entry.latest(Clock::System.moment()));
        if let Some((credentials, renewal)) = latest {
            supply.begin_with(credentials, renewal);
        }
        let (request, passwords) = (Arc::clone(session.request()), session.passwords().clone());
        let (provider, failures) = session.into_provider();
        let failures = Arc::new(failures);
        let logged = Arc::clone(&failures);
        let expiry = is_for_good.then(ExpiryWarning::default);
        let observe = move |event: SupplyEvent<'_>| {
            observe(&event);
            if let (Some(expiry), SupplyEvent::InUse(identity)) = (&expiry, &event) {
                expiry.look(identity, Clock::System.now());
            }
            log(&logged, event);
        };
        let source = SessionSource::new((request, provider), (identity, version), entry, observe);
        source.watch(supply, passwords).map_err(RunError::Runtime)?;
        let failed = engine::start(Arc::clone(supply), source).map_err(RunError::Runtime)?;
        Ok(async move {
            match failed.await {
                Ok(error) => failures.with_hint(error.error, error.identity.as_deref()),
                // The thread is gone, which it never is before the process.
                Err(_) => RunError::Runtime(std::io::ErrorKind::BrokenPipe.into()),
            }
        })
    }
}

/// The event of a new set for `subject`.
pub(crate) fn renewed(subject: &str, credentials: &Credentials, renewal: &Renewal) -> LogEvent {
    let (expiration, next) = (credentials.expiration.to_string(), due(renewal));
    let message = format!("{subject}credentials until {expiration}; the next are due at {next}");
    LogEvent::new(Level::Info, "credentials_renewed", message)
        .with("expiration", expiration)
        .with("next_renewal", next)
}

fn log(failures: &Failures, event: SupplyEvent<'_>) {
    match event {
        SupplyEvent::CertificateRenewed => report::log(&LogEvent::new(
            Level::Info,
            "certificate_changed",
            "read a new certificate; the next session is requested with it",
        )),
        SupplyEvent::FilesUnusable(error) => {
            let message = format!(
                "{}; the previous certificate and key stay in use",
                report::chain(error)
            );
            report::log(&LogEvent::new(Level::Error, "identity_unusable", message));
        }
        SupplyEvent::Failed { error, renewal } => {
            let code = error.error.code().to_owned();
            let attempt = renewal.call.map_or(0, |call| call.failures);
            let next = due(renewal);
            let error = failures.with_hint(error.error, error.identity.as_deref());
            let hint = error.hint();
            let mut message = report::chain(&error);
            if let Some(hint) = &hint {
                message += &format!("; hint: {hint}");
            }
            message += &format!("; next attempt at {next}");
            let event = LogEvent::new(Level::Error, "renewal_failed", message);
            report::log(
                &event
                    .with("error_code", code)
                    .with("hint", hint)
                    .with("attempt", attempt)
                    .with("next_attempt", next),
            );
        }
        SupplyEvent::InUse(_) | SupplyEvent::Renewed { .. } | _ => {}
    }
}

/// Warns of a certificate that ends soon, once a day.
#[derive(Default)]
struct ExpiryWarning {
    latest: Cell<Option<OffsetDateTime>>,
}

impl ExpiryWarning {
    fn look(&self, identity: &Identity, now: OffsetDateTime) {
        let not_after = identity.not_after();
        let is_soon = not_after - now < time::Duration::days(DAYS_LEFT_ADVISED);
        let is_today = |latest| now - latest < time::Duration::DAY;
        if !is_soon || self.latest.get().is_some_and(is_today) {
            return;
        }
        self.latest.set(Some(now));
        let expiration = not_after.format(&Rfc3339).unwrap_or_default();
        let message =
            format!("the certificate, or one of its chain, ends at {expiration}; renew it");
        let event = LogEvent::new(Level::Warning, "certificate_ends_soon", message);
        report::log(&event.with("expiration", expiration));
    }
}

fn warn_of_short_sessions(duration_seconds: i32) {
    if duration_seconds < DURATION_SECONDS_ADVISED {
        let message = format!(
            "sessions of less than {DURATION_SECONDS_ADVISED} s leave little time to renew them; see \
             --session-duration"
        );
        report::log(&LogEvent::new(Level::Warning, "short_sessions", message));
    }
}

/// When the next call is due, by the wall clock, in whole seconds.
fn due(renewal: &Renewal) -> String {
    let now = Clock::System.moment();
    let due = now.wall + renewal.wait(now);
    let due = due.replace_nanosecond(0).unwrap_or(due);
    due.format(&Rfc3339).unwrap_or_default()
}

/// Below it, an outage of minutes is felt.
const DURATION_SECONDS_ADVISED: i32 = 1800;
