//! [`verdict`]: whether a role's trust policy lets a certificate in, as far as that can be said without AWS.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::condition::TrustRequest;
use super::condition::Truth;
use super::condition::judge;
use super::pattern::matches;
use super::read::Effect;
use super::read::OneOrMany;
use super::read::ReadPolicy;
use super::read::ReadStatement;
use super::read::Scalar;
use super::trust_policy::ACTIONS;
use super::trust_policy::SERVICE;

/// The answer of a trust policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// What stands in the way, one line each; none if nothing does.
    pub reasons: Vec<String>,
}

/// The outcome for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The role can be assumed.
    LetIn,
    /// It cannot.
    Refused,
    /// It depends on what is not known here.
    Unknown,
}

/// Judges a trust policy, given as JSON.
pub fn verdict(policy: &[u8], request: TrustRequest<'_>) -> Result<Verdict, PolicyError> {
    if policy.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::TooLong);
    }
    // Editors of Windows put a byte order mark in front.
    let policy = policy.strip_prefix(b"\xef\xbb\xbf").unwrap_or(policy);
    let policy: ReadPolicy = serde_json::from_slice(policy).map_err(PolicyError::Malformed)?;
    let statements = policy.statement.as_slice().iter().enumerate();
    let statements: Vec<Judged> = statements
        .map(|(index, statement)| judge_statement(index + 1, statement, request))
        .collect();
    let faults = request.tags.iter().filter_map(|tag| {
        let fault = tag.fault()?;
        Some(format!("{}: {fault}", tag.name))
    });
    let mut reasons: Vec<String> = faults.collect();
    let per_action = ACTIONS.map(|action| outcome(action, &statements));
    let outcome = match per_action {
        _ if !reasons.is_empty() => Outcome::Refused,
        outcomes if outcomes.contains(&Outcome::Refused) => Outcome::Refused,
        outcomes if outcomes.contains(&Outcome::Unknown) => Outcome::Unknown,
        _ => Outcome::LetIn,
    };
    if outcome != Outcome::LetIn {
        reasons.extend(statements.iter().flat_map(|it| it.reasons.clone()));
        reasons.extend(missing(&statements));
    }
    Ok(Verdict { outcome, reasons })
}

/// The actions that no statement is about.
fn missing(statements: &[Judged]) -> impl Iterator<Item = String> {
    let missing = ACTIONS.into_iter().filter(|action| {
        let allows = |judged: &Judged| judged.effect == Effect::Allow && judged.names(action);
        !statements.iter().any(allows)
    });
    missing.map(|action| format!("no statement allows {action} to {SERVICE}"))
}

