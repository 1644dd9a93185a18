//! Files of lines, by the programs that read them.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::HOSTILE;
use super::carried;
use super::export;
use super::exported;
use super::refused;
use crate::support::helper::Helper;
use crate::support::program::is_there;
use crate::support::service;
use crate::support::skip;

const PYTHON: &str = "import sys, dotenv
sys.stdout.buffer.write(dotenv.dotenv_values('text')['AWS_SECRET_ACCESS_KEY'].encode())";
const NODE: &str = "process.stdout.write(process.env.AWS_SECRET_ACCESS_KEY)";

#[test]
fn dotenv_is_read_alike_by_node_and_python() {
    let mut readers: Vec<(&str, Vec<&str>)> = Vec::new();
    match is_there("python3", &["-c", "import dotenv"]) {
        true => readers.push(("python3", vec!["-c", PYTHON])),
        false => skip("dotenv for python-dotenv: it is not installed"),
    }
    match is_there("node", &["--env-file=/dev/null", "-e", "0"]) {
        true => readers.push(("node", vec!["--env-file=text", "-e", NODE])),
        false => skip("dotenv for Node: it is not installed"),
    }
    for key in [
        "a/b+c=",
        "a b",
        " a ",
        "a'b",
        "'a'",
        "a\"b",
        "\"a\"",
        "`a`",
        "a#b",
        "a #b",
        "a\nb",
        "a'\nb",
        "$HOME$(id)",
        "a\\nb",
        "%PATH%!",
        "=a",
        "\u{e9}",
    ] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("text"), carried("dotenv", key)).unwrap();
        for (reader, words) in &readers {
            let output = Command::new(reader)
                .args(words)
                .current_dir(folder.path())
                .env_remove("AWS_SECRET_ACCESS_KEY")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), key, "{reader}");
        }
    }
    for key in ["${HOME}", "a\\#", "'\"#", "a\r"] {
        refused("dotenv", key);
    }
}

#[test]
fn gitlab_and_jenkins_refuse_what_they_cannot_carry() {
    assert!(carried("gitlab", "a/b+c=%").contains("\nAWS_SECRET_ACCESS_KEY=a/b+c=%\n"));
    for key in [HOSTILE, "a\nb", "a b", "$a", "'a'"] {
        refused("gitlab", key);
    }
    assert!(carried("jenkins", "$a 'b'").contains("\nAWS_SECRET_ACCESS_KEY=$$a 'b'\n"));
    refused("jenkins", "a\nb");
}

#[test]
fn report_above_5_kib_is_refused() {
    let output = exported("gitlab", &"x".repeat(5000));
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert!(output.stderr.contains("5119"), "{}", output.stderr);
}

#[test]
fn json_is_what_credential_process_prints() {
    let service = super::service_with_key(HOSTILE);
    let json = export("json", &service.url()).run();
    let process = Helper::command_at("credential-process", &service.url()).run();
    assert_eq!((json.exit, json.stdout), (0, process.stdout));
}

#[test]
fn credentials_file_holds_one_profile() {
    let service = service(&[]);
    let of = |flags: &[&str]| {
        let helper = export("credentials-file", &service.url()).args(flags.iter().copied());
        let output = helper.run();
        assert_eq!((output.exit, &*output.stderr), (0, ""));
        output.stdout_text().to_owned()
    };
    let text = of(&["--profile", "my profile"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "[my profile]");
    assert!(lines[1].starts_with("aws_access_key_id = ASIAEMULATOR"));
    assert_eq!(lines.len(), 4);
    assert!(of(&[]).starts_with("[default]\n"));
    refused("credentials-file", "a\nb");
}
