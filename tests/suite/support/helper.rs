//! The helper as a process of its own: no terminal, no input, an empty home, and only the
//! environment that it is given.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

use crate::support::endpoint::Endpoint;
use crate::support::vectors;

/// A helper that is about to be started.
pub(crate) struct Helper {
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    home: TempDir,
    time_limit: Duration,
}

impl Helper {
    pub(crate) fn new() -> Helper {
        Helper::at(Path::new(env!("CARGO_BIN_EXE_aws_signing_helper")))
    }

    /// `credential-process` with the plainest identity, against this endpoint.
    pub(crate) fn credential_process(endpoint: &Endpoint) -> Helper {
        let plain = ["credential-process", "--endpoint", &endpoint.url()];
        Helper::new().args(plain).args(IDENTITY_AND_ARNS)
    }

    /// Another program in its place.
    pub(crate) fn at(program: &Path) -> Helper {
        Helper {
            program: program.to_owned(),
            args: Vec::new(),
            env: BTreeMap::new(),
            home: TempDir::new().unwrap(),
            time_limit: TIME_LIMIT,
        }
    }

    /// More of the command line.
    pub(crate) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Helper {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Helper {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn time_limit(mut self, limit: Duration) -> Helper {
        self.time_limit = limit;
        self
    }

    /// The temporary home, which lives as long as this value.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home.
    pub(crate) fn file(self, path: &str, text: &str) -> Helper {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Runs it to its end, or to the time limit.
    pub(crate) fn run(&self) -> Output {
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .current_dir(vectors())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        let (status, is_timed_out) = wait(&mut child, self.time_limit);
        Output {
            exit: exit_code(status),
            is_timed_out,
            stdout: stdout.join().unwrap(),
            stderr: String::from_utf8_lossy(&stderr.join().unwrap()).into_owned(),
        }
    }
}

/// What a helper left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// Minus the signal's number if a signal ended it.
    pub(crate) exit: i32,
    /// Killed, for it ran past the time limit.
    pub(crate) is_timed_out: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn stdout_text(&self) -> &str {
        str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }
}

/// Reads a pipe to its end on a thread, so that neither pipe fills while the other is read.
fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn wait(child: &mut Child, limit: Duration) -> (ExitStatus, bool) {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, false);
        }
        thread::sleep(TICK);
    }
    child.kill().unwrap();
    (child.wait().unwrap(), true)
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal().map(|signal| -signal);
    status.code().or(signal).expect("a code or a signal")
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i32 {
    status.code().expect("a code")
}

const IDENTITY_AND_ARNS: [&str; 10] = [
    "--certificate",
    "pki/rsa2048.crt",
    "--private-key",
    "pki/rsa2048.key",
    "--trust-anchor-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b2c3d-1111-2222-3333-444455556666",
    "--profile-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/aaaabbbb-1111-2222-3333-444455556666",
    "--role-arn",
    "arn:aws:iam::123456789012:role/path/ci-role",
];
/// Five attempts with their waits take some 20 seconds.
const TIME_LIMIT: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
