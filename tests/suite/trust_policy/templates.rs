//! `--format terraform` and `cloudformation`: by their structure, and as their own tools read them.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

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
use crate::support::program::is_there;
use crate::support::skip;

const ROLE: &str = "arn:aws:iam::123456789012:role/ci/build@x";

fn cn(value: &str) -> Value {
    json!({"aws:PrincipalTag/x509Subject/CN": value})
}

fn cloudformation(helper: Helper) -> Value {
    let helper = helper.args(["--format", "cloudformation"]);
    serde_json::from_slice(&succeeds(&helper).stdout).unwrap()
}

fn whole(made: &Made) -> Helper {
    of(made).flag_of_file("--trust-anchor-certificate", "ca.crt", &made.authority)
}

#[test]
fn role_alone_has_the_printed_policy() {
    let anchor = ["--trust-anchor-arn", ANCHOR];
    let template = cloudformation(trust_policy().args(anchor));
    let expected = policy(json!(ANCHOR), cn("widget rsa2048"));
    assert_eq!(
        template["Resources"],
        json!({"Role": {"Type": "AWS::IAM::Role",
                        "Properties": {"AssumeRolePolicyDocument": expected}}})
    );
    let template = cloudformation(trust_policy().args(anchor).args(["--role-arn", ROLE]));
    let role = &template["Resources"]["Role"]["Properties"];
    assert_eq!(
        (&role["RoleName"], &role["Path"]),
        (&json!("build@x"), &json!("/ci/"))
    );
}

#[test]
fn whole_template_refers_to_its_own_anchor() {
    let Some(made) = Made::of("whole_template_refers_to_its_own_anchor", "/CN=ci", "") else {
        return;
    };
    let template = cloudformation(whole(&made).args(["--role-arn", ROLE]));
    let resources = &template["Resources"];
    let anchor = json!({"Fn::GetAtt": ["TrustAnchor", "TrustAnchorArn"]});
    let pem = String::from_utf8(made.authority).unwrap();
    assert_eq!(
        resources["TrustAnchor"],
        json!({"Type": "AWS::RolesAnywhere::TrustAnchor", "Properties": {
            "Name": "build-x",
            "Enabled": true,
            "Source": {"SourceType": "CERTIFICATE_BUNDLE", "SourceData": {"X509CertificateData": pem}},
        }})
    );
    assert_eq!(
        resources["Profile"],
        json!({"Type": "AWS::RolesAnywhere::Profile", "Properties": {
            "Name": "build-x",
            "Enabled": true,
            "RoleArns": [{"Fn::GetAtt": ["Role", "Arn"]}],
        }})
    );
    assert_eq!(
        resources["Role"]["Properties"]["AssumeRolePolicyDocument"],
        policy(anchor, cn("ci"))
    );
}

#[test]
fn certificate_that_is_no_authority_is_refused() {
    let words = ["--format", "terraform", "--trust-anchor-certificate"];
    let said = refused(&trust_policy().args(words).args(["pki/ec256.crt"]));
    assert!(said.contains("is not a CA's"), "{said}");
    let said = refused(&trust_policy().args(words).args(["pki/rsa2048.key"]));
    assert!(!said.contains("BEGIN"), "{said}");
    refused(&trust_policy().args(words).args(["pki/empty.pem"]));
}

#[test]
fn authority_that_did_not_issue_is_warned_of() {
    let test = "authority_that_did_not_issue_is_warned_of";
    let Some(made) = Made::of(test, "/CN=ci", "") else {
        return;
    };
    let helper = of(&made).args(["--format", "terraform"]);
    let helper = helper.args(["--trust-anchor-certificate", "pki/root.pem"]);
    let output = helper.run();
    assert_eq!(output.exit, 0);
    assert!(output.stderr.contains("pki/root.pem"), "{}", output.stderr);
}

/// Runs a program of Python with `input`; what it prints.
fn python(program: &str, input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{input}\n{stdout}\n{stderr}");
    stdout
}

/// True if Python has a package; a loud skip if not.
fn has(test: &str, package: &str) -> bool {
    let is_there = is_there("python3", &["-c", &format!("import {package}")]);
    if !is_there {
        skip(&format!("{test}: no {package} for python3"));
    }
    is_there
}

/// Values that a parser would read as its own.
const HOSTILE: &str = r#"/CN=a"b\\${x}%{y}$${z}#{w} \/*é*\/"#;

/// Certificates as plain as can be, and hostile; the templates of both kinds.
fn templates(test: &str, format: &str) -> Option<Vec<String>> {
    let format = ["--format", format];
    let mut texts = Vec::new();
    for subject in ["/CN=ci", HOSTILE] {
        let made = Made::of(test, subject, "")?;
        for helper in [
            of(&made).args(["--trust-anchor-arn", ANCHOR]),
            whole(&made),
            whole(&made).args(["--role-arn", ROLE]),
        ] {
            let output = helper.args(format).run();
            assert_eq!(output.exit, 0);
            texts.push(output.stdout_text().to_owned());
        }
    }
    Some(texts)
}

