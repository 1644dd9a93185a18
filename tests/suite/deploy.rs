//! The files of `deploy/`: what an administrator relies on when they are used as they are.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use crate::support::program::is_there;
use crate::support::skip;

const SERVICES: [&str; 2] = [
    "aws-signing-helper-serve@.service",
    "aws-signing-helper-update@.service",
];

#[test]
fn service_units_do_not_hold_targets_back() {
    for unit in SERVICES {
        let text = deployed(unit);
        assert!(has_line(&text, "DefaultDependencies=no"), "{unit}");
        // What these would have brought.
        assert!(has_line(&text, "Requires=sysinit.target"), "{unit}");
        assert!(has_line(&text, "Conflicts=shutdown.target"), "{unit}");
        assert!(has_line(&text, "Before=shutdown.target"), "{unit}");
    }
}

#[test]
fn socket_unit_listens_without_ipv6() {
    let text = deployed("aws-signing-helper-serve@.socket");
    assert!(has_line(&text, "FreeBind=yes"));
}

#[test]
fn another_port_replaces_the_first_one() {
    let text = deployed("aws-signing-helper-serve@.socket");
    let reset = text.find("#   ListenStream=\n").unwrap();
    let other = text.find("#   ListenStream=127.0.0.1:9921").unwrap();
    assert!(reset < other);
}

#[test]
fn comments_give_the_key_to_the_user() {
    for (unit, user) in SERVICES.iter().zip(["aws-signing-helper", "USER"]) {
        let text = deployed(unit);
        let folder = text.find("mkdir -p /etc/aws-signing-helper\n").unwrap();
        let key = text.find(&format!("install -o {user} -m 0400")).unwrap();
        let variables = text.find("install -m 0600 /dev/stdin").unwrap();
        assert!(folder < key && key < variables, "{unit}");
    }
}

#[test]
fn systemd_finds_no_fault_in_units() {
    if !is_there("systemd-analyze", &["--version"]) {
        skip("systemd_finds_no_fault_in_units: no systemd-analyze");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = SERVICES
        .into_iter()
        .chain(["aws-signing-helper-serve@.socket"]);
    let mut paths = Vec::new();
    for unit in units {
        // The program need not be installed here, and the instance has a name.
        let text = deployed(unit).replace("/usr/local/bin/aws_signing_helper", "/bin/true");
        let path = folder.path().join(unit.replace('@', "@root"));
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&paths)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let faults: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains("aws-signing-helper"))
        .collect();
    assert!(output.status.success() && faults.is_empty(), "{stderr}");
}

#[test]
fn container_has_the_helper_on_its_path() {
    let text = deployed("Containerfile");
    assert!(text.contains(" /usr/local/bin/aws_signing_helper\n"));
    assert!(has_line(&text, "ENV PATH=/usr/local/bin"));
}

#[test]
fn container_health_check_has_an_address() {
    let text = deployed("Containerfile");
    assert!(text.contains("ENV AWS_SIGNING_HELPER_STATUS_ADDRESS=127.0.0.1:9912"));
}

#[test]
fn container_build_takes_no_key_along() {
    let ignored = file(".dockerignore");
    for pattern in [".git", "**/target", "**/*.key", "**/*.pem", "**/*.p12"] {
        assert!(has_line(&ignored, pattern), "{pattern}");
    }
}

#[test]
fn pod_is_ready_with_its_sidecar() {
    let text = deployed("kubernetes-sidecar.yaml");
    let (_, probe) = text.split_once("readinessProbe:\n").unwrap();
    assert!(
        probe
            .trim_start()
            .starts_with("httpGet: { path: /readyz, port: status }")
    );
    assert!(text.contains("[::]:9912"));
}

fn deployed(name: &str) -> String {
    file(&format!("deploy/{name}"))
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}
