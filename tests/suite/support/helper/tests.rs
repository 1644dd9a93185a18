//! A process, its output and its end.

use std::path::Path;
use std::time::Duration;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::signature::SignedRequest;

#[test]
fn a_helper_gets_credentials_from_an_endpoint() {
    let endpoint = Endpoint::start(Script::of([
        Response::error(503, "ServiceUnavailable", "busy"),
        Response::created(),
    ]));
    let output = Helper::credential_process(&endpoint).run();

    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    let credentials: serde_json::Value = serde_json::from_str(output.stdout_text()).unwrap();
    assert_eq!(credentials["AccessKeyId"], "ASIAEXAMPLE");
    assert_eq!(endpoint.requests().len(), 2);
    for request in endpoint.requests() {
        assert_eq!(SignedRequest::rebuild(&request).unwrap().verify(), Ok(()));
    }
}

#[cfg(unix)]
fn shell(script: &str) -> Helper {
    Helper::at(Path::new("/bin/sh")).args(["-c", script])
}

#[cfg(unix)]
#[test]
fn output_and_exit_code_are_those_of_the_process() {
    let output = shell("ls pki/root.pem; echo no >&2; cat; exit 3").run();

    assert_eq!(output.exit, 3);
    assert_eq!(output.stdout_text(), "pki/root.pem\n");
    assert_eq!(output.stderr, "no\n");
    assert!(!output.is_timed_out);
}

#[cfg(unix)]
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
    let home = format!("HOME={}", helper.home().display());
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    assert_eq!(lines, ["AWS_PROFILE=x", &home, &path, "[default]"]);
}

#[cfg(unix)]
#[test]
fn process_is_killed_at_the_time_limit() {
    let output = Helper::at(Path::new("/bin/sleep"))
        .args(["600"])
        .time_limit(Duration::from_millis(50))
        .run();

    assert!(output.is_timed_out);
    assert_eq!(output.exit, -9);
}
