//! The decision over `AssumeRole`: who calls, the role's settings and the parameters in, a session
//! or a refusal out.

use std::fmt;

use time::OffsetDateTime;

use crate::escaped::Escaped;
use crate::issued::IssuedSet;
use crate::parameter::Parameter;
use crate::parameters::Arn;
use crate::session_tag::Tag;
use crate::sts::assume_role::AssumeRole;
use crate::sts::chained_role::ChainedRole;
use crate::sts::refusal::StsRefusal;
use crate::sts::session::Session;

/// A role that was assumed. `Display` is for an operator, with what came from outside escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumedRole {
    /// The (fake) access key id that was issued.
    pub access_key_id: String,
    /// When the credentials expire.
    pub expiration: OffsetDateTime,
    /// For how long they were granted, faults aside.
    pub duration_seconds: u32,
    /// The parameters that were sent.
    pub parameters: AssumeRole,
    /// The tags of the session: those that were sent, behind the inherited ones.
    pub tags: Vec<Tag>,
    /// The source identity, which the caller had before.
    pub source_identity: Option<String>,
    /// Session policies and tags in percent of what is allowed.
    pub packed_policy_percent: usize,
}

impl fmt::Display for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AssumeRole {
            role_arn,
            role_session_name,
            external_id,
            policy,
            policy_arns,
            ..
        } = &self.parameters;
        write!(f, "role {} as {role_session_name}", Escaped(role_arn))?;
        if let Some(external_id) = external_id {
            write!(f, ", external id {}", Escaped(external_id))?;
        }
        if let Some(policy) = policy {
            write!(f, ", policy \"{}\"", Escaped(policy))?;
        }
        for arn in policy_arns {
            write!(f, ", policy {}", Escaped(arn))?;
        }
        for tag in &self.tags {
            write!(f, ", tag {}={}", Escaped(&tag.key), Escaped(&tag.value))?;
        }
        Ok(())
    }
}

/// A call of `AssumeRole` that is granted, until it is given its set.
pub(crate) struct Grant {
    pub(crate) duration_seconds: u32,
    caller: Session,
    role: Arn,
    parameters: AssumeRole,
    packed_policy_percent: usize,
}

impl Grant {
    /// Decides over verified parameters. `roles` are the ones that may be assumed; with none, all.
    pub(crate) fn new(
        caller: Session,
        parameters: AssumeRole,
        roles: &[ChainedRole],
    ) -> Result<Grant, StsRefusal> {
        let settings = chained_role(&caller, &parameters, roles)?;
        judge_tags(&caller, &parameters)?;
        judge_source_identity(&caller, &parameters)?;
        let maximum_seconds = settings.and_then(|role| role.duration_max_seconds);
        let sent = &parameters.role_arn;
        let role = Arn::of(Parameter::RoleArn, sent)
            .ok_or_else(|| StsRefusal::RoleArnMalformed { sent: sent.clone() })?;
        Ok(Grant {
            duration_seconds: duration(&parameters, maximum_seconds)?,
            packed_policy_percent: packed_policy_percent(&caller, &parameters)?,
            caller,
            role,
            parameters,
        })
    }

    /// The session with its set, and what is recorded of it.
    pub(crate) fn issue(self, set: IssuedSet) -> (Session, AssumedRole) {
        let (caller, parameters) = (self.caller, self.parameters);
        let is_transitive = |tag: &&Tag| {
            let mut keys = parameters.transitive_tag_keys.iter();
            keys.any(|key| tag.has_key(key))
        };
        let inherited = caller.transitive_tags.iter();
        let transitive = parameters.tags.iter().filter(is_transitive);
        let source_identity = caller
            .source_identity
            .or(parameters.source_identity.clone());
        let session = Session {
            set,
            role_name: self.role.role_name().to_owned(),
            partition: self.role.partition,
            account: self.role.account,
            role_session_name: parameters.role_session_name.clone(),
            source_identity: source_identity.clone(),
            transitive_tags: inherited.clone().chain(transitive).cloned().collect(),
        };
        let role = AssumedRole {
            access_key_id: set.access_key_id(),
            expiration: set.expiration,
            duration_seconds: self.duration_seconds,
            tags: inherited.chain(&parameters.tags).cloned().collect(),
            source_identity,
            packed_policy_percent: self.packed_policy_percent,
            parameters,
        };
        (session, role)
    }
}

