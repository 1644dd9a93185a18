//! The log of `serve` as text, as JSON and in systemd's journal.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use crate::support::helper::Helper;
use crate::support::imds::port;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::moment;
use crate::support::running::wait_for;
use crate::support::running::wait_until;
use crate::support::service;

#[test]
fn text_is_the_default() {
    let service = service(&["status=500:3"]);
    let helper = Helper::command_at("serve", &service.url()).args(["--port", "0"]);
    let mut running = helper.start();
    wait_until(&mut running, "its port", |said| port(said).is_some());
    for line in running.stderr_so_far().lines() {
        assert!(line.starts_with("aws_signing_helper: "), "{line}");
    }
}

#[test]
fn json_has_one_event_a_line() {
    let service = service(&["status=500:3"]);
    let helper = serve(&service.url()).args(["--debug"]);
    let mut running = helper.start();
    wait_until(&mut running, "a set", |said| {
        count(said, "credentials_renewed") > 0
    });
    let said = running.stderr_so_far();
    for line in said
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let event: serde_json::Value = serde_json::from_str(line).expect(line);
        for field in ["time", "level", "event", "message"] {
            assert!(event[field].is_string(), "{line}");
        }
    }
    let failed = &events(&said, "renewal_failed")[0];
    assert_eq!(failed["error_code"], "InternalServerException");
    assert_eq!(failed["attempt"], 1);
    let renewed = &events(&said, "credentials_renewed")[0];
    let role = "arn:aws:iam::123456789012:role/path/ci-role";
    assert_eq!(renewed["role_arn"], role);
    assert!(moment(renewed, "next_renewal") < moment(renewed, "expiration"));
}

#[test]
fn journal_gets_priorities() {
    for (is_journal, info, warning) in [(true, "<6>", "<4>"), (false, "aws_", "aws_")] {
        let service = service(&[]);
        let helper = Helper::command_at("serve", &service.url());
        let helper = helper.args(["--port", "0", "--session-duration", "900"]);
        let path = helper.home().join("journal");
        let file = File::create(&path).unwrap();
        let metadata = file.metadata().unwrap();
        let inode = metadata.ino() + u64::from(!is_journal);
        let stream = format!("{}:{inode}", metadata.dev());
        let mut child = helper
            .command(&[])
            .env("JOURNAL_STREAM", stream)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let said = || std::fs::read_to_string(&path).unwrap();
        wait_for("the lines", || {
            said().contains(STARTED) && said().contains("--session-duration")
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let said = said();
        let line = |words: &str| said.lines().find(|line| line.contains(words)).unwrap();
        assert!(line("--session-duration").starts_with(warning), "{said}");
        assert!(line(STARTED).starts_with(info), "{said}");
    }
}

/// As the reference has it.
const STARTED: &str = "Local server started on port: ";
