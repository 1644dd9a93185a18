//! The program: what it prints, and how it ends.

#[cfg(unix)]
mod unix;

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Fault;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::TrustAnchorError;
use rolesanywhere_emulator::trust_anchors_from_pem;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::http::Response;
use crate::http::TIMEOUT;
use crate::http::bytes;
use crate::sts_draft::CHAINED_ARN;
use crate::support::Draft;
use crate::support::Identity;
use crate::support::PROFILE_ARN;
use crate::support::TRUST_ANCHOR_ARN;
use crate::support::ca_params;
use crate::support::leaf_params;
use crate::support::root;

/// A running program, which is killed when the test ends in any way.
struct Program {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    /// It lasts as long as the program.
    #[cfg_attr(not(unix), expect(dead_code, reason = "read by a test of Unix"))]
    folder: TempDir,
    identity: Identity,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let root = root(ca_params("root"));
        let anchor = folder.path().join("root.pem");
        std::fs::write(&anchor, root.pem()).unwrap();
        let identity = Identity::issued_by(&root, leaf_params("leaf"));
        let mut child = command()
            .arg("--trust-anchor")
            .arg(&anchor)
            .args(arguments)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, reader) = read_lines(child.stdout.take().unwrap());
        Program {
            child,
            lines,
            reader: Some(reader),
            folder,
            identity,
        }
    }

    /// The next line of stdout; a program that says nothing fails the test.
    fn line(&mut self) -> String {
        self.lines.recv_timeout(TIMEOUT).unwrap()
    }

    /// Leaves the program alone with its output: what reads it ends at the next line.
    fn stop_reading(&mut self) -> JoinHandle<()> {
        self.lines = std::sync::mpsc::channel().1;
        self.reader.take().unwrap()
    }

    fn request(&self, change: impl FnOnce(&mut Draft)) -> ReceivedRequest {
        let mut draft = Draft::new(&self.identity, OffsetDateTime::now_utc());
        change(&mut draft);
        draft.sign(&self.identity)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for something to happen, which it does at once but for a mistake.
fn until<T>(mut happened: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        if let Some(result) = happened() {
            return result;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("not within {TIMEOUT:?}");
}

/// Reads lines until the receiver is dropped; then stdout is closed.
fn read_lines(stdout: ChildStdout) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    (receiver, reader)
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rolesanywhere-emulator"))
}

fn send(url: &str, request: &ReceivedRequest) -> Response {
    let address = url
        .rsplit('/')
        .next()
        .unwrap()
        .replace("localhost", "127.0.0.1");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(&bytes(request)).unwrap();
    Response::read(&mut stream)
}

/// Runs the program with arguments that it must refuse; gives what it says.
fn failed(arguments: &[&str]) -> String {
    let mut command = command();
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < TIMEOUT {
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(child.kill());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code().map(|code| code != 0),
        Some(true),
        "{arguments:?}"
    );
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn it_prints_its_address_and_a_line_per_request() {
    let mut program = Program::start(&["--fault", "slow=1", "--fault", "throttle"]);
    let url = program.line();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let response = send(&url, &program.request(|_| {}));
    assert_eq!(response.status, 201);
    let serial_number = program.identity.serial_number();
    let first = format!("1 201 \"CN=leaf\" serial {serial_number}: issued ASIAEMULATOR0000001");
    let line = program.line();
    assert!(
        line.starts_with(&first) && line.ends_with(" (fault slow=1)"),
        "{line}"
    );
    let credentials = &response.json()["credentialSet"][0]["credentials"];
    for secret in ["secretAccessKey", "sessionToken"] {
        assert!(
            !line.contains(credentials[secret].as_str().unwrap()),
            "{secret}"
        );
    }

    send(&url, &program.request(|_| {}));
    let throttled = format!("2 429 \"CN=leaf\" serial {serial_number}: fault throttle");
    assert_eq!(program.line(), throttled);

    send(
        &url,
        &program.request(|draft| draft.serial_number = "12".to_owned()),
    );
    let refused = format!(
        "3 403 \"CN=leaf\" serial {serial_number}: AccessDeniedException: {}",
        Refusal::SerialMismatch {
            sent: "12".to_owned(),
            certificate: serial_number.clone(),
        }
    );
    assert_eq!(program.line(), refused);

    send(
        &url,
        &program.request(|draft| draft.path = "/x%1b".to_owned()),
    );
    let path = "/x%1b".to_owned();
    assert_refused(&program.line(), &Refusal::PathUnknown { path });
}

#[test]
fn subject_of_a_certificate_is_shown_escaped() {
    let (folder, root) = (tempfile::tempdir().unwrap(), root(ca_params("other")));
    let anchor = folder.path().join("root.pem");
    std::fs::write(&anchor, root.pem()).unwrap();
    let mut program = Program::start(&["--trust-anchor", anchor.to_str().unwrap()]);
    program.identity = Identity::issued_by(&root, leaf_params("le\u{1b}af"));
    let url = program.line();
    assert_eq!(send(&url, &program.request(|_| {})).status, 403);
    let serial_number = program.identity.serial_number();
    let start = format!("1 403 \"CN=le\\u{{1b}}af\" serial {serial_number}: AccessDenied");
    let line = program.line();
    assert!(line.starts_with(&start), "{line}");
    assert!(
        line.ends_with("Issuer: [  ]; Subject: [ CN ]; SAN: [  ]"),
        "{line}"
    );
}

#[track_caller]
fn assert_refused(line: &str, refusal: &Refusal) {
    assert!(line.ends_with(&format!(": {refusal}")), "{line}");
}

#[test]
fn its_switches_are_those_of_the_library() {
    let mut program = Program::start(&[
        "--refuse-role-session-name",
        "--profile-duration",
        "1800",
        "--role-max-duration",
        "1200",
    ]);
    let url = program.line();
    let body = |text: &'static str| move |draft: &mut Draft| draft.body = text.into();
    send(
        &url,
        &program.request(body("{\"roleSessionName\":\"name\"}")),
    );
    let sent = "name".to_owned();
    assert_refused(&program.line(), &Refusal::SessionNameNotAccepted { sent });
    send(&url, &program.request(body("{}")));
    let refusal = Refusal::DurationAboveRoleMaximum {
        seconds: 1800,
        maximum_seconds: 1200,
    };
    assert_refused(&program.line(), &refusal);
    send(&url, &program.request(body("{\"durationSeconds\":900}")));
    assert!(program.line().contains("issued"));

    let mut program = Program::start(&["--absent", TRUST_ANCHOR_ARN]);
    let url = program.line();
    send(&url, &program.request(|_| {}));
    let arn = TRUST_ANCHOR_ARN.to_owned();
    assert_refused(&program.line(), &Refusal::TrustAnchorNotFound { arn });
}

#[test]
fn profiles_quota_and_roles_are_those_given() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.json");
    std::fs::write(&policy, "{\"Statement\":[]}\n").unwrap();
    let profile = format!(
        "{PROFILE_ARN},session-policy={},duration=1800,accept-session-name",
        policy.display()
    );
    let arguments = [
        "--profile",
        &profile,
        "--quota",
        "1",
        "--chained-role",
        CHAINED_ARN,
    ];
    let mut program = Program::start(&arguments);
    let url = program.line();
    let body = b"{\"roleSessionName\":\"name\",\"durationSeconds\":3600}";
    let response = send(&url, &program.request(|draft| draft.body = body.to_vec()));
    assert_eq!(response.status, 201);
    let session = &response.json()["credentialSet"][0];
    let arn = session["assumedRoleUser"]["arn"].as_str().unwrap();
    assert!(arn.ends_with("/name"), "{arn}");
    let line = program.line();
    assert!(
        line.contains(": issued ASIAEMULATOR0000001 until "),
        "{line}"
    );
    assert!(line.contains(", policy \"{\\\"Statement\\\":[]}"), "{line}");
    // A second may have passed on a slow machine, but not between each of these.
    let statuses = (0..50).map(|_| send(&url, &program.request(|_| {})).status);
    assert!(statuses.collect::<Vec<_>>().contains(&429));

    let mut program = Program::start(&[
        "--profile",
        TRUST_ANCHOR_ARN
            .replace("trust-anchor/", "profile/x")
            .as_str(),
    ]);
    let url = program.line();
    send(&url, &program.request(|_| {}));
    let arn = PROFILE_ARN.to_owned();
    assert_refused(&program.line(), &Refusal::ProfileNotFound { arn });
}

#[test]
fn malformed_settings_of_profiles_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.json");
    std::fs::write(&policy, "{}").unwrap();
    let file = format!("{PROFILE_ARN},session-policy={}", policy.display());
    for (arguments, said) in [
        (["--profile", "arn"], "\"arn\" is not the ARN of a profile"),
        (
            ["--profile", &format!("{PROFILE_ARN},x")],
            "\"x\" is not duration=",
        ),
        (
            ["--profile", &format!("{PROFILE_ARN},duration=1")],
            "\"1\" is not within",
        ),
        (["--profile", &file], "policy.json: not a session policy: "),
        (["--profile", &format!("{file}x")], "policy.jsonx: "),
        (["--revoked", "0x1f"], "decimal"),
        (["--quota", "0"], "0"),
        (
            ["--chained-role", "arn"],
            "\"arn\" is not the ARN of a role",
        ),
    ] {
        let anchor = folder.path().join("root.pem");
        std::fs::write(&anchor, root(ca_params("root")).pem()).unwrap();
        let anchor = anchor.display().to_string();
        let stderr = failed(&["--trust-anchor", &anchor, arguments[0], arguments[1]]);
        assert!(stderr.contains(said), "{stderr}");
    }
    let both = [
        "--trust-anchor",
        "x",
        "--profile",
        PROFILE_ARN,
        "--profile-duration",
        "900",
    ];
    assert!(failed(&both).contains("--profile-duration"));
}