/// The outcome for one action: a denial wins over all else.
fn outcome(action: &str, statements: &[Judged]) -> Outcome {
    let is = |effect: Effect, truth: Truth| {
        let mut of_action = statements.iter().filter(|judged| judged.effect == effect);
        of_action.any(|judged| judged.names(action) && judged.conditions == truth)
    };
    if is(Effect::Deny, Truth::Yes) {
        return Outcome::Refused;
    }
    match (
        is(Effect::Allow, Truth::Yes),
        is(Effect::Allow, Truth::Unknown),
    ) {
        (true, _) if !is(Effect::Deny, Truth::Unknown) => Outcome::LetIn,
        (false, false) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

/// A statement, applied to a request.
struct Judged {
    effect: Effect,
    /// The actions of the service that it is about, if it is about the service.
    actions: Vec<&'static str>,
    conditions: Truth,
    /// What keeps it from allowing, or makes it deny.
    reasons: Vec<String>,
}

impl Judged {
    fn names(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }
}

fn judge_statement(number: usize, statement: &ReadStatement, request: TrustRequest<'_>) -> Judged {
    let effect = statement.effect;
    let principal = principal(statement);
    let mut judged = Judged {
        effect,
        actions: match principal {
            Truth::No => Vec::new(),
            Truth::Yes | Truth::Unknown => actions(statement),
        },
        conditions: Truth::Yes,
        reasons: Vec::new(),
    };
    if judged.actions.is_empty() {
        return judged;
    }
    if principal == Truth::Unknown || has_unknown_elements(statement) {
        judged.conditions = Truth::Unknown;
        let what = "its principal, its actions or its resource cannot be judged here";
        judged.reasons.push(format!("statement {number}: {what}"));
    }
    for (operator, keys) in &statement.condition {
        for (key, wanted) in keys {
            let wanted: Vec<String> = wanted.as_slice().iter().map(Scalar::text).collect();
            let condition = judge(operator, key, &wanted, request);
            judged.conditions = both(judged.conditions, condition.truth);
            if explains(effect, condition.truth) {
                let reason = condition.reason;
                judged.reasons.push(format!("statement {number}: {reason}"));
            }
        }
    }
    if effect == Effect::Deny {
        match judged.conditions {
            Truth::No => judged.reasons.clear(),
            Truth::Yes | Truth::Unknown => {
                let denies = format!("statement {number} denies");
                judged.reasons.insert(0, denies);
            }
        }
    }
    judged
}

/// A denial is explained by the conditions that it meets, an allowance by the others.
fn explains(effect: Effect, truth: Truth) -> bool {
    match truth {
        Truth::Yes => effect == Effect::Deny,
        Truth::No => effect == Effect::Allow,
        Truth::Unknown => true,
    }
}

fn both(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Truth::No, _) | (_, Truth::No) => Truth::No,
        (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
        (Truth::Yes, Truth::Yes) => Truth::Yes,
    }
}

/// Whether the statement is about the service. What is denied to everybody is denied to services too, which is
/// why such statements have exceptions for them; that they are allowed what everybody is, is not written down
/// ([`aws:PrincipalIsAWSService`](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalisawsservice)).
fn principal(statement: &ReadStatement) -> Truth {
    let names = |value: &Value| match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names
            .iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let is_everybody = |value: &Value| names(value).iter().any(|name| name == "*");
    let everybody = match statement.effect {
        Effect::Deny => Truth::Yes,
        Effect::Allow => Truth::Unknown,
    };
    match &statement.principal {
        Some(value @ Value::String(_)) if is_everybody(value) => everybody,
        Some(Value::Object(kinds)) => match kinds.get("Service").map(names) {
            Some(services) if services.iter().any(|it| it == SERVICE) => Truth::Yes,
            Some(services) if services.iter().any(|it| it == "*") => everybody,
            _ if kinds.get("AWS").is_some_and(is_everybody) => everybody,
            _ => Truth::No,
        },
        _ => Truth::Unknown,
    }
}

/// A trust policy has neither of these, so their meaning is not certain.
fn has_unknown_elements(statement: &ReadStatement) -> bool {
    statement.not_principal.is_some()
        || statement.not_action.is_some()
        || statement.resource.is_some()
        || statement.not_resource.is_some()
}

/// The actions among the three; with `NotAction`, it may be any.
fn actions(statement: &ReadStatement) -> Vec<&'static str> {
    let patterns = statement
        .action
        .as_ref()
        .map_or(&[][..], OneOrMany::as_slice);
    let is_named = |action: &&'static str| {
        let action = action.to_ascii_lowercase();
        let mut patterns = patterns.iter();
        patterns.any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
    };
    match statement.not_action {
        Some(_) => ACTIONS.to_vec(),
        None => ACTIONS.into_iter().filter(is_named).collect(),
    }
}

/// Text that is not a policy.
#[derive(Debug)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is longer than any trust policy.
    TooLong,
    /// It is not in IAM's JSON.
    Malformed(serde_json::Error),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "it has more than {POLICY_BYTES_MAX} bytes"),
            // Its message may hold a word of the file.
            Self::Malformed(error) => write!(
                f,
                "it is not a policy (line {}, column {})",
                error.line(),
                error.column()
            ),
        }
    }
}

impl Error for PolicyError {}

/// Eight times what IAM takes
/// ([quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)).
const POLICY_BYTES_MAX: usize = 64 * 1024;
