//! `exec`, `export` and `configure`, with cmd for the shell.

use std::fs;
use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::process::CommandExt;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rolesanywhere_emulator::Settings;

use super::ARNS;
use super::folder_with_spaces;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::issued;

/// The ways in which `exec` gives a command credentials.
const WAYS: [&str; 2] = ["environment", "endpoint"];

/// `exec` of a line for cmd.
fn exec(way: &str, url: &str, line: &str) -> Helper {
    let helper = Helper::command_at("exec", url).args(["--via", way, "--"]);
    helper.args(["cmd", "/c", line])
}

/// What cmd prints for `script`, a batch file in the home of `helper`.
fn printed_by_cmd(helper: &Helper, script: &str) -> String {
    let path = helper.home().join("script.cmd");
    fs::write(&path, script).unwrap();
    let mut cmd = Command::new("cmd");
    let output = cmd.arg("/c").arg(path).stdin(Stdio::null()).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn exec_ends_with_every_exit_code_of_the_command() {
    let emulator = emulator(Settings::default());
    for (way, code) in [
        (WAYS[0], 0),
        (WAYS[0], 3),
        (WAYS[0], 255),
        (WAYS[0], 256),
        (WAYS[0], 3010),
        (WAYS[0], -1),
        (WAYS[1], 0),
        (WAYS[1], 3010),
    ] {
        let output = exec(way, &emulator.url(), &format!("exit {code}")).run();
        assert_eq!((output.exit, &*output.stderr), (code, ""), "{way} {code}");
    }
}

#[test]
fn exec_gives_the_command_credentials() {
    let emulator = emulator(Settings::default());
    let output = exec(WAYS[0], &emulator.url(), "echo %AWS_ACCESS_KEY_ID%").run();
    assert_eq!(succeeds(&output), format!("{}\r\n", issued(1)));
    let line = "echo %AWS_CONTAINER_CREDENTIALS_FULL_URI%";
    let output = exec(WAYS[1], &emulator.url(), line).run();
    let url = succeeds(&output);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let output = Helper::command_at("exec", &emulator.url())
        .args(["--", "no-such-program"])
        .run();
    assert_eq!(output.exit, 127, "{}", output.stderr);
}

#[test]
fn export_for_cmd_is_called_by_a_batch_file() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("export", &emulator.url()).args(["--format", "cmd"]);
    let output = helper.run();
    fs::write(helper.home().join("aws.cmd"), succeeds(&output)).unwrap();
    let script = "@echo off\r\ncall \"%~dp0aws.cmd\"\r\necho %AWS_ACCESS_KEY_ID% %AWS_REGION%\r\n";
    let printed = printed_by_cmd(&helper, script);
    assert_eq!(printed, format!("{} us-east-1\r\n", issued(1)));
}

/// The SDK hands the line over as it stands.
#[test]
fn configure_writes_a_line_that_gives_credentials() {
    let emulator = emulator(Settings::default());
    let helper = Helper::new();
    let folder = folder_with_spaces(&helper);
    let certificate = format!("{folder}\\crt");
    let key = format!("{folder}\\key");
    let flags = ["configure", "--profile", "ci", "--endpoint"];
    let helper = helper
        .args(flags)
        .args([&*emulator.url(), "--certificate", &certificate])
        .args(["--private-key", &key])
        .args(ARNS.split_whitespace());
    succeeds(&helper.run());
    let config = fs::read_to_string(helper.home().join(".aws/config")).unwrap();
    let mut lines = config.lines();
    let line = lines.find_map(|line| line.strip_prefix("credential_process = "));
    let line = line.unwrap();
    // Its first word is the program, by its whole path.
    let words = line.split_once(" credential-process ").unwrap().1;
    let mut command = Helper::new().command(&[]);
    let output = command
        .raw_arg(format!("credential-process {words}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{line}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(&issued(1)), "{stdout}");
}

/// A scanner has a new file open for a moment, and shares it with nobody.
#[test]
fn files_that_are_read_are_waited_for() {
    let emulator = emulator(Settings::default());
    for name in ["crt", "key"] {
        let helper = Helper::new();
        let folder = folder_with_spaces(&helper);
        let helper = helper
            .args(["credential-process", "--endpoint", &emulator.url()])
            .args(["--certificate", &format!("{folder}\\crt")])
            .args(["--private-key", &format!("{folder}\\key")])
            .args(ARNS.split_whitespace());
        let mut options = OpenOptions::new();
        options.read(true).share_mode(0);
        let held = options.open(format!("{folder}\\{name}")).unwrap();
        let release = thread::spawn(move || {
            thread::sleep(HELD);
            drop(held);
        });
        assert!(succeeds(&helper.run()).contains("ASIAEMULATOR"), "{name}");
        release.join().unwrap();
    }
}

/// Longer than the helper takes to start, and less than it waits.
const HELD: Duration = Duration::from_millis(1500);
