//! [`Health`]: how the endpoint is, for probes and Prometheus. It hands out no credentials, so that it
//! may be reached from elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;

use super::path::Path;
use super::request::Request;
use super::response;
use super::response::Response;
use super::traffic::Traffic;
use crate::aws_call::FailureClass;
use crate::clock::Moment;
use crate::supply::Supply;

/// Probes and metrics.
#[derive(Debug)]
pub struct Health {
    /// The set.
    pub supply: Arc<Supply>,
    /// Renewal statistics.
    pub record: Arc<RenewalStats>,
    /// Operation.
    pub traffic: Arc<Traffic>,
}

/// Counts renewals and remembers the last failure.
#[derive(Debug)]
pub struct RenewalStats(Mutex<State>);

#[derive(Debug)]
struct State {
    renewals: u64,
    failures: BTreeMap<&'static str, u64>,
    last_error: Option<String>,
    /// From when to when the certificate in use is valid.
    validity: (OffsetDateTime, OffsetDateTime),
}

/// Why no client should be sent here.
#[derive(Debug, PartialEq, Eq)]
enum Unready {
    NoCredentials,
    CredentialsEnd { left: Duration },
    CertificateNotYet { not_before: OffsetDateTime },
    CertificateExpired { not_after: OffsetDateTime },
}

impl RenewalStats {
    /// Of a certificate that is valid from then to then.
    pub fn new(validity: (OffsetDateTime, OffsetDateTime)) -> Self {
        Self(Mutex::new(State {
            renewals: 0,
            failures: BTreeMap::new(),
            last_error: None,
            validity,
        }))
    }

    /// A call gave a set.
    pub fn renewed(&self) {
        let mut state = self.state();
        state.renewals += 1;
        state.last_error = None;
    }

    /// A call failed. `code` is the service's, or a word for what kept it from being reached.
    pub fn failed(&self, class: FailureClass, code: String) {
        let mut state = self.state();
        *state.failures.entry(name(class)).or_default() += 1;
        state.last_error = Some(code);
    }

