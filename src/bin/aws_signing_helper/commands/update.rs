//! `update`: a profile of the shared credentials file that always has credentials.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use rolesanywhere::Credentials;
use rolesanywhere::clock::Clock;
use rolesanywhere::credentials::renewal::Usage;
use rolesanywhere::environment::Environment;
use rolesanywhere::file::locked_file::Method;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::output::credentials_file;
use rolesanywhere::output::credentials_file::Updated;
use rolesanywhere::output::credentials_file::location;
use rolesanywhere::output::credentials_file::profile_writer::ProfileWriter;
use rolesanywhere::output::credentials_file::profile_writer::WriteOutcome;
use rolesanywhere::platform;
use rolesanywhere::supply::Supply;
use rolesanywhere::text::ShownName;

use crate::arguments::update::Update;
use crate::cached;
use crate::error::RunError;
use crate::inputs::profile;
use crate::inputs::refuse_content;
use crate::renewing::Renewing;
use crate::renewing::renewed;
use crate::renewing::start_log;
use crate::report;
use crate::session::Session;
use crate::session::jitter;

/// `update`.
pub(crate) fn run(arguments: Update, environment: &Environment) -> Result<ExitCode, RunError> {
    let is_debug = arguments.debug.debug == Some(true);
    let is_once = arguments.file.once == Some(true);
    if !is_once {
        start_log(&arguments.log, environment)?;
    }
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let profile = profile(arguments.file.profile)?;
    let flag = arguments.file.credentials_file;
    let flag = flag.filter(|path| !path.as_os_str().is_empty());
    let path = location::locate(flag.as_deref(), environment).map_err(RunError::CredentialsFile)?;
    refuse_content("credentials-file", &path)?;
    // A session for a file that cannot be written would be one of the service's ten a second.
    let method = match arguments.file.in_place {
        Some(true) => Method::InPlace,
        Some(false) | None => Method::Replace,
    };
    credentials_file::check(&path, method).map_err(RunError::CredentialsFile)?;
    let entry = cached::entry(&session, arguments.cache, environment)?;
    if is_once {
        let credentials = cached::credentials(session, entry, Usage::Unrefreshed)?;
        let updated = credentials_file::update(&path, method, &profile, &credentials)
            .map_err(RunError::CredentialsFile)?;
        Log::default().warn(updated);
        return Ok(ExitCode::SUCCESS);
    }
    let writer = ProfileWriter::new(path, method, profile);
    let supply = Arc::new(Supply::new(Clock::System, jitter, |credentials, _| {
        Arc::clone(credentials)
    }));
    let log = Log::default();
    let written = |written: WriteOutcome<'_>| log.written(&writer, &supply, written);
    let keep_written = async {
        let failed = writer.keep_written(&supply, written).await;
        Err(RunError::CredentialsFile(failed))
    };
    Renewing::open_for_good(session, entry)?
        .run(&supply, |_| {}, keep_written, async { writer.finish() })
        .map(|()| ExitCode::SUCCESS)
}

/// The log event of a warning about a file.
#[derive(Default)]
struct Log {
    /// Warnings, each of which is logged once.
    warned: RefCell<BTreeSet<String>>,
}

impl Log {
    fn written(
        &self,
        profile: &ProfileWriter,
        supply: &Supply<Arc<Credentials>>,
        written: WriteOutcome<'_>,
    ) {
        match written {
            WriteOutcome::Done {
                updated,
                credentials,
                is_first,
            } => {
                self.warn(updated);
                let (name, path) = (profile.name().as_str(), ShownName::of(profile.path()));
                let subject = format!("profile {name:?} of {path} has ");
                report::log(
                    &renewed(&subject, credentials, &supply.renewal())
                        .with("profile", name)
                        .with("file", path.to_string()),
                );
                if is_first {
                    supply.settle();
                    platform::tell_ready();
                }
            }
            WriteOutcome::Failed(error) => {
                let message = report::chain(&error);
                report::log(&LogEvent::new(Level::Error, "write_failed", message));
            }
        }
    }

    fn warn(&self, updated: Updated) {
        for warning in updated.warnings {
            let warning = warning.to_string();
            if self.warned.borrow_mut().insert(warning.clone()) {
                report::log(&LogEvent::new(Level::Warning, "credentials_file", warning));
            }
        }
    }
}
