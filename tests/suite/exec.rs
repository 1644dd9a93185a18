//! `exec` as a process: what the command it runs finds, and that it runs as if the helper were not there.

mod clients;
mod endpoint;
mod environment;
mod process;
mod signals;

use std::fs;

use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::imds::Answer;
use crate::support::imds::Connection;
use crate::support::imds::request;
use crate::support::running::wait_until;

/// The two ways in which a command gets credentials.
const WAYS: [&str; 2] = ["environment", "endpoint"];

/// `exec` of a command, against the service at this address.
fn exec(way: &str, url: &str, command: &[&str]) -> Helper {
    let helper = Helper::command_at("exec", url).args(["--via", way, "--"]);
    helper.args(command.iter().copied())
}

/// `exec` of a script for `/bin/sh`.
fn exec_script(way: &str, url: &str, script: &str) -> Helper {
    exec(way, url, &["/bin/sh", "-c", script])
}

/// Writes down where the endpoint is, runs what follows, and waits for the end of the test.
const WRITE_FACTS: &str = r#"
printf '%s\n' $$ $PPID "${AWS_CONTAINER_CREDENTIALS_FULL_URI-}" "${AWS_CONTAINER_AUTHORIZATION_TOKEN-}" >"$HOME/new"
mv "$HOME/new" "$HOME/facts"
"#;
const WAIT: &str = r#"until [ -e "$HOME/end" ]; do sleep 0.05; done"#;

/// What a command wrote down.
#[derive(Debug)]
struct Facts {
    id: i32,
    parent: i32,
    port: u16,
    token: String,
}

impl Facts {
    fn read(helper: &Helper) -> Option<Facts> {
        let text = fs::read_to_string(helper.home().join("facts")).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let port = lines[2].strip_prefix("http://127.0.0.1:");
        let port = port.and_then(|rest| rest.strip_suffix("/v1/credentials"));
        Some(Facts {
            id: lines[0].parse().unwrap(),
            parent: lines[1].parse().unwrap(),
            port: port.map_or(0, |port| port.parse().unwrap()),
            token: lines[3].to_owned(),
        })
    }

    /// Waits until the command has begun.
    fn wait(helper: &Helper, running: &mut Running<'_>) -> Facts {
        wait_until(running, "the command", |_| Facts::read(helper).is_some());
        Facts::read(helper).unwrap()
    }

    /// Asks for credentials with the token.
    fn request(&self) -> String {
        request("GET /v1/credentials", &[("Authorization", &self.token)])
    }

    fn ask(&self) -> Answer {
        Connection::open(self.port).ask(&self.request())
    }
}

/// Lets the command end.
fn let_it_end(helper: &Helper) {
    fs::write(helper.home().join("end"), "").unwrap();
}
