//! The flags of role chaining as a [`RoleChain`]. All that can be wrong with them is reported before any call.

use std::collections::HashSet;
use std::time::Instant;

use rolesanywhere::arn::RoleArn;
use rolesanywhere::environment::Environment;
use rolesanywhere::policy::session_tags::TagFault;
use rolesanywhere::policy::session_tags::value_fault;
use rolesanywhere::sts::assume_role::request::AssumeRoleRequest;
use rolesanywhere::sts::assume_role::request::is_role_session_name;
use rolesanywhere::text::ShownName;
use serde_json::Value;

use crate::arguments::role_chain::RoleChainFlags;
use crate::arguments::role_chain::is_inline_policy;
use crate::arguments::role_chain::without_mark;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::session::arn;

/// The roles to assume from a session of `base`, in order; empty without `--assume-role`.
pub(crate) fn roles(
    flags: RoleChainFlags,
    base: &RoleArn,
    environment: &Environment,
    begin: Instant,
) -> Result<Vec<AssumeRoleRequest>, RunError> {
    if flags.assume_role.is_empty() {
        return check_alone(&flags).map(|()| Vec::new());
    }
    let arns = flags.assume_role.into_iter();
    let mut roles: Vec<_> = arns
        .map(|text| role(text, base).map(AssumeRoleRequest::new))
        .collect::<Result<_, _>>()?;
    check_policy_arns(&flags.session_policy_arn)?;
    let policy = match flags.session_policy {
        Some(policy) => Some(session_policy(&policy, environment, begin)?),
        None => None,
    };
    let (inherited, own) = split(tags(&flags.tag)?, &flags.transitive_tag)?;
    if let Some(last) = roles.last_mut() {
        last.role_session_name = session_name(flags.assume_role_session_name)?;
        last.duration_seconds = duration(flags.assume_role_duration)?;
        last.external_id = external_id(flags.external_id)?;
        last.policy = policy;
        last.policy_arns = flags.session_policy_arn;
        last.tags = own;
    }
    if let Some(first) = roles.first_mut() {
        first.transitive_tag_keys = inherited.iter().map(|(key, _)| key.clone()).collect();
        first.tags.splice(..0, inherited);
    }
    Ok(roles)
}

fn role(text: String, base: &RoleArn) -> Result<RoleArn, RunError> {
    let role: RoleArn = arn("role arn", FLAG, Some(&text))?;
    if !role.is_role() {
        let name = ShownName::of(role.as_str()).to_string();
        let why =
            format!("{name} is not the arn of a role: arn:..:iam::ACCOUNT:role/NAME is expected");
        return Err(refused(FLAG, why));
    }
    match (role.partition(), base.partition()) {
        (one, other) if one == other => Ok(role),
        (one, other) => {
            let why = format!(
                "a role of {other:?} cannot assume one of {one:?}: these are two partitions"
            );
            Err(refused(FLAG, why))
        }
    }
}

/// Refuses flags that say how a role is assumed, where none is.
fn check_alone(flags: &RoleChainFlags) -> Result<(), RunError> {
    let is_given = Option::<String>::is_some;
    let given = [
        (
            "assume-role-session-name",
            is_given(&flags.assume_role_session_name),
        ),
        ("assume-role-duration", flags.assume_role_duration.is_some()),
        ("external-id", is_given(&flags.external_id)),
        ("session-policy", is_given(&flags.session_policy)),
        ("session-policy-arn", !flags.session_policy_arn.is_empty()),
        ("tag", !flags.tag.is_empty()),
        ("transitive-tag", !flags.transitive_tag.is_empty()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(RunError::Needs {
            flag,
            needed: "assume-role",
        }),
        None => Ok(()),
    }
}

fn duration(seconds: Option<i32>) -> Result<Option<i32>, RunError> {
    match seconds {
        Some(seconds) if seconds < SECONDS_MIN => Err(refused(
            "assume-role-duration",
            format!("a session lasts at least {SECONDS_MIN} s, not {seconds}"),
        )),
        Some(seconds) if seconds > CHAINED_SECONDS_MAX => Err(refused(
            "assume-role-duration",
            format!(
                "the session of a chained role lasts at most {CHAINED_SECONDS_MAX} s, not {seconds}"
            ),
        )),
        seconds => Ok(seconds),
    }
}

fn session_name(name: Option<String>) -> Result<Option<String>, RunError> {
    match &name {
        Some(text) if !is_role_session_name(text) => Err(refused(
            "assume-role-session-name",
            format!("{text:?} is not 2 to 64 letters, digits and _=,.@+-"),
        )),
        _ => Ok(name),
    }
}

/// By `ExternalId` of AssumeRole.
fn external_id(id: Option<String>) -> Result<Option<String>, RunError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    match &id {
        Some(text) if !(2..=1224).contains(&text.len()) || !text.chars().all(is_allowed) => {
            Err(refused(
                "external-id",
                format!("{text:?} is not 2 to 1224 letters, digits and _+=,.@:/-"),
            ))
        }
        _ => Ok(id),
    }
}

