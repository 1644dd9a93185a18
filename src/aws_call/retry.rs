//! The number of attempts and the waits between them, by the AWS SDKs' standard mode.

use std::fmt;
use std::time::Duration;

use crate::environment::Environment;

/// Reads the number of attempts: `AWS_MAX_ATTEMPTS`, else three. `AWS_RETRY_MODE` has to
/// be one that AWS knows, and all of them are the same here.
pub fn attempts_max(environment: &Environment) -> Result<u32, RetryVariableError> {
    if let Some(mode) = environment.text("AWS_RETRY_MODE")
        && !RETRY_MODES.contains(&mode.to_ascii_lowercase().as_str())
    {
        return Err(RetryVariableError::Mode);
    }
    match environment.text("AWS_MAX_ATTEMPTS") {
        None => Ok(ATTEMPTS_MAX),
        Some(text) => match text.parse::<u64>() {
            // In the AWS SDK for Go, too, nought means that nothing was chosen.
            Ok(0) => Ok(ATTEMPTS_MAX),
            Ok(count) => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
            Err(_) => Err(RetryVariableError::MaxAttempts),
        },
    }
}

/// The wait after attempt number `attempt`: exponential with full jitter, up to 1 s, 2 s, 4 s, ...
/// `jitter` of it, from 0 to 1, is waited; one that is not a number counts as all of it.
pub(crate) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let longest = BACKOFF_BASE
        .saturating_mul(2_u32.saturating_pow(attempt - 1))
        .min(BACKOFF_MAX);
    match jitter.is_nan() {
        true => longest,
        false => longest.mul_f64(jitter.clamp(0.0, 1.0)),
    }
}

/// A variable that steers attempts holds something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryVariableError {
    /// `AWS_MAX_ATTEMPTS` is not a number.
    MaxAttempts,
    /// `AWS_RETRY_MODE` is not a known mode.
    Mode,
}

impl fmt::Display for RetryVariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxAttempts => "environment variable AWS_MAX_ATTEMPTS must be a number",
            Self::Mode => {
                "environment variable AWS_RETRY_MODE must be standard, adaptive or legacy"
            }
        })
    }
}

impl std::error::Error for RetryVariableError {}

/// The AWS SDKs' default.
const ATTEMPTS_MAX: u32 = 3;

const RETRY_MODES: &[&str] = &["standard", "adaptive", "legacy"];

const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_20_seconds() {
        let longest = |attempt| backoff(attempt, 1.0).as_secs();
        assert_eq!(
            [1, 2, 3, 5, 6, 7, 1000].map(longest),
            [1, 2, 4, 16, 20, 20, 20]
        );
        assert_eq!(backoff(2, 0.5), Duration::from_secs(1));
        assert_eq!(backoff(2, f64::NAN), Duration::from_secs(2));
        assert_eq!(backoff(2, -1.0), Duration::ZERO);
    }

    #[test]
    fn variables_of_the_sdks_steer_the_attempts() {
        let attempts = |name: &str, value: &str| {
            attempts_max(&[(name, value)].into_iter().collect::<Environment>())
        };
        assert_eq!(attempts("AWS_MAX_ATTEMPTS", "5"), Ok(5));
        assert_eq!(attempts("AWS_MAX_ATTEMPTS", "0"), Ok(3));
        assert_eq!(attempts("AWS_MAX_ATTEMPTS", "99999999999"), Ok(u32::MAX));
        assert_eq!(
            attempts("AWS_MAX_ATTEMPTS", "-1"),
            Err(RetryVariableError::MaxAttempts)
        );
        assert_eq!(attempts("AWS_RETRY_MODE", "Adaptive"), Ok(3));
        assert_eq!(attempts("AWS_RETRY_MODE", "legacy"), Ok(3));
        assert_eq!(
            attempts("AWS_RETRY_MODE", "nonsense"),
            Err(RetryVariableError::Mode)
        );
    }
}
