//! `session-policy` as a process: the policy of each case by its structure, and what is refused.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::support::helper::Helper;
use crate::support::snapshots::assert_snapshot;

fn session_policy(words: &[&str]) -> Helper {
    let words = words.iter().copied();
    Helper::new().args(["session-policy"]).args(words)
}

fn printed(words: &[&str]) -> Value {
    let output = session_policy(words).run();
    assert_eq!((output.exit, &*output.stderr), (0, ""), "{words:?}");
    let text = output.stdout_text();
    assert!(text.chars().count() <= 2048, "{words:?}");
    assert_eq!(text.lines().count(), 1, "{words:?}");
    serde_json::from_str(text).unwrap()
}

fn refused(words: &[&str]) -> String {
    let output = session_policy(words).run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""), "{words:?}");
    output.stderr
}

fn allow(action: Value, resource: impl Into<Value>) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource.into()})
}

fn allow_when(action: Value, resource: impl Into<Value>, condition: Value) -> Value {
    let mut statement = allow(action, resource);
    statement["Condition"] = condition;
    statement
}

fn assert_statements(words: &[&str], statements: Value) {
    let expected = json!({"Version": "2012-10-17", "Statement": statements});
    assert_eq!(printed(words), expected, "{words:?}");
}

const REPOSITORY: &str = "arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/app";
const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web";
const FUNCTION: &str = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:resize";
const OTHER_REPOSITORY: &str = "arn:aws-cn:ecr:cn-north-1:123456789012:repository/base";
const OTHER_SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/prod/api";
const OTHER_FUNCTION: &str = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:crop";
const TASK_ROLE: &str = "arn:aws:iam::123456789012:role/task";
const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/service-role/execution";

#[test]
fn ecr_push_allows_one_repository() {
    assert_statements(
        &["ecr-push", "--repository", REPOSITORY],
        json!([
            allow(json!("ecr:GetAuthorizationToken"), "*"),
            allow(
                json!([
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart"
                ]),
                REPOSITORY
            ),
        ]),
    );
}

#[test]
fn ecs_deploy_passes_roles_to_tasks_only() {
    let statements = [
        allow(
            json!(["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]),
            "*",
        ),
        allow(
            json!(["ecs:DescribeServices", "ecs:UpdateService"]),
            SERVICE,
        ),
    ];
    let deploy = ["ecs-deploy", "--service", SERVICE];
    assert_statements(&deploy, json!(statements));

    let to_tasks = json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}});
    let pass = |roles: Value| allow_when(json!("iam:PassRole"), roles, to_tasks.clone());
    let one = [&deploy[..], &["--pass-role", TASK_ROLE]].concat();
    assert_statements(
        &one,
        json!([statements[0], statements[1], pass(json!(TASK_ROLE))]),
    );
    let both = [&one[..], &["--pass-role", EXECUTION_ROLE]].concat();
    let roles = json!([TASK_ROLE, EXECUTION_ROLE]);
    assert_statements(&both, json!([statements[0], statements[1], pass(roles)]));
}

#[test]
fn terraform_state_is_locked_by_its_own_object() {
    let words = ["terraform-state", "--bucket", "states", "--key", "a/b c"];
    assert_statements(
        &words,
        json!([
            allow(json!("s3:ListBucket"), "arn:aws:s3:::states"),
            allow(
                json!(["s3:GetObject", "s3:PutObject"]),
                "arn:aws:s3:::states/a/b c"
            ),
            allow(
                json!(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]),
                "arn:aws:s3:::states/a/b c.tflock"
            ),
        ]),
    );
}

#[test]
fn lock_table_is_used_for_one_state() {
    let words = "terraform-state --bucket states --key k --lock-table locks --partition aws-cn";
    let words: Vec<&str> = words.split(' ').collect();
    let table = "arn:aws-cn:dynamodb:*:*:table/locks";
    assert_statements(
        &words,
        json!([
            allow(json!("s3:ListBucket"), "arn:aws-cn:s3:::states"),
            allow(
                json!(["s3:GetObject", "s3:PutObject"]),
                "arn:aws-cn:s3:::states/k"
            ),
            allow(json!("dynamodb:DescribeTable"), table),
            allow_when(
                json!([
                    "dynamodb:DeleteItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem"
                ]),
                table,
                json!({"ForAllValues:StringEquals":
                       {"dynamodb:LeadingKeys": ["states/k", "states/k-md5"]}})
            ),
        ]),
    );
}

