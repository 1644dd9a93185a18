//! The files of `deploy/`: what an administrator relies on when they are used as they are.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

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
        // The effects of the default dependencies.
        assert!(has_line(&text, "Requires=sysinit.target"), "{unit}");
        assert!(has_line(&text, "Conflicts=shutdown.target"), "{unit}");
        assert!(has_line(&text, "Before=shutdown.target"), "{unit}");
    }
}

/// A program that ends with 77 stands for one whose PIN was refused. Clients keep asking.
#[test]
fn refused_pin_is_not_presented_by_another_start() {
    if let Some(obstacle) = obstacle_to_systemd() {
        skip(&format!(
            "refused_pin_is_not_presented_by_another_start: {obstacle}"
        ));
        return;
    }
    for unit in SERVICES {
        let folder = tempfile::tempdir().unwrap();
        let program = "/bin/sh -c 'echo >>/host/starts; exit 77'";
        fs::write(folder.path().join(unit), with_program(unit, program)).unwrap();
        let name = unit.trim_end_matches("@.service");
        let mut wait =
            format!("until systemctl is-failed {name}@test.service; do sleep 0.1; done\n");
        if name.ends_with("serve") {
            let socket = deployed("aws-signing-helper-serve@.socket");
            fs::write(folder.path().join(format!("{name}@.socket")), socket).unwrap();
            wait += &format!(
                "while systemctl is-active {name}@test.socket; do : </dev/tcp/127.0.0.1/9911; sleep 0.1; done\n"
            );
        }
        assert!(machine_starts_with(folder.path(), name, &wait), "{unit}");
        let starts = fs::read_to_string(folder.path().join("starts")).unwrap();
        assert_eq!(starts, "\n", "{unit}");
    }
}

/// A program that never says that it is ready stands for one that cannot reach the service.
#[test]
fn machine_starts_while_service_is_unreachable() {
    if let Some(obstacle) = obstacle_to_systemd() {
        skip(&format!(
            "machine_starts_while_service_is_unreachable: {obstacle}"
        ));
        return;
    }
    for unit in SERVICES {
        let folder = tempfile::tempdir().unwrap();
        let program = "/bin/sleep 100000";
        fs::write(folder.path().join(unit), with_program(unit, program)).unwrap();
        let name = unit.trim_end_matches("@.service");
        let wait = format!(
            "until systemctl show -P ActiveState {name}@test | grep -x activating; do sleep 0.1; done"
        );
        assert!(machine_starts_with(folder.path(), name, &wait), "{unit}");
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

/// The reason why systemd cannot run in new namespaces here, if any.
fn obstacle_to_systemd() -> Option<&'static str> {
    if !Path::new("/lib/systemd/systemd").exists() {
        return Some("no systemd");
    }
    let mounts = "mount --make-rprivate / && mount -t sysfs sysfs /sys \
                  && mount -t cgroup2 cgroup2 /sys/fs/cgroup && test -w /sys/fs/cgroup/cgroup.procs";
    let arguments = [&NAMESPACES[..], &["sh", "-c", mounts]].concat();
    (!is_there("unshare", &arguments)).then_some("no right to make namespaces with control groups")
}

/// True if a machine with the units of `folder` reaches multi-user.target, and the script `wait` its end there.
fn machine_starts_with(folder: &Path, unit: &str, wait: &str) -> bool {
    fs::write(folder.join("wait"), wait).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/deploy/boot.sh");
    let mut systemd = Command::new("unshare")
        .args(NAMESPACES)
        .args(["bash", script])
        .arg(folder)
        .arg(unit)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let reached = folder.join("reached");
    while !reached.exists() && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(50));
    }
    systemd.kill().unwrap();
    systemd.wait().unwrap();
    remove_control_group(folder);
    reached.exists()
}

/// The control group that `boot.sh` made; its processes take a moment to go.
fn remove_control_group(folder: &Path) {
    let lines = "mount --make-rprivate / && cd \"$0\" && mount -t cgroup2 cgroup2 groups && cd groups \
                 && for attempt in $(seq 100); do \
                 find \"$(basename \"$0\")\" -depth -type d -exec rmdir {} + && break; sleep 0.1; done";
    let folder = folder.display().to_string();
    is_there("unshare", &["--mount", "sh", "-c", lines, &folder]);
}

/// The unit with another program, and without the sandbox, which takes more rights than namespaces have.
fn with_program(unit: &str, program: &str) -> String {
    let unit = deployed(unit);
    let is_sandbox = |line: &&str| {
        [
            "Protect",
            "Private",
            "Restrict",
            "SystemCall",
            "Memory",
            "Limit",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    let changed = |line: &str| match line.split_once('=') {
        Some(("ExecStart", _)) => format!("ExecStart={program}\n"),
        Some(("User", _)) => "User=root\n".to_owned(),
        _ => format!("{line}\n"),
    };
    let lines = unit.lines().filter(|line| !is_sandbox(line));
    lines.map(changed).collect()
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

const NAMESPACES: [&str; 8] = [
    "--pid",
    "--mount",
    "--net",
    "--uts",
    "--ipc",
    "--cgroup",
    "--fork",
    "--kill-child",
];

/// For a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);
