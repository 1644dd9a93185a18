//! A long-running process and its supervisor, on Unix.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::task::Poll;

use listenfd::ListenFd;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// Requests to end: SIGTERM, or SIGINT from Ctrl-C.
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

    /// Waits for one.
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

/// The signals that end a process which does not handle them, and that a shell or a terminal sends.
#[derive(Debug)]
pub struct EndingSignals([(SignalKind, Signal); 4]);

/// A signal that came.
#[derive(Debug, Clone, Copy)]
pub struct EndingSignal {
    /// The exit code of a process that it ends, as shells count it.
    pub exit_code: i32,
    /// True if it is one of those of [`Termination`].
    pub is_termination: bool,
}

impl EndingSignals {
    /// From now on they end nothing by themselves. Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        let listen = |kind| Ok::<_, io::Error>((kind, signal(kind)?));
        Ok(Self([
            listen(SignalKind::terminate())?,
            listen(SignalKind::interrupt())?,
            listen(SignalKind::hangup())?,
            listen(SignalKind::quit())?,
        ]))
    }

    /// Waits for one.
    pub async fn wait(&mut self) -> EndingSignal {
        poll_fn(|context| {
            let came = self
                .0
                .iter_mut()
                .find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
            came.map_or(Poll::Pending, |kind| {
                let terminations = [SignalKind::terminate(), SignalKind::interrupt()];
                Poll::Ready(EndingSignal {
                    exit_code: 128 + kind.as_raw_value(),
                    is_termination: terminations.contains(&kind),
                })
            })
        })
        .await
    }
}

/// Sockets that the parent process passed on (systemd's socket activation).
pub fn inherited_listeners() -> io::Result<Vec<TcpListener>> {
    let mut inherited = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..inherited.len() {
        listeners.extend(inherited.take_tcp_listener(index)?);
    }
    Ok(listeners)
}

/// Notifies systemd that the service is ready, if it is of `Type=notify`: its library
/// reads `NOTIFY_SOCKET`.
pub fn tell_ready() {
    // A missing listener is not an error.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}
