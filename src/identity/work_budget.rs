//! [`WorkBudget`]: what one opening of an identity may still cost.
//!
//! A file decides how often a password is hashed and how many signatures there are to check. The cost
//! of each is drawn before it is done, so that no file keeps the machine busy.

/// Time that may still be spent, estimated for a processor of today.
#[derive(Debug, Clone)]
pub struct WorkBudget {
    nanoseconds_left: u64,
}

impl WorkBudget {
    /// As much as one identity may cost.
    pub fn new() -> Self {
        Self {
            nanoseconds_left: NANOSECONDS_MAX,
        }
    }

    /// Takes off `nanoseconds`; `false`, and nothing is taken off, where less is left.
    pub(super) fn spend(&mut self, nanoseconds: u64) -> bool {
        match self.nanoseconds_left.checked_sub(nanoseconds) {
            Some(left) => {
                self.nanoseconds_left = left;
                true
            }
            None => false,
        }
    }
}

impl Default for WorkBudget {
    fn default() -> Self {
        Self::new()
    }
}

/// A file with one key takes 2 ms from OpenSSL, 0.3 s from NSS and up to 0.5 s from GnuTLS.
const NANOSECONDS_MAX: u64 = 1_500_000_000;
