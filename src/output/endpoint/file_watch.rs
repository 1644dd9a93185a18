//! [`FileWatch`]: a thread that looks at a file, so that a disk that hangs holds up no answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::supply::LOOK_APART;

/// Checks a file every [`LOOK_APART`], and at once for a waiting request, until it is dropped.
pub(super) struct FileWatch {
    wanted: SyncSender<()>,
    /// The number of the latest look that has begun.
    begun: Arc<AtomicU64>,
    /// The number of the latest look that is over.
    over: watch::Receiver<u64>,
}

impl FileWatch {
    /// `look` reads the file and takes note of what it holds.
    pub(super) fn start(look: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let (wanted, wants) = sync_channel(1);
        let begun = Arc::<AtomicU64>::default();
        let (looked, over) = watch::channel(0);
        let number = Arc::clone(&begun);
        thread::Builder::new().spawn(move || run(look, &wants, &number, &looked))?;
        Ok(Self {
            wanted,
            begun,
            over,
        })
    }

    /// Waits for a look that begins from now on, though no longer than [`WAIT_MAX`].
    pub(super) async fn look(&self) {
        let before = self.begun.load(Ordering::SeqCst);
        // One that is wanted already has not begun.
        let _ = self.wanted.try_send(());
        let mut over = self.over.clone();
        let looked = over.wait_for(|number| *number > before);
        // The request is judged by the last known content.
        let _ = timeout(WAIT_MAX, looked).await;
    }
}

fn run(mut look: impl FnMut(), wants: &Receiver<()>, begun: &AtomicU64, over: &watch::Sender<u64>) {
    loop {
        match wants.recv_timeout(IDLE_MAX) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
        look();
        over.send_replace(number);
        thread::sleep(LEAST_APART);
    }
}

/// With the pause behind it, looks are [`LOOK_APART`] apart.
const IDLE_MAX: Duration = LOOK_APART.saturating_sub(LEAST_APART);

/// Requests with guessed tokens cause no more work than this.
const LEAST_APART: Duration = Duration::from_secs(1);

/// SDKs wait little longer for an answer.
const WAIT_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn on_event_loop<T>(work: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn look_is_one_that_begins_afterwards() {
        let (looks, looked) = channel();
        let watch = FileWatch::start(move || looks.send(()).unwrap()).unwrap();
        on_event_loop(watch.look());
        assert_eq!(looked.try_iter().count(), 1);
        on_event_loop(watch.look());
        assert_eq!(looked.try_iter().count(), 1);
    }

    #[test]
    fn many_who_wait_share_a_look() {
        let (looks, looked) = channel();
        let watch = FileWatch::start(move || looks.send(()).unwrap()).unwrap();
        let watch = Arc::new(watch);
        on_event_loop(async {
            let wait = |watch: Arc<FileWatch>| async move { watch.look().await };
            let waiting: Vec<_> = (0..50)
                .map(|_| tokio::spawn(wait(Arc::clone(&watch))))
                .collect();
            for one in waiting {
                one.await.unwrap();
            }
        });
        // Requests that arrived during a check wait for the next one.
        assert!((1..=2).contains(&looked.try_iter().count()));
    }

    #[test]
    fn disk_that_hangs_ends_the_wait_alone() {
        let (release, held) = channel::<()>();
        let watch = FileWatch::start(move || {
            // Until it is released.
            let _ = held.recv();
        })
        .unwrap();
        on_event_loop(async {
            // The event loop runs on.
            assert!(
                timeout(Duration::from_millis(10), watch.look())
                    .await
                    .is_err()
            );
            watch.look().await;
        });
        drop(release);
    }
}
