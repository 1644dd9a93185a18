//! `trust-policy` as a process: the policy of a certificate by its structure, what is refused, and what is
//! warned of.

mod explain;
mod made;
mod templates;

use serde_json::Value;
use serde_json::json;

use self::made::Made;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::snapshots::assert_snapshot;

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b-2c3d";

/// `trust-policy` for a certificate of the fixtures.
fn trust_policy() -> Helper {
    let words = ["trust-policy", "--certificate", "pki/rsa2048.crt"];
    Helper::new().args(words)
}

/// `trust-policy` for a certificate that is made.
fn of(made: &Made) -> Helper {
    let helper = Helper::new().args(["trust-policy"]);
    helper.flag_of_file("--certificate", "made.crt", &made.certificate)
}

fn succeeds(helper: &Helper) -> Output {
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    output
}

fn printed(helper: Helper) -> Value {
    let helper = helper.args(["--trust-anchor-arn", ANCHOR]);
    serde_json::from_slice(&succeeds(&helper).stdout).unwrap()
}

fn refused(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    output.stderr
}

/// The trust policy with these conditions on tags.
fn policy(anchor: Value, tags: Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            "Condition": {"ArnEquals": {"aws:SourceArn": anchor}, "StringEquals": tags},
        }],
    })
}

/// The conditions of a printed policy on tags.
fn tags(policy: &Value) -> &Value {
    &policy["Statement"][0]["Condition"]["StringEquals"]
}

#[test]
fn common_name_is_the_condition_by_default() {
    let tags = json!({"aws:PrincipalTag/x509Subject/CN": "widget rsa2048"});
    assert_eq!(printed(trust_policy()), policy(json!(ANCHOR), tags));
}

#[test]
fn certificate_is_read_from_variable_and_stdin() {
    let expected = printed(trust_policy());
    let pem = std::fs::read(crate::support::vectors().join("pki/rsa2048.crt")).unwrap();
    let helper = |name: &str| Helper::new().args(["trust-policy", "--certificate", name]);
    let from_stdin = printed(helper("-").standard_input(pem.clone()));
    assert_eq!(from_stdin, expected);
    let pem = String::from_utf8(pem).unwrap();
    assert_eq!(printed(helper("env:CRT").env("CRT", &pem)), expected);
    let by_variable = Helper::new()
        .args(["trust-policy"])
        .env("AWS_SIGNING_HELPER_CERTIFICATE", "pki/rsa2048.crt")
        .env("AWS_SIGNING_HELPER_CONDITION", "x509Subject/CN");
    assert_eq!(printed(by_variable), expected);
}

#[test]
fn conditions_are_those_attributes_that_are_chosen() {
    let helper = trust_policy()
        .args(["--condition", "x509Issuer/O"])
        .args(["--condition", "X509subject/c,x509Subject/O"]);
    let expected = json!({
        "aws:PrincipalTag/x509Issuer/O": "Example Widgets",
        "aws:PrincipalTag/x509Subject/C": "US",
        "aws:PrincipalTag/x509Subject/O": "Example Widgets",
    });
    assert_eq!(tags(&printed(helper)), &expected);
}

#[test]
fn values_of_one_attribute_are_joined_in_order() {
    let subject = "/CN=ci/OU=Security/O=Acme/OU=Engineering/OU=Research/UID=7/DC=example";
    let Some(made) = Made::of(
        "values_of_one_attribute_are_joined_in_order",
        subject,
        NAMES,
    ) else {
        return;
    };
    let names = [
        "x509Subject/OU",
        "x509Subject/UID",
        "x509Subject/DC",
        "x509Issuer/CN",
        "x509SAN/DNS",
        "x509SAN/URI",
        "x509SAN/Name/CN",
        "x509SAN/Name/OU",
    ];
    let expected = json!({
        "aws:PrincipalTag/x509Subject/OU": "Security/Engineering/Research",
        "aws:PrincipalTag/x509Subject/UID": "7",
        "aws:PrincipalTag/x509Subject/DC": "example",
        "aws:PrincipalTag/x509Issuer/CN": "ca.example.com",
        "aws:PrincipalTag/x509SAN/DNS": "a.example.com",
        "aws:PrincipalTag/x509SAN/URI": "spiffe://example.com/ci",
        "aws:PrincipalTag/x509SAN/Name/CN": "Alice",
        "aws:PrincipalTag/x509SAN/Name/OU": "one/two",
    });
    let printed = printed(of(&made).args(["--condition", &names.join(",")]));
    assert_eq!(tags(&printed), &expected);
}

/// Alternative names, of which the first of a kind counts.
const NAMES: &str = "subjectAltName=email:a@example.com,DNS:a.example.com,URI:spiffe://example.com/ci,\
                     DNS:b.example.com,dirName:one,dirName:two,URI:https://example.com\n\
                     [one]\n1.OU=one\n2.OU=two\nCN=Alice\n[two]\nCN=Bob\n";

