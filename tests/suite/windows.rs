//! What is Windows' own: paths, command lines, names of variables, line ends, shells.

mod commands;
mod rights;
mod stores;

use std::env;
use std::fs;
use std::os::windows::process::CommandExt;
use std::process::Command;
use std::process::Stdio;

use rolesanywhere::output::export::shells::lines_to_paste;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::imds::Server;
use crate::support::issued;
use crate::support::vectors;

const ARNS: &str = "--trust-anchor-arn arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1-2 \
    --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:profile/1-2 \
    --role-arn arn:aws:iam::123456789012:role/ci";

fn succeeds(output: &Output) -> &str {
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    output.stdout_text()
}

#[test]
fn version_is_that_of_the_package_for_windows() {
    let version = |more: &[&str]| {
        let words = ["version"].iter().chain(more).copied();
        succeeds(&Helper::new().args(words).run()).to_owned()
    };
    let plain = concat!(env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(version(&[]), plain);
    let built_for = format!("{plain}built for: windows, {}\n", env::consts::ARCH);
    assert!(version(&["--verbose"]).starts_with(&built_for));
}

/// A folder with a certificate and its key, as `crt` and `key`; its path has spaces and backslashes.
fn folder_with_spaces(helper: &Helper) -> String {
    let folder = helper.home().join("of this user");
    fs::create_dir(&folder).unwrap();
    for kind in ["crt", "key"] {
        let from = vectors().join("pki").join(format!("ec256.{kind}"));
        fs::copy(from, folder.join(kind)).unwrap();
    }
    folder.display().to_string().replace('/', "\\")
}

/// The line of `~/.aws/config` that an SDK hands over as it stands.
#[test]
fn line_with_backslashes_and_spaces_gives_credentials() {
    let emulator = emulator(Settings::default());
    let helper = Helper::new();
    let folder = folder_with_spaces(&helper);
    let line = format!(
        r#"credential-process --certificate "{folder}\crt" --private-key "{folder}\key" {ARNS} --endpoint {}"#,
        emulator.url()
    );
    let mut command: Command = helper.command(&[]);
    let output = command.raw_arg(line).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(&issued(1)), "{stdout}");
}

#[test]
fn variables_count_whatever_their_case() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("credential-process", &emulator.url())
        .env("aws_signing_helper_Session_Duration", "901");
    succeeds(&helper.run());
    let request = emulator.requests().pop().unwrap();
    let body = String::from_utf8_lossy(&request.body);
    assert!(body.contains(r#""durationSeconds":901"#), "{body}");
}

#[test]
fn line_ends_of_a_credentials_file_stay_crlf() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("update", &emulator.url())
        .file(
            ".aws/credentials",
            "# mine\r\n[other]\r\nregion = x\r\n[default]\r\naws_access_key_id = OLD\r\noutput = json\r\n",
        )
        .args(["--once"]);
    assert_eq!(succeeds(&helper.run()), "");
    let text = fs::read_to_string(helper.home().join(".aws/credentials")).unwrap();
    let begin = "# mine\r\n[other]\r\nregion = x\r\n[default]\r\naws_access_key_id = ";
    assert!(
        text.starts_with(&format!("{begin}{}\r\n", issued(1))),
        "{text:?}"
    );
    assert!(text.contains("output = json\r\n"), "{text:?}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}

#[test]
fn help_has_no_exe_and_examples_for_cmd() {
    let help = |words: &[&str]| {
        let output = Helper::new().args(words.iter().copied()).run();
        succeeds(&output).to_owned()
    };
    for command in [
        "credential-process",
        "serve",
        "update",
        "exec",
        "export",
        "configure",
        "doctor",
        "trust-policy",
        "session-policy",
        "sign-string",
        "read-certificate-data",
    ] {
        let text = help(&["help", command]);
        assert_eq!(help(&[command, "--help"]), text);
        assert!(
            text.contains(&format!("Usage: aws_signing_helper {command}")),
            "{text}"
        );
        assert!(!text.contains(".exe"), "{text}");
        assert!(!text.contains('$'), "{text}");
        assert!(command == "export" || !text.contains("export "), "{text}");
        let is_of_unix = ["\n  export ", "\n  eval ", "\\\n", "%%"];
        assert!(is_of_unix.iter().all(|sign| !text.contains(sign)), "{text}");
    }
    let export = help(&["export", "--help"]);
    for line in [
        "  aws_signing_helper export --format cmd --certificate certificate.crt ^\n",
        " --role-arn %ROLEARN% >%TEMP%\\aws.cmd\n  call %TEMP%\\aws.cmd & del %TEMP%\\aws.cmd\n",
    ] {
        assert!(export.contains(line), "{export}");
    }
    assert!(help(&["help", "serve"]).contains("--profile-arn %PROFILEARN%"));
    let wrong = Helper::new().args(["serve", "--nosuch"]).run();
    assert!(!wrong.stderr.contains(".exe"), "{}", wrong.stderr);
}

#[test]
fn serve_prints_lines_for_cmd_and_power_shell() {
    let emulator = emulator(Settings::default());
    let helper = Helper::command_at("serve", &emulator.url()).args(["--port", "0"]);
    let server = Server::start(&helper);
    let url = format!("http://127.0.0.1:{}/", server.port);
    let said = server.running.stderr_so_far();
    let name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    assert!(said.contains(&format!("set \"{name}={url}\"")), "{said}");
    assert!(said.contains(&format!("$env:{name} = '{url}'")), "{said}");
    assert!(!said.contains("export "), "{said}");
    let answer = server.credentials();
    assert_eq!(
        (answer.status, answer.field("AccessKeyId")),
        (200, issued(1))
    );
}

#[test]
fn quotes_in_power_shell_values_are_doubled() {
    let lines = lines_to_paste(&[("NAME", "it's".to_owned())], true);
    let expected = [
        "set \"NAME=it's\"",
        "or, in PowerShell:",
        "$env:NAME = 'it''s'",
    ];
    assert_eq!(lines, expected);
    let lines = lines_to_paste(&[("NAME", "\u{2019}; a".to_owned())], true);
    assert_eq!(lines[2], "$env:NAME = '\u{2019}\u{2019}; a'");
}

#[test]
fn percent_signs_in_values_for_cmd_stay() {
    let lines = lines_to_paste(&[("NAME", r"C:\%PATH% & b".to_owned())], true);
    assert_eq!(lines[0], r"set NAME=C:\^%PATH^% ^& b");
}
