//! Azure DevOps: variables, macros, secure files and logging commands, as its agent treats them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::agent::Agent;
use super::agent::Variables;
use super::yaml::variables;
use super::yaml::yaml;

/// The variable group of a library: name, value, and whether it is secret.
pub(crate) type Group<'a> = &'a [(&'a str, &'a str, bool)];

/// Runs a pipeline of one job; its log, without the commands that the agent takes from it.
pub(crate) fn run(agent: &Agent, text: &str, group: Group) -> Result<String, String> {
    let pipeline = yaml(text);
    let mut job = Job {
        agent,
        variables: Variables::new(),
        secret: BTreeSet::new(),
    };
    job.set("Agent.TempDirectory", agent.path("temp").to_str().unwrap());
    for variable in pipeline["variables"].as_array().unwrap() {
        if variable["group"].is_string() {
            for (name, value, is_secret) in group {
                job.set(name, value);
                if *is_secret {
                    job.secret.insert((*name).to_owned());
                }
            }
        } else {
            let value = job.expanded(variable["value"].as_str().unwrap());
            job.set(variable["name"].as_str().unwrap(), &value);
        }
    }
    let mut log = String::new();
    for step in pipeline["steps"].as_array().unwrap() {
        log += &job.step(step)?;
    }
    Ok(log)
}

/// A job, with the variables that its steps have set so far.
struct Job<'a> {
    agent: &'a Agent,
    variables: Variables,
    /// Names of those that no step gets unless it maps them.
    secret: BTreeSet<String>,
}

impl Job<'_> {
    fn step(&mut self, step: &Value) -> Result<String, String> {
        if let Some(script) = step["bash"].as_str() {
            return self.script(script, &step["env"]);
        }
        match step["task"].as_str().unwrap() {
            "DownloadSecureFile@1" => {
                let file = step["inputs"]["secureFile"].as_str().unwrap();
                let to = self.agent.path("temp").join(file);
                fs::copy(self.agent.path("secure").join(file), &to).unwrap();
                let name = format!("{}.secureFilePath", step["name"].as_str().unwrap());
                self.set(&name, to.to_str().unwrap());
                Ok(String::new())
            }
            // Looks for credentials as every SDK does; the SDK for JavaScript reads ~/.aws/config only with this.
            "CloudFormationCreateOrUpdateStack@1" => {
                assert_eq!(self.variables["AWS_SDK_LOAD_CONFIG"], "1");
                let stack = step["inputs"]["stackName"].as_str().unwrap();
                self.script(&format!("aws cloudformation deploy {stack}"), &Value::Null)
            }
            task => panic!("no stand-in for {task}"),
        }
    }

    /// Runs by bash, which goes on after a failure, and traces every argument.
    fn script(&mut self, script: &str, mapped: &Value) -> Result<String, String> {
        let public = |(name, _): &(&String, &String)| !self.secret.contains(*name);
        let name = |name: &str| name.replace(['.', ' '], "_").to_uppercase();
        let mut step: Variables = self
            .variables
            .iter()
            .filter(public)
            .map(|(key, value)| (name(key), value.clone()))
            .collect();
        for (name, value) in variables(mapped) {
            step.insert(name, self.expanded(&value));
        }
        let shell = ["bash", "--noprofile", "--norc", "-x"];
        let output = self.agent.run(&shell, &self.expanded(script), &step)?;
        Ok(self.without_commands(&output))
    }

    /// Carries out the logging commands of an output; the rest of it.
    fn without_commands(&mut self, output: &str) -> String {
        let mut rest = String::new();
        for line in output.lines() {
            let command = line.strip_prefix("##vso[task.setvariable variable=");
            let Some((properties, value)) = command.and_then(|command| command.split_once(']'))
            else {
                rest += line;
                rest += "\n";
                continue;
            };
            let name = properties.split(';').next().unwrap();
            if properties.contains(";issecret=true") {
                self.secret.insert(name.to_owned());
            }
            self.set(name, &value.replace("%AZP25", "%"));
        }
        rest
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// With macros replaced, where there is such a variable.
    fn expanded(&self, text: &str) -> String {
        let replace = |text: String, (name, value): (&String, &String)| {
            text.replace(&format!("$({name})"), value)
        };
        self.variables.iter().fold(text.to_owned(), replace)
    }
}