#[test]
fn terragrunt_state_stays_below_its_prefix() {
    let look = json!([
        "s3:GetBucketAcl",
        "s3:GetBucketLogging",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:ListBucket"
    ]);
    let plain = [
        "terragrunt-state",
        "--bucket",
        "states",
        "--prefix",
        "live/eu/",
    ];
    let first = [
        allow(look, "arn:aws:s3:::states"),
        allow(
            json!(["s3:GetObject", "s3:PutObject"]),
            "arn:aws:s3:::states/live/eu/*",
        ),
    ];
    let lock = allow(
        json!(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]),
        "arn:aws:s3:::states/live/eu/*.tflock",
    );
    assert_statements(&plain, json!([first[0], first[1], lock]));

    let table = "arn:aws:dynamodb:*:*:table/locks";
    let with_table = [&plain[..], &["--lock-table", "locks"]].concat();
    assert_statements(
        &with_table,
        json!([
            first[0],
            first[1],
            allow(json!("dynamodb:DescribeTable"), table),
            allow_when(
                json!([
                    "dynamodb:DeleteItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem"
                ]),
                table,
                json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "states/live/eu/*"}})
            ),
        ]),
    );
}

#[test]
fn s3_sync_deletes_and_invalidates_only_if_asked() {
    let upload = ["s3:AbortMultipartUpload", "s3:PutObject"];
    assert_statements(
        &["s3-sync", "--bucket", "site"],
        json!([
            allow(json!("s3:ListBucket"), "arn:aws:s3:::site"),
            allow(json!(upload), "arn:aws:s3:::site/*"),
        ]),
    );
    let words = "s3-sync --bucket site --prefix docs --delete --cloudfront-distribution E1A2 \
                 --partition aws-us-gov";
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_statements(
        &words,
        json!([
            allow_when(
                json!("s3:ListBucket"),
                "arn:aws-us-gov:s3:::site",
                json!({"StringLike": {"s3:prefix": "docs/*"}})
            ),
            allow(
                json!([upload[0], upload[1], "s3:DeleteObject"]),
                "arn:aws-us-gov:s3:::site/docs/*"
            ),
            allow(
                json!([
                    "cloudfront:CreateInvalidation",
                    "cloudfront:GetInvalidation"
                ]),
                "arn:aws-us-gov:cloudfront::*:distribution/E1A2"
            ),
        ]),
    );
}

#[test]
fn cloudformation_stack_is_one_stack() {
    let words = "cloudformation-stack --stack-name web --partition aws-cn --pass-role";
    let words: Vec<&str> = words.split(' ').chain([TASK_ROLE]).collect();
    assert_statements(
        &words,
        json!([
            allow(json!("cloudformation:ValidateTemplate"), "*"),
            allow(
                json!([
                    "cloudformation:CreateChangeSet",
                    "cloudformation:CreateStack",
                    "cloudformation:DeleteChangeSet",
                    "cloudformation:DescribeChangeSet",
                    "cloudformation:DescribeStackEvents",
                    "cloudformation:DescribeStackResources",
                    "cloudformation:DescribeStacks",
                    "cloudformation:ExecuteChangeSet",
                    "cloudformation:GetTemplate",
                    "cloudformation:UpdateStack"
                ]),
                "arn:aws-cn:cloudformation:*:*:stack/web/*"
            ),
            allow_when(
                json!("iam:PassRole"),
                TASK_ROLE,
                json!({"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}})
            ),
        ]),
    );
}

#[test]
fn lambda_deploy_changes_code_and_alias() {
    assert_statements(
        &["lambda-deploy", "--function", FUNCTION],
        json!([allow(
            json!([
                "lambda:GetFunction",
                "lambda:GetFunctionConfiguration",
                "lambda:PublishVersion",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode"
            ]),
            FUNCTION
        )]),
    );
}

/// Each case, with all of its flags.
pub(crate) const CASES: &[&[&str]] = &[
    &["ecr-push", "--repository", REPOSITORY],
    &["ecs-deploy", "--service", SERVICE, "--pass-role", TASK_ROLE],
    &["terraform-state", "--bucket", "states", "--key", "k"],
    &[
        "terraform-state",
        "--bucket",
        "states",
        "--key",
        "k",
        "--lock-table",
        "locks",
    ],
    &["terragrunt-state", "--bucket", "states", "--prefix", "p"],
    &[
        "s3-sync",
        "--bucket",
        "site",
        "--delete",
        "--cloudfront-distribution",
        "E1",
    ],
    &[
        "cloudformation-stack",
        "--stack-name",
        "web",
        "--pass-role",
        TASK_ROLE,
    ],
    &["lambda-deploy", "--function", FUNCTION],
];

#[test]
fn every_action_is_one_of_aws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("fixtures/iam/actions.txt")).unwrap();
    let known: HashSet<&str> = list.lines().collect();
    assert!(known.len() > 900);
    for words in CASES {
        let policy = printed(words);
        for statement in policy["Statement"].as_array().unwrap() {
            let actions = match &statement["Action"] {
                Value::String(action) => vec![action.clone()],
                actions => serde_json::from_value(actions.clone()).unwrap(),
            };
            for action in actions {
                assert!(known.contains(&*action), "{words:?}: {action}");
            }
        }
    }
}

