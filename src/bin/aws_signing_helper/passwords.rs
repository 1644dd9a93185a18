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
use rolesanywhere::identity::secrets::TriesLeft;
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::Printable;
use rolesanywhere::text::ShownName;
use rolesanywhere::text::pin_value::holds_pin;

use crate::arguments::VARIABLE_PREFIX;
use crate::arguments::identity::PasswordFlags;
use crate::arguments::identity::PinFlags;
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
    /// The token that the PIN of flags was given to; no other gets it.
    pin_token: Option<PathBuf>,
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
            (TPM_KEY_FILE, &mut flags.tpm_key_password_file),
            (PIN_FILE, &mut flags.pins.pkcs11_pin_file),
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

    /// The PINs of a command that reads nothing encrypted.
    pub(crate) fn for_pins(
        pins: PinFlags,
        environment: &Environment,
        begin: Instant,
    ) -> Result<Self, RunError> {
        let flags = PasswordFlags {
            pkcs8_password: None,
            pkcs8_password_file: None,
            pkcs12_password: None,
            pkcs12_password_file: None,
            tpm_key_password: None,
            tpm_key_password_file: None,
            no_tpm_key_password: None,
            pins,
        };
        Self::new(flags, environment, begin)
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
        let tpm_key = self.is_given(Purpose::TpmKey);
        let pin = self.is_given(Purpose::UserPin(TriesLeft::Some));
        let is_all_given = pkcs8 && pkcs12 && tpm_key && pin;
        !is_all_given && self.asked().count < ASKED_MAX && platform::has_terminal()
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

/// What flags say of a PIN.
enum Given {
    /// Nothing: it may be typed.
    Nothing,
    /// This one, or that it was refused.
    Pin(Option<Secret<String>>),
}

impl Passwords {
    /// True if the PIN of the flags was given to this token, or to none yet.
    fn is_pin_for(&self, token: &Path) -> bool {
        let mut asked = self.asked();
        asked.pin_token.get_or_insert_with(|| token.to_owned()) == token
    }

    fn given_pin(&self, wanted: SecretRequest<'_>) -> Result<Given, SecretError> {
        let PinFlags {
            pkcs11_pin,
            pkcs11_pin_file,
        } = &self.flags.pins;
        let is_first = wanted.refused == 0;
        Ok(match (pkcs11_pin, pkcs11_pin_file) {
            (Some(pin), _) => Given::Pin(is_first.then(|| copy(&pin.0))),
            (None, Some(path)) if is_first => Given::Pin(Some(self.read_file(PIN_FILE, path)?)),
            (None, Some(_)) => Given::Pin(None),
            (None, None) => Given::Nothing,
        })
    }

    /// Asks for a PIN. A prompt that is ended at once is an error: the terminal is there.
    fn ask_pin(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let mut asked = self.asked();
        let is_over = asked.count == ASKED_MAX || wanted.refused == ASKED_MAX;
        if is_over || !platform::has_terminal() {
            return Ok(None);
        }
        let begun = Instant::now();
        let answer = ask(&prompt(wanted));
        asked.time += begun.elapsed();
        match answer {
            None if wanted.refused == 0 => {
                Err(SecretError::new("the prompt was ended without a PIN"))
            }
            answer => Ok(answer),
        }
    }
}

impl Secrets for Passwords {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let flags = &self.flags;
        let (flag, file_flag, file) = match wanted.purpose {
            Purpose::UserPin(_) if self.is_pin_for(wanted.path) => {
                return match self.given_pin(wanted)? {
                    Given::Nothing => self.ask_pin(wanted),
                    Given::Pin(pin) => Ok(pin),
                };
            }
            Purpose::UserPin(_) | Purpose::KeyPin(_) => return self.ask_pin(wanted),
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
            Purpose::TpmKey if flags.no_tpm_key_password == Some(true) => {
                return Ok((wanted.refused == 0).then(|| Secret::new(String::new())));
            }
            Purpose::TpmKey => (
                &flags.tpm_key_password,
                TPM_KEY_FILE,
                &flags.tpm_key_password_file,
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
            Purpose::PrivateKey | Purpose::TpmKey => 0,
            Purpose::Pkcs12 => 1,
            // They are asked for above.
            Purpose::UserPin(_) | Purpose::KeyPin(_) => return Ok(None),
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
        let answer = ask(&prompt(wanted));
        asked.time += begun.elapsed();
        if asked.is_answer_kept {
            asked.answer = answer.as_ref().map(copy);
        }
        Ok(answer)
    }

    fn is_given(&self, purpose: Purpose) -> bool {
        let flags = &self.flags;
        let (flag, file) = match purpose {
            Purpose::PrivateKey => (&flags.pkcs8_password, &flags.pkcs8_password_file),
            Purpose::Pkcs12 => (&flags.pkcs12_password, &flags.pkcs12_password_file),
            Purpose::TpmKey => (&flags.tpm_key_password, &flags.tpm_key_password_file),
            Purpose::UserPin(_) => (&flags.pins.pkcs11_pin, &flags.pins.pkcs11_pin_file),
            Purpose::KeyPin(_) => return false,
        };
        let is_none = purpose == Purpose::TpmKey && flags.no_tpm_key_password == Some(true);
        flag.is_some() || file.is_some() || is_none
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

/// The reference helper's texts for TPMs and tokens.
fn prompt(wanted: SecretRequest<'_>) -> String {
    match (wanted.purpose, wanted.refused) {
        (Purpose::TpmKey, 0) => "Please enter your TPM key password:\n".to_owned(),
        (Purpose::TpmKey, _) => "Incorrect TPM key password. Please try again:\n".to_owned(),
        (Purpose::PrivateKey | Purpose::Pkcs12, _) => {
            format!("Password of {}: ", ShownName::of(wanted.path))
        }
        (Purpose::UserPin(tries), refused) => pin_prompt("user PIN", refused, tries),
        (Purpose::KeyPin(tries), refused) => {
            let key = wanted.path.to_string_lossy();
            let key = Printable::new(&key, KEY_CHARACTERS_MAX);
            let kind = format!("context-specific PIN for private key object ({key})");
            pin_prompt(&kind, refused, tries)
        }
    }
}

fn pin_prompt(kind: &str, refused: u32, tries: TriesLeft) -> String {
    let warning = match tries {
        TriesLeft::One => "One try is left before the token locks the PIN.\n",
        TriesLeft::Some | TriesLeft::Few => "",
    };
    match refused {
        0 => format!("{warning}Please enter your {kind}:\n"),
        _ => format!("{warning}Incorrect {kind}. Please re-enter your {kind}:\n"),
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
fn ask(prompt: &str) -> Option<Secret<String>> {
    if !platform::has_terminal() {
        return None;
    }
    // Without it, a signal would leave the terminal without echo; so there is no prompt.
    signals::end_by_signals().ok()?;
    match platform::prompt_password(prompt) {
        Ok(answer) => Some(Secret::new(answer)),
        // Ctrl-C: the signal is on its way, and ends the process.
        Err(error) if error.kind() == ErrorKind::Interrupted => loop {
            thread::park();
        },
        Err(_) => None,
    }
}

/// The variables that may hold a password, or say where one is, also within the URI of a token.
pub(crate) fn variables(environment: &Environment) -> impl Iterator<Item = &OsStr> {
    environment.names().filter(|name| {
        let name = name.to_string_lossy();
        let is_password = || name.contains("PASSWORD") || name.contains("PKCS11_PIN");
        let has_pin = || {
            let value = environment.text(&name);
            value.is_some_and(|value| holds_pin(&value))
        };
        name.starts_with(VARIABLE_PREFIX) && (is_password() || has_pin())
    })
}

const PKCS8_FILE: &str = "pkcs8-password-file";
const PKCS12_FILE: &str = "pkcs12-password-file";
const TPM_KEY_FILE: &str = "tpm-key-password-file";
const PIN_FILE: &str = "pkcs11-pin-file";

/// For a password pipe without a writer.
const STREAM_TIME_MAX: Duration = file::STREAM_TIME_MAX.saturating_sub(Duration::from_secs(1));

/// The first time, and twice after a wrong answer.
const ASKED_MAX: u32 = 3;

/// Of the URI of a key.
const KEY_CHARACTERS_MAX: usize = 400;

/// Longer passwords exist in no key file.
const PASSWORD_FILE_BYTES_MAX: usize = 64 * 1024;
