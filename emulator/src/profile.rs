//! The settings of a profile.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::parameter::Parameter;
use crate::parameters::Arn;
use crate::parameters::DURATION_SECONDS_MAX;
use crate::parameters::DURATION_SECONDS_MIN;
use crate::session_policy;
use crate::session_policy::SESSION_POLICY_CHARACTERS_MAX;

/// The settings of a profile.
///
/// Parsed from `ARN[,duration=SECONDS][,accept-session-name]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The profile's ARN.
    pub arn: String,
    /// The duration in seconds: the default, and the most that is granted.
    pub duration_seconds: Option<u32>,
    /// True if a `roleSessionName` may be sent; the service's default is false.
    pub accepts_role_session_name: bool,
    /// The session policy that all sessions get.
    pub session_policy: Option<String>,
}

impl Profile {
    /// Adds a session policy, which is JSON.
    ///
    /// # Errors
    ///
    /// If it is longer than the service takes, or not a policy.
    pub fn with_session_policy(self, policy: String) -> Result<Profile, ProfileError> {
        if policy.chars().count() > SESSION_POLICY_CHARACTERS_MAX {
            return Err(ProfileError::PolicyTooLong {
                limit_characters: SESSION_POLICY_CHARACTERS_MAX,
            });
        }
        session_policy::judge(&policy)
            .map_err(|reason| ProfileError::PolicyMalformed { reason })?;
        Ok(Profile {
            session_policy: Some(policy),
            ..self
        })
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Profile, ProfileError> {
        let mut parts = text.split(',');
        let arn = parts.next().unwrap_or_default().to_owned();
        if Arn::of(Parameter::ProfileArn, &arn).is_none() {
            return Err(ProfileError::ArnMalformed { arn });
        }
        let mut profile = Profile {
            arn,
            duration_seconds: None,
            accepts_role_session_name: false,
            session_policy: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("duration", seconds)) => profile.duration_seconds = Some(duration(seconds)?),
                None if part == "accept-session-name" => profile.accepts_role_session_name = true,
                _ => {
                    let part = part.to_owned();
                    return Err(ProfileError::PartUnknown { part });
                }
            }
        }
        Ok(profile)
    }
}

fn duration(text: &str) -> Result<u32, ProfileError> {
    match text.parse() {
        Ok(seconds @ DURATION_SECONDS_MIN..=DURATION_SECONDS_MAX) => Ok(seconds),
        _ => Err(ProfileError::DurationInvalid {
            duration: text.to_owned(),
        }),
    }
}

/// Why something is not a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text does not begin with the ARN of a profile.
    ArnMalformed {
        /// The beginning.
        arn: String,
    },
    /// A part is not a setting.
    PartUnknown {
        /// The part.
        part: String,
    },
    /// The duration is not one of a session.
    DurationInvalid {
        /// The duration.
        duration: String,
    },
    /// The session policy is too long.
    PolicyTooLong {
        /// The limit in characters.
        limit_characters: usize,
    },
    /// The session policy is not a policy.
    PolicyMalformed {
        /// The fault.
        reason: &'static str,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileError::ArnMalformed { arn } => {
                write!(f, "\"{}\" is not the ARN of a profile", arn.escape_debug())
            }
            ProfileError::PartUnknown { part } => write!(
                f,
                "\"{}\" is not duration=SECONDS, accept-session-name or session-policy=FILE",
                part.escape_debug()
            ),
            ProfileError::DurationInvalid { duration } => {
                let duration = duration.escape_debug();
                write!(
                    f,
                    "the duration \"{duration}\" is not within 900 to 43200 seconds"
                )
            }
            ProfileError::PolicyTooLong { limit_characters } => {
                write!(
                    f,
                    "the session policy has more than {limit_characters} characters"
                )
            }
            ProfileError::PolicyMalformed { reason } => {
                write!(f, "not a session policy: {reason}")
            }
        }
    }
}

impl Error for ProfileError {}
