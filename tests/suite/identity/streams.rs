//! Identities and passwords in pipes, sockets and descriptors of another user.

use std::fs;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::file;
use rolesanywhere::file::FileError;
use rolesanywhere_emulator::Settings;

use super::ENCRYPTED;
use super::call;
use super::call_of;
use super::fails;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::log::JSON;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;
use crate::support::terminal::wait_until;
use crate::support::vectors;

fn pki(name: &str) -> String {
    fs::read_to_string(vectors().join("pki").join(name)).unwrap()
}

/// A FIFO in the home.
fn fifo(helper: &Helper, name: &str) -> String {
    let path = helper.home().join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path.display().to_string()
}

/// Writes to a FIFO once.
fn feed(path: &str, content: String) -> thread::JoinHandle<()> {
    let path = path.to_owned();
    thread::spawn(move || fs::write(path, content).unwrap())
}

/// Runs the helper behind a shell that has something open on descriptor 3.
fn with_descriptor(helper: &Helper, shell: &str) -> std::process::Output {
    helper
        .command(&["/bin/sh", "-c", shell])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn assert_succeeds(output: &std::process::Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

#[test]
fn silent_pipe_fails_in_time() {
    let helper = Helper::new();
    let unopened = fifo(&helper, "unopened");
    let silent = fifo(&helper, "silent");
    let both = || fs::File::options().read(true).write(true).open(&silent);
    let mut writer = both().unwrap();
    writer.write_all(b"half").unwrap();
    for path in [unopened, silent.clone()] {
        let begin = Instant::now();
        let read = file::read_within(Duration::from_secs(1), Path::new(&path), 10);
        let error = read.unwrap_err();
        assert!(begin.elapsed() < file::STREAM_TIME_MAX);
        let FileError::Unreadable {
            path: named,
            source,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(named, Path::new(&path));
        assert_eq!(source.kind(), ErrorKind::TimedOut);
    }
}

#[test]
fn identity_and_password_may_come_through_pipes() {
    let emulator = emulator(Settings::default());
    let helper = call_of(&emulator);
    let certificate = fifo(&helper, "certificate");
    let key = fifo(&helper, "key");
    let password = fifo(&helper, "password");
    let helper = helper
        .args(["--certificate", &certificate, "--private-key", &key])
        .args(["--pkcs8-password-file", &password]);
    let writers = [
        feed(&certificate, pki("rsa2048.crt")),
        feed(&key, pki(ENCRYPTED)),
        feed(&password, "correct horse\n".to_owned()),
    ];
    succeeds(&helper.run());
    for writer in writers {
        writer.join().unwrap();
    }
}

#[test]
fn pipe_is_read_once_and_held() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("update", &emulator.url()).args(JSON);
    let certificate = fifo(&helper, "certificate");
    let key = fifo(&helper, "key");
    let helper = helper
        .args(["--certificate", &certificate, "--private-key", &key])
        .args(["--session-duration", "900"]);
    let writers = [
        feed(&certificate, pki("rsa2048.crt")),
        feed(&key, pki("rsa2048.key")),
    ];
    let running = helper.start();
    wait_until("a session", || !emulator.requests().is_empty());
    for writer in writers {
        writer.join().unwrap();
    }
    wait_until("two warnings", || {
        count(&running.stderr_so_far(), "read_once") == 2
    });
    let warnings = events(&running.stderr_so_far(), "read_once");
    for (warning, path) in warnings.iter().zip([certificate, key]) {
        let message = warning["message"].as_str().unwrap();
        assert!(message.contains(&path), "{warning}");
    }
}

#[test]
fn pipe_without_a_writer_fails_in_time() {
    let emulator = emulator(Settings::default());
    let helper = call_of(&emulator);
    let certificate = fifo(&helper, "certificate");
    let helper = helper.args(["--certificate", &certificate]);
    let mut running = helper.start();
    wait_until("its threads", || threads(&running) > 1);
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(running.exit_code(), -15);
}

#[cfg(target_os = "linux")]
fn threads(running: &Running<'_>) -> usize {
    fs::read_dir(format!("/proc/{}/task", running.id())).map_or(0, Iterator::count)
}

#[cfg(not(target_os = "linux"))]
fn threads(_running: &Running<'_>) -> usize {
    2
}

#[test]
fn file_on_a_descriptor_is_read_from_its_start() {
    let emulator = emulator(Settings::default());
    let helper = call(&emulator, "rsa2048.key").args(["--certificate", "fd:3"]);
    // Each command finds it whole, although all share the descriptor.
    let twice = r#"exec 3<pki/rsa2048.crt; read -r line <&3; "$0" "$@" && "$0" "$@" && "$0" "$@""#;
    assert_succeeds(&with_descriptor(&helper, twice));
    assert_eq!(emulator.requests().len(), 3);
}

#[test]
fn socket_on_a_descriptor_is_read() {
    let emulator = emulator(Settings::default());
    for name in ["fd:0", "-", "/dev/stdin", "/dev/fd/0"] {
        let helper = call(&emulator, "rsa2048.key").args(["--certificate", name]);
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut child = helper
            .command(&[])
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Write::write_all(&mut &ours, pki("rsa2048.crt").as_bytes()).unwrap();
        drop(ours);
        let _ = child.stdin.take();
        assert_succeeds(&child.wait_with_output().unwrap());
    }
}

#[test]
fn descriptor_of_another_user_is_read() {
    if !rustix::process::geteuid().is_root() {
        skip("descriptor of another user: not root");
        return;
    }
    let emulator = emulator(Settings::default());
    for name in ["fd:3", "/dev/fd/3", "/proc/self/fd/3"] {
        let helper = call_of(&emulator).args(["--certificate", name]);
        let all = helper.home().join("all");
        fs::write(&all, pki("rsa2048.crt") + &pki("rsa2048.key")).unwrap();
        keep_from_others(&all);
        // A pipe of root, and a file for fd:3; the helper runs as the user `nobody`.
        let pipe = format!(r#"cat "{}" | {} 3<&0 </dev/null"#, all.display(), AS_NOBODY);
        let file = format!(r#"{} 3<"{}""#, AS_NOBODY, all.display());
        let shells = match name {
            "fd:3" => vec![pipe, file],
            _ => vec![pipe],
        };
        for shell in shells {
            let Some(output) = as_nobody(&helper, &shell) else {
                skip("descriptor of another user: no setpriv, or nobody cannot run the helper");
                return;
            };
            assert_succeeds(&output);
        }
    }
}

fn keep_from_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

const AS_NOBODY: &str = r#"setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@""#;

fn as_nobody(helper: &Helper, shell: &str) -> Option<std::process::Output> {
    let is_possible = helper
        .command(&["/bin/sh", "-c", &format!("{AS_NOBODY} --help >/dev/null")])
        .status()
        .is_ok_and(|status| status.success());
    is_possible.then(|| with_descriptor(helper, shell))
}

/// The error of a command whose standard input stays as it is.
fn refused_unread(helper: &Helper) -> String {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    Write::write_all(&mut &ours, b"untouched").unwrap();
    drop(ours);
    let stdin = std::os::fd::OwnedFd::from(theirs.try_clone().unwrap());
    let output = helper.command(&[]).stdin(Stdio::from(stdin)).output();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(output.stdout, b"", "{stderr}");
    let mut left = String::new();
    Read::read_to_string(&mut &theirs, &mut left).unwrap();
    assert_eq!(left, "untouched", "{stderr}");
    stderr
}

#[test]
fn stream_of_two_flags_is_refused_unread() {
    let policy = ["--assume-role", "arn:aws:iam::111111111111:role/x"];
    let mut said = String::new();
    for command in [
        "credential-process",
        "serve",
        "update",
        "exec",
        "export",
        "configure",
        "doctor",
    ] {
        let helper = Helper::command_at(command, "http://127.0.0.1:1")
            .args(policy)
            .args(["--session-policy", "-", "--private-key", "-"]);
        let helper = match command {
            "exec" => helper.args(["--", "true"]),
            _ => helper,
        };
        let refused = refused_unread(&helper);
        assert!(said.is_empty() || said == refused, "{command}: {refused}");
        said = refused;
    }
    for (one, name, other, other_name) in [
        ("certificate", "-", "session-policy", "/dev/stdin"),
        ("certificate", "-", "private-key", "/dev/stdin"),
        ("intermediates", "fd:0", "pkcs8-password-file", "/dev/fd/0"),
        ("private-key", "fd:0", "pkcs11-pin-file", "/dev/stdin"),
        (
            "pkcs8-password-file",
            "/dev/stdin",
            "pkcs12-password-file",
            "/dev/fd/0",
        ),
        (
            "tpm-key-password-file",
            "/dev/stdin",
            "session-policy",
            "fd:0",
        ),
        ("certificate", "fd:3", "session-policy", "/dev/fd/3"),
    ] {
        let helper = Helper::command_at("credential-process", "http://127.0.0.1:1")
            .args(policy)
            .args([&format!("--{one}"), name])
            .args([&format!("--{other}"), other_name]);
        said += &refused_unread(&helper);
    }
    said += &refused_unread(
        &Helper::new()
            .args(["sign-string", "--certificate", "-", "--private-key", "-"])
            .args(["--pkcs8-password-file", "/dev/stdin"]),
    );
    for (flag, more) in [("policy", "--explain"), ("trust-anchor-certificate", "")] {
        let helper = Helper::new().args(["trust-policy", "--certificate", "-"]);
        let helper = helper.args(Some(more).filter(|more| !more.is_empty()));
        said += &refused_unread(&helper.args([&format!("--{flag}"), "-"]));
    }
    // By variables too.
    said += &refused_unread(
        &Helper::command_at("credential-process", "http://127.0.0.1:1")
            .args(["--certificate", "-"])
            .env("AWS_SIGNING_HELPER_ASSUME_ROLE", policy[1])
            .env("AWS_SIGNING_HELPER_SESSION_POLICY", "-"),
    );
    assert_snapshot("stream-of-two-flags", &said);
}

/// A pipe of one password is read once, for both.
#[test]
fn passwords_may_share_a_stream() {
    let emulator = emulator(Settings::default());
    let helper = call(&emulator, ENCRYPTED)
        .args(["--pkcs8-password-file", "/dev/stdin"])
        .args(["--pkcs12-password-file", "/dev/stdin"])
        .standard_input("correct horse");
    succeeds(&helper.run());
}

/// A file there is read from its begin each time.
#[test]
fn file_on_standard_input_may_be_two_inputs() {
    let emulator = emulator(Settings::default());
    let both = pki("rsa2048.crt") + &pki("rsa2048.key");
    let helper = Helper::command_at("credential-process", &emulator.url())
        .file("both", &both)
        .args(["--certificate", "/dev/stdin", "--private-key", "fd:0"]);
    let both = fs::File::open(helper.home().join("both")).unwrap();
    let output = helper.command(&[]).stdin(both).output().unwrap();
    assert_succeeds(&output);
}

/// What it may not find there: a file on standard input can be read once more.
#[test]
fn command_does_not_see_a_password_on_standard_input() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("exec", &emulator.url())
        .args(["--private-key", &format!("pki/{ENCRYPTED}")])
        .flag_of_file("--pkcs12-password-file", "unused", "")
        .args(["--pkcs8-password-file", "/dev/stdin", "--", "cat"]);
    let password = helper.home().join("unused");
    fs::write(&password, "correct horse").unwrap();
    let output = helper
        .command(&[])
        .stdin(fs::File::open(password).unwrap())
        .output()
        .unwrap();
    assert_succeeds(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn tilde_is_the_home_directory() {
    let emulator = emulator(Settings::default());
    let output = call_of(&emulator)
        .file("pki/chain", &pki("chain2.intermediates.pem"))
        .file("pki/crt", &pki("chain2.crt"))
        .file("pki/key", &pki(ENCRYPTED))
        .file("password", "correct horse")
        .args(["--certificate", "~/pki/crt", "--private-key", "~/pki/key"])
        .args(["--intermediates", "~/pki/chain"])
        .args(["--pkcs8-password-file", "~/password"])
        .run();
    succeeds(&output);
    let output = call_of(&emulator)
        .env("HOME", "")
        .args(["--certificate", "~/crt"])
        .run();
    assert_snapshot("tilde-without-a-home", fails(&output));
}
