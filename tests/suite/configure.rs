//! `configure` as a process: what it writes into the config file, and that AWS's programs read it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::program::is_there;
use crate::support::program::without_aws_variables;
use crate::support::service;
use crate::support::skip;
use crate::support::sts::sts;
use crate::support::vectors;

/// `configure` of the profile `ci`.
fn configure(url: &str) -> Helper {
    Helper::command_at("configure", url).args(["--profile", "ci"])
}

fn config(helper: &Helper) -> PathBuf {
    helper.home().join(".aws/config")
}

fn succeeds(helper: &Helper) -> Output {
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    output
}

/// What `--print` shows of the profile.
fn printed(helper: Helper) -> String {
    let helper = helper.args(["--print"]);
    let output = succeeds(&helper);
    assert!(!config(&helper).exists());
    output.stdout_text().to_owned()
}

fn command(profile: &str) -> &str {
    let mut lines = profile.lines();
    let command = lines.find_map(|line| line.strip_prefix("credential_process = "));
    command.unwrap()
}

/// The error of a profile that is not written.
fn refused(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert!(!config(helper).exists());
    output.stderr
}

#[test]
fn missing_home_names_the_way_out() {
    let helper = Helper::command_at("configure", "http://127.0.0.1:1").env("HOME", "");
    let output = helper.env("USERPROFILE", "").run();
    assert_eq!(output.exit, 1);
    assert!(
        output
            .stderr
            .contains("is not set; set it, or name the file"),
        "{}",
        output.stderr
    );
}

#[test]
fn command_of_the_profile_gets_credentials_from_any_folder() {
    let service = service(&[]);
    let helper = configure(&service.url());
    assert_eq!(succeeds(&helper).stdout_text(), "");
    let profile = fs::read_to_string(config(&helper)).unwrap();
    assert!(profile.starts_with("[profile ci]\n"), "{profile}");
    assert_eq!(profile.lines().count(), 2, "{profile}");
    let output = Command::new("/bin/sh")
        .args(["-c", command(&profile)])
        .current_dir("/")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("ASIAEMULATOR0000001"), "{stdout}");
}

#[test]
fn everything_else_in_the_file_stays() {
    let before = "# mine\n[default]\nregion=x\n\n[profile ci] # ours\noutput = json\n\
                  credential_process = old\n\n[profile z]\nrole_arn = r\n";
    let service = service(&[]);
    let helper = configure(&service.url()).args(["--region", "eu-west-1"]);
    let helper = helper.file("config", before);
    let path = helper.home().join("config");
    let helper = helper.env("AWS_CONFIG_FILE", &path.display().to_string());
    succeeds(&helper);
    let after = fs::read_to_string(&path).unwrap();
    assert!(!config(&helper).exists());
    let expected = before.replace(
        "credential_process = old",
        &format!(
            "credential_process = {}\nregion = eu-west-1",
            command(&after)
        ),
    );
    assert_eq!(after, expected);
    succeeds(&helper);
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn region_is_for_other_calls_alone() {
    let service = service(&[]);
    let with = |region: &str| printed(configure(&service.url()).args(["--region", region]));
    let same = with("us-east-1");
    assert!(!command(&same).contains("--region"), "{same}");
    assert!(same.ends_with("\nregion = us-east-1\n"), "{same}");
    let other = with("eu-west-1");
    assert!(!command(&other).contains("--region"), "{other}");
    assert!(other.ends_with("\nregion = eu-west-1\n"), "{other}");
    let without = printed(configure(&service.url()));
    assert!(!without.contains("region ="), "{without}");
}

#[test]
fn paths_are_absolute_unless_relative_is_asked_for() {
    let service = service(&[]);
    let folder = vectors().join("pki").display().to_string();
    let absolute = printed(configure(&service.url()));
    let expected = format!("--certificate {folder}/rsa2048.crt --private-key {folder}/rsa2048.key");
    assert!(command(&absolute).contains(&expected), "{absolute}");
    assert!(command(&absolute).starts_with('/'), "{absolute}");
    let relative = printed(configure(&service.url()).args(["--relative"]));
    let expected = "--certificate pki/rsa2048.crt --private-key pki/rsa2048.key";
    assert!(command(&relative).contains(expected), "{relative}");
    assert!(!relative.contains("--relative"), "{relative}");
    let home = configure(&service.url()).args(["--certificate", "~/agent.crt"]);
    let expected = format!("--certificate {}/agent.crt ", home.home().display());
    assert!(command(&printed(home)).contains(&expected));
}

/// A link stays one: what it leads to changes with each version.
#[test]
fn helper_is_named_by_the_link_that_was_typed() {
    let service = service(&[]);
    let folder = tempfile::TempDir::new().unwrap();
    let link = folder.path().join("helper");
    symlink(env!("CARGO_BIN_EXE_aws_signing_helper"), &link).unwrap();
    let helper = configure(&service.url()).args(["--print"]);
    let command_line = helper.command(&[]);
    let words = command_line.get_args();
    let words: Vec<_> = words.skip_while(|word| *word != "configure").collect();
    for program in [link.clone(), "helper".into()] {
        let output = Command::new(&program)
            .args(&words)
            .current_dir(vectors())
            .env("PATH", folder.path())
            .output()
            .unwrap();
        let profile = String::from_utf8(output.stdout).unwrap();
        let begin = format!("{} credential-process ", link.display());
        assert!(command(&profile).starts_with(&begin), "{profile}");
    }
}

/// Go would take away the quotes around a value, and run another program.
#[test]
fn value_is_not_between_two_quotes() {
    let service = service(&[]);
    let helper = configure(&service.url()).args(["--relative", "--print"]);
    let helper = helper.args(["--cache", "--cache-dir", "a b"]);
    let link = helper.home().join("d x");
    symlink(env!("CARGO_BIN_EXE_aws_signing_helper"), &link).unwrap();
    let command_line = helper.command(&[]);
    let words = command_line.get_args();
    let words: Vec<_> = words.skip_while(|word| *word != "configure").collect();
    let output = Command::new("sh")
        .args(["-c", "cd \"$HOME\"; PATH=; exec './d x' \"$@\"", "sh"])
        .args(&words)
        .env("HOME", helper.home())
        .output()
        .unwrap();
    let profile = String::from_utf8(output.stdout).unwrap();
    let command = command(&profile);
    assert!(command.ends_with("'a b'"), "{profile}");
    assert!(
        command.starts_with(".'/d x' credential-process "),
        "{profile}"
    );
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(helper.home())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("aws_signing_helper: "), "{said}");
}