fn tags(flags: &[String]) -> Result<Vec<(String, String)>, RunError> {
    let parse = |tag: &String| match tag.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(refused("tag", format!("{tag:?} is not KEY=VALUE"))),
    };
    let tags: Vec<(String, String)> = flags.iter().map(parse).collect::<Result<_, _>>()?;
    if tags.len() > TAGS_MAX {
        let why = format!("there are {} tags, and STS takes {TAGS_MAX}", tags.len());
        return Err(refused("tag", why));
    }
    for (key, value) in &tags {
        let is_own = key.to_lowercase().starts_with("aws:");
        let characters = key.chars().count();
        let why = match value_fault(key).or_else(|| value_fault(value)) {
            _ if is_own => format!("the key {key:?} begins with aws:, as AWS's own do"),
            _ if characters > KEY_CHARACTERS_MAX => {
                format!("its key has {characters} characters, and STS takes {KEY_CHARACTERS_MAX}")
            }
            Some(TagFault::Character(character)) => {
                let tag = format!("{key}={value}");
                format!("{tag:?}: session tags refuse the character {character:?}")
            }
            Some(TagFault::TooLong(characters)) => {
                format!("the value of {key} has {characters} characters, and STS takes 256")
            }
            None => continue,
        };
        return Err(refused("tag", why));
    }
    let keys = tags.iter().map(|(key, _)| key.to_lowercase());
    let mut seen = HashSet::new();
    match keys.into_iter().find(|key| !seen.insert(key.clone())) {
        Some(key) => Err(refused("tag", format!("the key {key:?} is there twice"))),
        None => Ok(tags),
    }
}

type Tags = Vec<(String, String)>;

/// By `PolicyArns` of AssumeRole: policies of IAM.
fn check_policy_arns(arns: &[String]) -> Result<(), RunError> {
    let flag = "session-policy-arn";
    let is_policy = |arn: &&String| {
        let sections: Vec<&str> = arn.splitn(6, ':').collect();
        matches!(sections.as_slice(), ["arn", _, "iam", "", _, resource] if resource.starts_with("policy/"))
    };
    if let Some(arn) = arns.iter().find(|arn| !is_policy(arn)) {
        let name = ShownName::of(arn.as_str());
        let why = format!(
            "{name} is not the arn of a policy: arn:..:iam::ACCOUNT:policy/NAME is expected"
        );
        return Err(refused(flag, why));
    }
    match arns.len() {
        count if count > POLICY_ARNS_MAX => Err(refused(
            flag,
            format!("there are {count} policies, and STS takes {POLICY_ARNS_MAX}"),
        )),
        _ => Ok(()),
    }
}

/// The tags whose keys are transitive, and the others.
fn split(tags: Tags, transitive: &[String]) -> Result<(Tags, Tags), RunError> {
    let has_key = |key: &String| tags.iter().any(|(tag, _)| tag == key);
    if let Some(key) = transitive.iter().find(|key| !has_key(key)) {
        let why = format!("there is no --tag with the key {key:?}");
        return Err(refused("transitive-tag", why));
    }
    Ok(tags
        .into_iter()
        .partition(|(key, _)| transitive.contains(key)))
}

/// The text of a policy, without white space between its words: STS counts each character.
fn session_policy(
    value: &str,
    environment: &Environment,
    begin: Instant,
) -> Result<String, RunError> {
    let text = match is_inline_policy(value) {
        true => without_mark(value).to_owned(),
        false => {
            let bytes = Inputs::new(environment, begin).read("session-policy", value.into())?;
            match std::str::from_utf8(bytes.expose()) {
                Ok(text) => without_mark(text).to_owned(),
                Err(_) => return Err(refused_policy("it is not UTF-8".to_owned())),
            }
        }
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(_)) => {}
        Ok(_) => return Err(refused_policy("it is not a JSON object".to_owned())),
        Err(error) => return Err(refused_policy(format!("it is not JSON: {error}"))),
    }
    let text = without_space(&text);
    match text.chars().count() {
        count if count > POLICY_CHARACTERS_MAX => Err(refused_policy(format!(
            "it has {count} characters, and STS takes {POLICY_CHARACTERS_MAX}"
        ))),
        _ => Ok(text),
    }
}

/// JSON without white space outside of strings.
fn without_space(json: &str) -> String {
    let mut is_string = false;
    let mut is_escaped = false;
    json.chars()
        .filter(|character| {
            let is_kept = is_string || !character.is_ascii_whitespace();
            if *character == '"' && !is_escaped {
                is_string = !is_string;
            }
            is_escaped = is_string && *character == '\\' && !is_escaped;
            is_kept
        })
        .collect()
}

fn refused_policy(why: String) -> RunError {
    refused("session-policy", why)
}

fn refused(flag: &'static str, why: String) -> RunError {
    RunError::RoleChain { flag, why }
}

const FLAG: &str = "assume-role";

/// By `DurationSeconds` of AssumeRole.
const SECONDS_MIN: i32 = 900;

/// STS's limit for role chaining, whatever the role's own.
const CHAINED_SECONDS_MAX: i32 = 3600;

/// By `PolicyArns` of AssumeRole.
const POLICY_ARNS_MAX: usize = 10;

/// By `Tags` of AssumeRole.
const TAGS_MAX: usize = 50;

/// By `Key` of [Tag](https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html).
const KEY_CHARACTERS_MAX: usize = 128;

/// By `Policy` of AssumeRole.
const POLICY_CHARACTERS_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_outside_of_strings_only() {
        for (json, compact) in [
            ("{ \"a\" :\n\t[ 1, 2 ] }", "{\"a\":[1,2]}"),
            (
                r#"{ "a b": "c \" d\\" , "e": " " }"#,
                r#"{"a b":"c \" d\\","e":" "}"#,
            ),
        ] {
            assert_eq!(without_space(json), compact);
        }
    }
}
