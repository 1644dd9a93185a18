//! Session policies for what jobs do, each with the least that it needs. A session policy allows nothing
//! by itself: a session has what both its role's policies and this one allow
//! ([session policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session)).

use std::fmt;

use super::document::PolicyDocument;
use super::document::Statement;
use super::document::Values;
use super::names::BucketName;
use super::names::DistributionId;
use super::names::ExactRoleArn;
use super::names::FunctionArn;
use super::names::KeyPrefix;
use super::names::ObjectKey;
use super::names::Partition;
use super::names::RepositoryArn;
use super::names::ServiceArn;
use super::names::StackName;
use super::names::TableName;

/// Pushes images to repositories
/// ([needed permissions](https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html)).
pub fn ecr_push(repositories: &[RepositoryArn]) -> PolicyDocument {
    let push = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ];
    PolicyDocument::new(vec![
        Statement::allow("ecr:GetAuthorizationToken", "*"),
        Statement::allow(&push[..], each(repositories, RepositoryArn::as_str)),
    ])
}

/// Registers task definitions and deploys them to services
/// ([actions](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html)).
/// Task definitions have new ARNs each time, so these two actions have no resource.
pub fn ecs_deploy(services: &[ServiceArn], pass_roles: &[ExactRoleArn]) -> PolicyDocument {
    let definition = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"];
    let deploy = ["ecs:DescribeServices", "ecs:UpdateService"];
    let mut statements = vec![
        Statement::allow(&definition[..], "*"),
        Statement::allow(&deploy[..], each(services, ServiceArn::as_str)),
    ];
    statements.extend(pass(pass_roles, "ecs-tasks.amazonaws.com"));
    PolicyDocument::new(statements)
}

/// Reads and writes one state of Terraform or OpenTofu
/// ([needed permissions](https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required)),
/// locked by a table or by an object beside it. The bucket is listed as a whole: without that, S3 does not
/// say that a state does not exist yet.
pub fn terraform_state(
    partition: &Partition,
    bucket: &BucketName,
    key: &ObjectKey,
    lock_table: Option<&TableName>,
) -> PolicyDocument {
    let object = objects(partition, bucket, key.as_str());
    let mut statements = vec![
        Statement::allow("s3:ListBucket", bucket_arn(partition, bucket)),
        Statement::allow(&STATE_ACTIONS[..], object.clone()),
    ];
    match lock_table {
        None => statements.push(Statement::allow(
            &LOCK_ACTIONS[..],
            format!("{object}.tflock"),
        )),
        Some(table) => {
            let item = format!("{}/{}", bucket.as_str(), key.as_str());
            let digest = format!("{item}-md5");
            statements.extend(lock(partition, table, "StringEquals", [item, digest]));
        }
    }
    PolicyDocument::new(statements)
}

/// Reads and writes the states below a prefix, for Terragrunt, which also looks at how its bucket is set up
/// ([needed permissions](https://docs.terragrunt.com/features/aws-authentication/)). The bucket exists.
pub fn terragrunt_state(
    partition: &Partition,
    bucket: &BucketName,
    prefix: &KeyPrefix,
    lock_table: Option<&TableName>,
) -> PolicyDocument {
    let look = [
        "s3:GetBucketAcl",
        "s3:GetBucketLogging",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:ListBucket",
    ];
    let below = format!("{}/*", prefix.folder());
    let states = objects(partition, bucket, &below);
    let mut statements = vec![
        Statement::allow(&look[..], bucket_arn(partition, bucket)),
        Statement::allow(&STATE_ACTIONS[..], states.clone()),
    ];
    match lock_table {
        None => statements.push(Statement::allow(
            &LOCK_ACTIONS[..],
            format!("{states}.tflock"),
        )),
        Some(table) => {
            let items = format!("{}/{below}", bucket.as_str());
            statements.extend(lock(partition, table, "StringLike", items));
        }
    }
    PolicyDocument::new(statements)
}