/// The settings of the role, if there are any, once it has let the caller in.
fn chained_role<'a>(
    caller: &Session,
    parameters: &AssumeRole,
    roles: &'a [ChainedRole],
) -> Result<Option<&'a ChainedRole>, StsRefusal> {
    let denied = |reason| {
        Err(StsRefusal::AssumeRoleDenied {
            caller: caller.arn(),
            role_arn: parameters.role_arn.clone(),
            reason,
        })
    };
    if roles.is_empty() {
        return Ok(None);
    }
    let Some(role) = roles.iter().find(|role| role.arn == parameters.role_arn) else {
        return denied("there is no such role to chain to");
    };
    match (&role.external_id, &parameters.external_id) {
        (None, _) => Ok(Some(role)),
        (Some(expected), Some(sent)) if expected == sent => Ok(Some(role)),
        (Some(_), Some(_)) => denied("the external id is another one"),
        (Some(_), None) => denied("there is no external id"),
    }
}

fn judge_tags(caller: &Session, parameters: &AssumeRole) -> Result<(), StsRefusal> {
    let tags = &parameters.tags;
    for (index, tag) in tags.iter().enumerate() {
        let key = tag.key.clone();
        if tags.iter().take(index).any(|earlier| earlier.has_key(&key)) {
            return Err(StsRefusal::TagRepeated { key });
        }
        if caller
            .transitive_tags
            .iter()
            .any(|inherited| inherited.has_key(&key))
        {
            return Err(StsRefusal::TransitiveTagInherited { key });
        }
    }
    let is_unsent = |key: &&String| !tags.iter().any(|tag| tag.has_key(key));
    match parameters.transitive_tag_keys.iter().find(is_unsent) {
        Some(key) => Err(StsRefusal::TransitiveTagUnsent { key: key.clone() }),
        None => Ok(()),
    }
}

fn judge_source_identity(caller: &Session, parameters: &AssumeRole) -> Result<(), StsRefusal> {
    match (&parameters.source_identity, &caller.source_identity) {
        (Some(sent), Some(set)) if sent != set => Err(StsRefusal::SourceIdentityDiffers {
            sent: sent.clone(),
            set: set.clone(),
        }),
        _ => Ok(()),
    }
}

/// All who call have assumed a role already, so that the limit of role chaining is everyone's.
fn duration(parameters: &AssumeRole, maximum_seconds: Option<u32>) -> Result<u32, StsRefusal> {
    let maximum_seconds = maximum_seconds.unwrap_or(CHAINED_DURATION_SECONDS_MAX);
    let Some(seconds) = parameters.duration_seconds else {
        return Ok(maximum_seconds.min(CHAINED_DURATION_SECONDS_MAX));
    };
    if seconds > CHAINED_DURATION_SECONDS_MAX {
        return Err(StsRefusal::ChainedDurationTooLong { seconds });
    }
    if seconds > maximum_seconds {
        return Err(StsRefusal::DurationAboveRoleMaximum {
            seconds,
            maximum_seconds,
        });
    }
    Ok(seconds)
}

/// How the service packs policies and tags is not known: their bytes count here as they are.
fn packed_policy_percent(caller: &Session, parameters: &AssumeRole) -> Result<usize, StsRefusal> {
    let of_tag = |tag: &Tag| tag.key.len() + tag.value.len();
    let tags = caller.transitive_tags.iter().chain(&parameters.tags);
    let policy = parameters.policy.as_ref().map_or(0, String::len);
    let arns = parameters.policy_arns.iter().map(String::len);
    let bytes = policy + arns.sum::<usize>() + tags.map(of_tag).sum::<usize>();
    let percent = (bytes * 100).div_ceil(PACKED_BYTES_MAX);
    if percent > 100 {
        return Err(StsRefusal::PackedPolicyTooLarge {
            percent,
            has_policy: policy > 0 || !parameters.policy_arns.is_empty(),
        });
    }
    Ok(percent)
}

/// The longest session of a chained role, in seconds, and the default one, by the documentation of
/// AWS STS.
const CHAINED_DURATION_SECONDS_MAX: u32 = 3600;

/// The most bytes of session policies and tags, made up: twice the longest policy.
const PACKED_BYTES_MAX: usize = 4096;
