//! A shell in the place of the helper.

use std::path::Path;
use std::time::Duration;

use crate::support::helper::Helper;

fn shell(script: &str) -> Helper {
    Helper::at(Path::new("/bin/sh")).args(["-c", script])
}

#[test]
fn output_and_exit_code_are_those_of_the_process() {
    let output = shell("ls pki/root.pem; echo no >&2; cat; exit 3").run();

    assert_eq!(output.exit, 3);
    assert_eq!(output.stdout_text(), "pki/root.pem\n");
    assert_eq!(output.stderr, "no\n");
    assert!(!output.is_timed_out);
}

#[test]
fn the_environment_holds_only_what_was_given() {
    let helper = shell("env; cat $HOME/.aws/config");
    let helper = helper
        .env("AWS_PROFILE", "x")
        .file(".aws/config", "[default]\n");
    let output = helper.run();

    let mut lines: Vec<&str> = output.stdout_text().lines().collect();
    // The shell's own.
    lines.retain(|line| {
        !["PWD=", "OLDPWD=", "SHLVL=", "_="]
            .iter()
            .any(|own| line.starts_with(own))
    });
    lines.sort_unstable();
    let home = helper.home().display();
    let path = std::env::var("PATH").unwrap();
    let expected = [
        "AWS_PROFILE=x".to_owned(),
        format!("HOME={home}"),
        // Windows' names of the same.
        format!("LOCALAPPDATA={home}/.cache"),
        format!("PATH={path}"),
        format!("USERPROFILE={home}"),
        "[default]".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn process_is_killed_at_the_time_limit() {
    let output = Helper::at(Path::new("/bin/sleep"))
        .args(["600"])
        .time_limit(Duration::from_millis(50))
        .run();

    assert!(output.is_timed_out);
    assert_eq!(output.exit, -9);
}
