//! A long-running process and who started it, on Windows.

use std::io;

/// Whoever started this process wants it to end: Ctrl-C.
#[derive(Debug)]
pub struct Termination(());

impl Termination {
    /// Needs an event loop.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Until there is one.
    pub async fn wait(&mut self) {
        // Where it cannot be listened for, Ctrl-C ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Nobody here wants to know that this process is ready.
pub fn tell_ready() {}