/// The last word of each flag's value, which a wildcard would widen.
#[test]
fn wildcard_in_a_name_is_refused() {
    for words in CASES {
        for place in 2..words.len() {
            if words[place].starts_with("--") || words[place - 1] == "--delete" {
                continue;
            }
            for mark in ["*", "?", "${aws:username}"] {
                let value = format!("{}{mark}", words[place]);
                let mut words = words.to_vec();
                words[place] = &value;
                let said = refused(&words);
                assert!(said.contains("invalid value"), "{said}");
            }
        }
    }
    let said = refused(&["s3-sync", "--bucket", "site", "--partition", "aws-*"]);
    assert!(said.contains("--partition"), "{said}");
}

#[test]
fn missing_flag_is_named() {
    for (words, flag) in [
        (&["ecr-push"][..], "--repository"),
        (&["ecs-deploy", "--pass-role", TASK_ROLE], "--service"),
        (&["terraform-state", "--key", "k"], "--bucket"),
        (&["terraform-state", "--bucket", "states"], "--key"),
        (&["terragrunt-state", "--bucket", "states"], "--prefix"),
        (&["s3-sync", "--delete"], "--bucket"),
        (&["cloudformation-stack"], "--stack-name"),
        (&["lambda-deploy"], "--function"),
    ] {
        let said = refused(words);
        assert!(said.contains(&format!("{flag} is missing")), "{said}");
    }
    assert!(refused(&["s3-sink"]).contains("s3-sync"));
    assert!(refused(&["ecr-push", REPOSITORY]).contains("unexpected"));
}

#[test]
fn policy_that_sts_would_refuse_is_not_printed() {
    // With the bucket and what is around it, 2048 characters and one more.
    let frame = session_policy(&["terraform-state", "--bucket", "states", "--key", "k"]).run();
    let frame = frame.stdout_text().chars().count() - 2;
    let longest = (2048 - frame) / 2;
    let key = |length: usize| "k".repeat(length);
    let state =
        |key: &str| session_policy(&["terraform-state", "--bucket", "states", "--key", key]);
    assert_eq!(state(&key(longest)).run().exit, 0);
    let output = state(&key(longest + 1)).run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert_snapshot("session-policy-that-is-too-long", &output.stderr);
}

#[test]
fn flags_of_a_case_come_from_variables() {
    let helper = session_policy(&["ecs-deploy"])
        .env("AWS_SIGNING_HELPER_SERVICE", SERVICE)
        .env(
            "AWS_SIGNING_HELPER_PASS_ROLE",
            &format!("{TASK_ROLE},{EXECUTION_ROLE}"),
        );
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    let typed = printed(&[
        "ecs-deploy",
        "--service",
        SERVICE,
        "--pass-role",
        TASK_ROLE,
        "--pass-role",
        EXECUTION_ROLE,
    ]);
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(policy, typed);
}

#[test]
fn repeated_flag_adds_to_one_statement() {
    for (words, flag, one, other, index) in [
        ("ecr-push", "--repository", REPOSITORY, OTHER_REPOSITORY, 1),
        ("ecs-deploy", "--service", SERVICE, OTHER_SERVICE, 1),
        ("lambda-deploy", "--function", FUNCTION, OTHER_FUNCTION, 0),
        ("cloudformation-stack", "--stack-name", "web", "db", 1),
        (
            "s3-sync --bucket site",
            "--cloudfront-distribution",
            "E1A2B3C4D5",
            "E5D4C3B2A1",
            2,
        ),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let resource = |names: &[&str]| {
            let flags = names.iter().flat_map(|name| [flag, name]);
            let words: Vec<&str> = words.iter().copied().chain(flags).collect();
            let policy = printed(&words);
            let statements = policy["Statement"].as_array().unwrap().len();
            (statements, policy["Statement"][index]["Resource"].clone())
        };
        let ((count, first), (_, second)) = (resource(&[one]), resource(&[other]));
        assert!(first.is_string() && second.is_string(), "{first} {second}");
        let both = (count, json!([first, second]));
        assert_eq!(resource(&[one, other]), both);
        assert_eq!(resource(&[&format!("{one},{other}")]), both);
    }
}

/// As of all commands.
#[test]
fn last_of_a_repeated_flag_counts() {
    let typed = printed(&["s3-sync", "--bucket", "one", "--bucket", "site"]);
    assert_eq!(typed, printed(&["s3-sync", "--bucket", "site"]));
}

#[test]
fn help_lists_the_cases() {
    for (name, words) in [
        ("help-session-policy", &["--help"][..]),
        ("help-session-policy-s3-sync", &["s3-sync", "--help"]),
    ] {
        let output = session_policy(words).run();
        assert_eq!((output.exit, &*output.stderr), (0, ""));
        assert_snapshot(name, output.stdout_text());
    }
}
