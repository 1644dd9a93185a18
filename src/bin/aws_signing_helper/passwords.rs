//! The passwords of a command: from a flag, from a file, or typed at the terminal.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::TryLockError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::file::FileError;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::ShownName;

use crate::arguments::PasswordFlags;
use crate::arguments::VARIABLE_PREFIX;
use crate::error::RunError;
use crate::inputs::home_expanded;
use crate::signals;

/// The passwords of one command line.
pub(crate) struct Passwords {
    flags: PasswordFlags,
    asked: Mutex<Prompted>,
    refusals: RefusedSecrets,
    begin: Instant,
}

/// Passwords that were typed, or could be read only once.
#[derive(Default)]
struct Prompted {
    count: u32,
    is_answer_kept: bool,
    answer: Option<Secret<String>>,
    streams: Vec<(PathBuf, Secret<String>)>,
    /// The time spent waiting for typed answers.
    time: Duration,
}

impl Passwords {
    pub(crate) fn new(
        mut flags: PasswordFlags,
        environment: &Environment,
        begin: Instant,
    ) -> Result<Self, RunError> {
        for (flag, file) in [
            (PKCS8_FILE, &mut flags.pkcs8_password_file),
            (PKCS12_FILE, &mut flags.pkcs12_password_file),
        ] {
            *file = file
                .take()
                .map(|path| home_expanded(flag, path, environment))
                .transpose()?;
        }
        Ok(Self {
            flags,
            asked: Mutex::default(),
            refusals: RefusedSecrets::default(),
            begin,
        })
    }

    /// From now on, what is typed is kept: the files are read again at every renewal.
    pub(crate) fn keep_answer(&self) {
        self.asked().is_answer_kept = true;
    }

    /// True if the terminal may be used: no flag or file answers every request, and
    /// [`Passwords::ask_no_more`] was not called.
    pub(crate) fn may_ask(&self) -> bool {
        let flags = &self.flags;
        let is_given = |password: bool, file: bool| password || file;
        let pkcs8 = is_given(
            flags.pkcs8_password.is_some(),
            flags.pkcs8_password_file.is_some(),
        );
        let pkcs12 = is_given(
            flags.pkcs12_password.is_some(),
            flags.pkcs12_password_file.is_some(),
        );
        !(pkcs8 && pkcs12) && self.asked().count < ASKED_MAX && platform::has_terminal()
    }

    /// The time that the command has run, without the waits for typed answers: its limits do not apply
    /// to people. `None` during a prompt.
    pub(crate) fn time_used(&self) -> Option<Duration> {
        let asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(self.begin.elapsed().saturating_sub(asked.time))
    }

    /// Disables the prompt from now on.
    pub(crate) fn ask_no_more(&self) {
        self.asked().count = ASKED_MAX;
    }

    /// A file is read each time, as it may have changed; a pipe can be read only once.
    fn read_file(&self, flag: &str, path: &Path) -> Result<Secret<String>, SecretError> {
        let is_this = |(stream, _): &&(PathBuf, _)| stream == path;
        if let Some((_, password)) = self.asked().streams.iter().find(is_this) {
            return Ok(copy(password));
        }
        // Before the thread that watches the whole reading says less.
        let limit = STREAM_TIME_MAX.saturating_sub(self.time_used().unwrap_or_default());
        let is_regular = file::is_regular(path);
        let bytes = file::read_within(limit, path, PASSWORD_FILE_BYTES_MAX).map_err(|error| {
            SecretError::new(match error {
                FileError::Unreadable { source, .. } => {
                    format!("cannot read {}: {source}", shown(flag, path))
                }
                FileError::Directory { .. } => format!("{} is a directory", shown(flag, path)),
                FileError::TooLarge { bytes_max, .. } => {
                    format!("{} is larger than {bytes_max} bytes", shown(flag, path))
                }
                error => error.to_string(),
            })
        })?;
        let password = parse(&bytes)
            .ok_or_else(|| SecretError::new(format!("{} is not UTF-8", shown(flag, path))))?;
        if !is_regular {
            let stream = (path.to_owned(), copy(&password));
            self.asked().streams.push(stream);
        }
        Ok(password)
    }