#[test]
fn flags_of_credential_process_are_written() {
    let service = service(&[]);
    let helper = configure(&service.url())
        .args([
            "--session-duration=900",
            "--with-proxy",
            "--cache",
            "--no-verify-ssl=false",
        ])
        .args(["--pkcs8-password-file", "pki/password"])
        .env("AWS_SIGNING_HELPER_ROLE_SESSION_NAME", "job 7")
        .env("AWS_SIGNING_HELPER_SESSION_DURATION", "1200");
    let profile = printed(helper);
    let folder = vectors().join("pki").display().to_string();
    for words in [
        " --session-duration 900",
        " --with-proxy ",
        " --no-verify-ssl=false",
        " --cache",
        &format!(" --pkcs8-password-file {folder}/password"),
        " --role-session-name 'job 7'",
        &format!(" --endpoint {}", service.url()),
    ] {
        assert!(command(&profile).contains(words), "{words}: {profile}");
    }
    assert!(!profile.contains("1200"), "{profile}");
}

#[test]
fn passwords_are_not_written() {
    let service = service(&[]);
    for flag in ["--pkcs8-password", "--pkcs12-password"] {
        let said = refused(&configure(&service.url()).args([flag, "hunter2"]));
        assert!(said.contains(&format!("{flag}-file")), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let helper = configure(&service.url()).env("AWS_SIGNING_HELPER_PKCS8_PASSWORD", "hunter2");
    assert!(!printed(helper).contains("hunter2"));
}

#[test]
fn variables_stay_and_streams_are_refused() {
    let service = service(&[]);
    let with = |key: &str| configure(&service.url()).args(["--private-key", key]);
    assert!(printed(with("env:KEY")).contains(" --private-key env:KEY "));
    for key in ["-", "fd:3", "/dev/stdin", "/dev/fd/3"] {
        assert!(refused(&with(key)).contains("env:NAME"), "{key}");
    }
    let key = fs::read_to_string(vectors().join("pki/rsa2048.key")).unwrap();
    let said = refused(&with(&key));
    assert!(!said.contains("PRIVATE"), "{said}");
}

#[test]
fn command_that_would_fail_is_not_written() {
    let service = service(&[]);
    for (flag, value) in [
        ("--certificate", ""),
        ("--role-arn", "ci"),
        (
            "--profile-arn",
            "arn:aws:rolesanywhere:eu-west-1:1:profile/1",
        ),
        ("--profile", "two words"),
        ("--private-key", "a #b"),
        ("--session-duration", "5"),
        ("--session-duration", "43201"),
        ("--endpoint", "https://user:hunter2@proxy/"),
        ("--endpoint", "localhost:1"),
        ("--sts-endpoint", "https://user:hunter2@sts/"),
    ] {
        refused(&configure(&service.url()).args([flag, value]));
    }
}

#[test]
fn credentials_that_win_are_warned_of() {
    let service = service(&[]);
    let keys = "[ci]\naws_access_key_id = A\naws_secret_access_key = S\n";
    let helper = configure(&service.url()).file(".aws/credentials", keys);
    let output = helper.run();
    assert_eq!(output.exit, 0);
    assert!(
        output.stderr.contains(".aws/credentials"),
        "{}",
        output.stderr
    );
    assert!(config(&helper).exists());
}

#[test]
fn settings_that_win_are_warned_of() {
    let service = service(&[]);
    let profile =
        "[profile ci]\nrole_arn = a\nsource_profile = b\nsso_session = c\ncredential_process = d\n";
    let helper = configure(&service.url()).file(".aws/config", profile);
    let output = helper.run();
    assert_eq!(output.exit, 0);
    assert!(
        output
            .stderr
            .contains(".aws/config has role_arn and sso_session, which"),
        "{}",
        output.stderr
    );
    let helper =
        configure(&service.url()).file(".aws/config", "[profile ci]\ncredential_process = d\n");
    assert_eq!(helper.run().stderr, "");
}

#[test]
fn uri_that_is_none_does_not_show_its_pin() {
    let service = service(&[]);
    for uri in [
        "PKCS11:token=t?pin-value=SECRET1",
        "'pkcs11:token=t?pin-value=SECRET1'",
        " pkcs11:a?pin-value=SECRET1",
    ] {
        for flag in ["--certificate", "--private-key", "--intermediates"] {
            let said = refused(&configure(&service.url()).args([flag, uri]));
            assert!(
                said.contains("holds a PIN") && !said.contains("SECRET1"),
                "{said}"
            );
            let helper = Helper::command_at("credential-process", &service.url()).args([flag, uri]);
            let said = helper.run().stderr;
            assert!(said.contains("hint: a uri begins with pkcs11:"), "{said}");
            assert!(!said.contains("SECRET1"), "{said}");
        }
    }
}

/// A path that shells and `shlex` would split.
const ODD: &str = "it's \"a\" $HOME `b` \\c !%d* (e) é";

#[test]
fn odd_paths_are_split_alike_by_sh_and_python() {
    if !is_there("python3", &["--version"]) {
        skip("odd_paths_are_split_alike_by_sh_and_python: no python3");
        return;
    }
    let service = service(&[]);
    let helper = configure(&service.url()).args(["--certificate", &format!("/{ODD}")]);
    let profile = printed(helper.args(["--private-key", ODD, "--relative"]));
    let python = "import shlex, sys; print('\\0'.join(shlex.split(sys.argv[1])), end='')";
    let script = format!("printf '%s\\0' {}", command(&profile));
    let run = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let by_sh = run("/bin/sh", &["-c", &script]);
    let by_python = run("python3", &["-c", python, command(&profile)]);
    assert_eq!(by_sh.trim_end_matches('\0'), by_python);
    for word in [&format!("/{ODD}"), ODD] {
        assert!(by_sh.split('\0').any(|split| split == word), "{by_sh:?}");
    }
}

#[test]
fn boto3_and_aws_cli_use_the_profile() {
    let service = service(&[]);
    let helper = configure(&service.url());
    let folder = helper.home().join(ODD);
    fs::create_dir(&folder).unwrap();
    for name in ["rsa2048.crt", "rsa2048.key"] {
        fs::copy(vectors().join("pki").join(name), folder.join(name)).unwrap();
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let helper = helper
        .args(["--certificate", &path("rsa2048.crt")])
        .args(["--private-key", &path("rsa2048.key")])
        .args(["--region", "us-east-1"]);
    succeeds(&helper);
    let boto3 =
        "import boto3; boto3.Session(profile_name='ci').client('sts').get_caller_identity()";
    for (program, words) in [
        ("python3", &["-c", boto3][..]),
        ("aws", &["sts", "get-caller-identity", "--profile", "ci"]),
    ] {
        let check = ["-c", "import boto3"];
        let check = if program == "aws" {
            &["--version"][..]
        } else {
            &check
        };
        if !is_there(program, check) {
            skip(&format!("boto3_and_aws_cli_use_the_profile: no {program}"));
            continue;
        }
        let sts = sts();
        let output = without_aws_variables(program)
            .args(words)
            .env("HOME", helper.home())
            .env("AWS_ENDPOINT_URL_STS", sts.url())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {stderr}");
        let request = sts.requests().pop().unwrap();
        let authorization = request.header("authorization").unwrap();
        assert!(authorization.contains("Credential=ASIAEMULATOR"));
    }
}
