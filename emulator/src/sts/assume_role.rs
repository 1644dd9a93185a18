//! The parameters of `AssumeRole`, each judged by its form. What they mean is for the grant.

use crate::parameter::Parameter;
use crate::parameters::Arn;
use crate::session_policy;
use crate::session_policy::SESSION_POLICY_CHARACTERS_MAX;
use crate::session_tag::TAG_KEY_CHARACTERS_MAX;
use crate::session_tag::TAG_PATTERN;
use crate::session_tag::TAG_VALUE_CHARACTERS_MAX;
use crate::session_tag::Tag;
use crate::session_tag::is_of_tag_characters;
use crate::sts::form::Form;
use crate::sts::refusal::StsRefusal;
use crate::sts::validation::TextRule;
use crate::sts::validation::Violations;

/// The parameters of `AssumeRole`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumeRole {
    /// `RoleArn`
    pub role_arn: String,
    /// `RoleSessionName`
    pub role_session_name: String,
    /// `DurationSeconds`
    pub duration_seconds: Option<u32>,
    /// `ExternalId`
    pub external_id: Option<String>,
    /// `Policy`
    pub policy: Option<String>,
    /// `PolicyArns`
    pub policy_arns: Vec<String>,
    /// `Tags`
    pub tags: Vec<Tag>,
    /// `TransitiveTagKeys`
    pub transitive_tag_keys: Vec<String>,
    /// `SourceIdentity`
    pub source_identity: Option<String>,
}

impl AssumeRole {
    /// Reads the body of a request: a form of the Query protocol.
    ///
    /// # Errors
    ///
    /// A refusal, if the body is no form or a parameter has not the form that it should.
    pub fn from_form(body: &[u8]) -> Result<AssumeRole, StsRefusal> {
        AssumeRole::read(&Form::from_bytes(body)?)
    }

    pub(crate) fn read(form: &Form) -> Result<AssumeRole, StsRefusal> {
        let mut violations = Violations::default();
        let parameters = AssumeRole {
            role_arn: violations.required("roleArn", form.owned("RoleArn")),
            role_session_name: violations
                .required("roleSessionName", form.owned("RoleSessionName")),
            duration_seconds: form
                .value("DurationSeconds")
                .and_then(|value| violations.number("durationSeconds", value, DURATION_SECONDS)),
            external_id: form.owned("ExternalId"),
            policy: form.owned("Policy"),
            policy_arns: policy_arns(form, &mut violations),
            tags: tags(form, &mut violations),
            transitive_tag_keys: transitive_tag_keys(form, &mut violations),
            source_identity: form.owned("SourceIdentity"),
        };
        parameters.judge_texts(form, &mut violations);
        if !violations.0.is_empty() {
            let violations = violations.0;
            return Err(StsRefusal::ParametersInvalid { violations });
        }
        parameters.judge_arns()?;
        parameters.judge_policy()?;
        Ok(parameters)
    }

    fn judge_texts(&self, form: &Form, violations: &mut Violations) {
        violations.text("roleArn", form.value("RoleArn"), ARN);
        violations.text("roleSessionName", form.value("RoleSessionName"), NAME);
        violations.text("externalId", self.external_id.as_deref(), EXTERNAL_ID);
        violations.text("policy", self.policy.as_deref(), POLICY);
        violations.text("sourceIdentity", self.source_identity.as_deref(), NAME);
    }

    fn judge_arns(&self) -> Result<(), StsRefusal> {
        if Arn::of(Parameter::RoleArn, &self.role_arn).is_none() {
            let sent = self.role_arn.clone();
            return Err(StsRefusal::RoleArnMalformed { sent });
        }
        match self.policy_arns.iter().find(|arn| !is_policy_arn(arn)) {
            Some(sent) => Err(StsRefusal::PolicyArnMalformed { sent: sent.clone() }),
            None => Ok(()),
        }
    }

    fn judge_policy(&self) -> Result<(), StsRefusal> {
        let Some(policy) = &self.policy else {
            return Ok(());
        };
        session_policy::judge(policy).map_err(|reason| StsRefusal::PolicyMalformed { reason })
    }
}

