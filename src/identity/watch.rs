//! [`Watch`]: takes note of the calls of keys in hardware, for `--debug`.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Takes a line for each key that is found and each call that is made. No line holds a secret. The default
/// drops them.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Note>>);

type Note = dyn Fn(String) + Send + Sync;

impl Watch {
    /// Passes each line to `note`.
    pub fn new(note: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(note)))
    }

    /// The line is made only if somebody takes it.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(note) = &self.0 {
            note(line());
        }
    }

    /// Makes a call, and takes note of its outcome and time.
    pub(crate) fn call<T, E>(
        &self,
        name: impl FnOnce() -> String,
        failure: impl FnOnce(&E) -> String,
        call: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = Instant::now();
        let outcome = call();
        self.note(|| {
            let after = begin.elapsed().as_secs_f64() * 1000.0;
            let outcome = outcome.as_ref();
            let said = outcome.map_or_else(failure, |_| "success".to_owned());
            format!("{}: {said} ({after:.3} ms)", name())
        });
        outcome
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
