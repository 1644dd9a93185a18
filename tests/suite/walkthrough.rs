//! AWS's walkthrough for Azure DevOps, from the first line to the last: as AWS writes it, and in its short form.
//!
//! Three things are made in AWS's console. The emulator's settings stand in for two of them: trust anchor
//! (`trust_anchors`) and profile (`profiles`). The emulator judges no trust policy, so `trust-policy --explain`
//! judges that of the role.

use std::fs;
use std::process::Command;

use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;

use crate::pipelines::agent::Agent;
use crate::pipelines::agent::Variables;
use crate::pipelines::azure_devops;
use crate::support::program::is_there;
use crate::support::skip;

/// The accounts of the two pipelines: each has its trust anchor, profile and role, and its variable group.
const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];

#[test]
fn walkthrough_runs_as_written() {
    let Some(agent) = agent_with_certificates("walkthrough_runs_as_written") else {
        return;
    };
    let policy = explanation(&agent, ACCOUNTS[0]);
    assert!(
        policy.contains("trust-policy.json lets the certificate in"),
        "{policy}"
    );
    fs::copy(helper(), agent.path("downloads/aws_signing_helper")).unwrap();
    let pipeline = agent.with_downloads(include_str!("walkthrough/azure-pipelines.yml"));
    for account in ACCOUNTS {
        let [anchor, profile, role] = arns(account);
        let group = [
            ("TRUSTANCHORARN", &*anchor, false),
            ("PROFILEARN", &*profile, false),
            ("ROLEARN", &*role, false),
            // Without a region, the AWS CLI calls STS of us-east-1, unless its address is given.
            ("AWS_DEFAULT_REGION", "us-east-1", false),
        ];
        let log =
            azure_devops::run(&agent, &pipeline, &group).unwrap_or_else(|log| panic!("{log}"));
        let arn = format!("\"Arn\": \"arn:aws:sts::{account}:assumed-role/ci/1\"");
        assert!(log.contains(&arn), "{log}");
    }
    let calls = ACCOUNTS
        .map(|account| format!("aws cloudformation deploy web as {account}:assumed-role/ci/1"));
    assert_eq!(agent.calls(), calls);
}

/// With the same certificate, but the trust anchor of another account.
#[test]
fn walkthrough_policy_keeps_other_trust_anchors_out() {
    let Some(agent) = agent_with_certificates("walkthrough_policy_keeps_other_trust_anchors_out")
    else {
        return;
    };
    let explanation = explanation(&agent, ACCOUNTS[1]);
    assert!(
        explanation.contains("does not let the certificate in"),
        "{explanation}"
    );
    assert!(explanation.contains("aws:SourceArn"), "{explanation}");
}

#[test]
fn walkthrough_runs_in_its_short_form() {
    let Some(agent) = agent_with_certificates("walkthrough_runs_in_its_short_form") else {
        return;
    };
    std::os::unix::fs::symlink(helper(), agent.path("bin/aws_signing_helper")).unwrap();
    let [anchor, profile, role] = arns(ACCOUNTS[0]);
    let variables = [
        ("TRUSTANCHORARN", anchor),
        ("PROFILEARN", profile),
        ("ROLEARN", role),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let script = include_str!("walkthrough/short.sh");
    let log = agent
        .run(&["bash", "-eux"], script, &Variables::from(variables))
        .unwrap_or_else(|log| panic!("{log}"));
    assert!(log.contains("policy.json lets the certificate in"), "{log}");
    assert!(log.contains("ok    caller-identity"), "{log}");
    let arn = "\"Arn\": \"arn:aws:sts::111111111111:assumed-role/ci/1\"";
    assert_eq!(log.matches(arn).count(), 2, "{log}");
    let template = fs::read_to_string(agent.path("work/template.json")).unwrap();
    assert!(
        template.contains("AWS::RolesAnywhere::TrustAnchor"),
        "{template}"
    );
}

/// An agent whose service trusts the CA that the walkthrough makes, and knows its profiles only.
fn agent_with_certificates(test: &str) -> Option<Agent> {
    if !is_there("openssl", &["version"]) {
        skip(&format!("{test}: no openssl"));
        return None;
    }
    let agent = Agent::new(test)?;
    let script = include_str!("walkthrough/certificates.sh");
    agent
        .run(&["bash", "-eu"], script, &Variables::new())
        .unwrap_or_else(|log| panic!("{log}"));
    for file in ["certificate.crt", "private.key"] {
        let made = agent.path("work").join(file);
        fs::copy(made, agent.path("secure").join(file)).unwrap();
    }
    let anchor = fs::read(agent.path("work/ca.crt")).unwrap();
    Some(
        agent.with_service(Settings {
            trust_anchors: trust_anchors_from_pem(&anchor).unwrap(),
            profiles: ACCOUNTS
                .map(|account| arns(account)[1].parse().unwrap())
                .into(),
            ..Settings::default()
        }),
    )
}

/// What `trust-policy --explain` prints of the policy that the walkthrough's users write by hand, for the trust
/// anchor of an account.
fn explanation(agent: &Agent, account: &str) -> String {
    let policy = include_str!("walkthrough/trust-policy.json");
    fs::write(agent.path("work/trust-policy.json"), policy).unwrap();
    let output = Command::new(helper())
        .args(["trust-policy", "--explain", "--policy", "trust-policy.json"])
        .args(["--certificate", "certificate.crt", "--trust-anchor-arn"])
        .arg(&arns(account)[0])
        .current_dir(agent.path("work"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Of trust anchor, profile and role.
fn arns(account: &str) -> [String; 3] {
    [
        format!("arn:aws:rolesanywhere:us-east-1:{account}:trust-anchor/1"),
        format!("arn:aws:rolesanywhere:us-east-1:{account}:profile/1"),
        format!("arn:aws:iam::{account}:role/ci"),
    ]
}

fn helper() -> &'static str {
    env!("CARGO_BIN_EXE_aws_signing_helper")
}
