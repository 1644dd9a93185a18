//! STS: `AssumeRole` and `GetCallerIdentity`, for requests that are signed with a set that was issued
//! here. Independent of faults, and of how requests are recorded.

mod assume_role;
mod chained_role;
mod form;
mod grant;
mod reason;
mod refusal;
mod session;
mod signature;
mod validation;
pub(crate) mod xml;

pub use assume_role::AssumeRole;
pub use chained_role::ChainedRole;
pub use chained_role::ChainedRoleError;
pub use grant::AssumedRole;
pub use refusal::StsRefusal;
pub use validation::Violation;

pub(crate) use grant::Grant;
pub(crate) use session::Session;
pub(crate) use session::Sessions;

use time::OffsetDateTime;

use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::sts::form::Form;

/// What a verified request asks of STS.
pub(crate) enum Verified {
    /// `GetCallerIdentity`
    Identity(Session),
    /// `AssumeRole`
    Role {
        caller: Session,
        parameters: Box<AssumeRole>,
    },
}

/// True if the request is for STS: the path is `/`, perhaps behind that of an endpoint.
pub(crate) fn is_for_sts(request: &ReceivedRequest) -> bool {
    request.path().ends_with('/') && !request.path().ends_with("/sessions/")
}

/// Verifies a request for STS: the action, then the signature, then the parameters.
pub(crate) fn verify(
    request: &ReceivedRequest,
    sessions: &Sessions,
    now: OffsetDateTime,
) -> Result<Verified, StsRefusal> {
    if request.method != "POST" && request.method != "GET" {
        let method = request.method.clone();
        return Err(StsRefusal::Request(Refusal::MethodNotAllowed { method }));
    }
    let form = Form::of(request)?;
    let version = form.value("Version").unwrap_or_default();
    let action = form.value("Action").ok_or(StsRefusal::ActionMissing)?;
    if version != VERSION || !ACTIONS.contains(&action) {
        return Err(StsRefusal::ActionUnknown {
            action: action.to_owned(),
            version: version.to_owned(),
        });
    }
    let caller = signature::verify(request, sessions, now)?;
    if action == GET_CALLER_IDENTITY {
        return Ok(Verified::Identity(caller));
    }
    let parameters = Box::new(AssumeRole::read(&form)?);
    Ok(Verified::Role { caller, parameters })
}

/// The access key id that a request is signed with, if that is true.
pub(crate) fn claimed_access_key_id(request: &ReceivedRequest) -> Option<String> {
    signature::claimed_access_key_id(request)
}

const VERSION: &str = "2011-06-15";
const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";
const ACTIONS: [&str; 2] = ["AssumeRole", GET_CALLER_IDENTITY];
