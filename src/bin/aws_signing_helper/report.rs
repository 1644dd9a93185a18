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

use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use time::OffsetDateTime;

use crate::arguments::call::LogFormat;
use crate::error::RunError;

/// Prints `error` to stderr, or requested help to stdout.
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
    error.exit_code()
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
    let event = LogEvent::new(Level::Error, "failed", chain(error));
    let hint = error.hint();
    let mut lines = vec![event.text()];
    lines.extend(hint.iter().map(|hint| format!("hint: {hint}")));
    let event = match hint {
        Some(hint) => event.with("hint", hint),
        None => event,
    };
    log_lines(&event, &lines);
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

/// Writes to stdout. A closed pipe is not an error.
pub(crate) fn print(bytes: &[u8]) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Logs an event on stderr. A closed stderr is not a failure.
pub(crate) fn log(event: &LogEvent) {
    output(&formatted(event));
}

/// Logs an event whose text has several lines, which scripts expect without any other line in between.
pub(crate) fn log_lines(event: &LogEvent, lines: &[String]) {
    match LOG.get() {
        Some(log) if log.format == LogFormat::Json => output(&formatted(event)),
        Some(_) | None => {
            let lines = lines.iter();
            let text: String = lines
                .map(|line| format!("{}{NAME}: {line}\n", prefix(event)))
                .collect();
            output(&text);
        }
    }
}

fn formatted(event: &LogEvent) -> String {
    let prefix = prefix(event);
    match LOG.get() {
        Some(log) if log.format == LogFormat::Json => {
            format!("{prefix}{}\n", event.json(OffsetDateTime::now_utc()))
        }
        Some(_) | None => format!("{prefix}{NAME}: {}\n", event.text()),
    }
}

/// The priority of a line, where systemd's journal reads it.
fn prefix(event: &LogEvent) -> String {
    match LOG.get() {
        Some(log) if log.is_journal => format!("<{}>", event.severity()),
        Some(_) | None => String::new(),
    }
}

fn output(text: &str) {
    match LOG.get() {
        None => write(text),
        Some(log) => log.writer.take(text.to_owned()),
    }
}

/// Starts the log of a long-running command. A thread writes it: a reader that stops reading must not
/// block renewals and requests.
pub(crate) fn start_log(format: LogFormat, is_journal: bool) -> io::Result<()> {
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
    let writer = Writer {
        sender,
        dropped: AtomicU64::new(0),
    };
    // It is called once.
    let _ = LOG.set(Log {
        format,
        is_journal,
        writer,
    });
    Ok(())
}

/// Waits until all messages are written, for 4 s at most.
pub(crate) fn flush() {
    if let Some(Log { writer, .. }) = LOG.get() {
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

/// The log of a long-running command.
struct Log {
    format: LogFormat,
    is_journal: bool,
    writer: Writer,
}

/// Hands lines to the thread that writes them.
struct Writer {
    sender: SyncSender<Message>,
    /// Lines that found no place.
    dropped: AtomicU64,
}

enum Message {
    Line(String),
    /// Answered when all earlier lines are written.
    Flush(mpsc::Sender<()>),
}

impl Writer {
    fn take(&self, line: String) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let reported = match dropped {
            0 => Ok(()),
            _ => self.send(formatted(
                &LogEvent::new(
                    Level::Warning,
                    "lines_dropped",
                    format!("dropped {dropped} line(s) of the log, whose reader was too slow"),
                )
                .with("count", dropped),
            )),
        };
        if reported.and_then(|()| self.send(line)).is_err() {
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

/// One for the process, as stderr is.
static LOG: OnceLock<Log> = OnceLock::new();

const LINES_WAITING_MAX: usize = 1000;
/// A busy machine may let the thread that writes wait for more than a second, and the error would be lost.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(4);

/// The prefix of every message.
pub(crate) const NAME: &str = "aws_signing_helper";
