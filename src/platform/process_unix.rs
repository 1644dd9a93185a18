//! A long-running process and who started it, on Unix.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// Whoever started this process wants it to end: SIGTERM, or SIGINT from Ctrl-C.
#[derive(Debug)]
pub struct Termination {
    terminate: Signal,
    interrupt: Signal,
}

impl Termination {
    /// From now on the signals end nothing by themselves. Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one. Gives the exit code of a process that it ends, as shells count it.
    pub async fn wait(&mut self) -> i32 {
        poll_fn(|context| {
            if self.terminate.poll_recv(context).is_ready() {
                return Poll::Ready(128 + SignalKind::terminate().as_raw_value());
            }
            let interrupt = self.interrupt.poll_recv(context);
            interrupt.map(|_| 128 + SignalKind::interrupt().as_raw_value())
        })
        .await
    }
}

/// Tells systemd that what this process is for is there, if systemd wants to know: its library
/// reads `NOTIFY_SOCKET`.
pub fn tell_ready() {
    // Whoever is not listening does not miss it.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}
