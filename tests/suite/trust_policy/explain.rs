//! `--explain`: the session tags of a certificate, and whether a policy lets it in.

use serde_json::Value;
use serde_json::json;

use super::ANCHOR;
use super::Made;
use super::of;
use super::policy;
use super::refused;
use super::succeeds;
use super::trust_policy;
use crate::support::helper::Helper;
use crate::support::snapshots::assert_snapshot;

fn explained(policy: &Value) -> Helper {
    let helper = trust_policy().args(["--explain", "--trust-anchor-arn", ANCHOR]);
    with_policy(helper, policy)
}

fn with_policy(helper: Helper, policy: &Value) -> Helper {
    let helper = helper.file("policy.json", &policy.to_string());
    let path = helper.home().join("policy.json").display().to_string();
    helper.args(["--policy", &path])
}

/// What is said of a policy: exit code, and what follows the tags, without the path.
fn verdict(helper: &Helper) -> (i32, String) {
    let output = helper.run();
    assert_eq!(output.stderr, "");
    let (_, said) = output.stdout_text().split_once("policy.json ").unwrap();
    (output.exit, said.to_owned())
}

fn lets_in(policy: &Value) {
    let (exit, said) = verdict(&explained(policy));
    assert_eq!((exit, &*said), (0, "lets the certificate in\n"), "{policy}");
}

fn keeps_out(policy: &Value, why: &str) {
    let (exit, said) = verdict(&explained(policy));
    assert_eq!(exit, 3, "{policy}");
    assert!(
        said.starts_with("does not let the certificate in:"),
        "{said}"
    );
    assert!(said.contains(why), "{said}");
}

fn cannot_be_judged(policy: &Value, why: &str) {
    let (exit, said) = verdict(&explained(policy));
    assert_eq!(exit, 3, "{policy}");
    assert!(said.starts_with("cannot be judged here:"), "{said}");
    assert!(said.contains(why), "{said}");
}

/// The policy that is printed for the certificate, changed at one place.
fn changed(pointer: &str, value: Value) -> Value {
    let tags = json!({"aws:PrincipalTag/x509Subject/CN": "widget rsa2048"});
    let mut policy = policy(json!(ANCHOR), tags);
    *policy.pointer_mut(pointer).unwrap() = value;
    policy
}

/// The same with one more condition.
fn with_condition(operator: &str, key: &str, value: Value) -> Value {
    let mut policy = changed("/Version", json!("2012-10-17"));
    policy["Statement"][0]["Condition"][operator][key] = value;
    policy
}

#[test]
fn session_tags_are_listed() {
    let Some(made) = Made::of("session_tags_are_listed", "/CN=a\x1b[31m/O=Acme, Inc.", "") else {
        return;
    };
    let output = succeeds(&of(&made).args(["--explain"]));
    assert_snapshot("session-tags-of-a-certificate", output.stdout_text());
}

#[test]
fn policy_that_is_printed_lets_the_certificate_in() {
    let printed = succeeds(&trust_policy().args(["--trust-anchor-arn", ANCHOR])).stdout;
    let helper = trust_policy().args(["--explain", "--trust-anchor-arn", ANCHOR]);
    let helper = helper.args(["--policy", "-"]).standard_input(printed);
    let said = succeeds(&helper);
    assert!(said.stdout_text().ends_with("- lets the certificate in\n"));
}

#[test]
fn condition_that_is_met_lets_in() {
    let key = "aws:PrincipalTag/x509Subject/CN";
    for (operator, key, value) in [
        ("StringLike", key, json!("widget *")),
        ("StringLike", "AWS:principaltag/X509SUBJECT/cn", json!("*")),
        ("StringNotEquals", key, json!(["a", "b"])),
        (
            "StringEqualsIfExists",
            "aws:PrincipalTag/x509Subject/OU",
            json!("ops"),
        ),
        (
            "StringNotLike",
            "aws:PrincipalTag/x509SAN/DNS",
            json!("*.example.com"),
        ),
        ("Null", key, json!(false)),
        ("StringEquals", "aws:SourceAccount", json!("123456789012")),
        (
            "ArnLike",
            "aws:SourceArn",
            json!("arn:aws:rolesanywhere:*:*:trust-anchor/*"),
        ),
    ] {
        lets_in(&with_condition(operator, key, value));
    }
}