/// Uploads files as `aws s3 sync` does, and may remove objects that have no file any more
/// ([actions](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html)); then
/// the copies of distributions are invalidated.
pub fn s3_sync(
    partition: &Partition,
    bucket: &BucketName,
    prefix: Option<&KeyPrefix>,
    may_delete: bool,
    distributions: &[DistributionId],
) -> PolicyDocument {
    let list = Statement::allow("s3:ListBucket", bucket_arn(partition, bucket));
    let (list, below) = match prefix.map(|prefix| format!("{}/*", prefix.folder())) {
        Some(below) => (list.when("StringLike", "s3:prefix", below.clone()), below),
        None => (list, "*".to_owned()),
    };
    let actions = ["s3:AbortMultipartUpload", "s3:PutObject", "s3:DeleteObject"];
    let actions = match may_delete {
        true => &actions[..],
        false => actions.split_last().map_or(&[][..], |(_, rest)| rest),
    };
    let mut statements = vec![
        list,
        Statement::allow(actions, objects(partition, bucket, &below)),
    ];
    if !distributions.is_empty() {
        let invalidate = [
            "cloudfront:CreateInvalidation",
            "cloudfront:GetInvalidation",
        ];
        let arn = |id: &DistributionId| {
            let (partition, id) = (partition.as_str(), id.as_str());
            format!("arn:{partition}:cloudfront::*:distribution/{id}")
        };
        statements.push(Statement::allow(&invalidate[..], each(distributions, arn)));
    }
    PolicyDocument::new(statements)
}

/// Creates stacks or updates them, by change sets or without
/// ([actions](https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html)).
/// What a stack holds is changed with the rights of the stack's own role, which may be passed to it.
pub fn cloudformation_stack(
    partition: &Partition,
    names: &[StackName],
    pass_roles: &[ExactRoleArn],
) -> PolicyDocument {
    let deploy = [
        "cloudformation:CreateChangeSet",
        "cloudformation:CreateStack",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStackResources",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:GetTemplate",
        "cloudformation:UpdateStack",
    ];
    let stack = |name: &StackName| {
        let (partition, name) = (partition.as_str(), name.as_str());
        format!("arn:{partition}:cloudformation:*:*:stack/{name}/*")
    };
    let mut statements = vec![
        Statement::allow("cloudformation:ValidateTemplate", "*"),
        Statement::allow(&deploy[..], each(names, stack)),
    ];
    statements.extend(pass(pass_roles, "cloudformation.amazonaws.com"));
    PolicyDocument::new(statements)
}

/// Deploys code to functions, waits for it, and moves aliases to it
/// ([actions](https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html)).
pub fn lambda_deploy(functions: &[FunctionArn]) -> PolicyDocument {
    let deploy = [
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
    ];
    let functions = each(functions, FunctionArn::as_str);
    PolicyDocument::new(vec![Statement::allow(&deploy[..], functions)])
}

/// The policy as text, on one line.
pub fn text(policy: &PolicyDocument) -> Result<String, TooLong> {
    // Strings always serialize.
    let text = serde_json::to_string(policy).unwrap_or_default() + "\n";
    match text.chars().count() {
        0..=CHARACTERS_MAX => Ok(text),
        characters => Err(TooLong { characters }),
    }
}

/// A policy that STS does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    characters: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session policy has {} characters, STS takes {CHARACTERS_MAX}; use shorter names",
            self.characters
        )
    }
}

impl std::error::Error for TooLong {}

/// A resource for each item, written as one where there is one.
fn each<'a, T, R: Into<String>>(items: &'a [T], resource: impl Fn(&'a T) -> R) -> Values {
    match items {
        [item] => Values::One(resource(item).into()),
        _ => Values::Many(items.iter().map(|item| resource(item).into()).collect()),
    }
}

/// Passes roles to one service only
/// ([pass a role](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)). The
/// services here have this name in every partition.
fn pass(roles: &[ExactRoleArn], service: &str) -> Option<Statement> {
    if roles.is_empty() {
        return None;
    }
    let statement = Statement::allow("iam:PassRole", each(roles, ExactRoleArn::as_str));
    Some(statement.when("StringEquals", "iam:PassedToService", service))
}

/// Locks by items of a table, and no other items of it
/// ([conditions](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)).
fn lock(
    partition: &Partition,
    table: &TableName,
    operator: &str,
    items: impl Into<Values>,
) -> [Statement; 2] {
    let (partition, table) = (partition.as_str(), table.as_str());
    let table = format!("arn:{partition}:dynamodb:*:*:table/{table}");
    let actions = [
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
    ];
    let operator = format!("ForAllValues:{operator}");
    [
        Statement::allow("dynamodb:DescribeTable", table.clone()),
        Statement::allow(&actions[..], table).when(&operator, "dynamodb:LeadingKeys", items),
    ]
}

fn bucket_arn(partition: &Partition, bucket: &BucketName) -> String {
    format!("arn:{}:s3:::{}", partition.as_str(), bucket.as_str())
}

fn objects(partition: &Partition, bucket: &BucketName, key: &str) -> String {
    format!("{}/{key}", bucket_arn(partition, bucket))
}

const STATE_ACTIONS: [&str; 2] = ["s3:GetObject", "s3:PutObject"];
const LOCK_ACTIONS: [&str; 3] = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"];

/// STS's limit on a session policy
/// ([AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)).
const CHARACTERS_MAX: usize = 2048;
