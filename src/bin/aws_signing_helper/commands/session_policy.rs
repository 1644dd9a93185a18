//! `session-policy`: the least that a job needs, for `--session-policy` and the like.

use std::process::ExitCode;

use rolesanywhere::policy::document::PolicyDocument;
use rolesanywhere::policy::names::Partition;
use rolesanywhere::policy::session_policy;

use crate::arguments::session_policy::PartitionFlag;
use crate::arguments::session_policy::SessionPolicyCase;
use crate::error::RunError;
use crate::report::print;

/// `session-policy`.
pub(crate) fn run(case: SessionPolicyCase) -> Result<ExitCode, RunError> {
    let text = session_policy::text(&policy(case)?).map_err(RunError::SessionPolicy)?;
    print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}

fn policy(case: SessionPolicyCase) -> Result<PolicyDocument, RunError> {
    Ok(match case {
        SessionPolicyCase::EcrPush(flags) => {
            session_policy::ecr_push(&some(flags.repository, "repository", "repository")?)
        }
        SessionPolicyCase::EcsDeploy(flags) => {
            let services = some(flags.service, "service", "service")?;
            session_policy::ecs_deploy(&services, &flags.pass_role)
        }
        SessionPolicyCase::TerraformState(flags) => session_policy::terraform_state(
            &partition(flags.partition)?,
            &needed(flags.bucket, "bucket", "bucket")?,
            &needed(flags.key, "key", "key")?,
            flags.lock.lock_table.as_ref(),
        ),
        SessionPolicyCase::TerragruntState(flags) => session_policy::terragrunt_state(
            &partition(flags.partition)?,
            &needed(flags.bucket, "bucket", "bucket")?,
            &needed(flags.prefix, "prefix", "prefix")?,
            flags.lock.lock_table.as_ref(),
        ),
        SessionPolicyCase::S3Sync(flags) => session_policy::s3_sync(
            &partition(flags.partition)?,
            &needed(flags.bucket, "bucket", "bucket")?,
            flags.prefix.as_ref(),
            flags.delete == Some(true),
            &flags.cloudfront_distribution,
        ),
        SessionPolicyCase::CloudformationStack(flags) => session_policy::cloudformation_stack(
            &partition(flags.partition)?,
            &some(flags.stack_name, "stack name", "stack-name")?,
            &flags.pass_role,
        ),
        SessionPolicyCase::LambdaDeploy(flags) => {
            session_policy::lambda_deploy(&some(flags.function, "function", "function")?)
        }
    })
}

fn needed<T>(value: Option<T>, what: &'static str, flag: &'static str) -> Result<T, RunError> {
    value.ok_or_else(|| RunError::missing(what, flag))
}

fn some<T>(values: Vec<T>, what: &'static str, flag: &'static str) -> Result<Vec<T>, RunError> {
    match values.is_empty() {
        true => Err(RunError::missing(what, flag)),
        false => Ok(values),
    }
}

fn partition(flag: PartitionFlag) -> Result<Partition, RunError> {
    let partition = flag.partition.or_else(|| "aws".parse().ok());
    needed(partition, "partition", "partition")
}
