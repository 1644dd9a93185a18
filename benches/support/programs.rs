//! The programs that are measured, as they are released: built by cargo, started with nothing in
//! their environment but what a call needs. Each is a fresh copy: how a file came to disk changes how
//! fast it starts.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

/// The helper: the program that `HELPER_UNDER_TEST` names, or this machine's as it is packaged.
pub(crate) fn helper() -> PathBuf {
    match std::env::var_os("HELPER_UNDER_TEST") {
        Some(program) => fresh(Path::new(&program)),
        None => build("rolesanywhere", "aws_signing_helper"),
    }
}

/// True if the system starts the program without a loader.
#[allow(
    dead_code,
    reason = "not all benchmarks have targets for static programs"
)]
pub(crate) fn is_static(program: &Path) -> bool {
    let bytes = fs::read(program).unwrap();
    cfg!(target_os = "linux") && memchr::memmem::find(&bytes, b"/ld-").is_none()
}

/// Builds `package`'s program `name` as it is packaged, unless it exists; returns a copy.
pub(crate) fn build(package: &str, name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--profile",
            "dist",
            "--message-format=json",
            "--quiet",
        ])
        .args(["--package", package, "--bin", name])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{name} does not build");
    let built = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable");
    fresh(&built)
}

fn fresh(program: &Path) -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program.file_name().unwrap());
    // Another file, and not the bytes of the last one.
    let _ = fs::remove_file(&copy);
    fs::write(&copy, fs::read(program).unwrap()).unwrap();
    fs::set_permissions(&copy, fs::metadata(program).unwrap().permissions()).unwrap();
    copy
}

/// The arguments of both programs.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) pki: &'a Path,
    pub(crate) bundle: &'a Path,
    /// By name or address.
    pub(crate) host: &'static str,
    pub(crate) port: u16,
}

impl Call<'_> {
    /// The same by way of `address`.
    pub(crate) fn through(&self, address: SocketAddr) -> Self {
        Self {
            port: address.port(),
            ..self.clone()
        }
    }

    /// `program credential-process ...`.
    pub(crate) fn helper(&self, program: &Path) -> Command {
        let mut command = self.command(program);
        command
            .arg("credential-process")
            .arg("--certificate")
            .arg(self.pki.join(CERTIFICATE))
            .arg("--private-key")
            .arg(self.pki.join(PRIVATE_KEY))
            .args(ARNS)
            .arg("--endpoint")
            .arg(format!("https://{}:{}", self.host, self.port));
        command
    }

    /// `program CERTIFICATE PRIVATE_KEY HOST PORT`.
    pub(crate) fn floor(&self, program: &Path) -> Command {
        let mut command = self.command(program);
        command
            .arg(self.pki.join(CERTIFICATE))
            .arg(self.pki.join(PRIVATE_KEY))
            .arg(self.host)
            .arg(self.port.to_string());
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = bare(program);
        command.env("AWS_CA_BUNDLE", self.bundle);
        command
    }
}

/// `program` without arguments.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// From the start of `command` to its end; it has to succeed and to print `expected`.
pub(crate) fn time(command: &mut Command, expected: &str) -> Duration {
    let begin = Instant::now();
    let output = command.output().unwrap();
    let time = begin.elapsed();
    assert!(output.status.success(), "{command:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains(expected), "{command:?}: {printed}");
    time
}

pub(crate) const CERTIFICATE: &str = "rsa2048.crt";
pub(crate) const PRIVATE_KEY: &str = "rsa2048.key";

pub(crate) const ARNS: [&str; 6] = [
    "--trust-anchor-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b2c3d-1111-2222-3333-444455556666",
    "--profile-arn",
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/aaaabbbb-1111-2222-3333-444455556666",
    "--role-arn",
    "arn:aws:iam::123456789012:role/ci-role",
];
