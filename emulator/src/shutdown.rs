//! The request to end the program. It is listened for from the start, so that the program always
//! ends by dropping the emulator, which takes its file along.

use std::io;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

/// SIGTERM and SIGINT, or Ctrl-C where there are no signals.
pub(crate) struct Shutdown {
    runtime: Runtime,
    signals: Signals,
}

impl Shutdown {
    /// From now on, a request to end the program is kept for [`Shutdown::wait`].
    pub(crate) fn listen() -> io::Result<Shutdown> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _entered = runtime.enter();
            Signals::listen()?
        };
        Ok(Shutdown { runtime, signals })
    }

    /// Returns when the program is asked to end.
    pub(crate) fn wait(mut self) {
        self.runtime.block_on(self.signals.next());
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Signals {
            terminate,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let terminated = self.terminate.poll_recv(context);
            let interrupted = self.interrupt.poll_recv(context);
            if terminated.is_ready() {
                terminated
            } else {
                interrupted
            }
        })
        .await;
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