fn policy_arns(form: &Form, violations: &mut Violations) -> Vec<String> {
    let members = form.members("PolicyArns");
    violations.list("policyArns", members.len(), POLICY_ARNS_MAX);
    let mut arns = Vec::new();
    for (index, member) in members.iter().enumerate().take(POLICY_ARNS_MAX) {
        let name = format!("policyArns.{}.member.arn", index + 1);
        let arn = violations.required(&name, form.owned(&format!("{member}.arn")));
        violations.text(&name, Some(&arn), ARN);
        arns.push(arn);
    }
    arns
}

fn tags(form: &Form, violations: &mut Violations) -> Vec<Tag> {
    let members = form.members("Tags");
    violations.list("tags", members.len(), TAGS_MAX);
    let mut tags = Vec::new();
    for (index, member) in members.iter().enumerate().take(TAGS_MAX) {
        let mut field = |name: &str, sent: &str, rule: TextRule| {
            let name = format!("tags.{}.member.{name}", index + 1);
            let value = form.owned(&format!("{member}.{sent}"));
            violations.text(&name, value.as_deref(), rule);
            violations.required(&name, value)
        };
        let key = field("key", "Key", TAG_KEY);
        let value = field("value", "Value", TAG_VALUE);
        tags.push(Tag { key, value });
    }
    tags
}

fn transitive_tag_keys(form: &Form, violations: &mut Violations) -> Vec<String> {
    let members = form.members("TransitiveTagKeys");
    violations.list("transitiveTagKeys", members.len(), TAGS_MAX);
    let mut keys = Vec::new();
    for (index, member) in members.iter().enumerate().take(TAGS_MAX) {
        let name = format!("transitiveTagKeys.{}.member", index + 1);
        let key = violations.required(&name, form.owned(member));
        violations.text(&name, Some(&key), TAG_KEY);
        keys.push(key);
    }
    keys
}

/// Of an account, or of AWS itself.
fn is_policy_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return false;
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = resource.strip_prefix("policy/").unwrap_or_default();
    partition.starts_with("aws") && (is_account || account == "aws") && !name.is_empty()
}

fn is_of(text: &str, others: &str) -> bool {
    text.chars()
        .all(|character| character.is_ascii_alphanumeric() || others.contains(character))
}

const ARN: TextRule = TextRule {
    characters_min: 20,
    characters_max: 2048,
    pattern: r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+",
    matches: |text| text.chars().all(|character| !character.is_control()),
};

/// A role session name, or a source identity.
const NAME: TextRule = TextRule {
    characters_min: 2,
    characters_max: 64,
    pattern: r"[\w+=,.@-]*",
    matches: |text| is_of(text, "_+=,.@-"),
};

const EXTERNAL_ID: TextRule = TextRule {
    characters_min: 2,
    characters_max: 1224,
    pattern: r"[\w+=,.@:\/-]*",
    matches: |text| is_of(text, "_+=,.@:/-"),
};

const POLICY: TextRule = TextRule {
    characters_min: 1,
    characters_max: SESSION_POLICY_CHARACTERS_MAX,
    pattern: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    matches: |text| {
        text.chars()
            .all(|c| ('\u{20}'..='\u{ff}').contains(&c) || "\t\n\r".contains(c))
    },
};

const TAG_KEY: TextRule = TextRule {
    characters_min: 1,
    characters_max: TAG_KEY_CHARACTERS_MAX,
    pattern: TAG_PATTERN,
    matches: is_of_tag_characters,
};

const TAG_VALUE: TextRule = TextRule {
    characters_min: 0,
    characters_max: TAG_VALUE_CHARACTERS_MAX,
    pattern: TAG_PATTERN,
    matches: is_of_tag_characters,
};

/// The shortest and the longest session, in seconds, by the documentation of AWS STS, as all
/// limits here.
const DURATION_SECONDS: (u32, u32) = (900, 43_200);

/// The most managed policies.
const POLICY_ARNS_MAX: usize = 10;

/// The most session tags.
const TAGS_MAX: usize = 50;
