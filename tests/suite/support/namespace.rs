//! Network namespaces of Linux: machines of their own, as far as addresses and routes go.

use std::fs;
use std::process::Command;
use std::process::Stdio;

use crate::support::program::is_there;

/// A network namespace, which is deleted in the end with the interfaces in it.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    /// Why there can be none here, if so: they take Linux, root and iproute2.
    pub(crate) fn obstacle() -> Option<&'static str> {
        if !cfg!(target_os = "linux") {
            return Some("no Linux");
        }
        if !is_there("ip", &["-V"]) {
            return Some("no ip; iproute2 has it");
        }
        let probe = Namespace::name("probe");
        let can_be = is_there("ip", &["netns", "add", &probe]);
        is_there("ip", &["netns", "delete", &probe]);
        (!can_be).then_some("no right to make network namespaces; root has it")
    }

    pub(crate) fn new(name: &str) -> Namespace {
        let name = Namespace::name(name);
        run(&["ip", "netns", "add", &name]);
        let namespace = Namespace { name };
        namespace.run("ip link set lo up");
        namespace
    }

    /// Of this process alone.
    fn name(name: &str) -> String {
        format!("helper-{name}-{}", std::process::id())
    }

    /// The words that start a program in it.
    pub(crate) fn starter(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Runs a command line without quotes in it.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) {
        let words = line.split_whitespace();
        let words: Vec<&str> = self.starter().into_iter().chain(words).collect();
        run(&words);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        is_there("ip", &["netns", "delete", &self.name]);
    }
}

/// Two ends of a cable, which come up.
pub(crate) fn connect(one: (&Namespace, &str), other: (&Namespace, &str)) {
    let ((one, one_end), (other, other_end)) = (one, other);
    let ends = format!(
        "ip link add {one_end} type veth peer name {other_end} netns {}",
        other.name
    );
    one.run(&ends);
    one.run(&format!("ip link set {one_end} up"));
    other.run(&format!("ip link set {other_end} up"));
}

#[track_caller]
fn run(words: &[&str]) {
    let output = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
}

/// The commands of a document, a line each, in blocks of the shell; comments left out.
pub(crate) fn commands_of(document: &str) -> Vec<String> {
    let path = format!("{}/{document}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let mut is_command = false;
    let mut commands = Vec::new();
    for line in text.replace("\\\n", "").lines() {
        match line.trim() {
            "```sh" => is_command = true,
            "```" => is_command = false,
            line if is_command && !line.starts_with('#') => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}
