//! `examples/pipelines`: each is parsed, and its steps run as its system runs them, against the emulator.
//!
//! The AWS CLI is real and asks STS who it is. Other commands stand in for those that need an account: each writes
//! down the role whose credentials it finds.

pub(crate) mod agent;
pub(crate) mod azure_devops;
mod code_systems;
mod release;
mod yaml;
mod yaml_systems;

use std::path::Path;

use rolesanywhere_emulator::Settings;

use crate::pipelines::agent::Agent;
use crate::support::program::is_there;
use crate::support::skip;

/// Runs the pipeline of a system; its log.
type System = fn(&Agent, &str) -> Result<String, String>;

const EXAMPLES: [(&str, System); 10] = [
    ("azure-devops/single-account.yml", azure_with_files),
    ("azure-devops/multi-account.yml", azure_with_files),
    ("azure-devops/secret-variables.yml", azure_with_secrets),
    ("jenkins/Jenkinsfile", code_systems::jenkins),
    ("gitlab/.gitlab-ci.yml", yaml_systems::gitlab),
    ("github/workflow.yml", yaml_systems::github),
    ("teamcity/settings.kts", code_systems::teamcity),
    ("circleci/config.yml", yaml_systems::circleci),
    ("travis/.travis.yml", yaml_systems::travis),
    ("shell/deploy.sh", yaml_systems::shell),
];

#[test]
fn azure_devops_deploys_to_one_account() {
    let Some((agent, log)) = follow("azure-devops/single-account.yml") else {
        return;
    };
    assert!(log.contains("ok    create-session"), "{log}");
    assert!(log.contains("assumed-role/ci/1"), "{log}");
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        ["aws cloudformation deploy web as 123456789012:assumed-role/ci/1"]
    );
}

#[test]
fn azure_devops_deploys_to_several_accounts() {
    let Some((agent, log)) = follow("azure-devops/multi-account.yml") else {
        return;
    };
    agent.finish(&log);
    let calls = ["111111111111", "222222222222"].map(|account| {
        format!(
            "aws cloudformation deploy --stack-name web --template-file template.yml --profile deploy-{account} \
             as {account}:assumed-role/deploy/serial-1"
        )
    });
    assert_eq!(agent.calls(), calls);
}

#[test]
fn azure_devops_maps_secrets_to_later_tasks() {
    let Some((agent, log)) = follow("azure-devops/secret-variables.yml") else {
        return;
    };
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        [
            "terraform apply -input=false -auto-approve as 123456789012:assumed-role/ci/1",
            "aws s3 ls s3://artifacts as 123456789012:assumed-role/ci/1"
        ]
    );
}

/// What the example says: without its mapping, a task has no credentials.
#[test]
fn azure_devops_task_without_mapping_has_no_credentials() {
    let Some(agent) = Agent::new("azure_devops_task_without_mapping_has_no_credentials") else {
        return;
    };
    let text = release::example(&agent, "azure-devops/secret-variables.yml");
    let (before, _) = text.rsplit_once("    env:\n").unwrap();
    let log = azure_with_secrets(&agent, before).unwrap_err();
    assert!(log.contains("Unable to locate credentials"), "{log}");
}

#[test]
fn jenkins_deploys_one_service() {
    let Some((agent, log)) = follow("jenkins/Jenkinsfile") else {
        return;
    };
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        [
            "aws ecs update-service --cluster prod --service web --force-new-deployment \
             as 123456789012:assumed-role/deploy/serial-1"
        ]
    );
    assert_policies(&agent, &["ecs:UpdateService"]);
}

/// By Groovy itself; `jenkins_deploys_one_service` checks the form alone.
#[test]
fn groovy_parses_the_pipeline_of_jenkins() {
    if !is_there("groovy", &["--version"]) {
        skip("groovy_parses_the_pipeline_of_jenkins: no groovy");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("examples/pipelines/jenkins/Jenkinsfile");
    let parse = "new GroovyShell().parse(new File(args[0]))";
    assert!(is_there("groovy", &["-e", parse, path.to_str().unwrap()]));
}

#[test]
fn gitlab_runs_both_executors() {
    let Some((agent, log)) = follow("gitlab/.gitlab-ci.yml") else {
        return;
    };
    agent.finish(&log);
    let role = "as 123456789012:assumed-role/deploy/serial-1";
    assert_eq!(
        agent.calls(),
        [
            format!("terraform init -input=false {role}"),
            format!("terraform apply -input=false -auto-approve {role}"),
            "apk add --no-cache aws-cli curl".to_owned(),
            format!("aws s3 sync --delete public s3://site {role}"),
        ]
    );
    assert_policies(&agent, &["prod/network.tfstate", "", "s3:DeleteObject"]);
}

#[test]
fn github_pushes_and_masks() {
    let Some((agent, log)) = follow("github/workflow.yml") else {
        return;
    };
    assert_eq!(log.matches("MASK\n").count(), 3, "{log}");
    assert!(log.contains("\"Arn\": \"arn:aws:sts::123456789012:assumed-role/ci/1\""));
    assert!(!agent.path("temp/docker/config.json").exists());
    agent.finish(&log);
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1234567";
    assert_eq!(
        agent.calls(),
        [
            format!("docker build --tag {image} ."),
            "aws ecr get-login-password as 123456789012:assumed-role/deploy/serial-1".to_owned(),
            format!("docker push {image}"),
        ]
    );
    assert_policies(&agent, &["ecr:PutImage"]);
}

#[test]
fn teamcity_deploys_one_stack() {
    let Some((agent, log)) = follow("teamcity/settings.kts") else {
        return;
    };
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        [
            "aws cloudformation deploy --stack-name web --template-file template.yml \
             as 123456789012:assumed-role/deploy/serial-1"
        ]
    );
    assert_policies(&agent, &["stack/web/*"]);
}

