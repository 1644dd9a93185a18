//! A pseudo-terminal, and helpers that have it as their controlling terminal.

use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::LocalModes;

use crate::support::helper::HAS_SETSID;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::helper::Running;
use crate::support::skip;

/// The end at which a person would sit.
pub(crate) struct Terminal {
    master: File,
    slave: OwnedFd,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// `None`, and a loud word, where nothing can give a process a controlling terminal.
    pub(crate) fn open(test: &str) -> Option<Terminal> {
        if !*HAS_SETSID {
            skip(&format!("{test}: there is no setsid of util-linux"));
            return None;
        }
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let master = File::from(master);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, shown_there) = (master.try_clone().unwrap(), Arc::clone(&shown));
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            // Ends with an error once the other side is closed.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                shown_there.lock().unwrap().extend(&bytes[..count]);
            }
        });
        Some(Terminal {
            master,
            slave,
            shown,
        })
    }

    /// Starts a helper on this terminal. Its standard input is empty and its output are pipes, as
    /// with the SDKs.
    ///
    /// The terminal belongs to a shell, which stays when the helper ends: the kernel sets a terminal
    /// back when its owner ends, and would hide what the helper left behind.
    pub(crate) fn start<'a>(&self, helper: &'a Helper) -> Running<'a> {
        let child = helper
            .command(&["setsid", "-c", "/bin/sh", "-c", OWNER])
            .stdin(self.stream())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running::new(child, helper)
    }

    /// The terminal, as a stream of a process.
    pub(crate) fn stream(&self) -> Stdio {
        self.slave.try_clone().unwrap().into()
    }

    /// Waits for the helper's end.
    pub(crate) fn end(mut self, running: Running<'_>) -> Ending {
        wait_until("the helper's end", || running.has_ended_its_output());
        let (shown, echoes) = (self.shown(), self.echoes());
        self.press("\n");
        Ending {
            output: running.end(),
            shown,
            echoes,
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for this number of prompts, the last one ready for input.
    pub(crate) fn wait_for_prompt(&self, count: usize) {
        wait_until("a prompt", || {
            let shown = without_cursor_moves(&self.shown());
            shown.matches(PROMPT).count() == count && shown.ends_with(": ") && !self.echoes()
        });
    }

    /// Waits until this text is shown, ready for input.
    pub(crate) fn wait_for_text(&self, text: &str) {
        wait_until(text, || self.shown().contains(text) && !self.echoes());
    }

    /// Waits until a prompt that is this line has been shown so often, the last one ready for input.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_for_line(&self, line: &str, count: usize) {
        wait_until(line, || {
            let shown = self.shown().replace("\r\n", "\n");
            let line = format!("{line}\n");
            shown.matches(&line).count() == count && shown.ends_with(&line) && !self.echoes()
        });
    }

    /// Everything that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// True if keys are shown as they are pressed.
    pub(crate) fn echoes(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.master)
            .unwrap()
            .local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

/// A helper's end on a terminal.
pub(crate) struct Ending {
    pub(crate) output: Output,
    /// Everything that was shown.
    pub(crate) shown: String,
    /// True if keys are shown again.
    pub(crate) echoes: bool,
}

/// Waits for another thread or process.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < WAIT_MAX, "no sign of {what}");
        thread::sleep(TICK);
    }
}

/// What a person reads. A console of wine hides the cursor while it draws, clears the rest of the line, and
/// moves over a space instead of drawing it.
fn without_cursor_moves(shown: &str) -> String {
    let moves = ["\u{1b}[?25l", "\u{1b}[?25h", "\u{1b}[K"];
    let spaced = shown.replace("\u{1b}[1C", " ");
    moves.iter().fold(spaced, |text, one| text.replace(one, ""))
}

const PROMPT: &str = "Password of ";

/// Runs the helper, closes the output, waits for Enter and ends as the helper did.
const OWNER: &str =
    r#"trap : INT; "$0" "$@" </dev/null; status=$?; exec >&- 2>&-; read -r _; exit $status"#;

const WAIT_MAX: Duration = Duration::from_secs(240);
const TICK: Duration = Duration::from_millis(5);
