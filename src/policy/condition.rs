//! [`judge`]: one condition of a policy, against what IAM Roles Anywhere puts into its request
//! ([operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)).

use super::names::AnchorArn;
use super::pattern::matches;
use super::pattern::matches_arn;
use super::session_tags::SessionTag;
use super::session_tags::TagName;

/// The request of IAM Roles Anywhere to assume a role, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct TrustRequest<'a> {
    /// The tags of the session to be.
    pub tags: &'a [SessionTag],
    /// The trust anchor, if it is known.
    pub trust_anchor: Option<&'a AnchorArn>,
}

/// Truth, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Truth {
    fn from(is_true: bool) -> Self {
        match is_true {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

/// A condition's truth, and why it is not simply true.
pub(super) struct Judgement {
    pub(super) truth: Truth,
    pub(super) reason: String,
}

/// The value of a condition key in a request.
enum Context {
    Value(String),
    Absent,
    Unknown(&'static str),
}

/// Judges one operator on one key.
pub(super) fn judge(
    operator: &str,
    key: &str,
    wanted: &[String],
    request: TrustRequest<'_>,
) -> Judgement {
    let list = wanted.join("\" or \"");
    let context = context(key, request);
    let truth = match &context {
        Context::Unknown(_) => Truth::Unknown,
        Context::Absent => on_absent(operator, wanted),
        // A variable: its value is not known here.
        Context::Value(_) if wanted.iter().any(|text| text.contains("${")) => Truth::Unknown,
        Context::Value(value) => on_value(operator, value, wanted),
    };
    let seen = match context {
        Context::Unknown(why) => why.to_owned(),
        Context::Absent => "it is absent".to_owned(),
        Context::Value(value) => format!("it is \"{value}\""),
    };
    let known = match truth {
        Truth::Yes | Truth::No => "",
        Truth::Unknown => "; this cannot be judged here",
    };
    Judgement {
        truth,
        reason: format!("{operator} {key} \"{list}\": {seen}{known}"),
    }
}

fn context(key: &str, request: TrustRequest<'_>) -> Context {
    let lower = key.to_ascii_lowercase();
    let of_anchor = |of: fn(&AnchorArn) -> Option<&str>| match request.trust_anchor {
        Some(arn) => Context::Value(of(arn).unwrap_or_default().to_owned()),
        None => Context::Unknown("its value is known with --trust-anchor-arn only"),
    };
    match lower.as_str() {
        "aws:sourcearn" => of_anchor(|arn| Some(arn.as_str())),
        "aws:sourceaccount" => of_anchor(AnchorArn::account),
        _ => {
            let name = lower.strip_prefix("aws:principaltag/");
            match name.and_then(|name| name.parse::<TagName>().ok()) {
                Some(name) => request
                    .tags
                    .iter()
                    .find(|tag| tag.name == name)
                    .map_or(Context::Absent, |tag| Context::Value(tag.value.clone())),
                None => Context::Unknown("its value is not known"),
            }
        }
    }
}

/// A comparison of text, and whether its opposite is asked for.
struct Comparison {
    accepts: fn(&str, &str) -> bool,
    is_negated: bool,
}

/// Without the suffix `IfExists`.
fn comparison(operator: &str) -> Option<Comparison> {
    let same_letters = |wanted: &str, value: &str| wanted.to_lowercase() == value.to_lowercase();
    let (accepts, is_negated): (fn(&str, &str) -> bool, bool) = match operator {
        "StringEquals" => (|wanted, value| wanted == value, false),
        "StringNotEquals" => (|wanted, value| wanted == value, true),
        "StringEqualsIgnoreCase" => (same_letters, false),
        "StringNotEqualsIgnoreCase" => (same_letters, true),
        "StringLike" => (matches, false),
        "StringNotLike" => (matches, true),
        "ArnEquals" | "ArnLike" => (matches_arn, false),
        "ArnNotEquals" | "ArnNotLike" => (matches_arn, true),
        _ => return None,
    };
    Some(Comparison {
        accepts,
        is_negated,
    })
}

fn on_value(operator: &str, value: &str, wanted: &[String]) -> Truth {
    let plain = operator.strip_suffix(IF_EXISTS).unwrap_or(operator);
    match comparison(plain) {
        Some(comparison) => {
            let accepts = |wanted: &String| (comparison.accepts)(wanted, value);
            Truth::from(wanted.iter().any(accepts) != comparison.is_negated)
        }
        None if operator == NULL => is_null(wanted, false),
        None => Truth::Unknown,
    }
}

/// An absent key meets what is negated or says `IfExists`, and nothing else.
fn on_absent(operator: &str, wanted: &[String]) -> Truth {
    let plain = operator.strip_suffix(IF_EXISTS);
    match comparison(plain.unwrap_or(operator)) {
        Some(comparison) => Truth::from(plain.is_some() || comparison.is_negated),
        None if operator == NULL => is_null(wanted, true),
        None => Truth::Unknown,
    }
}

fn is_null(wanted: &[String], is_absent: bool) -> Truth {
    Truth::from(wanted.iter().any(|text| *text == is_absent.to_string()))
}

const IF_EXISTS: &str = "IfExists";
const NULL: &str = "Null";

#[cfg(test)]
mod tests {
    use super::*;

    /// The truth of a condition on a common name `Ci`.
    fn truth(operator: &str, key: &str, wanted: &[&str]) -> Truth {
        let arn = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a";
        let tag = SessionTag {
            name: TagName::common_name(),
            value: "Ci".to_owned(),
        };
        let request = TrustRequest {
            tags: &[tag],
            trust_anchor: Some(&arn.parse().unwrap()),
        };
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        judge(operator, key, &wanted, request).truth
    }

    #[test]
    fn operators_compare_as_iam_does() {
        let key = "aws:PrincipalTag/x509Subject/CN";
        for (operator, wanted, expected) in [
            ("StringEquals", &["ci", "Ci"][..], Truth::Yes),
            ("StringEquals", &["ci"], Truth::No),
            ("StringEquals", &["C*"], Truth::No),
            ("StringEqualsIgnoreCase", &["cI"], Truth::Yes),
            ("StringNotEquals", &["ci"], Truth::Yes),
            ("StringNotEquals", &["x", "Ci"], Truth::No),
            ("StringNotEqualsIgnoreCase", &["CI"], Truth::No),
            ("StringLike", &["C?"], Truth::Yes),
            ("StringLike", &["c*"], Truth::No),
            ("StringNotLike", &["C*"], Truth::No),
            ("StringEqualsIfExists", &["x"], Truth::No),
            ("Null", &["false"], Truth::Yes),
            ("Null", &["true"], Truth::No),
            ("StringEquals", &["${aws:username}"], Truth::Unknown),
            ("NumericEquals", &["1"], Truth::Unknown),
            ("ForAnyValue:StringEquals", &["Ci"], Truth::Unknown),
            ("ForAllValues:StringEquals", &["Ci"], Truth::Unknown),
        ] {
            assert_eq!(
                truth(operator, key, wanted),
                expected,
                "{operator} {wanted:?}"
            );
        }
        assert_eq!(
            truth("StringEquals", &key.to_uppercase(), &["Ci"]),
            Truth::Yes
        );
    }

    #[test]
    fn absent_key_meets_what_is_negated_or_optional() {
        let key = "aws:PrincipalTag/x509Subject/OU";
        for (operator, wanted, expected) in [
            ("StringEquals", "x", Truth::No),
            ("StringLike", "*", Truth::No),
            ("StringNotEquals", "x", Truth::Yes),
            ("StringNotLike", "*", Truth::Yes),
            ("StringEqualsIfExists", "x", Truth::Yes),
            ("StringLikeIfExists", "x", Truth::Yes),
            ("StringEquals", "${x}", Truth::No),
            ("Null", "true", Truth::Yes),
            ("Null", "false", Truth::No),
            ("DateLessThan", "2030-01-01T00:00:00Z", Truth::Unknown),
        ] {
            assert_eq!(truth(operator, key, &[wanted]), expected, "{operator}");
        }
    }

    #[test]
    fn anchor_is_compared_section_by_section() {
        let arn = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a";
        for (operator, wanted, expected) in [
            ("ArnEquals", arn, Truth::Yes),
            (
                "ArnLike",
                "arn:aws:rolesanywhere:*:123456789012:trust-anchor/*",
                Truth::Yes,
            ),
            ("ArnEquals", "*", Truth::No),
            ("ArnNotEquals", arn, Truth::No),
            ("ArnNotLike", "arn:aws:rolesanywhere:eu-*:*:*", Truth::Yes),
            ("StringEquals", arn, Truth::Yes),
        ] {
            assert_eq!(
                truth(operator, "aws:SourceArn", &[wanted]),
                expected,
                "{operator}"
            );
        }
        assert_eq!(
            truth("StringEquals", "aws:SourceAccount", &["123456789012"]),
            Truth::Yes
        );
        for key in [
            "sts:SourceIdentity",
            "aws:PrincipalTag/team",
            "aws:SourceIp",
        ] {
            assert_eq!(truth("StringEquals", key, &["x"]), Truth::Unknown, "{key}");
        }
    }
}
