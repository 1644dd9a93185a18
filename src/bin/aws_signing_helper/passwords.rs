//! Where the passwords of a command come from: a flag, a file, or whoever sits at the terminal.

use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;

use rolesanywhere::file;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::secrets::Refusals;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::identity::secrets::Wanted;
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;

use crate::arguments::PasswordFlags;

/// The passwords of one command line.
pub(crate) struct Passwords {
    flags: PasswordFlags,
    asked: Mutex<Asked>,
    refusals: Refusals,
}

/// What was typed.
#[derive(Default)]
struct Asked {
    count: u32,
    is_answer_kept: bool,
    answer: Option<Secret<String>>,
}

impl Passwords {
    pub(crate) fn new(flags: PasswordFlags) -> Self {
        Self {
            flags,
            asked: Mutex::default(),
            refusals: Refusals::default(),
        }
    }

    /// From now on, what is typed is kept: the files are read again at every renewal.
    pub(crate) fn keep_answer(&self) {
        self.asked().is_answer_kept = true;
    }

    /// Whether somebody may be asked: no flag or file answers for everything, and nobody has said
    /// [`Passwords::ask_no_more`].
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

    /// From now on nobody is asked.
    pub(crate) fn ask_no_more(&self) {
        self.asked().count = ASKED_MAX;
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Secrets for Passwords {
    fn secret(&self, wanted: Wanted<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let (flag, file) = match wanted.purpose {
            Purpose::PrivateKey => (&self.flags.pkcs8_password, &self.flags.pkcs8_password_file),
            Purpose::Pkcs12 => (
                &self.flags.pkcs12_password,
                &self.flags.pkcs12_password_file,
            ),
        };
        if let Some(password) = flag {
            return Ok((wanted.refused == 0).then(|| copy(&password.0)));
        }
        if let Some(path) = file {
            return match wanted.refused {
                0 => from_file(path).map(Some),
                _ => Ok(None),
            };
        }
        // Nobody is asked before the empty password was tried.
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
        let answer = ask(wanted.path);
        if asked.is_answer_kept {
            asked.answer = answer.as_ref().map(copy);
        }
        Ok(answer)
    }

    fn refusals(&self) -> &Refusals {
        &self.refusals
    }
}

fn copy(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().clone())
}

fn from_file(path: &Path) -> Result<Secret<String>, SecretError> {
    let bytes = file::read(path, PASSWORD_FILE_BYTES_MAX).map_err(SecretError::new)?;
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| SecretError::new(format!("{} is not UTF-8", path.display())))?;
    let password = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .unwrap_or(text);
    Ok(Secret::new(password.to_owned()))
}

/// Asks on the terminal, not on stdin and stdout, which belong to whoever reads the credentials.
/// Without a terminal, or when the answer is given up, there is no password.
fn ask(path: &Path) -> Option<Secret<String>> {
    platform::prompt_password(&format!("Password of {}: ", path.display()))
        .ok()
        .map(Secret::new)
}

/// The first time, and twice after a wrong answer.
const ASKED_MAX: u32 = 3;

/// Longer passwords exist in no key file.
const PASSWORD_FILE_BYTES_MAX: usize = 64 * 1024;