#[test]
fn condition_that_is_not_met_is_named() {
    let key = "aws:PrincipalTag/x509Subject/CN";
    for (operator, key, value) in [
        ("StringEquals", key, json!("Widget rsa2048")),
        ("StringEquals", key, json!("widget *")),
        ("StringLike", key, json!(["gadget *", "?"])),
        ("StringNotEquals", key, json!("widget rsa2048")),
        (
            "StringEquals",
            "aws:PrincipalTag/x509Subject/OU",
            json!("ops"),
        ),
        ("StringEqualsIfExists", key, json!("x")),
        ("Null", key, json!("true")),
        (
            "StringEquals",
            "aws:SourceAccount",
            json!(111_111_111_111_u64),
        ),
        ("ArnEquals", "aws:SourceArn", json!(format!("{ANCHOR}x"))),
        ("ArnLike", "aws:SourceArn", json!("*")),
    ] {
        keeps_out(
            &with_condition(operator, key, value),
            &format!("{operator} {key}"),
        );
    }
    keeps_out(
        &changed("/Statement/0/Principal/Service", json!("ec2.amazonaws.com")),
        "no statement allows sts:AssumeRole",
    );
}

#[test]
fn reasons_are_a_snapshot() {
    let (exit, said) = verdict(&explained(&with_condition(
        "StringEquals",
        "aws:PrincipalTag/x509Subject/CN",
        json!(["a", "b"]),
    )));
    assert_eq!(exit, 3);
    assert_snapshot("policy-that-does-not-let-in", &said);
}

#[test]
fn missing_action_is_named() {
    for action in ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] {
        let all = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
        let others: Vec<&str> = all.into_iter().filter(|it| *it != action).collect();
        keeps_out(&changed("/Statement/0/Action", json!(others)), action);
    }
    for all in ["*", "sts:*", "STS:*"] {
        lets_in(&changed("/Statement/0/Action", json!(all)));
    }
}

#[test]
fn statements_may_share_the_actions() {
    let whole = changed("/Version", json!("2012-10-17"));
    let mut statements = Vec::new();
    for action in ["sts:AssumeRole", "sts:TagSession", "sts:Set*"] {
        let mut statement = whole["Statement"][0].clone();
        statement["Action"] = json!(action);
        statement["Principal"] =
            json!({"Service": ["ec2.amazonaws.com", "rolesanywhere.amazonaws.com"]});
        statement["Sid"] = json!("x");
        statements.push(statement);
    }
    lets_in(&json!({"Id": "x", "Statement": statements}));
    lets_in(&json!({"Statement": whole["Statement"][0]}));
}

/// The policy, with its second statement about everybody.
fn deny_everybody(policy: &Value, everybody: &Value) -> Value {
    let mut policy = policy.clone();
    policy["Statement"][1]["Principal"] = everybody.clone();
    policy
}

#[test]
fn denial_wins() {
    let deny = |condition: Value| {
        let mut policy = changed("/Version", json!("2012-10-17"));
        let mut statement = policy["Statement"][0].clone();
        statement["Effect"] = json!("Deny");
        statement["Action"] = json!("sts:TagSession");
        statement["Condition"] = condition;
        policy["Statement"].as_array_mut().unwrap().push(statement);
        policy
    };
    let country = "aws:PrincipalTag/x509Subject/C";
    keeps_out(&deny(json!({})), "statement 2 denies");
    for everybody in [json!("*"), json!({"AWS": "*"}), json!({"Service": ["*"]})] {
        lets_in(&deny_everybody(
            &deny(json!({"StringEquals": {country: "DE"}})),
            &everybody,
        ));
        keeps_out(
            &deny_everybody(&deny(json!({})), &everybody),
            "statement 2 denies",
        );
    }
    keeps_out(
        &deny(json!({"StringEquals": {country: "US"}})),
        "StringEquals",
    );
    lets_in(&deny(json!({"StringEquals": {country: "DE"}})));
    let source_ip = json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    cannot_be_judged(&deny(source_ip.clone()), "NotIpAddress");
    let mut both = source_ip;
    both["StringEquals"] = json!({country: "DE"});
    lets_in(&deny(both));
}

