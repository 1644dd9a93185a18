//! `update`: a profile of the shared credentials file that never runs dry.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::NAP_MAX;
use rolesanywhere::environment::Environment;
use rolesanywhere::output::credentials_file;
use rolesanywhere::output::credentials_file::location;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::platform;

use crate::arguments::Update;
use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::renewing::due;
use crate::renewing::is_passing;
use crate::renewing::setback;
use crate::renewing::until_told;
use crate::renewing::warn_of_short_sessions;
use crate::report;
use crate::session::Session;
use crate::session::jitter;
use crate::session::runtime;

/// `update`.
pub(crate) fn run(arguments: Update, environment: &Environment) -> Result<ExitCode, RunError> {
    let is_debug = arguments.debug.debug == Some(true);
    let duration_seconds = arguments.call.session.session_duration;
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let name = arguments.file.profile.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
    let flag = arguments.file.credentials_file;
    let flag = flag.filter(|path| !path.as_os_str().is_empty());
    let mut updater = Updater {
        profile: name
            .parse()
            .map_err(|source| RunError::Profile { name, source })?,
        path: location::locate(flag.as_deref(), environment).map_err(RunError::CredentialsFile)?,
        told: BTreeSet::new(),
    };
    // A session for a file that cannot be written would be one of the service's ten a second.
    credentials_file::check(&updater.path).map_err(RunError::CredentialsFile)?;
    let entry = CacheEntry::open(&session, arguments.cache, environment)?;
    if arguments.file.once == Some(true) {
        let credentials = match entry {
            Some(entry) => entry.credentials(session)?,
            None => session.call()?,
        };
        return updater.write(&credentials).map(|()| ExitCode::SUCCESS);
    }
    warn_of_short_sessions(duration_seconds);
    session.keep_password();
    // While somebody may be asked for a password, Ctrl-C still ends the program by itself.
    let identity = session.open()?;
    session.ask_no_more();
    let runtime = runtime()?;
    let outcome = runtime.block_on(until_told(updater.run(&session, identity, entry)));
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Writes one profile, again and again.
struct Updater {
    profile: ProfileName,
    path: PathBuf,
    /// Warnings, each of which is told once.
    told: BTreeSet<String>,
}

impl Updater {
    /// Until it fails at the start; afterwards, for good.
    async fn run(
        &mut self,
        session: &Session,
        identity: Identity,
        mut entry: Option<CacheEntry>,
    ) -> Result<(), RunError> {
        let mut identity = Some(identity);
        let mut renewal = Renewal::default();
        let mut is_started = false;
        if let Some((credentials, begun)) = entry.as_ref().and_then(CacheEntry::latest) {
            renewal = begun;
            self.supply(&credentials, &renewal, is_started).await?;
            platform::tell_ready();
            is_started = true;
            // Read anew when it is needed.
            identity = None;
        }
        loop {
            let wait = renewal.wait(Clock::System.moment());
            if !wait.is_zero() {
                tokio::time::sleep(wait.min(NAP_MAX)).await;
                continue;
            }
            match renew(session, identity.take(), entry.as_mut(), &mut renewal).await {
                Ok(credentials) => {
                    if let Some(entry) = &entry {
                        // As the files are, unless they were renewed while this was asked for.
                        entry.keep(&credentials, &renewal, &session.version());
                    }
                    self.supply(&credentials, &renewal, is_started).await?;
                    if !is_started {
                        platform::tell_ready();
                        is_started = true;
                    }
                }
                Err(error) if !is_started && !is_passing(&error) => return Err(error),
                Err(error) => {
                    let setback = setback(&error);
                    let now = Clock::System.moment();
                    renewal.failed(now, setback, jitter());
                    report::failure(&error);
                    report::line(&format!("next attempt at {}", due(&renewal)));
                }
            }
        }
    }

    /// Writes the credentials, if need be until it is time for the next.
    async fn supply(
        &mut self,
        credentials: &Credentials,
        renewal: &Renewal,
        is_started: bool,
    ) -> Result<(), RunError> {
        while let Err(error) = self.write(credentials) {
            if !is_started {
                return Err(error);
            }
            report::failure(&error);
            if renewal.wait(Clock::System.moment()) <= WRITE_AGAIN {
                return Ok(());
            }
            tokio::time::sleep(WRITE_AGAIN).await;
        }
        report::line(&format!(
            "profile {:?} of {} has credentials until {}; the next are due at {}",
            self.profile.as_str(),
            self.path.display(),
            credentials.expiration,
            due(renewal)
        ));
        Ok(())
    }

    fn write(&mut self, credentials: &Credentials) -> Result<(), RunError> {
        let updated = credentials_file::update(&self.path, &self.profile, credentials)
            .map_err(RunError::CredentialsFile)?;
        for warning in updated.warnings {
            let warning = warning.to_string();
            if !self.told.contains(&warning) {
                report::line(&format!("warning: {warning}"));
                self.told.insert(warning);
            }
        }
        Ok(())
    }
}

/// The next session. The files are read anew for each but the first: they may have been renewed.
async fn renew(
    session: &Session,
    identity: Option<Identity>,
    entry: Option<&mut CacheEntry>,
    renewal: &mut Renewal,
) -> Result<Credentials, RunError> {
    let identity = match identity {
        Some(identity) => identity,
        None => {
            // Before it is read: what is renewed meanwhile is then kept in no entry.
            if let Some(entry) = entry {
                entry.follow(session);
            }
            session.open()?
        }
    };
    let credentials = session.attempt(&identity).await?;
    let now = Clock::System.moment();
    let life = credentials.life(now).map_err(RunError::Expiration)?;
    renewal.renewed(now, life, jitter());
    Ok(credentials)
}

const DEFAULT_PROFILE: &str = "default";

/// How long to wait with a file that cannot be written.
const WRITE_AGAIN: Duration = Duration::from_secs(10);