#[test]
fn with_tls_the_second_line_is_the_certificate_authority() {
    let mut program = Program::start(&["--tls"]);
    assert!(program.line().starts_with("https://localhost:"));
    let second = program.line();
    let path = Path::new(second.strip_prefix("AWS_CA_BUNDLE=").unwrap()).to_owned();
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
}

#[test]
fn it_keeps_running_when_stdout_is_closed() {
    let mut program = Program::start(&[]);
    let url = program.line();
    let reader = program.stop_reading();
    assert_eq!(send(&url, &program.request(|_| {})).status, 201);
    until(|| reader.is_finished().then_some(()));
    for _ in 0..3 {
        assert_eq!(send(&url, &program.request(|_| {})).status, 201);
    }
    assert!(program.child.try_wait().unwrap().is_none());
    program.child.kill().unwrap();
    let mut stderr = String::new();
    program
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn bad_trust_anchors_are_an_error_of_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |content: &str| {
        let path = folder.path().join("anchors.pem");
        std::fs::write(&path, content).unwrap();
        let stderr = failed(&["--trust-anchor", path.to_str().unwrap()]);
        let error = trust_anchors_from_pem(content.as_bytes()).unwrap_err();
        let end = format!("{}: {error}\n", path.display());
        assert!(stderr.ends_with(&end), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        error
    };
    use TrustAnchorError::CertificateMalformed;
    use TrustAnchorError::FileTooLong;
    use TrustAnchorError::NoCertificate;
    use TrustAnchorError::PemMalformed;
    assert_eq!(refused(""), NoCertificate);
    let other = "-----BEGIN X-----\nAAAA\n-----END X-----\n";
    assert_eq!(refused(other), NoCertificate);
    assert_eq!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n"), PemMalformed);
    let malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        refused(malformed),
        CertificateMalformed { position: 1, .. }
    ));
    assert!(matches!(refused(&" ".repeat(3 << 20)), FileTooLong { .. }));

    let absent = folder.path().join("absent").display().to_string();
    let stderr = failed(&["--trust-anchor", &absent]);
    assert!(stderr.contains(&absent), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn wrong_arguments_are_named() {
    for fault in ["thrott", "status=1"] {
        let stderr = failed(&["--trust-anchor", "x", "--fault", fault]);
        let error = fault.parse::<Fault>().unwrap_err().to_string();
        assert!(stderr.contains(&error), "{stderr}");
    }
    let stderr = failed(&[]);
    assert!(stderr.contains("--trust-anchor <FILE>"), "{stderr}");
    let stderr = failed(&["--trust-anchor", "x", "--port", "65536"]);
    assert!(stderr.contains("65536"), "{stderr}");
}

#[test]
fn several_bundles_of_trust_anchors_may_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (root(ca_params("first")), root(ca_params("second")));
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, format!("text\n{}\n{}", first.pem(), second.pem())).unwrap();
    let mut program = Program::start(&["--trust-anchor", bundle.to_str().unwrap()]);
    let url = program.line();
    for issuer in [&first, &second] {
        program.identity = Identity::issued_by(issuer, leaf_params("leaf"));
        assert_eq!(send(&url, &program.request(|_| {})).status, 201);
    }
}

#[test]
fn the_help_names_every_fault() {
    let output = command().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for kind in [
        "throttle",
        "quota=",
        "status=",
        "error=",
        "drop",
        "slow=",
        "cut-body",
        "html",
        "clock-skew=",
        "expires-in=",
    ] {
        assert!(help.contains(kind), "{kind} is not in the help");
    }
}
