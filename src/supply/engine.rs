//! The engine: waits, calls and takes note of what came of it, one call at a time.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Supply;
use super::credential_source::CredentialSource;
use crate::session::Effort;

impl<D: Clone> Supply<D> {
    /// Keeps the supply up for good; before [`Supply::settle`], until a failure that does not pass.
    pub async fn keep_up<S: CredentialSource>(&self, source: &mut S) -> S::Error {
        // The clients of a process that has just begun are waiting.
        let mut effort = match self.renewal().set {
            None => Effort::Start,
            Some(_) => Effort::Renewal,
        };
        loop {
            if source.look() {
                self.bring_forward();
            }
            let wait = self.state(self.now()).wait;
            if !wait.is_zero() {
                let _ = timeout(wait, self.due.notified()).await;
                continue;
            }
            let outcome = source.create_session(effort).await;
            effort = Effort::Renewal;
            let now = self.now();
            let outcome = outcome.and_then(|credentials| {
                let life = credentials.life(now)?;
                Ok((Arc::new(credentials), life))
            });
            match outcome {
                Ok((credentials, life)) => {
                    let mut renewal = self.renewal();
                    renewal.renewed(now, life, (self.jitter)());
                    source.keep(&credentials, &renewal);
                    self.hand_out(&credentials, renewal);
                    source.renewed(&credentials, &renewal);
                }
                Err(error) if !self.is_settled() && !source.is_passing(&error) => return error,
                Err(error) => {
                    let renewal = self.failed(source.class(&error), now);
                    source.failed(error, &renewal);
                }
            }
        }
    }
}

/// Runs [`Supply::keep_up`] on its own thread until the process ends, so that a slow signature or disk
/// does not block readers. The channel delivers its result.
pub fn start<D, S>(supply: Arc<Supply<D>>, mut source: S) -> io::Result<oneshot::Receiver<S::Error>>
where
    D: Clone + Send + 'static,
    S: CredentialSource + Send + 'static,
    S::Error: Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let (sender, receiver) = oneshot::channel();
    let keep_up = move || {
        let error = runtime.block_on(supply.keep_up(&mut source));
        runtime.shutdown_background();
        // The process may have ended.
        drop(sender.send(error));
    };
    thread::Builder::new().spawn(keep_up)?;
    Ok(receiver)
}
