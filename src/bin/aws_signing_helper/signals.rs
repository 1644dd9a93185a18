//! Ends the process on signals.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::process::Child;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::thread;

use rolesanywhere::platform;
use rolesanywhere::platform::EndingSignals;
use rolesanywhere::platform::Termination;
use tokio::runtime::Builder;

use crate::error::RunError;

/// Runs both until one of them ends, but `other` no further than to where it waits once `one` is over.
pub(crate) async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(value),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await
}

/// Runs `work` until it ends, or until a signal ends this process, which is success.
pub(crate) async fn until_signal(
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    let mut termination = Termination::listen().map_err(RunError::Runtime)?;
    IS_HANDLED.store(true, Ordering::Relaxed);
    let signal = async {
        termination.wait().await;
        Ok(())
    };
    first(signal, work).await
}

/// Starts the command. From now on signals go to it, and end this process only where it ends by them.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    IS_RELAYING.store(true, Ordering::Relaxed);
    platform::spawn(command)
}

/// Lets signals end this process if it is the first of its container. The kernel spares that one, unless
/// it listens.
pub(crate) fn end_as_first_process() -> io::Result<()> {
    match std::process::id() {
        1 => end_by_signals(),
        _ => Ok(()),
    }
}

/// From now on a thread ends this process by a signal, unless the command handles it, and sets the terminal
/// back before: a prompt has switched its echo off.
pub(crate) fn end_by_signals() -> io::Result<()> {
    if IS_LISTENING.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut ending = runtime.block_on(async { EndingSignals::listen() })?;
    let wait = move || {
        loop {
            let signal = runtime.block_on(ending.wait());
            let is_handled = signal.is_termination && IS_HANDLED.load(Ordering::Relaxed);
            if !is_handled && !IS_RELAYING.load(Ordering::Relaxed) {
                platform::restore_terminal();
                #[expect(clippy::exit, reason = "as the signal would, wherever the process is")]
                std::process::exit(signal.exit_code);
            }
        }
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// SIGTERM and SIGINT are handled by the command.
static IS_HANDLED: AtomicBool = AtomicBool::new(false);

/// All signals are those of a command.
static IS_RELAYING: AtomicBool = AtomicBool::new(false);

/// There is the thread.
static IS_LISTENING: AtomicBool = AtomicBool::new(false);
