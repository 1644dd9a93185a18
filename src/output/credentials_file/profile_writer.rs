//! [`ProfileWriter`]: a profile that is written whenever its supply has another set.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::TryLockError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Updated;
use super::error::CredentialsFileError;
use super::open;
use super::profile_name::ProfileName;
use super::write;
use crate::credentials::Credentials;
use crate::file::locked_file::Method;
use crate::supply::Supply;

/// A profile of the shared credentials file.
#[derive(Debug)]
pub struct ProfileWriter {
    path: PathBuf,
    method: Method,
    name: ProfileName,
    /// Held during a write, but not while the file's lock is waited for; whether none is to begin.
    writing: Arc<Mutex<bool>>,
}

/// Outcome of a write.
#[derive(Debug)]
pub enum WriteOutcome<'a> {
    /// The profile has these credentials.
    Done {
        /// The update, with its warnings.
        updated: Updated,
        /// The credentials.
        credentials: &'a Credentials,
        /// True if they are the first.
        is_first: bool,
    },
    /// They could not be written; another attempt follows.
    Failed(CredentialsFileError),
}

impl ProfileWriter {
    /// The profile `name` of the file `path`, which is written by this `method`.
    pub fn new(path: PathBuf, method: Method, name: ProfileName) -> Self {
        Self {
            path,
            method,
            name,
            writing: Arc::default(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profile's name.
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// Writes each set of `supply`, for good. A write that fails is retried every 10 s, with the latest
    /// set; the first is not, and ends it. Writing happens off the event loop.
    pub async fn keep_written(
        &self,
        supply: &Supply<Arc<Credentials>>,
        observe: impl Fn(WriteOutcome<'_>),
    ) -> CredentialsFileError {
        let mut is_first = true;
        let (mut credentials, mut number) = supply.next(0).await;
        loop {
            let next = supply.next(number);
            let next = match self.write(&credentials).await {
                Ok(updated) => {
                    observe(WriteOutcome::Done {
                        updated,
                        credentials: &credentials,
                        is_first,
                    });
                    is_first = false;
                    Some(next.await)
                }
                Err(error) if is_first => return error,
                Err(error) => {
                    observe(WriteOutcome::Failed(error));
                    timeout(WRITE_AGAIN, next).await.ok()
                }
            };
            if let Some(next) = next {
                (credentials, number) = next;
            }
        }
    }

    /// Waits for a write that is under way, if any, for a second at most; no other begins. A write that
    /// still waits for the file's lock is not waited for.
    pub fn finish(&self) {
        let begin = Instant::now();
        loop {
            match self.writing.try_lock() {
                Err(TryLockError::WouldBlock) if begin.elapsed() < FINISH_TIME_MAX => {
                    thread::sleep(FINISH_TIME_MAX / 100);
                }
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(poisoned)) => {
                    *poisoned.into_inner() = true;
                    return;
                }
                Ok(mut is_over) => {
                    *is_over = true;
                    return;
                }
            }
        }
    }

    async fn write(&self, credentials: &Arc<Credentials>) -> Result<Updated, CredentialsFileError> {
        let (path, method, name) = (self.path.clone(), self.method, self.name.clone());
        let (writing, credentials) = (Arc::clone(&self.writing), Arc::clone(credentials));
        let write = move || {
            let file = match open(&path, method) {
                Ok(file) => file,
                Err(error) => return Some(Err(error)),
            };
            let is_over = writing
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            (!*is_over).then(|| write(file, &name, &credentials))
        };
        match spawn_blocking(write).await {
            Ok(Some(written)) => written,
            // The process is about to end.
            Ok(None) => std::future::pending().await,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, including the receiver.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// Wait before a failed write is retried.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

const FINISH_TIME_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::runtime::Builder;
    use tokio::task::yield_now;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn no_write_begins_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let credentials = Arc::new(Credentials {
            access_key_id: "A".to_owned(),
            secret_access_key: Secret::new("S".to_owned()),
            session_token: Secret::new("T".to_owned()),
            expiration: String::new(),
            date: None,
            assumed_role_arn: None,
        });
        for is_finished in [true, false] {
            fs::write(&path, "").unwrap();
            let name = "a".parse().unwrap();
            let profile = Arc::new(ProfileWriter::new(path.clone(), Method::Replace, name));
            let runtime = Builder::new_current_thread().build().unwrap();
            let others = open(&path, Method::Replace).unwrap();
            let (writing, written) = (Arc::clone(&profile), Arc::clone(&credentials));
            let begun = runtime.spawn(async move { writing.write(&written).await.is_ok() });
            runtime.block_on(yield_now());
            if is_finished {
                profile.finish();
            }
            drop(others);
            if !is_finished {
                assert!(runtime.block_on(begun).unwrap());
            }
            runtime.shutdown_timeout(Duration::from_secs(60));
            assert_eq!(fs::read_to_string(&path).unwrap().is_empty(), is_finished);
        }
    }
}
