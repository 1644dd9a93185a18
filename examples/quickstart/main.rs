//! From a certificate to credentials in one command, on this machine alone:
//!
//! ```sh
//! cargo run --release --example quickstart
//! ```
//!
//! Makes a certificate authority and a certificate as AWS's walkthrough does, starts a local
//! CreateSession that verifies everything, and runs the real helper against it. The helper's JSON is
//! on stdout, what happened is on stderr. With `-- --keep` the service stays up.
#![allow(
    clippy::print_stderr,
    reason = "an example talks to the person who runs it"
)]

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;
use time::OffsetDateTime;
use walkthrough::Walkthrough;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let keep = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--keep" => true,
        _ => return Err("usage: cargo run --release --example quickstart [-- --keep]".into()),
    };
    let folder = tempfile::tempdir()?;
    eprintln!("1. A certificate authority and a certificate, as in AWS's walkthrough:");
    let files = Walkthrough::create(folder.path(), OffsetDateTime::now_utc())?;
    for file in [
        &files.certificate_authority,
        &files.certificate,
        &files.private_key,
    ] {
        eprintln!("   {}", file.display());
    }

    let emulator = Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&fs::read(&files.certificate_authority)?)?,
        ..Settings::default()
    })?;
    let url = emulator.url();
    eprintln!("2. A local CreateSession that trusts that authority and verifies everything: {url}");

    eprintln!("3. The helper, built from this source:");
    let helper = build_helper()?;
    let arguments = arguments(&files, &url);
    let line = command_line(&helper, &arguments);
    eprintln!("   {line}");
    let output = Command::new(&helper)
        .args(&arguments)
        .stderr(Stdio::inherit())
        .output()?;

    for request in emulator.requests() {
        match request.outcome {
            Outcome::Issued { .. } => eprintln!(
                "4. Verified: signature, serial number, scope, date, signed headers, certificate, \
                 path to the authority, key usage, ARNs, duration. Credentials (not real ones):"
            ),
            other => eprintln!("4. The service did not accept the request: {other:?}"),
        }
    }
    io::stdout().write_all(&output.stdout)?;
    io::stdout().flush()?;
    eprintln!();
    if !output.status.success() {
        return Ok(ExitCode::FAILURE);
    }
    next_steps(folder.path(), &line, keep)?;
    if keep {
        stay()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the real binary with the cargo that runs this, as cargo builds no binary for an example.
fn build_helper() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    // Cargo's variables for this example would make build scripts run again.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&&*name) {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .args(["build", "--release", "--bin", "aws_signing_helper"])
        // With the features of the crates that this example was built with: else they are compiled again.
        .args(["--example", "quickstart"])
        .args(["--message-format=json", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the helper does not build".into());
    }
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            let name = message.pointer("/target/name");
            name.is_some_and(|name| name == "aws_signing_helper")
        })
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .ok_or_else(|| "cargo names no binary".into())
}

fn arguments(files: &Walkthrough, endpoint: &str) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let prefix = "arn:aws:rolesanywhere:us-east-1:123456789012";
    [
        "credential-process",
        "--certificate",
        &text(&files.certificate),
        "--private-key",
        &text(&files.private_key),
        "--trust-anchor-arn",
        &format!("{prefix}:trust-anchor/11111111-1111-1111-1111-111111111111"),
        "--profile-arn",
        &format!("{prefix}:profile/22222222-2222-2222-2222-222222222222"),
        "--role-arn",
        "arn:aws:iam::123456789012:role/ci-role",
        "--endpoint",
        endpoint,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// One line for a shell and for `credential_process`.
fn command_line(helper: &Path, arguments: &[String]) -> String {
    let words = [quoted(&helper.display().to_string())];
    let words = words.into_iter();
    let words = words.chain(arguments.iter().map(|word| quoted(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// The word in quotes, if it needs them.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c) || (cfg!(windows) && c == '\\')
    };
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false if cfg!(windows) => format!("\"{word}\""),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Prints what to try next, each on one line that works when pasted.
fn next_steps(folder: &Path, line: &str, keep: bool) -> io::Result<()> {
    if !keep {
        eprintln!(
            "\nNext, keep the service running and see what else there is:\n  \
             cargo run --release --example quickstart -- --keep\n\
             For a real AWS account: docs/getting-started.md"
        );
        return Ok(());
    }
    let config = folder.join("config");
    fs::write(
        &config,
        format!("[profile quickstart]\nregion = us-east-1\ncredential_process = {line}\n"),
    )?;
    let sdk = format!(
        "AWS_CONFIG_FILE={} AWS_PROFILE=quickstart",
        quoted(&config.display().to_string())
    );
    let with = |command: &str| line.replacen("credential-process", command, 1);
    eprintln!(
        "\nThe service runs until you press Enter. Paste a line into another terminal.\n\n\
         Use the credentials with the AWS CLI, which starts the helper itself:\n  \
         {sdk} aws configure list\n\n\
         The same with boto3:\n  \
         {sdk} python3 -c 'import boto3; print(boto3.Session().get_credentials().access_key)'\n\n\
         See what is signed and sent:\n  {line} --debug\n\n\
         Get a refusal, with its hint:\n  {line} --region eu-west-1\n\n\
         Write a profile of a credentials file:\n  {}\n\n\
         Serve credentials to all programs on this machine, until Ctrl-C:\n  {}\n\n\
         For a real AWS account: docs/getting-started.md",
        with(&format!(
            "update --once --profile quickstart --credentials-file {}",
            quoted(&folder.join("credentials").display().to_string())
        )),
        with("serve"),
    );
    Ok(())
}

/// Waits for Enter, or for ever without a terminal.
fn stay() -> io::Result<()> {
    if io::stdin().read_line(&mut String::new())? == 0 {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}
