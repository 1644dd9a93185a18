//! The one place that writes: results to stdout; to stderr a chain of causes, at most one hint, and
//! the exit status.
//!
//! `aws_signing_helper: error: what happened: why: why that` and `aws_signing_helper: hint: what to
//! do`.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::error::RunError;

/// Tells `error` on stderr, or on stdout where it is help that was asked for.
pub(crate) fn report(error: &RunError) -> ExitCode {
    if let RunError::Usage(usage) = error
        && let Some(help) = usage.help()
    {
        return match print(help.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        };
    }
    failure(error);
    ExitCode::FAILURE
}

/// Ends the process with `error`, whatever its other threads wait for.
pub(crate) fn fail(error: &RunError) -> ! {
    failure(error);
    flush();
    #[expect(clippy::exit, reason = "the thread that should end it hangs")]
    std::process::exit(1)
}

/// An error with its causes, and what to do about it.
pub(crate) fn failure(error: &RunError) {
    line(&format!("error: {}", chain(error)));
    if let Some(hint) = error.hint() {
        line(&format!("hint: {hint}"));
    }
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Writes to stdout. Whoever closed it has read enough.
pub(crate) fn print(bytes: &[u8]) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One message on stderr. Whoever closed stderr does not want to know.
pub(crate) fn line(text: &str) {
    lines(&[text]);
}

/// Messages on stderr with no other between them.
pub(crate) fn lines(texts: &[impl AsRef<str>]) {
    let text = texts.iter().fold(String::new(), |text, line| {
        text + &format!("{NAME}: {}\n", line.as_ref().trim_end())
    });
    match WRITER.get() {
        None => write(&text),
        Some(writer) => writer.take(text),
    }
}

/// From now on messages are written by a thread: a reader who stops to read would otherwise stop who
/// writes, and with that all that is served.
pub(crate) fn write_in_background() -> io::Result<()> {
    let (sender, receiver) = mpsc::sync_channel::<Message>(LINES_WAITING_MAX);
    let write_all = move || {
        for message in receiver {
            match message {
                Message::Line(line) => write(&line),
                Message::Flush(done) => drop(done.send(())),
            }
        }
    };
    thread::Builder::new().spawn(write_all)?;
    // It is called once.
    let _ = WRITER.set(Writer {
        sender,
        dropped: AtomicU64::new(0),
    });
    Ok(())
}

/// Waits until all messages are written, for a second at most.
pub(crate) fn flush() {
    if let Some(writer) = WRITER.get() {
        let (done, is_done) = mpsc::channel();
        let begun = Instant::now();
        while writer
            .sender
            .try_send(Message::Flush(done.clone()))
            .is_err()
        {
            if begun.elapsed() > FLUSH_TIME_MAX {
                return;
            }
            thread::sleep(FLUSH_TIME_MAX / 100);
        }
        let _ = is_done.recv_timeout(FLUSH_TIME_MAX);
    }
}

/// The way to the thread that writes.
struct Writer {
    sender: SyncSender<Message>,
    /// Lines that found no place.
    dropped: AtomicU64,
}

enum Message {
    Line(String),
    /// Tells when it is its turn.
    Flush(mpsc::Sender<()>),
}

impl Writer {
    fn take(&self, line: String) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let told = match dropped {
            0 => Ok(()),
            _ => self.send(format!(
                "{NAME}: {dropped} line(s) were not written in time\n"
            )),
        };
        if told.and_then(|()| self.send(line)).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    fn send(&self, line: String) -> Result<(), TrySendError<Message>> {
        self.sender.try_send(Message::Line(line))
    }
}

fn write(line: &str) {
    let _ = io::stderr().write_all(line.as_bytes());
}

/// stderr is one for the whole process, and so is who writes to it.
static WRITER: OnceLock<Writer> = OnceLock::new();

const LINES_WAITING_MAX: usize = 1000;
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// The name under which every message is told.
pub(crate) const NAME: &str = "aws_signing_helper";
