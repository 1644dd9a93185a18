//! The other systems whose pipelines are YAML, and the plain script: what each passes to its steps, and by which
//! shell it runs them. Every shell also traces its arguments (`-x`).

use std::fs;

use serde_json::Value;

use super::agent::Agent;
use super::agent::Variables;
use super::yaml::variables;
use super::yaml::yaml;

/// GitHub Actions, with the file of `GITHUB_ENV` and masks.
pub(crate) fn github(agent: &Agent, text: &str) -> Result<String, String> {
    let workflow = yaml(text);
    assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
    let file = agent.path("temp/github_env");
    fs::write(&file, "").unwrap();
    let mut job = variables(&workflow["env"]);
    let mut log = String::new();
    for step in workflow["jobs"]["push"]["steps"].as_array().unwrap() {
        let Some(script) = step["run"].as_str() else {
            assert!(
                step["uses"]
                    .as_str()
                    .unwrap()
                    .starts_with("actions/checkout@")
            );
            continue;
        };
        let mut variables = job.clone();
        variables.insert("GITHUB_ENV".to_owned(), file.display().to_string());
        variables.insert("GITHUB_SHA".to_owned(), "1234567".to_owned());
        for (name, value) in super::yaml::variables(&step["env"]) {
            let value = value.replace("${{ secrets.AGENT_IDENTITY }}", &agent.identity());
            let temp = agent.path("temp").display().to_string();
            let value = value.replace("${{ runner.temp }}", &temp);
            assert!(!value.contains("${{"), "{value}");
            variables.insert(name, value);
        }
        let shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-x"];
        log += &without_masks(&agent.run(&shell, script, &variables)?);
        let set = fs::read_to_string(&file).unwrap();
        job.extend(set.lines().map(pair));
    }
    Ok(log)
}

/// Without the commands that mask a value, which the runner keeps from the log. A mask is written as `MASK`.
fn without_masks(output: &str) -> String {
    let line = |line: &str| match line.strip_prefix("::add-mask::") {
        Some(value) if value.len() >= 16 => "MASK\n".to_owned(),
        _ => format!("{line}\n"),
    };
    output.lines().map(line).collect()
}

/// GitLab: the job on a shell executor by bash, the job in a container of Alpine by its `sh`.
pub(crate) fn gitlab(agent: &Agent, text: &str) -> Result<String, String> {
    let pipeline = yaml(text);
    let mut variables = variables(&pipeline["variables"]);
    variables.insert("AGENT_IDENTITY".to_owned(), agent.identity());
    let jobs: [(&str, &[&str]); 2] = [
        ("infrastructure", &["bash", "-eo", "pipefail", "-x"]),
        ("site", &["sh", "-e", "-x"]),
    ];
    let mut log = String::new();
    for (job, shell) in jobs {
        let job = &pipeline[job];
        let script = lines(&job["before_script"]) + &lines(&job["script"]);
        log += &agent.run(shell, &script, &variables)?;
    }
    Ok(log)
}

/// CircleCI, whose context is in the environment of every step.
pub(crate) fn circleci(agent: &Agent, text: &str) -> Result<String, String> {
    let job = &yaml(text)["jobs"]["deploy"];
    let mut variables = variables(&job["environment"]);
    variables.insert("AGENT_IDENTITY".to_owned(), agent.identity());
    let mut log = String::new();
    for step in job["steps"].as_array().unwrap() {
        let Some(script) = step["run"]["command"].as_str() else {
            assert_eq!(step, "checkout");
            continue;
        };
        let shell = ["bash", "-eo", "pipefail", "-x"];
        log += &agent.run(&shell, script, &variables)?;
    }
    Ok(log)
}

/// Travis CI: all lines in one shell. One of `before_script` that fails ends it, one of `script` does not.
pub(crate) fn travis(agent: &Agent, text: &str) -> Result<String, String> {
    let pipeline = yaml(text);
    let global = pipeline["env"]["global"].as_array().unwrap();
    let mut variables: Variables = global
        .iter()
        .map(|line| pair(line.as_str().unwrap()))
        .collect();
    variables.insert("AGENT_IDENTITY".to_owned(), agent.identity());
    let before = lines(&pipeline["before_script"]).replace('\n', "\n[ $? = 0 ] || exit 1\n");
    let script = lines(&pipeline["script"]).replace('\n', "\nresult=$((result | $?))\n");
    let script = format!("{before}{script}exit $result\n");
    agent.run(&["bash", "-x"], &script, &variables)
}

/// The script as cron or an agent starts it.
pub(crate) fn shell(agent: &Agent, text: &str) -> Result<String, String> {
    let variables = [
        ("AGENT_IDENTITY", &*agent.identity()),
        ("STACK", "web"),
        ("BUILD_NUMBER", "7"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    agent.run(&["bash"], text, &variables.into())
}

/// A list of lines, which may hold lists.
fn lines(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(lines).collect(),
        value => format!("{}\n", value.as_str().unwrap()),
    }
}

fn pair(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').expect("NAME=value");
    (name.to_owned(), value.to_owned())
}
