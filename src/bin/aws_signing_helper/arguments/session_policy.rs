//! Flags of `session-policy`: each case has its own.

use clap::Args;
use clap::Subcommand;
use rolesanywhere::policy::names::BucketName;
use rolesanywhere::policy::names::DistributionId;
use rolesanywhere::policy::names::ExactRoleArn;
use rolesanywhere::policy::names::FunctionArn;
use rolesanywhere::policy::names::KeyPrefix;
use rolesanywhere::policy::names::ObjectKey;
use rolesanywhere::policy::names::Partition;
use rolesanywhere::policy::names::RepositoryArn;
use rolesanywhere::policy::names::ServiceArn;
use rolesanywhere::policy::names::StackName;
use rolesanywhere::policy::names::TableName;

use super::after_help::PLAIN_AFTER_HELP;
use super::boolean;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionPolicyCase {
    /// Push images to repositories of ECR.
    #[command(after_long_help = with_example(ECR_PUSH))]
    EcrPush(EcrPush),
    /// Register task definitions and deploy them to services of ECS.
    #[command(after_long_help = with_example(ECS_DEPLOY))]
    EcsDeploy(EcsDeploy),
    /// Use one state of Terraform or OpenTofu in S3, with its lock.
    #[command(after_long_help = with_example(TERRAFORM_STATE))]
    TerraformState(TerraformState),
    /// Use the states of Terragrunt below a prefix in S3, with their locks.
    #[command(after_long_help = with_example(TERRAGRUNT_STATE))]
    TerragruntState(TerragruntState),
    /// Upload files to S3 as `aws s3 sync` does.
    #[command(after_long_help = with_example(S3_SYNC))]
    S3Sync(S3Sync),
    /// Create or update stacks of CloudFormation.
    #[command(after_long_help = with_example(CLOUDFORMATION_STACK))]
    CloudformationStack(CloudformationStack),
    /// Deploy code to functions of Lambda.
    #[command(after_long_help = with_example(LAMBDA_DEPLOY))]
    LambdaDeploy(LambdaDeploy),
}

#[derive(Debug, Args)]
pub(crate) struct EcrPush {
    /// Repository to push to; repeatable.
    #[arg(
        long,
        value_name = "ARN",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) repository: Vec<RepositoryArn>,
}

#[derive(Debug, Args)]
pub(crate) struct EcsDeploy {
    /// Service to deploy to; repeatable.
    #[arg(
        long,
        value_name = "ARN",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) service: Vec<ServiceArn>,
    /// Role of the task or its execution, which ECS may be given; repeatable.
    #[arg(
        long,
        value_name = "ARN",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) pass_role: Vec<ExactRoleArn>,
}

#[derive(Debug, Args)]
pub(crate) struct TerraformState {
    /// Bucket of the state.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) bucket: Option<BucketName>,
    /// Key of the state.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) key: Option<ObjectKey>,
    #[command(flatten)]
    pub(crate) lock: LockFlag,
    #[command(flatten)]
    pub(crate) partition: PartitionFlag,
}

#[derive(Debug, Args)]
pub(crate) struct TerragruntState {
    /// Bucket of the states, which exists.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) bucket: Option<BucketName>,
    /// Begin of the states' keys, up to a slash.
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true)]
    pub(crate) prefix: Option<KeyPrefix>,
    #[command(flatten)]
    pub(crate) lock: LockFlag,
    #[command(flatten)]
    pub(crate) partition: PartitionFlag,
}

#[derive(Debug, Args)]
pub(crate) struct S3Sync {
    /// Bucket to upload to.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) bucket: Option<BucketName>,
    /// Begin of the keys, up to a slash [default: the whole bucket].
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true)]
    pub(crate) prefix: Option<KeyPrefix>,
    /// Allow to delete objects too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = boolean, value_name = "BOOLEAN")]
    pub(crate) delete: Option<bool>,
    /// Distribution of CloudFront whose copies are invalidated; repeatable.
    #[arg(
        long,
        value_name = "ID",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) cloudfront_distribution: Vec<DistributionId>,
    #[command(flatten)]
    pub(crate) partition: PartitionFlag,
}

#[derive(Debug, Args)]
pub(crate) struct CloudformationStack {
    /// Stack to create or update; repeatable.
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) stack_name: Vec<StackName>,
    /// Role that CloudFormation may be given for the stack; repeatable.
    #[arg(
        long,
        value_name = "ARN",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) pass_role: Vec<ExactRoleArn>,
    #[command(flatten)]
    pub(crate) partition: PartitionFlag,
}

#[derive(Debug, Args)]
pub(crate) struct LambdaDeploy {
    /// Function to deploy to; repeatable.
    #[arg(
        long,
        value_name = "ARN",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    pub(crate) function: Vec<FunctionArn>,
}

#[derive(Debug, Args)]
pub(crate) struct LockFlag {
    /// Table of DynamoDB with the locks [default: an object beside the state].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) lock_table: Option<TableName>,
}

#[derive(Debug, Args)]
pub(crate) struct PartitionFlag {
    /// Partition of AWS [default: aws].
    #[arg(long, value_name = "PARTITION", allow_hyphen_values = true)]
    pub(crate) partition: Option<Partition>,
}

fn with_example(words: &str) -> String {
    format!("{PLAIN_AFTER_HELP}  aws_signing_helper session-policy {words}")
}

const ECR_PUSH: &str = "ecr-push \\
      --repository arn:aws:ecr:us-east-1:123456789012:repository/app";
const ECS_DEPLOY: &str = "ecs-deploy \\
      --service arn:aws:ecs:us-east-1:123456789012:service/prod/web";
const TERRAFORM_STATE: &str = "terraform-state --bucket states --key prod/network.tfstate";
const TERRAGRUNT_STATE: &str = "terragrunt-state --bucket states --prefix live/prod";
const S3_SYNC: &str = "s3-sync --bucket site --cloudfront-distribution E1A2B3C4D5";
const CLOUDFORMATION_STACK: &str = "cloudformation-stack --stack-name web";
const LAMBDA_DEPLOY: &str = "lambda-deploy \\
      --function arn:aws:lambda:us-east-1:123456789012:function:resize";
