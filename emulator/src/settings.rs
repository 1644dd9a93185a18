//! The settings of an emulator. All are given at the start; nothing is read from the environment.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::fault::Fault;
use crate::profile::Profile;
use crate::record::RequestRecord;
use crate::sts::ChainedRole;

/// The settings of an [`Emulator`](crate::Emulator).
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The trust anchors, as DER certificates. With none, every chain is untrusted.
    pub trust_anchors: Vec<Vec<u8>>,
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// True if HTTPS is served, in place of HTTP.
    pub tls: bool,
    /// Faults, taken in order, one per request.
    pub faults: Vec<Fault>,
    /// ARNs of trust anchors (404) and profiles (403) that are not there.
    pub absent_arns: Vec<String>,
    /// True if a `roleSessionName` is refused, as by a profile with
    /// `acceptRoleSessionName=false`.
    pub refuse_role_session_name: bool,
    /// The profile's duration in seconds: the default, and the most that is granted.
    pub profile_duration_seconds: Option<u32>,
    /// The role's MaxSessionDuration in seconds: more than that is refused.
    pub role_max_duration_seconds: Option<u32>,
    /// The profiles, and no others; with none, there are all, with `profile_duration_seconds` and
    /// `refuse_role_session_name`.
    pub profiles: Vec<Profile>,
    /// Serial numbers of revoked certificates, in decimal.
    pub revoked_serial_numbers: Vec<String>,
    /// The quota of `CreateSession`, in calls per second; those above it are throttled, and take no
    /// fault. The service's is 10.
    pub quota_per_second: Option<u32>,
    /// The roles that may be chained to by STS; with none, all.
    pub chained_roles: Vec<ChainedRole>,
    /// The service's clock.
    pub clock: ServiceClock,
    /// Called with each request, before it is answered.
    pub on_request: Option<OnRequest>,
}

impl Settings {
    /// The settings of the profile with this ARN, if there is one.
    pub(crate) fn profile(&self, arn: &str) -> Option<Profile> {
        if self.absent_arns.iter().any(|absent| absent == arn) {
            return None;
        }
        if !self.profiles.is_empty() {
            return self
                .profiles
                .iter()
                .find(|profile| profile.arn == arn)
                .cloned();
        }
        Some(Profile {
            arn: arn.to_owned(),
            duration_seconds: self.profile_duration_seconds,
            accepts_role_session_name: !self.refuse_role_session_name,
            session_policy: None,
        })
    }
}

/// The service's clock.
#[derive(Debug, Clone, Copy, Default)]
pub enum ServiceClock {
    /// That of the system.
    #[default]
    System,
    /// One that stands still, for captured requests.
    Fixed(OffsetDateTime),
}

impl ServiceClock {
    pub(crate) fn now(self) -> OffsetDateTime {
        match self {
            ServiceClock::System => OffsetDateTime::now_utc(),
            ServiceClock::Fixed(now) => now,
        }
    }
}

/// A callback that is called with each request, on the emulator's thread. Answers wait for it.
#[derive(Clone)]
pub struct OnRequest(Arc<dyn Fn(&RequestRecord) + Send + Sync>);

impl OnRequest {
    /// Wraps a function.
    pub fn new(callback: impl Fn(&RequestRecord) + Send + Sync + 'static) -> OnRequest {
        OnRequest(Arc::new(callback))
    }

    pub(crate) fn call(&self, record: &RequestRecord) {
        (self.0)(record);
    }
}

impl fmt::Debug for OnRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRequest(..)")
    }
}