#[test]
fn circleci_uploads_one_function() {
    let Some((agent, log)) = follow("circleci/config.yml") else {
        return;
    };
    agent.finish(&log);
    let function = "arn:aws:lambda:us-east-1:123456789012:function:resize";
    assert_eq!(
        agent.calls(),
        [format!(
            "aws lambda update-function-code --function-name {function} --zip-file fileb://resize.zip \
             as 123456789012:assumed-role/deploy/serial-1"
        )]
    );
    assert_policies(&agent, &["lambda:UpdateFunctionCode"]);
}

#[test]
fn travis_uploads_one_site() {
    let Some((agent, log)) = follow("travis/.travis.yml") else {
        return;
    };
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        ["aws s3 sync docs s3://site/docs as 123456789012:assumed-role/deploy/serial-1"]
    );
    assert_policies(&agent, &["docs/*"]);
}

#[test]
fn shell_assumes_role_with_external_id() {
    let Some(agent) = Agent::new("shell_assumes_role_with_external_id") else {
        return;
    };
    let agent = agent.with_service(only_with_external_id("web"));
    let text = release::example(&agent, "shell/deploy.sh");
    let log = yaml_systems::shell(&agent, &text).unwrap_or_else(|log| panic!("{log}"));
    assert!(
        log.contains("123456789012:assumed-role/deploy/build-7"),
        "{log}"
    );
    agent.finish(&log);
    assert_eq!(
        agent.calls(),
        [
            "aws cloudformation deploy --stack-name web --template-file template.yml \
             as 123456789012:assumed-role/deploy/build-7"
        ]
    );
    let roles = agent.assumed();
    assert_eq!(roles[0].parameters.external_id.as_deref(), Some("web"));
}

/// The script ends where it has no credentials, although `eval` of nothing succeeds.
#[test]
fn shell_ends_without_credentials() {
    let Some(agent) = Agent::new("shell_ends_without_credentials") else {
        return;
    };
    let agent = agent.with_service(only_with_external_id("another"));
    let text = release::example(&agent, "shell/deploy.sh");
    let log = yaml_systems::shell(&agent, &text).unwrap_err();
    agent.finish(&log);
    assert!(log.contains("AccessDenied"), "{log}");
    // No later command printed anything.
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("aws_signing_helper: "), "{log}");
    assert_eq!(agent.calls(), Vec::<String>::new());
}

#[test]
fn every_example_refuses_another_helper() {
    for (path, system) in EXAMPLES {
        let Some(agent) = Agent::new("every_example_refuses_another_helper") else {
            return;
        };
        let log = system(&agent, &release::example_with_another_sum(&agent, path)).unwrap_err();
        assert!(log.contains("sha256sum: WARNING"), "{path}: {log}");
        let helper = agent.path("work/aws_signing_helper");
        assert!(
            !helper.exists() && agent.emulator.requests().is_empty(),
            "{path}"
        );
        agent.finish(&log);
    }
}

#[test]
fn every_example_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pipelines");
    for (path, _) in EXAMPLES {
        assert!(root.join(path).is_file(), "{path}");
    }
    assert_eq!(agent::files(&root).len(), EXAMPLES.len());
}

/// Runs an example as it is; the agent after it, and the log.
fn follow(path: &str) -> Option<(Agent, String)> {
    let (_, system) = EXAMPLES.into_iter().find(|(name, _)| *name == path)?;
    let agent = Agent::new(path)?;
    let log = system(&agent, &release::example(&agent, path))
        .unwrap_or_else(|log| panic!("{path}:\n{log}"));
    Some((agent, log))
}

fn azure_with_files(agent: &Agent, text: &str) -> Result<String, String> {
    let group = [
        ("TRUSTANCHORARN", TRUST_ANCHOR, false),
        ("PROFILEARN", PROFILE, false),
        ("ROLEARN", ROLE, false),
    ];
    azure_devops::run(agent, text, &group)
}

fn azure_with_secrets(agent: &Agent, text: &str) -> Result<String, String> {
    let group = [
        ("AGENT_IDENTITY", &*agent.identity(), true),
        ("AWS_SIGNING_HELPER_TRUST_ANCHOR_ARN", TRUST_ANCHOR, false),
        ("AWS_SIGNING_HELPER_PROFILE_ARN", PROFILE, false),
        ("AWS_SIGNING_HELPER_ROLE_ARN", ROLE, false),
    ];
    azure_devops::run(agent, text, &group)
}

fn only_with_external_id(id: &str) -> Settings {
    let role = format!("arn:aws:iam::123456789012:role/deploy,external-id={id}");
    Settings {
        chained_roles: vec![role.parse().unwrap()],
        ..Settings::default()
    }
}

/// The session policies of the roles that were assumed, in order: each with a part of it, or none.
#[track_caller]
fn assert_policies(agent: &Agent, parts: &[&str]) {
    let roles = agent.assumed();
    assert_eq!(roles.len(), parts.len(), "{roles:?}");
    for (role, part) in roles.iter().zip(parts) {
        let policy = role.parameters.policy.as_deref().unwrap_or_default();
        assert_eq!(policy.is_empty(), part.is_empty(), "{policy}");
        assert!(policy.contains(part), "{policy}");
    }
}

const TRUST_ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1";
const PROFILE: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/1";
const ROLE: &str = "arn:aws:iam::123456789012:role/ci";
