//! The checks of `doctor`, in the order of a call. What depends on a failed check is skipped, so that one cause
//! is one failure.

mod calls;
mod identity;
mod network;
mod report;
mod request;

use std::time::Duration;

use rolesanywhere::Identity;
use rolesanywhere::clock::Clock;
use rolesanywhere::environment::Environment;
use time::OffsetDateTime;

pub(crate) use self::identity::DAYS_LEFT_ADVISED;
pub(crate) use self::report::Report;
use crate::arguments::doctor::Doctor;
use crate::doctor::report::Status;

/// Makes all checks.
pub(crate) fn check(arguments: Doctor, environment: &Environment) -> Report {
    let mut report = Report::default();
    let now = Clock::System.now();
    let (flags, call) = (arguments.checks, arguments.call);
    let roles = call.role_chain.assume_role.len();
    let is_debug = arguments.debug.debug == Some(true);
    let found = identity::check(&mut report, (call.identity, is_debug), environment, now);
    let request = request::check(
        &mut report,
        request::Flags {
            session: call.session,
            role_chain: call.role_chain,
            network: call.network,
        },
        environment,
    );
    let network = network::Checks {
        found: found.as_ref(),
        request,
        roles,
        is_offline: flags.offline == Some(true),
        is_identity_asked: flags.identity == Some(true),
        is_debug,
    };
    network.run(&mut report, environment);
    if let Some(within) = flags.expires_within {
        expiry(
            &mut report,
            found.and_then(|found| found.identity).as_ref(),
            within,
            now,
        );
    }
    report
}

/// `--expires-within`: whether the certificate or one of its chain ends too soon.
fn expiry(report: &mut Report, identity: Option<&Identity>, within: Duration, now: OffsetDateTime) {
    let Some(identity) = identity else {
        return report.skip(report::EXPIRES_WITHIN, "the certificate was not read");
    };
    let (_, leaf) = identity.certificate().validity();
    let first = identity.not_after();
    let status = match first - now <= within {
        true => Status::Fail,
        false => Status::Ok,
    };
    let what = match first == leaf {
        true => "the certificate",
        false => "an intermediate",
    };
    let detail = format!("{what} ends at {}", report::rfc3339(first));
    report.add(report::EXPIRES_WITHIN, status, detail, Some("renew it"));
}
