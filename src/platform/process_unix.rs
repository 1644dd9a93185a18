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

    /// Until there is one.
    pub async fn wait(&mut self) {
        poll_fn(|context| {
            let terminate = self.terminate.poll_recv(context);
            let interrupt = self.interrupt.poll_recv(context);
            match terminate.is_ready() || interrupt.is_ready() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// Tells systemd that what this process is for is there, if systemd wants to know.
pub fn tell_ready() {
    // Whoever is not listening does not miss it.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}
