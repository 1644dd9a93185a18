//! Roles that may be chained to, with what their trust policy and settings ask for.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::parameter::Parameter;
use crate::parameters::Arn;

/// A role that may be chained to.
///
/// Parsed from `ARN[,external-id=ID][,duration-max=SECONDS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedRole {
    /// The role's ARN.
    pub arn: String,
    /// The external id that the trust policy asks for.
    pub external_id: Option<String>,
    /// The role's MaxSessionDuration in seconds.
    pub duration_max_seconds: Option<u32>,
}

impl FromStr for ChainedRole {
    type Err = ChainedRoleError;

    fn from_str(text: &str) -> Result<ChainedRole, ChainedRoleError> {
        let mut parts = text.split(',');
        let arn = parts.next().unwrap_or_default().to_owned();
        if Arn::of(Parameter::RoleArn, &arn).is_none() {
            return Err(ChainedRoleError::ArnMalformed { arn });
        }
        let mut role = ChainedRole {
            arn,
            external_id: None,
            duration_max_seconds: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("external-id", id)) if !id.is_empty() => {
                    role.external_id = Some(id.to_owned());
                }
                Some(("duration-max", seconds)) => {
                    role.duration_max_seconds = Some(whole_seconds(seconds)?);
                }
                _ => {
                    let part = part.to_owned();
                    return Err(ChainedRoleError::PartUnknown { part });
                }
            }
        }
        Ok(role)
    }
}

fn whole_seconds(text: &str) -> Result<u32, ChainedRoleError> {
    text.parse().map_err(|_| ChainedRoleError::DurationInvalid {
        duration: text.to_owned(),
    })
}

/// Why a text is not a role that may be chained to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainedRoleError {
    /// It does not begin with the ARN of a role.
    ArnMalformed {
        /// The beginning.
        arn: String,
    },
    /// A part is neither `external-id=ID` nor `duration-max=SECONDS`.
    PartUnknown {
        /// The part.
        part: String,
    },
    /// The duration is not a whole number of seconds.
    DurationInvalid {
        /// The duration.
        duration: String,
    },
}

impl fmt::Display for ChainedRoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainedRoleError::ArnMalformed { arn } => {
                write!(f, "\"{}\" is not the ARN of a role", arn.escape_debug())
            }
            ChainedRoleError::PartUnknown { part } => {
                let part = part.escape_debug();
                write!(
                    f,
                    "\"{part}\" is neither external-id=ID nor duration-max=SECONDS"
                )
            }
            ChainedRoleError::DurationInvalid { duration } => {
                let duration = duration.escape_debug();
                write!(
                    f,
                    "the duration \"{duration}\" is not a whole number of seconds"
                )
            }
        }
    }
}

impl Error for ChainedRoleError {}
