//! `--profile`: the settings of a profile, and a file with its session policy.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use rolesanywhere_emulator::Profile;
use rolesanywhere_emulator::ProfileError;

/// `ARN[,duration=SECONDS][,accept-session-name][,session-policy=FILE]`
#[derive(Debug, Clone)]
pub(crate) struct ProfileArgument {
    profile: Profile,
    session_policy: Option<PathBuf>,
}

impl FromStr for ProfileArgument {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<ProfileArgument, ProfileError> {
        let is_file = |part: &&str| part.starts_with(SESSION_POLICY);
        let (files, settings): (Vec<&str>, Vec<&str>) = text.split(',').partition(is_file);
        let file = files
            .last()
            .and_then(|part| part.strip_prefix(SESSION_POLICY));
        Ok(ProfileArgument {
            profile: settings.join(",").parse()?,
            session_policy: file.map(PathBuf::from),
        })
    }
}

impl ProfileArgument {
    /// Reads the session policy.
    pub(crate) fn read(self) -> Result<Profile, SessionPolicyError> {
        let Some(path) = self.session_policy else {
            return Ok(self.profile);
        };
        let mut policy = String::new();
        let read = File::open(&path)
            .and_then(|file| file.take(POLICY_BYTES_MAX).read_to_string(&mut policy));
        let profile = read
            .map_err(|source| Box::new(source) as Box<dyn Error>)
            .and_then(|_| Ok(self.profile.with_session_policy(policy)?));
        profile.map_err(|source| SessionPolicyError { path, source })
    }
}

/// A session policy that cannot be read.
#[derive(Debug)]
pub(crate) struct SessionPolicyError {
    path: PathBuf,
    source: Box<dyn Error>,
}

impl fmt::Display for SessionPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot read a session policy from {}",
            self.path.display()
        )
    }
}

impl Error for SessionPolicyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

const SESSION_POLICY: &str = "session-policy=";

/// The most bytes read of a session policy: more than the library accepts, so that the library
/// reports the excess.
const POLICY_BYTES_MAX: u64 = 64 * 1024;