#[test]
fn hostile_values_stay_values() {
    let subject = r#"/CN=a"b}\\,*?${aws:username}$'`%{x}<script>/O=ok"#;
    let Some(made) = Made::of("hostile_values_stay_values", subject, "") else {
        return;
    };
    let helper = of(&made).args(["--trust-anchor-arn", ANCHOR]);
    let output = helper.run();
    assert_eq!(output.exit, 0);
    assert_snapshot("attribute-that-session-tags-refuse", &output.stderr);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    // IAM reads `${$}` as a dollar sign.
    let expected = r#"a"b}\,*?${$}{aws:username}$'`%{x}<script>"#;
    let tags = json!({"aws:PrincipalTag/x509Subject/CN": expected});
    assert_eq!(printed, policy(json!(ANCHOR), tags));
}

#[test]
fn refused_characters_are_warned_of_by_attribute() {
    let subject = "/CN=ci/O=Acme, Inc./OU=Zürich 東京/L=a*b";
    let Some(made) = Made::of("refused_characters_are_warned_of_by_attribute", subject, "") else {
        return;
    };
    let output = of(&made).args(["--trust-anchor-arn", ANCHOR]).run();
    assert_eq!(output.exit, 0);
    let warnings: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("x509Subject/O ") && line.contains("','"))
    );
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("x509Subject/L ") && line.contains("'*'"))
    );
}

#[test]
fn attribute_that_is_absent_is_an_error() {
    let helper = trust_policy().args(["--trust-anchor-arn", ANCHOR]);
    let helper = helper.args(["--condition", "x509SAN/URI"]);
    assert_snapshot("condition-on-an-absent-attribute", &refused(&helper));
    let Some(made) = Made::of("attribute_that_is_absent_is_an_error", "/O=Acme", "") else {
        return;
    };
    let helper = of(&made).args(["--trust-anchor-arn", ANCHOR]);
    let said = refused(&helper);
    assert!(said.contains("has no x509Subject/CN"), "{said}");
    assert!(said.contains("--condition: x509Subject/O"), "{said}");
    let chosen = printed(of(&made).args(["--condition", "x509Subject/O"]));
    assert_eq!(
        tags(&chosen),
        &json!({"aws:PrincipalTag/x509Subject/O": "Acme"})
    );
}

#[test]
fn every_partition_is_that_of_the_anchor() {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let anchor = ANCHOR.replace("arn:aws:", &format!("arn:{partition}:"));
        let anchor = anchor.replace("us-east-1", region);
        let helper = trust_policy().args(["--trust-anchor-arn", &anchor]);
        let printed: Value = serde_json::from_slice(&succeeds(&helper).stdout).unwrap();
        let tags = json!({"aws:PrincipalTag/x509Subject/CN": "widget rsa2048"});
        assert_eq!(printed, policy(json!(anchor), tags));
    }
}

#[test]
fn arn_that_trusts_more_than_one_anchor_is_refused() {
    for anchor in [
        "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/*",
        "arn:aws:rolesanywhere:*:123456789012:trust-anchor/1",
        "arn:aws:rolesanywhere:us-east-1:*:trust-anchor/1",
        "arn:*:rolesanywhere:us-east-1:123456789012:trust-anchor/1",
        "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/${aws:username}",
        "arn:aws:rolesanywhere:us-east-1:123456789012:profile/1",
        "",
    ] {
        let said = refused(&trust_policy().args(["--trust-anchor-arn", anchor]));
        assert!(said.contains("--trust-anchor-arn"), "{said}");
    }
}

#[test]
fn flags_that_make_no_policy_are_refused() {
    let with = |words: &[&str]| refused(&trust_policy().args(words.iter().copied()));
    let anchor = ["--trust-anchor-arn", ANCHOR];
    assert!(with(&[]).contains("--trust-anchor-arn is missing"));
    assert!(with(&["--condition", "CN", anchor[0], anchor[1]]).contains("x509Subject/ATTRIBUTE"));
    assert!(with(&["--policy", "p.json"]).contains("needs --explain"));
    assert!(with(&["--explain", "--format", "json"]).contains("cannot be used together"));
    let authorities = ["--trust-anchor-certificate", "pki/root.pem"];
    assert!(with(&authorities).contains("--format cloudformation"));
    assert!(with(&[authorities, anchor].concat()).contains("cannot be used together"));
    assert!(with(&["stray", anchor[0], anchor[1]]).contains("unexpected"));
    let without = Helper::new().args(["trust-policy"]).args(anchor);
    assert!(refused(&without).contains("--certificate is missing"));
}

#[test]
fn help_is_a_snapshot() {
    let output = succeeds(&Helper::new().args(["trust-policy", "--help"]));
    assert_snapshot("help-trust-policy", output.stdout_text());
}
