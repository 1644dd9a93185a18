//! A long-running process and its supervisor, on Windows.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::task::Poll;

use tokio::signal::windows::CtrlBreak;
use tokio::signal::windows::CtrlC;
use tokio::signal::windows::CtrlClose;
use tokio::signal::windows::CtrlShutdown;
use tokio::signal::windows::ctrl_break;
use tokio::signal::windows::ctrl_c;
use tokio::signal::windows::ctrl_close;
use tokio::signal::windows::ctrl_shutdown;

/// Requests to end: Ctrl-C, Ctrl-Break, a closed console, or shutdown.
#[derive(Debug)]
pub struct Termination {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Termination {
    /// Catches them from now on. Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for one.
    pub async fn wait(&mut self) {
        poll_fn(|context| {
            let is_told = self.interrupt.poll_recv(context).is_ready()
                | self.terminate.poll_recv(context).is_ready()
                | self.close.poll_recv(context).is_ready()
                | self.shutdown.poll_recv(context).is_ready();
            match is_told {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await
    }
}

/// Windows has no socket activation.
pub fn inherited_listeners() -> io::Result<Vec<TcpListener>> {
    Ok(Vec::new())
}

/// Windows has no readiness notification.
pub fn tell_ready() {}

/// The same events, for a process that does not handle them.
#[derive(Debug)]
pub struct EndingSignals(Termination);

/// An event that came.
#[derive(Debug, Clone, Copy)]
pub struct EndingSignal {
    /// The exit code of a process that it ends.
    pub exit_code: i32,
    /// True if it is one of those of [`Termination`].
    pub is_termination: bool,
}

impl EndingSignals {
    /// Catches them from now on. Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        Termination::listen().map(Self)
    }

    /// Waits for one.
    pub async fn wait(&mut self) -> EndingSignal {
        self.0.wait().await;
        EndingSignal {
            exit_code: STATUS_CONTROL_C_EXIT,
            is_termination: true,
        }
    }
}

/// `STATUS_CONTROL_C_EXIT`, 0xC000013A.
const STATUS_CONTROL_C_EXIT: i32 = -1_073_741_510;
