//! Programs that take the credentials: the AWS CLI and boto3, each way.

use super::WAYS;
use super::exec;
use crate::support::helper::Helper;
use crate::support::program::is_there;
use crate::support::service;
use crate::support::skip;
use crate::support::sts::sts;

const BOTO3: &str = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])";

/// With a default profile, which would win over an endpoint.
fn with_stale_profile(helper: Helper) -> Helper {
    let keys = "aws_access_key_id = STALE\naws_secret_access_key = S\n";
    helper.file(".aws/credentials", &format!("[default]\n{keys}"))
}

fn asks_sts_with_our_credentials(command: &[&str]) {
    for way in WAYS {
        let (service, sts) = (service(&[]), sts());
        let helper = with_stale_profile(exec(way, &service.url(), command));
        let helper = helper.env("AWS_ENDPOINT_URL_STS", &sts.url());
        let output = helper.run();
        assert_eq!(output.exit, 0, "{way}: {}", output.stderr);
        let request = sts.requests().pop().unwrap();
        let authorization = request.header("authorization").unwrap();
        let expected = "Credential=ASIAEMULATOR0000001/";
        assert!(authorization.contains(expected), "{way}: {authorization}");
    }
}

#[test]
fn aws_cli_takes_the_credentials_of_its_environment() {
    if !is_there("aws", &["--version"]) {
        skip("aws_cli_takes_the_credentials_of_its_environment: no aws");
        return;
    }
    asks_sts_with_our_credentials(&["aws", "sts", "get-caller-identity"]);
}

#[test]
fn boto3_takes_the_credentials_of_its_environment() {
    if !is_there("python3", &["-c", "import boto3"]) {
        skip("boto3_takes_the_credentials_of_its_environment: no boto3");
        return;
    }
    asks_sts_with_our_credentials(&["python3", "-c", BOTO3]);
}
