//! Clients in containers, on a bridge of the machine on which `serve` runs: each in a network namespace,
//! by the commands of `docs/containers.md`.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use crate::serve::sdk_clients::client::Sdk;
use crate::serve::sdk_clients::key;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::issued;
use crate::support::log;
use crate::support::log::count;
use crate::support::namespace::Namespace;
use crate::support::namespace::commands_of;
use crate::support::namespace::connect;
use crate::support::program::built;
use crate::support::program::is_there;
use crate::support::running::wait_until;
use crate::support::skip;
use crate::support::vectors;

#[test]
fn containers_on_a_bridge_get_credentials_and_no_further() {
    let test = "containers_on_a_bridge_get_credentials_and_no_further";
    if let Some(obstacle) = Namespace::obstacle() {
        skip(&format!("{test}: {obstacle}"));
        return;
    }
    // As Docker makes it: containers have the bridge's address as their gateway.
    let machine = Namespace::new("machine");
    machine.run("ip link add docker0 type bridge");
    machine.run("ip address add 172.17.0.1/16 dev docker0");
    machine.run("ip link set docker0 up");
    let container = Namespace::new("container");
    connect((&machine, "veth0"), (&container, "eth0"));
    machine.run("ip link set veth0 master docker0");
    container.run("ip address add 172.17.0.2/16 dev eth0");
    container.run("ip route add default via 172.17.0.1");
    // A router one hop further.
    let beyond = Namespace::new("beyond");
    connect((&container, "eth1"), (&beyond, "eth0"));
    container.run("sysctl -q -w net.ipv4.ip_forward=1");
    container.run("ip address add 10.9.0.1/24 dev eth1");
    beyond.run("ip address add 10.9.0.2/24 dev eth0");
    beyond.run("ip route add default via 10.9.0.1");
    machine.run("ip route add 10.9.0.0/24 via 172.17.0.2");
    // A machine on the same network, which routes the address here.
    let network = Namespace::new("network");
    connect((&machine, "eth0"), (&network, "eth0"));
    machine.run("ip address add 192.168.7.1/24 dev eth0");
    network.run("ip address add 192.168.7.2/24 dev eth0");
    network.run("ip route add 169.254.169.254 via 192.168.7.1");

    let commands = commands_of("docs/containers.md");
    let [address, serve, check, drop_packets] = &commands[..] else {
        panic!("{commands:?}");
    };
    machine.run(address);
    let service = Service::start(&machine);
    let flags = serve.strip_prefix("aws_signing_helper serve ").unwrap();
    let (flags, _) = flags.split_once(" --certificate").unwrap();
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let started = |flags: &[&str]| {
        Helper::command_at("serve", &service.url)
            .args(log::JSON)
            .args(flags.to_vec())
    };

    let helper = started(&flags);
    let running = listening(&helper, &machine);
    for sdk in Sdk::installed(&[Sdk::Rust, Sdk::Go, Sdk::Boto3], test) {
        // Without a variable.
        let loaded = sdk.load_behind(&container.starter(), &[]);
        assert_eq!(key(&loaded), Some(&*issued(1)), "{sdk}: {loaded:?}");
    }
    if is_there("curl", &["--version"]) {
        assert!(has_token(&container, check), "{check}");
        assert!(!has_token(&beyond, check), "one hop too far");
        assert!(has_token(&network, check), "the same network");
        if is_there("iptables", &["--version"]) {
            machine.run(drop_packets);
            assert!(!has_token(&network, check), "{drop_packets}");
            assert!(has_token(&container, check), "{drop_packets}");
        } else {
            skip(&format!("{test}: no iptables"));
        }
    } else {
        skip(&format!("{test}: no curl"));
    }
    drop(running);
    // And that is by the hop limit alone.
    if is_there("curl", &["--version"]) {
        let two_hops = [&flags[..], &["--hop-limit", "2"]].concat();
        let helper = started(&two_hops);
        let running = listening(&helper, &machine);
        assert!(has_token(&beyond, check), "two hops");
        drop(running);
    }
}

fn listening<'a>(helper: &'a Helper, machine: &Namespace) -> Running<'a> {
    let child = helper
        .command(&machine.starter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running::new(child, helper);
    wait_until(&mut running, "it listens", |said| {
        count(said, "credentials_renewed") > 0 && crate::support::imds::port(said) == Some(80)
    });
    running
}

/// True if the document's check finds a metadata token.
fn has_token(namespace: &Namespace, check: &str) -> bool {
    let words = check.split_whitespace();
    let words: Vec<&str> = namespace.starter().into_iter().chain(words).collect();
    let output = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    output.status.success() && output.stdout.len() == 64
}

/// The emulator as a program, in the namespace of the machine.
struct Service {
    child: std::process::Child,
    url: String,
}

impl Service {
    fn start(machine: &Namespace) -> Service {
        let emulator = built(&["--package", "rolesanywhere-emulator"]);
        let [ip, arguments @ ..] = machine.starter();
        let mut child = Command::new(ip)
            .args(arguments)
            .arg(emulator)
            .arg("--trust-anchor")
            .arg(vectors().join("pki/root.pem"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // It logs to it until its end.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"));
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Service { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
