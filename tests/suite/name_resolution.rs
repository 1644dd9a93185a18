//! Name servers that do not answer, in a network namespace.

use std::fs;
use std::path::Path;

use crate::support::helper::Helper;
use crate::support::namespace::Namespace;
use crate::support::program::is_there;
use crate::support::script::Response;
use crate::support::skip;

#[test]
fn dead_first_name_server_costs_no_call() {
    let test = "dead_first_name_server_costs_no_call";
    if let Some(obstacle) = Namespace::obstacle() {
        skip(&format!("{test}: {obstacle}"));
        return;
    }
    if !is_there("python3", &["--version"]) {
        skip(&format!("{test}: no python3"));
        return;
    }
    let namespace = Namespace::new("names");
    // `ip netns exec` shows it as /etc/resolv.conf.
    let folder = Path::new("/etc/netns").join(&namespace.name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("resolv.conf"),
        "nameserver 127.0.0.2\nnameserver 127.0.0.3\n",
    )
    .unwrap();
    let python = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/python/dead_name_server.py")
        .display()
        .to_string();
    let session = Response::created().body;
    let [ip, netns, exec, name] = namespace.starter();
    let starter = [ip, netns, exec, name, "python3", &python, &session];
    let helper = Helper::command_at("credential-process", "http://service.example:PORT");
    let output = helper.command(&starter).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(stdout.contains("\"Version\":1"), "{stdout}");
    assert!(stdout.ends_with("requests: 1\n"), "{stdout}");
}
