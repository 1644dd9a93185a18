//! The helper as a process: no terminal, an empty home, and only the given input and environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
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
    input: Input,
    is_in_home: bool,
}

/// Input besides files and variables.
enum Input {
    None,
    Standard(Vec<u8>),
    /// A pipe, so that it can be read once only.
    #[cfg(unix)]
    Descriptor3(Vec<u8>),
}

impl Helper {
    pub(crate) fn new() -> Helper {
        let other = std::env::var_os(HELPER_UNDER_TEST).map(PathBuf::from);
        Helper::at(&other.unwrap_or_else(|| env!("CARGO_BIN_EXE_aws_signing_helper").into()))
    }

    /// `credential-process` with the plainest identity, against this endpoint.
    pub(crate) fn credential_process(endpoint: &Endpoint) -> Helper {
        Helper::new().args(credential_process(endpoint))
    }

    /// A command with the plainest identity, against the service at this address.
    pub(crate) fn command_at(command: &str, url: &str) -> Helper {
        let plain = [command, "--endpoint", url];
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
            input: Input::None,
            is_in_home: false,
        }
    }

    /// How many sets there are in the cache of its home.
    pub(crate) fn cached_sets(&self) -> usize {
        let Ok(files) = fs::read_dir(self.home().join(".cache/aws_signing_helper")) else {
            return 0;
        };
        let paths = files.map(|file| file.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .count()
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

    #[cfg(unix)]
    pub(crate) fn time_limit(mut self, limit: Duration) -> Helper {
        self.time_limit = limit;
        self
    }

    /// Its standard input.
    pub(crate) fn standard_input(mut self, bytes: impl Into<Vec<u8>>) -> Helper {
        self.input = Input::Standard(bytes.into());
        self
    }

    /// A pipe on descriptor 3. Standard input is empty.
    #[cfg(unix)]
    pub(crate) fn descriptor_3(mut self, bytes: impl Into<Vec<u8>>) -> Helper {
        self.input = Input::Descriptor3(bytes.into());
        self
    }

    /// Starts it in its home instead of the folder of the cases.
    pub(crate) fn in_home(mut self) -> Helper {
        self.is_in_home = true;
        self
    }

    /// The temporary home, which lives as long as this value.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home.
    pub(crate) fn file(self, path: &str, text: &str) -> Helper {
        self.file_of_bytes(path, text.as_bytes())
    }

    pub(crate) fn file_of_bytes(self, path: &str, bytes: &[u8]) -> Helper {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Writes a file below the home, and gives its path to a flag.
    pub(crate) fn flag_of_file(self, flag: &str, path: &str, bytes: impl AsRef<[u8]>) -> Helper {
        let helper = self.file_of_bytes(path, bytes.as_ref());
        let path = helper.home().join(path).display().to_string();
        helper.args([flag, &path])
    }

    /// With certificate and key in its home, as `crt` and `key`.
    pub(crate) fn own_files(self) -> Helper {
        self.put("crt", "rsa2048.crt");
        self.put("key", "rsa2048.key");
        let path = |name: &str| self.home().join(name).display().to_string();
        let flags = ["--certificate", &path("crt"), "--private-key", &path("key")];
        let flags = flags.map(str::to_owned);
        self.args(flags)
    }

    /// Puts a file of the cases in the place of one in the home.
    pub(crate) fn put(&self, name: &str, from: &str) {
        let new = self.home().join("new");
        fs::copy(vectors().join("pki").join(from), &new).unwrap();
        fs::rename(new, self.home().join(name)).unwrap();
    }

    /// Runs it to its end, or to the time limit.
    pub(crate) fn run(&self) -> Output {
        self.start().end()
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Running<'_> {
        let session: &[&str] = match *HAS_SETSID {
            true => &["setsid"],
            false => &[],
        };
        let descriptor: &[&str] = match self.input {
            Input::None | Input::Standard(_) => &[],
            #[cfg(unix)]
            Input::Descriptor3(_) => &["/bin/sh", "-c", STANDARD_INPUT_TO_3],
        };
        let mut command = self.command(&[session, descriptor].concat());
        let (stdin, bytes) = match &self.input {
            Input::None => (Stdio::null(), None),
            Input::Standard(bytes) => (Stdio::piped(), Some(bytes.clone())),
            #[cfg(unix)]
            Input::Descriptor3(bytes) => (Stdio::piped(), Some(bytes.clone())),
        };
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), bytes) {
            // The helper need not read all of it.
            thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        Running::new(child, self)
    }

    /// The command line, behind the words of a program that starts it; no streams yet.
    pub(crate) fn command(&self, starter: &[&str]) -> Command {
        let program = self.program.as_os_str();
        let default_signals: &[&str] = match *HAS_DEFAULT_SIGNAL {
            true => &["env", "--default-signal=HUP,INT,QUIT,TERM"],
            false => &[],
        };
        let words = default_signals.iter().chain(starter).map(OsStr::new);
        let mut words = words.chain([program]);
        let mut command = Command::new(words.next().unwrap());
        let folder = match self.is_in_home {
            true => self.home().to_owned(),
            false => vectors(),
        };
        command
            .args(words)
            .args(&self.args)
            .current_dir(folder)
            .env_clear()
            .env("HOME", self.home())
            .env("USERPROFILE", self.home())
            .env("LOCALAPPDATA", self.home().join(".cache"))
            .envs(inherited(["PATH", "SystemRoot"]))
            .envs(&self.env);
        command
    }
}

/// Variables of this process, as far as they are set. Windows opens no socket without `SystemRoot`.
fn inherited<const N: usize>(names: [&str; N]) -> impl Iterator<Item = (&str, OsString)> {
    let variables = names.into_iter();
    variables.filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// A started helper, which keeps its home alive. It is killed when dropped.
pub(crate) struct Running<'a> {
    helper: &'a Helper,
    child: Child,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
}

impl<'a> Running<'a> {
    /// Reads what the process writes to its pipes.
    pub(crate) fn new(mut child: Child, helper: &'a Helper) -> Running<'a> {
        Running {
            helper,
            stdout: child.stdout.take().map(drain),
            stderr: child.stderr.take().map(drain),
            child,
        }
    }

    #[cfg(unix)]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// True if nothing more will come on stdout.
    #[cfg(unix)]
    pub(crate) fn has_ended_its_output(&self) -> bool {
        self.stdout
            .as_ref()
            .is_none_or(|stdout| stdout.reader.is_finished())
    }

    /// What it has printed so far.
    #[cfg(unix)]
    pub(crate) fn stdout_so_far(&self) -> String {
        let bytes = self.stdout.as_ref().unwrap().bytes.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its stderr so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        let bytes = self.stderr.as_ref().unwrap().bytes.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// True if it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, or to the time limit, where its output is not all pipes.
    #[cfg(unix)]
    pub(crate) fn exit_code(&mut self) -> i32 {
        exit_code(wait(&mut self.child, self.helper.time_limit).0)
    }

    /// Waits for its end, or to the time limit.
    pub(crate) fn end(mut self) -> Output {
        let (status, is_timed_out) = wait(&mut self.child, self.helper.time_limit);
        let stderr = self.stderr.take().unwrap().end();
        Output {
            exit: exit_code(status),
            is_timed_out,
            stdout: self.stdout.take().unwrap().end(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a helper.
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

/// The words of `credential-process` with the plainest identity, against this endpoint.
pub(crate) fn credential_process(endpoint: &Endpoint) -> Vec<String> {
    let url = endpoint.url();
    let plain = ["credential-process", "--endpoint", &url];
    let words = plain.into_iter().chain(IDENTITY_AND_ARNS);
    words.map(str::to_owned).collect()
}

/// Reads a pipe to its end on a thread, so that neither pipe fills while the other is read.
fn drain(mut pipe: impl Read + Send + 'static) -> Stream {
    let bytes = Arc::default();
    let read: Arc<Mutex<Vec<u8>>> = Arc::clone(&bytes);
    let reader = thread::spawn(move || {
        let mut piece = [0; 4096];
        loop {
            match pipe.read(&mut piece).unwrap() {
                0 => break,
                length => read.lock().unwrap().extend(&piece[..length]),
            }
        }
    });
    Stream { bytes, reader }
}

/// The bytes from a pipe.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Stream {
    /// All of it.
    fn end(self) -> Vec<u8> {
        self.reader.join().unwrap();
        std::mem::take(&mut self.bytes.lock().unwrap())
    }
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
/// True if util-linux's `setsid` exists, which starts a program in a new session, without the terminal
/// of the test run.
pub(crate) static HAS_SETSID: LazyLock<bool> = LazyLock::new(|| {
    let version = Command::new("setsid").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
});

/// True if `env` can reset the ignored signals that `nohup` and background jobs pass on.
static HAS_DEFAULT_SIGNAL: LazyLock<bool> = LazyLock::new(|| {
    let nothing = Command::new("env")
        .args(["--default-signal=HUP", "true"])
        .output();
    nothing.is_ok_and(|output| output.status.success())
});

/// Names another build of the helper, for another platform, which the tests start instead.
const HELPER_UNDER_TEST: &str = "HELPER_UNDER_TEST";

#[cfg(unix)]
const STANDARD_INPUT_TO_3: &str = r#"exec "$0" "$@" 3<&0 </dev/null"#;
/// Five attempts with their waits take some 20 seconds.
const TIME_LIMIT: Duration = Duration::from_secs(480);
const TICK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
