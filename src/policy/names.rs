//! Names and ARNs of resources: checked, and without the wildcards (`*`, `?`) and variables (`${..}`)
//! that would make a policy reach further than the name it was given.

use std::fmt;
use std::str::FromStr;

use crate::arn::Region;
use crate::arn::Sections;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $is_valid:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let is_valid: fn(&str) -> bool = $is_valid;
                match is_valid(text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(NameError { rule: $rule }),
                }
            }
        }
    };
}

name!(
    /// A partition of AWS, such as `aws-cn`
    /// ([partitions](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html)).
    Partition,
    is_partition,
    "a partition is aws, aws-cn, aws-us-gov or the like"
);
name!(
    /// A repository of ECR.
    RepositoryArn,
    |text| is_arn(text, "ecr", "repository/", |_| true),
    "arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME is expected, without wildcards"
);
name!(
    /// A service of ECS, with its cluster's name where the ARN is in the long form.
    ServiceArn,
    |text| is_arn(text, "ecs", "service/", |name| name.split('/').count() <= 2),
    "arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME is expected, without wildcards"
);
name!(
    /// A function of Lambda, without version or alias.
    FunctionArn,
    |text| is_arn(text, "lambda", "function:", |name| !name.contains(':')),
    "arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME is expected, without version and wildcards"
);
name!(
    /// A trust anchor of IAM Roles Anywhere.
    AnchorArn,
    |text| is_arn(text, "rolesanywhere", "trust-anchor/", |name| !name.contains('/')),
    "arn:PARTITION:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID is expected, without wildcards"
);
name!(
    /// A role, by its exact name.
    ExactRoleArn,
    |text| is_arn(text, "iam", "role/", |_| true),
    "arn:PARTITION:iam::ACCOUNT:role/NAME is expected, without wildcards"
);
name!(
    /// A bucket of S3
    /// ([rules](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)).
    BucketName,
    |text| is_made_of(text, 3..=63, |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c)
    }),
    "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens"
);
name!(
    /// A key of S3.
    ObjectKey,
    |text| is_key(text) && !text.ends_with('/'),
    "a key has up to 1024 bytes, none of *?$, and no slash at its begin or end"
);
name!(
    /// The begin of keys of S3, up to a slash.
    KeyPrefix,
    is_key,
    "a prefix has up to 1024 bytes, none of *?$, and no slash at its begin"
);
name!(
    /// A table of DynamoDB.
    TableName,
    |text| is_made_of(text, 3..=255, |c| {
        c.is_ascii_alphanumeric() || "_.-".contains(c)
    }),
    "a table's name has 3 to 255 letters, digits and _.-"
);
name!(
    /// A stack of CloudFormation.
    StackName,
    |text| text.starts_with(|c: char| c.is_ascii_alphabetic())
        && is_made_of(text, 1..=128, |c| c.is_ascii_alphanumeric() || c == '-'),
    "a stack's name has up to 128 letters, digits and hyphens, and begins with a letter"
);
name!(
    /// A distribution of CloudFront.
    DistributionId,
    |text| is_made_of(text, 1..=64, |c| c.is_ascii_alphanumeric()),
    "a distribution's id has letters and digits only"
);

impl AnchorArn {
    /// The account that the anchor is in.
    pub fn account(&self) -> Option<&str> {
        Sections::parse(&self.0).ok().map(|arn| arn.account)
    }
}

impl ExactRoleArn {
    /// The role's path, which begins and ends with a slash, and its name.
    pub fn path_and_name(&self) -> Option<(&str, &str)> {
        let role = Sections::parse(&self.0).ok()?.resource;
        let (path, name) = role.split_at(role.rfind('/')? + 1);
        Some((path.strip_prefix("role")?, name))
    }
}

impl KeyPrefix {
    /// Without a slash at its end.
    pub fn folder(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}

/// Text that cannot be the name it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule)
    }
}

impl std::error::Error for NameError {}

fn is_partition(text: &str) -> bool {
    let rest = text.strip_prefix("aws");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        && is_made_of(text, 3..=32, |c| c.is_ascii_lowercase() || c == '-')
}

/// Only IAM's resources are in no region.
fn is_arn(text: &str, service: &str, kind: &str, is_name: fn(&str) -> bool) -> bool {
    let Ok(arn) = Sections::parse(text) else {
        return false;
    };
    let is_region = match service {
        "iam" => arn.region.is_empty(),
        _ => arn.region.parse::<Region>().is_ok(),
    };
    let name = arn.resource.strip_prefix(kind);
    is_partition(arn.partition)
        && arn.service == service
        && is_region
        && is_made_of(arn.account, 12..=12, |c| c.is_ascii_digit())
        && name.is_some_and(|name| !name.is_empty() && !name.starts_with('/') && is_name(name))
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@/:-".contains(c))
}

fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&text.len())
        && !text.starts_with('/')
        && text.chars().all(|c| is_literal(c) && !c.is_control())
}

fn is_made_of(
    text: &str,
    lengths: std::ops::RangeInclusive<usize>,
    is_allowed: fn(char) -> bool,
) -> bool {
    lengths.contains(&text.len()) && text.chars().all(is_allowed)
}

/// Not a wildcard, nor the begin of a policy variable.
fn is_literal(character: char) -> bool {
    !"*?$".contains(character)
}

/// S3's limit ([object keys](https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)).
const KEY_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<N: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<N>().is_err(), "{text}");
        }
    }

    #[test]
    fn wildcards_and_variables_are_refused_in_every_name() {
        for mark in ["*", "?", "${aws:username}"] {
            let arn = |kind: &str| format!("arn:aws:{kind}{mark}");
            refused::<RepositoryArn>(&[&arn("ecr:us-east-1:123456789012:repository/a")]);
            refused::<ServiceArn>(&[&arn("ecs:us-east-1:123456789012:service/a/b")]);
            refused::<FunctionArn>(&[&arn("lambda:us-east-1:123456789012:function:a")]);
            refused::<ExactRoleArn>(&[&arn("iam::123456789012:role/a")]);
            refused::<AnchorArn>(&[&arn("rolesanywhere:us-east-1:123456789012:trust-anchor/a")]);
            let name = format!("abc{mark}");
            refused::<Partition>(&[&format!("aws-{mark}")]);
            refused::<BucketName>(&[&name]);
            refused::<ObjectKey>(&[&name]);
            refused::<KeyPrefix>(&[&name]);
            refused::<TableName>(&[&name]);
            refused::<StackName>(&[&name]);
            refused::<DistributionId>(&[&name]);
        }
    }

    #[test]
    fn arn_of_something_else_is_refused() {
        refused::<RepositoryArn>(&[
            "",
            "repository",
            "arn:aws:ecr:us-east-1:123456789012:repository/",
            "arn:aws:ecr:us-east-1:123456789012:repository//a",
            "arn:aws:ecr::123456789012:repository/a",
            "arn:aws:ecr:us-east-1:1:repository/a",
            "arn:aws:ecr:us-east-1::repository/a",
            "arn:amazon:ecr:us-east-1:123456789012:repository/a",
            "arn:aws:ecs:us-east-1:123456789012:repository/a",
            "arn:aws:ecr:us-east-1:123456789012:repository/a\"b",
            "arn:aws:ecr:us-east-1:123456789012:repository/a b",
        ]);
        refused::<ServiceArn>(&[
            "arn:aws:ecs:us-east-1:123456789012:cluster/a",
            "arn:aws:ecs:us-east-1:123456789012:service/a/b/c",
        ]);
        refused::<FunctionArn>(&["arn:aws:lambda:us-east-1:123456789012:function:a:live"]);
        refused::<ExactRoleArn>(&["arn:aws:iam:us-east-1:123456789012:role/a"]);
    }

    #[test]
    fn name_that_aws_would_refuse_is_refused() {
        refused::<Partition>(&["", "awscn", "aws cn", "AWS"]);
        refused::<BucketName>(&["ab", "State", "a/b", "bücket"]);
        refused::<ObjectKey>(&["", "/a", "a/", "a\nb"]);
        refused::<KeyPrefix>(&["", "/", "/a", "a\u{7f}"]);
        refused::<TableName>(&["ab", "a/b"]);
        refused::<StackName>(&["", "1a", "a_b"]);
        refused::<DistributionId>(&["", "E-1"]);
    }

    #[test]
    fn names_of_every_partition_are_accepted() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"] {
            assert!(partition.parse::<Partition>().is_ok(), "{partition}");
            let arn = format!("arn:{partition}:iam::123456789012:role/path/ci");
            let role: ExactRoleArn = arn.parse().unwrap();
            assert_eq!(role.as_str(), arn);
            assert_eq!(role.path_and_name(), Some(("/path/", "ci")));
            let arn = format!("arn:{partition}:rolesanywhere:x-1:123456789012:trust-anchor/a-b");
            let anchor: AnchorArn = arn.parse().unwrap();
            assert_eq!(anchor.account(), Some("123456789012"));
        }
        assert_eq!("a/b/".parse::<KeyPrefix>().unwrap().folder(), "a/b");
    }
}
