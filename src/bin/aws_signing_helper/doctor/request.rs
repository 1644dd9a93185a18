//! The checks of what is asked for.

use std::time::Instant;

use rolesanywhere::arn::Region;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::environment::Environment;
use rolesanywhere::sts::assume_role::request::AssumeRoleRequest;
use rolesanywhere::sts::assume_role::request::is_role_session_name;

use super::report::Report;
use crate::arguments::call::NetworkFlags;
use crate::arguments::call::SessionFlags;
use crate::arguments::role_chain::RoleChainFlags;
use crate::error::RunError;
use crate::report::chain;
use crate::role_chain;
use crate::session;
use crate::session::DURATION_SECONDS;

/// The flags of a request.
pub(super) struct Flags {
    pub(super) session: SessionFlags,
    pub(super) role_chain: RoleChainFlags,
    pub(super) network: NetworkFlags,
}

/// A request that can be made.
pub(super) struct Request {
    pub(super) create_session: CreateSessionRequest,
    pub(super) region: Region,
    pub(super) roles: Vec<AssumeRoleRequest>,
    pub(super) network: NetworkFlags,
    pub(super) sts_endpoint: Option<String>,
}

/// `None` if no request can be made.
pub(super) fn check(
    report: &mut Report,
    flags: Flags,
    environment: &Environment,
) -> Option<Request> {
    let request = arns(report, &flags.session);
    let region = match &request {
        Some(request) => region(report, request, &flags.network),
        None => {
            report.skip("region", BAD_ARN);
            None
        }
    };
    session_name(report, flags.session.role_session_name.as_deref());
    session_duration(report, session::duration_seconds(&flags.session));
    let sts_endpoint = flags.role_chain.sts_endpoint.clone();
    if request.is_none() && !flags.role_chain.assume_role.is_empty() {
        report.skip("role-chain", BAD_ARN);
    }
    let request = request?;
    let base = &request.role_arn;
    let roles = match role_chain::roles(flags.role_chain, base, environment, Instant::now()) {
        Ok(roles) if roles.is_empty() => Some(roles),
        Ok(roles) => {
            report.ok("role-chain", format!("{} to assume", roles.len()));
            Some(roles)
        }
        Err(error) => {
            report.fail("role-chain", chain(&error), error.hint().as_deref());
            None
        }
    };
    Some(Request {
        create_session: request,
        region: region?,
        roles: roles?,
        network: flags.network,
        sts_endpoint,
    })
}

/// Names each one that is wrong.
fn arns(report: &mut Report, flags: &SessionFlags) -> Option<CreateSessionRequest> {
    let check = "arns";
    let role = session::role_arn(flags);
    let faults = [
        session::trust_anchor_arn(flags).err(),
        session::profile_arn(flags).err(),
        role.and_then(|arn| session::role_name(&arn).map(drop))
            .err(),
    ];
    let faults: Vec<String> = faults.iter().flatten().map(|error| chain(error)).collect();
    match session::request(flags) {
        Ok(request) if faults.is_empty() => {
            let name = request.role_arn.role_name().unwrap_or_default();
            report.ok(check, format!("role {name}"));
            Some(request)
        }
        _ => {
            let advice = "copy the whole arn from the console";
            report.fail(check, faults.join("; "), Some(advice));
            None
        }
    }
}

fn region(
    report: &mut Report,
    request: &CreateSessionRequest,
    flags: &NetworkFlags,
) -> Option<Region> {
    match session::region(flags.region.as_deref(), request) {
        Ok(region) => {
            match request.trust_anchor_arn.region() {
                Some(own) if *own != region => {
                    let detail = format!(
                        "{} is not the trust anchor's, {}",
                        region.as_str(),
                        own.as_str()
                    );
                    report.fail("region", detail, Some("leave --region out"));
                }
                _ => report.ok("region", region.as_str()),
            }
            Some(region)
        }
        Err(error) => {
            let advice = match &error {
                RunError::RegionsDiffer { .. } => "use a profile of the trust anchor's region",
                _ => "correct --region",
            };
            report.fail("region", chain(&error), Some(advice));
            None
        }
    }
}

fn session_name(report: &mut Report, name: Option<&str>) {
    let check = "session-name";
    match name.filter(|name| !name.is_empty()) {
        None => report.ok(check, "the certificate's serial number"),
        Some(name) if is_role_session_name(name) => report.ok(check, name),
        Some(name) => report.fail(
            check,
            format!("{name:?} is not a session name"),
            Some("2 to 64 letters, digits and _=,.@+- are expected"),
        ),
    }
}

fn session_duration(report: &mut Report, seconds: i32) {
    let check = "session-duration";
    let detail = format!("{seconds} s");
    match DURATION_SECONDS.contains(&seconds) {
        true => report.ok(check, detail),
        false => report.fail(check, detail, Some("the service takes 900 to 43200")),
    }
}

const BAD_ARN: &str = "an arn is not valid";
