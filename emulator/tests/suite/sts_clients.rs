//! Real clients of STS: boto3 and the AWS CLI, which sign without a line of ours.

use std::io::Write;
use std::process::Command;
use std::process::Output;

use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::StsRefusal;

use crate::http::Setup;
use crate::sts_draft::CHAINED_ARN;
use crate::sts_draft::Credentials;

/// A program with credentials of a session, and nothing of the user's own.
fn client(setup: &Setup, credentials: &Credentials, program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_ENDPOINT_URL", setup.emulator.url())
        .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key)
        .env("AWS_SESSION_TOKEN", &credentials.session_token)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("AWS_CONFIG_FILE", "absent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "absent")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("AWS_PAGER", "");
    command
}

fn started() -> (Setup, Credentials) {
    let setup = Setup::new(Settings::default());
    let credentials = Credentials::created(&setup);
    (setup, credentials)
}

/// True if the program is there; if not, that is said.
fn is_there(program: &str, arguments: &[&str]) -> bool {
    let is_there = Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED there is no {program} {arguments:?}"
        );
    }
    is_there
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[track_caller]
fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

#[test]
fn aws_cli_sees_who_it_is() {
    if !is_there("aws", &["--version"]) {
        return;
    }
    let (setup, credentials) = started();
    let mut aws = client(&setup, &credentials, "aws");
    let output = output(aws.args([
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ]));
    let arn = stdout(&output);
    assert!(
        arn.starts_with("arn:aws:sts::123456789012:assumed-role/ci-role/"),
        "{arn}"
    );
}

#[test]
fn aws_cli_assumes_a_role_with_all_parameters() {
    if !is_there("aws", &["--version"]) {
        return;
    }
    let (setup, credentials) = started();
    let policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";
    let mut aws = client(&setup, &credentials, "aws");
    aws.args([
        "sts",
        "assume-role",
        "--role-arn",
        CHAINED_ARN,
        "--role-session-name",
        "ci.1",
    ]);
    aws.args([
        "--duration-seconds",
        "900",
        "--external-id",
        "a:b/c",
        "--policy",
        policy,
    ]);
    aws.args([
        "--policy-arns",
        "arn=arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]);
    aws.args([
        "--tags",
        "Key=team,Value=a b+c/é",
        "--transitive-tag-keys",
        "team",
    ]);
    aws.args(["--query", "AssumedRoleUser.Arn", "--output", "text"]);
    let arn = stdout(&output(&mut aws));
    assert_eq!(arn, "arn:aws:sts::210987654321:assumed-role/chained/ci.1");
    let Outcome::Assumed(role) = setup.emulator.requests().pop().unwrap().outcome else {
        panic!("not assumed");
    };
    assert_eq!(role.duration_seconds, 900);
    assert_eq!(role.parameters.external_id.as_deref(), Some("a:b/c"));
    assert_eq!(role.parameters.policy.as_deref(), Some(policy));
    assert_eq!(
        role.parameters.policy_arns,
        ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    );
    assert_eq!(role.tags[0].value, "a b+c/é");
    assert_eq!(role.parameters.transitive_tag_keys, ["team"]);
}

#[test]
fn aws_cli_shows_the_code_and_message_of_errors() {
    if !is_there("aws", &["--version"]) {
        return;
    }
    let (setup, credentials) = started();
    let refused = |credentials: &Credentials, arguments: &[&str]| {
        let mut aws = client(&setup, credentials, "aws");
        let output = output(aws.arg("sts").args(arguments));
        assert!(!output.status.success());
        let Outcome::StsRefused(refusal) = setup.emulator.requests().pop().unwrap().outcome else {
            panic!("not refused");
        };
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(&format!("({})", refusal.code())),
            "{stderr}"
        );
        assert!(stderr.contains(&*refusal.message()), "{stderr}");
        refusal
    };
    let role = [
        "assume-role",
        "--role-arn",
        CHAINED_ARN,
        "--role-session-name",
    ];
    let too_long = [&role[..], &["ci", "--duration-seconds", "3601"]].concat();
    let refusal = refused(&credentials, &too_long);
    assert_eq!(
        refusal,
        StsRefusal::ChainedDurationTooLong { seconds: 3601 }
    );
    let refusal = refused(&credentials, &[&role[..], &["a<&'\"b"]].concat());
    assert!(matches!(refusal, StsRefusal::ParametersInvalid { .. }));
    let mut wrong = credentials.clone();
    wrong.secret_access_key.push('x');
    assert_eq!(
        refused(&wrong, &["get-caller-identity"]),
        StsRefusal::SignatureInvalid
    );
    refused(&credentials, &["get-session-token"]);
}

#[test]
fn boto3_chains_two_roles() {
    if !is_there("python3", &["-c", "import boto3"]) {
        return;
    }
    let (setup, credentials) = started();
    let output = output(client(&setup, &credentials, "python3").args(["-c", CHAIN]));
    assert_eq!(
        stdout(&output),
        "arn:aws:sts::210987654321:assumed-role/second/two"
    );
    let outcome = setup.emulator.requests().pop().unwrap().outcome;
    assert!(matches!(outcome, Outcome::Identified { .. }), "{outcome:?}");
}

const CHAIN: &str = "
import boto3
sts = boto3.client('sts')
for role, name in (('first', 'one'), ('second', 'two')):
    answer = sts.assume_role(RoleArn='arn:aws:iam::210987654321:role/' + role, RoleSessionName=name)
    set = answer['Credentials']
    assert set['Expiration'].tzinfo
    sts = boto3.client('sts', aws_access_key_id=set['AccessKeyId'],
        aws_secret_access_key=set['SecretAccessKey'], aws_session_token=set['SessionToken'])
print(sts.get_caller_identity()['Arn'])
";