#[test]
fn cfn_lint_accepts_the_templates() {
    let test = "cfn_lint_accepts_the_templates";
    if !is_there("cfn-lint", &["--version"]) {
        skip(&format!("{test}: no cfn-lint"));
        return;
    }
    let Some(texts) = templates(test, "cloudformation") else {
        return;
    };
    for text in texts {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("template.json");
        std::fs::write(&path, &text).unwrap();
        let lint = lint(&path);
        assert_eq!(lint, (Some(0), String::new()), "{text}");
        std::fs::write(&path, text.replace("\"Enabled\"", "\"Enable\"")).unwrap();
        if text.contains("\"Enabled\"") {
            assert_ne!(self::lint(&path).0, Some(0));
        }
    }
}

fn lint(path: &Path) -> (Option<i32>, String) {
    let output = Command::new("cfn-lint").arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Parses HCL, and prints the kinds of its resources.
const HCL: &str = "import hcl2, sys
print([kind.strip('\"') for block in hcl2.load(sys.stdin)['resource'] for kind in block])";

#[test]
fn parser_of_hcl_accepts_the_configurations() {
    let test = "parser_of_hcl_accepts_the_configurations";
    if !has(test, "hcl2") {
        return;
    }
    let Some(texts) = templates(test, "terraform") else {
        return;
    };
    let anchor = "'aws_rolesanywhere_trust_anchor', 'aws_iam_role', 'aws_rolesanywhere_profile'";
    for text in texts {
        let expected = match text.contains("CERTIFICATE_BUNDLE") {
            true => anchor,
            false => "'aws_iam_role'",
        };
        assert_eq!(python(HCL, &text), format!("[{expected}]\n"), "{text}");
    }
}

/// HCL's escapes are those of JSON, but for the begin of templates.
#[test]
fn values_in_hcl_are_those_of_the_policy() {
    let Some(made) = Made::of("values_in_hcl_are_those_of_the_policy", HOSTILE, "") else {
        return;
    };
    let helper = |format: &str| {
        let words = ["--trust-anchor-arn", ANCHOR, "--format", format];
        let output = of(&made).args(words).run();
        assert_eq!(output.exit, 0);
        output.stdout_text().to_owned()
    };
    let policy: Value = serde_json::from_str(&helper("json")).unwrap();
    let key = "aws:PrincipalTag/x509Subject/CN";
    let expected = policy["Statement"][0]["Condition"]["StringEquals"][key].clone();
    assert!(expected.as_str().unwrap().contains("%{y}"), "{expected}");

    let text = helper("terraform");
    let begin = format!("\"{key}\" = ");
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(&begin));
    let line = line.unwrap();
    let unescaped = ["$", "%"].iter().fold(line.to_owned(), |line, mark| {
        let doubled = format!("{mark}{mark}{{");
        assert_eq!(
            line.matches(&format!("{mark}{{")).count(),
            line.matches(&doubled).count()
        );
        line.replace(&doubled, &format!("{mark}{{"))
    });
    assert_eq!(serde_json::from_str::<Value>(&unescaped).unwrap(), expected);
}

#[test]
fn terraform_refers_to_its_own_anchor() {
    let Some(made) = Made::of("terraform_refers_to_its_own_anchor", "/CN=ci", "") else {
        return;
    };
    let helper = whole(&made).args(["--format", "terraform"]);
    let output = succeeds(&helper);
    let text = output.stdout_text();
    let anchor = "\"aws:SourceArn\" = aws_rolesanywhere_trust_anchor.rolesanywhere.arn\n";
    assert!(text.contains(anchor), "{text}");
    assert!(
        text.contains("role_arns = [aws_iam_role.rolesanywhere.arn]\n"),
        "{text}"
    );
    assert_eq!(text.matches("= true\n").count(), 2, "{text}");
    assert!(
        text.contains(str::from_utf8(&made.authority).unwrap()),
        "{text}"
    );
}

const SCHEMA: &str = "import json, jsonschema, sys
schema = json.load(open('fixtures/iam/policy.schema.json'))
validator = jsonschema.Draft202012Validator(schema)
validator.check_schema(schema)
[validator.validate(json.loads(line)) for line in sys.stdin]";

#[test]
fn policies_are_of_the_schema() {
    let test = "policies_are_of_the_schema";
    if !has(test, "jsonschema") {
        return;
    }
    let mut lines = String::new();
    for case in crate::session_policy::CASES {
        let helper = Helper::new().args(["session-policy"]);
        lines += succeeds(&helper.args(case.iter().copied())).stdout_text();
    }
    let helper = trust_policy().args(["--trust-anchor-arn", ANCHOR]);
    let policy: Value = serde_json::from_slice(&succeeds(&helper).stdout).unwrap();
    lines += &policy.to_string();
    let schema = |lines: &str| {
        let mut command = Command::new("python3");
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut child = command
            .args(["-c", SCHEMA])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
        drop(stdin);
        child.wait().unwrap().success()
    };
    assert!(schema(&lines), "{lines}");
    assert!(!schema(&lines.replace("\"Allow\"", "\"allow\"")));
    assert!(!schema(&lines.replace("arn:aws:s3:::", "*")));
}