#[test]
fn unjudged_condition_does_not_let_in() {
    for (operator, key, value) in [
        ("StringEquals", "sts:SourceIdentity", json!("x")),
        ("StringEquals", "aws:PrincipalTag/team", json!("x")),
        (
            "StringEquals",
            "aws:PrincipalTag/x509Subject/serialNumber",
            json!("x"),
        ),
        (
            "StringEquals",
            "aws:RequestTag/x509Subject/CN",
            json!("widget rsa2048"),
        ),
        (
            "ForAnyValue:StringEquals",
            "aws:PrincipalTag/x509Subject/CN",
            json!("x"),
        ),
        (
            "DateLessThan",
            "aws:CurrentTime",
            json!("2030-01-01T00:00:00Z"),
        ),
        (
            "StringEquals",
            "aws:PrincipalTag/x509Subject/CN",
            json!("${aws:username}"),
        ),
    ] {
        let policy = with_condition(operator, key, value);
        cannot_be_judged(&policy, &format!("{operator} {key}"));
    }
    for principal in [json!("*"), json!({"AWS": "*"})] {
        cannot_be_judged(&changed("/Statement/0/Principal", principal), "principal");
    }
    let mut policy = changed("/Version", json!("2012-10-17"));
    policy["Statement"][0]["Resource"] = json!("*");
    cannot_be_judged(&policy, "resource");
}

#[test]
fn anchor_that_is_not_given_is_not_judged() {
    let helper = trust_policy().args(["--explain"]);
    let helper = with_policy(helper, &changed("/Version", json!("2012-10-17")));
    let (exit, said) = verdict(&helper);
    assert_eq!(exit, 3);
    assert!(said.contains("--trust-anchor-arn"), "{said}");
}

#[test]
fn refused_tag_keeps_the_certificate_out() {
    let Some(made) = Made::of("refused_tag_keeps_the_certificate_out", "/CN=ci/O=a*b", "") else {
        return;
    };
    let tags = json!({"aws:PrincipalTag/x509Subject/CN": "ci"});
    let helper = of(&made).args(["--explain", "--trust-anchor-arn", ANCHOR]);
    let helper = with_policy(helper, &policy(json!(ANCHOR), tags));
    let (exit, said) = verdict(&helper);
    assert_eq!(exit, 3);
    assert!(
        said.contains("x509Subject/O") && said.contains("'*'"),
        "{said}"
    );
}

#[test]
fn file_that_is_not_a_policy_is_an_error() {
    let with = |policy: &str| {
        let helper = trust_policy().args(["--explain"]);
        let helper = helper.file("policy.json", policy);
        let path = helper.home().join("policy.json").display().to_string();
        refused(&helper.args(["--policy", &path]))
    };
    for policy in [
        "",
        "{}",
        "[]",
        r#"{"Statement":[{"Action":"*"}]}"#,
        r#"{"Statement":[{"Effect":"allow","Action":"*"}]}"#,
        r#"{"Statement":[],"Secret":"hunter2"}"#,
        r#"{"Statement":[{"Effect":"Allow","Principals":"hunter2"}]}"#,
    ] {
        let said = with(policy);
        assert!(said.contains("it is not a policy"), "{policy}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let long = format!(r#"{{"Statement":[]{}}}"#, " ".repeat(64 * 1024));
    assert!(with(&long).contains("more than 65536 bytes"));
    let absent = trust_policy().args(["--explain", "--policy", "absent.json"]);
    assert!(refused(&absent).contains("absent.json"));
}

#[test]
fn byte_order_mark_is_no_part_of_the_policy() {
    let helper = trust_policy().args(["--explain", "--trust-anchor-arn", ANCHOR]);
    let tags = json!({"aws:PrincipalTag/x509Subject/CN": "widget rsa2048"});
    let text = format!("\u{feff}{}\r\n", policy(json!(ANCHOR), tags));
    let helper = helper.flag_of_file("--policy", "policy.json", text);
    assert_eq!(
        verdict(&helper),
        (0, "lets the certificate in\n".to_owned())
    );
}
