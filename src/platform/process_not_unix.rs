//! A long-running process and who started it, on Windows.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::windows::CtrlBreak;
use tokio::signal::windows::CtrlC;
use tokio::signal::windows::CtrlClose;
use tokio::signal::windows::CtrlShutdown;
use tokio::signal::windows::ctrl_break;
use tokio::signal::windows::ctrl_c;
use tokio::signal::windows::ctrl_close;
use tokio::signal::windows::ctrl_shutdown;

/// Whoever started this process wants it to end: Ctrl-C, Ctrl-Break, a console that is closed, or the
/// machine's end.
#[derive(Debug)]
pub struct Termination {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Termination {
    /// From now on none of them ends anything by itself. Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for one. Gives the exit code of a process that it ends.
    pub async fn wait(&mut self) -> i32 {
        poll_fn(|context| {
            let is_told = self.interrupt.poll_recv(context).is_ready()
                | self.terminate.poll_recv(context).is_ready()
                | self.close.poll_recv(context).is_ready()
                | self.shutdown.poll_recv(context).is_ready();
            match is_told {
                true => Poll::Ready(STATUS_CONTROL_C_EXIT),
                false => Poll::Pending,
            }
        })
        .await
    }
}

/// Nobody here wants to know that this process is ready.
pub fn tell_ready() {}

/// `STATUS_CONTROL_C_EXIT`, 0xC000013A.
const STATUS_CONTROL_C_EXIT: i32 = -1_073_741_510;
