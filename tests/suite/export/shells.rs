//! Real shells, as far as they are installed.

use std::fs;

use tempfile::TempDir;

use super::HOSTILE;
use super::carried;
use super::export;
use super::refused;
use crate::support::program::is_there;
use crate::support::program::without_aws_variables;
use crate::support::service;
use crate::support::skip;
use crate::support::terminal::Terminal;

/// The secret access key that a shell has after it has read the text, if it is installed.
fn read_by(words: &[&str], script: &str, text: &str) -> Option<String> {
    if !is_there(words[0], &["-c", "exit"]) {
        skip(&format!("export for {}: it is not installed", words[0]));
        return None;
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("text"), text).unwrap();
    let output = without_aws_variables(words[0])
        .args(&words[1..])
        .args(["-c", script])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
    assert_eq!(stderr, "", "{words:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn posix_shells_read_every_value() {
    let text = carried("shell", HOSTILE);
    let script = r#"eval "$(cat text)"; printf %s "$(printenv AWS_SECRET_ACCESS_KEY)""#;
    for words in [
        &["sh"][..],
        &["dash"],
        &["bash"],
        &["bash", "--posix", "-eu"],
        &["zsh"],
        &["zsh", "-o", "rcquotes", "-o", "extendedglob"],
    ] {
        if let Some(value) = read_by(words, script, &text) {
            assert_eq!(value, HOSTILE, "{words:?}");
        }
    }
}

#[test]
fn fish_reads_every_value() {
    let text = carried("fish", HOSTILE);
    let script = "source text; printf %s \"$AWS_SECRET_ACCESS_KEY\"";
    if let Some(value) = read_by(&["fish"], script, &text) {
        assert_eq!(value, HOSTILE);
    }
}

#[test]
fn powershell_reads_every_value() {
    let text = carried("powershell", HOSTILE);
    let script = "Get-Content -Raw text | Invoke-Expression
        [Console]::Out.Write($env:AWS_SECRET_ACCESS_KEY)";
    if let Some(value) = read_by(&["pwsh", "-NoProfile"], script, &text) {
        assert_eq!(value, HOSTILE);
    }
}

#[test]
fn cmd_refuses_line_breaks() {
    refused("cmd", "a\nb");
    let text = carried("cmd", "a%b\"c^&");
    assert!(text.contains("@set AWS_SECRET_ACCESS_KEY=a%%b^\"c^^^&\r\n"));
}

/// Everything is exported that a program needs, and a shell is what is printed without a flag.
#[test]
fn shell_is_the_default_and_has_region_and_expiration() {
    let service = service(&[]);
    let helper = crate::support::helper::Helper::command_at("export", &service.url());
    let output = helper.env("AWS_REGION", "eu-west-1").run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    let lines: Vec<&str> = output.stdout_text().lines().collect();
    let names = lines
        .iter()
        .map(|line| line.split('=').next().unwrap().to_owned());
    let expected = [
        "export AWS_ACCESS_KEY_ID",
        "export AWS_SECRET_ACCESS_KEY",
        "export AWS_SESSION_TOKEN",
        "export AWS_CREDENTIAL_EXPIRATION",
        "export AWS_REGION",
        "export AWS_DEFAULT_REGION",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert!(lines[4].ends_with("='eu-west-1'") && lines[5].ends_with("='eu-west-1'"));
}

#[test]
fn terminal_gets_a_warning_and_a_pipe_none() {
    let Some(terminal) = Terminal::open("terminal_gets_a_warning_and_a_pipe_none") else {
        return;
    };
    let service = service(&[]);
    let helper = export("shell", &service.url());
    let mut command = helper.command(&[]);
    let output = command.stdout(terminal.stream()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("warning").count(), 1, "{said}");
    assert_eq!(export("shell", &service.url()).run().stderr, "");
}