    /// The certificate in use is another one, valid from then to then.
    pub fn certificate(&self, validity: (OffsetDateTime, OffsetDateTime)) {
        self.state().validity = validity;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Health {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        let path = Path::of(request.target);
        let is_known = ["healthz", "readyz", "metrics"]
            .iter()
            .any(|name| path.is(&[name]));
        if !is_known {
            return Response::not_found();
        }
        if request.method != "GET" {
            return Response::method_not_allowed("GET");
        }
        if path.is(&["metrics"]) {
            return Response {
                content_type: METRICS,
                ..Response::text(response::StatusCode::Ok, self.metrics(now))
            };
        }
        if path.is(&["healthz"]) {
            return Response::text(response::StatusCode::Ok, "ok\n");
        }
        match self.unready(now) {
            None => Response::text(response::StatusCode::Ok, "ready\n"),
            Some(unready) => Response::text(
                response::StatusCode::ServiceUnavailable,
                unready.to_string(),
            ),
        }
    }

    fn unready(&self, now: Moment) -> Option<Unready> {
        let left = self.supply.state(now).left;
        if left.is_zero() {
            return Some(Unready::NoCredentials);
        }
        if left <= LEFT_MIN {
            return Some(Unready::CredentialsEnd { left });
        }
        let (not_before, not_after) = self.record.state().validity;
        let service_time = self.supply.service_time(now);
        if service_time < not_before {
            Some(Unready::CertificateNotYet { not_before })
        } else if service_time > not_after {
            Some(Unready::CertificateExpired { not_after })
        } else {
            None
        }
    }

    fn metrics(&self, now: Moment) -> String {
        let standing = self.supply.state(now);
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register(
            "build",
            "The version of the helper",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let gauge = |value| {
            let gauge = Gauge::<i64>::default();
            gauge.set(value);
            gauge
        };
        registry.register(
            "credentials_expiry_seconds",
            "How long the credentials are valid from now on; 0 without any",
            gauge(seconds(standing.left)),
        );
        registry.register(
            "next_renewal_seconds",
            "How long until the next call of CreateSession",
            gauge(seconds(standing.wait)),
        );
        registry.register(
            "ready",
            "Whether credentials and certificate are valid, as /readyz says",
            gauge(i64::from(self.unready(now).is_none())),
        );
        {
            let state = self.record.state();
            let (_, not_after) = state.validity;
            registry.register(
                "certificate_expiry_seconds",
                "How long the certificate is valid from now on; negative once it has expired",
                gauge((not_after - self.supply.service_time(now)).whole_seconds()),
            );
            let renewals = Family::<[(&'static str, &'static str); 1], Counter>::default();
            renewals
                .get_or_create(&[("result", "success")])
                .inc_by(state.renewals);
            for class in SETBACKS {
                let count = state.failures.get(name(class)).copied();
                renewals
                    .get_or_create(&[("result", name(class))])
                    .inc_by(count.unwrap_or(0));
            }
            registry.register(
                "renewals",
                "Calls of CreateSession by what became of them",
                renewals,
            );
            let last_error = Family::<[(&'static str, String); 1], Gauge>::default();
            if let Some(code) = &state.last_error {
                last_error.get_or_create(&[("code", code.clone())]).set(1);
            }
            registry.register(
                "last_error",
                "What the latest call failed with, 1 until one succeeds",
                last_error,
            );
        }
        let requests = Family::<[(&'static str, String); 2], Counter>::default();
        for (route, status, count) in self.traffic.counts() {
            let labels = [
                ("route", route.name().to_owned()),
                ("status", status.code().to_string()),
            ];
            requests.get_or_create(&labels).inc_by(count);
        }
        registry.register(
            "requests",
            "Requests by what for and what was answered",
            requests,
        );
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

impl std::fmt::Display for Unready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCredentials => writeln!(f, "there are no valid credentials"),
            Self::CredentialsEnd { left } => {
                writeln!(f, "the credentials expire in {} s", left.as_secs())
            }
            Self::CertificateNotYet { not_before } => {
                writeln!(f, "the certificate is not valid before {not_before}")
            }
            Self::CertificateExpired { not_after } => {
                writeln!(f, "the certificate expired at {not_after}")
            }
        }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Label of a result.
fn name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Throttled => "throttled",
        FailureClass::NoConnection => "no_connection",
        FailureClass::Refused => "refused",
        FailureClass::Outage | FailureClass::Ours => "other",
    }
}

/// So that each is there before it has happened.
const SETBACKS: [FailureClass; 4] = [
    FailureClass::Throttled,
    FailureClass::NoConnection,
    FailureClass::Refused,
    FailureClass::Outage,
];

const PREFIX: &str = "aws_signing_helper";

/// Prometheus takes it as it takes its own format.
///
/// Source: [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Java and JavaScript SDKs ask for new ones below that.
const LEFT_MIN: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::clock::Clock;
    use crate::credentials::Credentials;
    use crate::credentials::Renewal;
    use crate::output::endpoint::document;
    use crate::secret::Secret;

    const RECEIVED: Moment = Moment {
        wall: datetime!(2030-01-01 12:00 UTC),
        boot: Duration::from_secs(5000),
    };
    const HOUR: Duration = Duration::from_secs(3600);

    /// With a set that the service made at `date` by its clock, and a certificate valid from
    /// `not_before` on for a day.
    fn status(date: Option<OffsetDateTime>, not_before: OffsetDateTime) -> Health {
        let supply = Supply::new(
            Clock::Fixed(RECEIVED.wall),
            || 0.5,
            |credentials, _| Arc::new(document::container(credentials, "arn")),
        );
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: Secret::new("token".to_owned()),
            expiration: "2030-01-01T18:00:00Z".to_owned(),
            date,
            assumed_role_arn: None,
        };
        let mut renewal = Renewal::default();
        renewal.renewed(RECEIVED, HOUR, 0.5);
        supply.begin_with(credentials, renewal);
        Health {
            supply: Arc::new(supply),
            record: Arc::new(RenewalStats::new((not_before, not_before + 24 * HOUR))),
            traffic: Arc::default(),
        }
    }

    #[test]
    fn certificate_is_judged_by_the_time_of_the_service() {
        let behind = Some(RECEIVED.wall + 2 * HOUR);
        let ahead = Some(RECEIVED.wall - 2 * HOUR);
        let later = RECEIVED.wall + HOUR;
        let earlier = RECEIVED.wall - 25 * HOUR;
        assert_eq!(status(behind, later).unready(RECEIVED), None);
        assert_eq!(status(ahead, earlier).unready(RECEIVED), None);
        for (status, unready) in [
            (
                status(None, later),
                Unready::CertificateNotYet { not_before: later },
            ),
            (
                status(ahead, RECEIVED.wall),
                Unready::CertificateNotYet {
                    not_before: RECEIVED.wall,
                },
            ),
            (
                status(behind, earlier),
                Unready::CertificateExpired {
                    not_after: RECEIVED.wall - HOUR,
                },
            ),
        ] {
            assert_eq!(status.unready(RECEIVED), Some(unready));
        }
    }

    #[test]
    fn certificate_expires_while_the_machine_runs() {
        let date = RECEIVED.wall;
        let status = status(Some(date), date - 24 * HOUR + HOUR / 2);
        let after = |elapsed| Moment {
            // A wall clock that was set back changes nothing.
            wall: RECEIVED.wall - HOUR,
            boot: RECEIVED.boot + elapsed,
        };
        assert_eq!(status.unready(after(HOUR / 4)), None);
        let expired = status.unready(after(HOUR * 3 / 4));
        assert!(matches!(expired, Some(Unready::CertificateExpired { .. })));
    }

    #[test]
    fn readiness_agrees_with_what_the_endpoint_hands_out() {
        let status = status(None, RECEIVED.wall - HOUR);
        for (wall_ahead, elapsed) in [(0, 0), (48, 0), (0, 59), (0, 61), (48, 61)] {
            let now = Moment {
                wall: RECEIVED.wall + HOUR * wall_ahead,
                boot: RECEIVED.boot + Duration::from_secs(60 * elapsed),
            };
            let has_document = status.supply.document(now).is_some();
            let is_without = status.unready(now) == Some(Unready::NoCredentials);
            assert_eq!(has_document, !is_without, "{now:?}");
        }
    }
}