    fn asked(&self) -> MutexGuard<'_, Prompted> {
        self.asked
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Secrets for Passwords {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let flags = &self.flags;
        let (flag, file_flag, file) = match wanted.purpose {
            Purpose::PrivateKey => (
                &flags.pkcs8_password,
                PKCS8_FILE,
                &flags.pkcs8_password_file,
            ),
            Purpose::Pkcs12 => (
                &flags.pkcs12_password,
                PKCS12_FILE,
                &flags.pkcs12_password_file,
            ),
        };
        if let Some(password) = flag {
            return Ok((wanted.refused == 0).then(|| copy(&password.0)));
        }
        if let Some(path) = file {
            return match wanted.refused {
                0 => self.read_file(file_flag, path).map(Some),
                _ => Ok(None),
            };
        }
        // The empty password is tried before any prompt.
        let tried_unasked = match wanted.purpose {
            Purpose::PrivateKey => 0,
            Purpose::Pkcs12 => 1,
        };
        if wanted.refused < tried_unasked {
            return Ok(None);
        }
        let mut asked = self.asked();
        if let Some(answer) = &asked.answer
            && wanted.refused == tried_unasked
        {
            return Ok(Some(copy(answer)));
        }
        if asked.count == ASKED_MAX {
            return Ok(None);
        }
        asked.count += 1;
        let begun = Instant::now();
        let answer = ask(wanted.path);
        asked.time += begun.elapsed();
        if asked.is_answer_kept {
            asked.answer = answer.as_ref().map(copy);
        }
        Ok(answer)
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

fn copy(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().clone())
}

fn parse(bytes: &Secret<Vec<u8>>) -> Option<Secret<String>> {
    let text = std::str::from_utf8(bytes.expose()).ok()?;
    let password = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .unwrap_or(text);
    Some(Secret::new(password.to_owned()))
}

/// The flag, and the path if it looks like one: the value may be the password itself.
fn shown(flag: &str, path: &Path) -> String {
    let is_absolute = path.has_root() || path.starts_with(".") || path.starts_with("..");
    let is_in_folder = path
        .parent()
        .is_some_and(|folder| !folder.as_os_str().is_empty() && folder.is_dir());
    match is_absolute || is_in_folder || path.exists() {
        true => format!("{} of --{flag}", ShownName::of(path)),
        false => format!("the file of --{flag}"),
    }
}

/// Prompts on the terminal, because stdin and stdout belong to the program that reads the credentials.
/// Without a terminal, or if the prompt is cancelled, there is no password.
fn ask(path: &Path) -> Option<Secret<String>> {
    if !platform::has_terminal() {
        return None;
    }
    // Without it, a signal would leave the terminal without echo; so there is no prompt.
    signals::end_by_signals().ok()?;
    match platform::prompt_password(&format!("Password of {}: ", ShownName::of(path))) {
        Ok(answer) => Some(Secret::new(answer)),
        // Ctrl-C: the signal is on its way, and ends the process.
        Err(error) if error.kind() == ErrorKind::Interrupted => loop {
            thread::park();
        },
        Err(_) => None,
    }
}

/// Whether a variable of this name may hold a password, or say where one is.
pub(crate) fn is_variable(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(VARIABLE_PREFIX) && name.contains("PASSWORD")
}

const PKCS8_FILE: &str = "pkcs8-password-file";
const PKCS12_FILE: &str = "pkcs12-password-file";

/// For a password pipe without a writer.
const STREAM_TIME_MAX: Duration = file::STREAM_TIME_MAX.saturating_sub(Duration::from_secs(1));

/// The first time, and twice after a wrong answer.
const ASKED_MAX: u32 = 3;

/// Longer passwords exist in no key file.
const PASSWORD_FILE_BYTES_MAX: usize = 64 * 1024;
