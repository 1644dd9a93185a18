//! Standard input, and the terminal of the process, on Unix.

use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::MutexGuard;

use rustix::process::Signal;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::SpecialCodeIndex;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use zeroize::Zeroize;
use zeroize::Zeroizing;

/// Standard input without a buffer of the standard library's, which would keep what was read.
pub fn standard_input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// True if the process has a terminal for a prompt.
pub fn has_terminal() -> bool {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .is_ok()
}

/// Asks for a password on the terminal of the process; the answer is not shown. It fails without a
/// terminal, and where the question is left open (Ctrl-D). Ctrl-C ends the process, as ever.
///
/// Own code: rpassword, which Windows has, dies of Ctrl-C before it sets the terminal back, and
/// leaves pieces of the answer behind in memory.
pub fn prompt_password(prompt: &str) -> io::Result<String> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut quiet = before.clone();
    // Ctrl-C is to end the line instead of the process, so that the terminal can be set back.
    quiet.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
    quiet.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    // Before it is changed, so that a signal finds what to set it back to.
    *changed() = Some((terminal.try_clone()?, before));
    tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
    let mut answer = Zeroizing::new(vec![0; LINE_BYTES_MAX]);
    let read = terminal
        .write_all(prompt.as_bytes())
        .and_then(|()| terminal.read(&mut answer));
    restore_terminal();
    let _ = terminal.write_all(b"\n");
    answer.truncate(read?);
    match answer.pop() {
        Some(b'\n') => String::from_utf8(std::mem::take(&mut answer)).map_err(|error| {
            error.into_bytes().zeroize();
            ErrorKind::InvalidData.into()
        }),
        Some(CTRL_C) => {
            rustix::process::kill_process(rustix::process::getpid(), Signal::INT)?;
            Err(ErrorKind::Interrupted.into())
        }
        Some(_) | None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Restores the terminal's echo that a prompt switched off. Called before the process ends during a
/// prompt.
pub fn restore_terminal() {
    if let Some((terminal, before)) = changed().take() {
        // A terminal that is gone needs none.
        let _ = tcsetattr(&terminal, OptionalActions::Flush, &before);
    }
}

fn changed() -> MutexGuard<'static, Option<(File, Termios)>> {
    CHANGED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The terminal of the process while a prompt has changed it, and how it was: there is one.
static CHANGED: Mutex<Option<(File, Termios)>> = Mutex::new(None);

const CTRL_C: u8 = 3;

/// No terminal gives a longer line.
const LINE_BYTES_MAX: usize = 4096;
