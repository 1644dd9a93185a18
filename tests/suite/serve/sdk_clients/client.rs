//! A program that takes credentials by an AWS SDK: those of `tests/clients`, and the AWS CLI.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fmt;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::Mutex;

use serde::Deserialize;

use crate::support::program::is_there;
use crate::support::program::without_aws_variables;
use crate::support::skip;
use crate::support::sts::sts;

/// Variables that say where credentials are: names and values.
pub(super) type Variables = Vec<(String, String)>;

/// An AWS SDK, or the program that is built on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sdk {
    Rust,
    Go,
    Boto3,
    AwsCli,
}

impl Sdk {
    /// Those of these that are there; of each other one, a loud word.
    pub(super) fn installed(among: &[Sdk], test: &str) -> Vec<Sdk> {
        let is_there = |sdk: &&Sdk| {
            let is_there = sdk.is_there();
            if !is_there {
                sdk.skip_once(test);
            }
            is_there
        };
        among.iter().filter(is_there).copied().collect()
    }

    /// One line for a client, however many tests do without it.
    fn skip_once(self, test: &str) {
        let mut skipped = SKIPPED.lock().unwrap();
        if !skipped.contains(&self) {
            skip(&format!("{self}: {test} and others: {}", self.remedy()));
            skipped.push(self);
        }
    }

    fn is_there(self) -> bool {
        match self {
            Sdk::Rust | Sdk::Go => self.program().is_file(),
            Sdk::Boto3 => *HAS_BOTO3,
            Sdk::AwsCli => *HAS_AWS_CLI,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Sdk::Rust | Sdk::Go => "not built; bash .ci/clients.sh does it",
            Sdk::Boto3 => "no python3 with boto3",
            Sdk::AwsCli => "no aws",
        }
    }

    fn program(self) -> PathBuf {
        let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients");
        match self {
            Sdk::Rust => clients.join(format!("rust/debug/sdk_client{EXE_SUFFIX}")),
            Sdk::Go => clients.join(format!("go/sdk_client{EXE_SUFFIX}")),
            Sdk::Boto3 => PathBuf::from("python3"),
            Sdk::AwsCli => PathBuf::from("aws"),
        }
    }

    /// A program with these variables, a region and no other source of credentials; it is started by the
    /// words of `starter`, if any.
    fn command(self, starter: &[&str], variables: &[(String, String)]) -> Command {
        let starter = starter.iter().map(PathBuf::from);
        let mut words = starter.chain([self.program()]);
        let mut command = without_aws_variables(words.next().unwrap());
        command
            .args(words)
            .env("AWS_CONFIG_FILE", ABSENT)
            .env("AWS_SHARED_CREDENTIALS_FILE", ABSENT)
            .env("AWS_REGION", "us-east-1")
            // The AWS CLI of version 1 knows no other name.
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .envs(variables.iter().map(|(name, value)| (name, value)));
        if self == Sdk::Boto3 {
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(BOTO3));
        }
        command
    }

    /// The first load of a program that starts now.
    pub(super) fn load(self, variables: &[(String, String)]) -> Loaded {
        if self == Sdk::AwsCli {
            return signed_by_aws_cli(self.command(&[], variables));
        }
        self.load_behind(&[], variables)
    }

    /// The credentials of a program that is started by the words of `starter`; not for the AWS CLI.
    pub(super) fn load_behind(self, starter: &[&str], variables: &[(String, String)]) -> Loaded {
        let mut program = Program::start_behind(starter, self, variables);
        let loaded = program.loaded();
        assert_eq!(program.end(), loaded.is_ok(), "{self}: {loaded:?}");
        loaded
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sdk::Rust => "aws_sdk_for_rust",
            Sdk::Go => "aws_sdk_for_go",
            Sdk::Boto3 => "boto3",
            Sdk::AwsCli => "aws_cli",
        })
    }
}

/// The result of a load: credentials, or the program's message.
pub(super) type Loaded = Result<Credentials, String>;

/// The credentials as a program reports them, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    /// By the program's view; the AWS CLI does not report it.
    pub(super) expiration: Option<String>,
}

/// A line of a program's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line {
    access_key_id: Option<String>,
    expiration: Option<String>,
    error: Option<String>,
}

/// A running program of an SDK's, which loads when it starts and then whenever it is asked.
pub(super) struct Program {
    pub(super) sdk: Sdk,
    child: Child,
}

impl Program {
    pub(super) fn start(sdk: Sdk, variables: &[(String, String)]) -> Program {
        Program::start_behind(&[], sdk, variables)
    }

    fn start_behind(starter: &[&str], sdk: Sdk, variables: &[(String, String)]) -> Program {
        let child = sdk
            .command(starter, variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Program { sdk, child }
    }

    /// The result of the last load.
    pub(super) fn loaded(&mut self) -> Loaded {
        let mut text = String::new();
        // No more than a line comes at a time, so nothing is lost with the buffer.
        let stdout = self.child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut text).unwrap();
        let line: Line =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        match (line.access_key_id, line.error) {
            (Some(access_key_id), None) => Ok(Credentials {
                access_key_id,
                expiration: line.expiration,
            }),
            (None, Some(error)) => Err(error),
            _ => panic!("{text}"),
        }
    }

    /// Has it load once more.
    pub(super) fn again(&mut self) -> Loaded {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        self.loaded()
    }

    /// Lets it end; whether it says that all is well.
    pub(super) fn end(mut self) -> bool {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Which credentials the AWS CLI signs a request with.
fn signed_by_aws_cli(mut aws: Command) -> Loaded {
    let sts = sts();
    let output = aws
        .args(["sts", "get-caller-identity", "--endpoint-url", &sts.url()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let requests = sts.requests();
    assert_eq!(output.status.success(), !requests.is_empty(), "{output:?}");
    let Some(request) = requests.last() else {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    };
    let authorization = request.header("authorization").unwrap();
    let (_, credential) = authorization.split_once("Credential=").unwrap();
    let (access_key_id, _) = credential.split_once('/').unwrap();
    Ok(Credentials {
        access_key_id: access_key_id.to_owned(),
        expiration: None,
    })
}

static SKIPPED: Mutex<Vec<Sdk>> = Mutex::new(Vec::new());
const ABSENT: &str = "/nowhere/absent";
const BOTO3: &str = "tests/clients/python/sdk_client.py";
static HAS_BOTO3: LazyLock<bool> = LazyLock::new(|| is_there("python3", &["-c", "import boto3"]));
static HAS_AWS_CLI: LazyLock<bool> = LazyLock::new(|| is_there("aws", &["--version"]));
