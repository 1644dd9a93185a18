//! Listening addresses, readiness, and the first requests of `serve`.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::serve::set_number;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::port;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::failure;
use crate::support::port::unused;
use crate::support::running::terminated;
use crate::support::running::wait_for;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;
use crate::support::systemd::NotifySocket;
use crate::support::terminal::Ending;
use crate::support::terminal::Terminal;

/// Both loopback addresses, on a free port; `None`, with a notice, without IPv6.
pub(crate) fn free_on_both(test: &str) -> Option<(TcpListener, TcpListener)> {
    let port = unused();
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
    if v6.is_err() {
        skip(&format!("{test}: no ::1"));
    }
    Some((v4, v6.ok()?))
}

#[test]
fn neighbour_on_either_address_keeps_it_from_starting() {
    let test = "neighbour_on_either_address_keeps_it_from_starting";
    let service = service(&[]);
    for is_v4 in [true, false] {
        let Some((v4, v6)) = free_on_both(test) else {
            return;
        };
        let (taken, free) = match is_v4 {
            true => (v4, v6),
            false => (v6, v4),
        };
        drop(free);
        let address = taken.local_addr().unwrap();
        let port = address.port().to_string();
        let output = Helper::command_at("serve", &service.url())
            .args(["--port", &port])
            .run();
        assert_eq!(output.exit, 1);
        let said = output.stderr.replace(&address.to_string(), "[ADDRESS]");
        assert_snapshot("port-that-is-taken", &said);
    }
    assert!(service.requests().is_empty());
}

#[test]
fn second_helper_on_the_port_makes_no_request() {
    let service = service(&["slow=2000"]);
    let first = serve(&service.url());
    let server = Server::start(&first);
    let port = server.port.to_string();
    let output = Helper::command_at("serve", &service.url())
        .args(["--port", &port])
        .run();
    assert_eq!(output.exit, 1);
    let said = output
        .stderr
        .replace(&format!("127.0.0.1:{port}"), "[ADDRESS]");
    assert_snapshot("port-that-is-taken", &said);
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn other_loopback_address_may_be_named_and_is_a_host() {
    let service = service(&[]);
    // On another address, another process may have the same ephemeral port.
    let port = unused().to_string();
    let helper = serve(&service.url())
        .args(["--bind-address", "127.0.0.9"])
        .args(["--port", &port]);
    let server = Server::start(&helper);
    let address = format!("127.0.0.9:{port}");
    let mut connection = Connection::to(address.parse().unwrap()).unwrap();
    let token = connection.token();
    let request = get(CREDENTIALS, &token).replace("127.0.0.1", &address);
    assert_eq!(set_number(&connection.ask(&request)), 1);
    let said = server.running.stderr_so_far();
    let listening = &events(&said, "listening")[0];
    let url = format!("http://{address}/");
    assert_eq!(listening["AWS_EC2_METADATA_SERVICE_ENDPOINT"], url);
    assert!(Connection::to((Ipv4Addr::LOCALHOST, server.port).into()).is_err());
}

#[test]
fn address_that_others_reach_is_refused_with_the_reason() {
    let service = service(&[]);
    let mut said = String::new();
    for address in [
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "169.254.1.1",
        "fe80::1",
        "::ffff:127.0.0.1",
    ] {
        let output = serve(&service.url())
            .args(["--bind-address", address])
            .run();
        assert_eq!(output.exit, 1, "{address}");
        said += &failure(&output.stderr);
    }
    assert_snapshot("addresses-that-others-reach", &said);
    for (flag, value) in [("--bind-address", "localhost"), ("--port", "65536")] {
        let output = serve(&service.url()).args([flag, value]).run();
        assert_eq!(output.exit, 1);
        assert!(output.stderr.contains(value), "{}", output.stderr);
    }
    assert!(service.requests().is_empty());
}

#[test]
fn service_variable_of_kubernetes_is_not_a_port() {
    let service = service(&[]);
    let url = service.url();
    let helper = Helper::command_at("serve", &url)
        .args(["--bind-address", "127.0.0.1"])
        .env("AWS_SIGNING_HELPER_PORT", "tcp://10.0.0.7:9911")
        .env("AWS_SIGNING_HELPER_SERVICE_HOST", "10.0.0.7");
    // The default port may be taken on this machine; it is tried all the same.
    let mut running = helper.start();
    wait_until_ended_or(&mut running, "9911");
    let other = Helper::command_at("serve", &url).env("AWS_SIGNING_HELPER_PORT", "tcp");
    let output = other.run();
    assert_eq!(output.exit, 1);
    assert!(
        output.stderr.contains("AWS_SIGNING_HELPER_PORT"),
        "{}",
        output.stderr
    );
}

/// Waits until its stderr contains this, whether or not it ends.
fn wait_until_ended_or(running: &mut Running<'_>, words: &str) {
    let begin = std::time::Instant::now();
    while !running.stderr_so_far().contains(words) {
        assert!(begin.elapsed() < Duration::from_secs(240));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn control_c_at_the_terminal_ends_it_with_0() {
    let Some(mut terminal) = Terminal::open("control_c_at_the_terminal_ends_it_with_0") else {
        return;
    };
    let service = service(&[]);
    let port = unused();
    let helper = Helper::command_at("serve", &service.url()).args(["--port", &port.to_string()]);
    let running = terminal.start(&helper);
    let address = (Ipv4Addr::LOCALHOST, port).into();
    wait_for("it listens", || Connection::to(address).is_ok());
    let mut connection = Connection::to(address).unwrap();
    let token = connection.token();
    assert_eq!(set_number(&connection.ask(&get(CREDENTIALS, &token))), 1);
    drop(connection);
    terminal.press("\u{3}");
    let Ending { output, .. } = terminal.end(running);
    assert_eq!((output.exit, output.stdout_text()), (0, ""));
}

/// Starts it as systemd does, with these sockets.
fn activated<'a>(
    helper: &'a Helper,
    first: TcpListener,
    second: Option<TcpListener>,
) -> Running<'a> {
    const HAND_OVER: &str =
        r#"export LISTEN_PID=$$; exec "$0" "$@" 3<&0 4<&1 </dev/null >/dev/null"#;
    let count = 1 + usize::from(second.is_some());
    let second = match second {
        Some(listener) => Stdio::from(OwnedFd::from(listener)),
        None => Stdio::null(),
    };
    let mut command = helper.command(&["/bin/sh", "-c", HAND_OVER]);
    let child = command
        .env("LISTEN_FDS", count.to_string())
        .stdin(OwnedFd::from(first))
        .stdout(second)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running::new(child, helper)
}

#[test]
fn sockets_of_systemd_are_served_and_outlive_it() {
    let Some((v4, v6)) = free_on_both("sockets_of_systemd_are_served_and_outlive_it") else {
        return;
    };
    let service = service(&[]);
    let helper = Helper::command_at("serve", &service.url());
    let addresses = [v4.local_addr().unwrap(), v6.local_addr().unwrap()];
    for start in 1..=2 {
        let (v4, v6) = (v4.try_clone().unwrap(), v6.try_clone().unwrap());
        // A request sent before the start is answered.
        let mut early = Connection::to(addresses[0]).unwrap();
        let mut running = activated(&helper, v4, Some(v6));
        wait_until(&mut running, "it listens", |said| port(said).is_some());
        assert_eq!(port(&running.stderr_so_far()), Some(addresses[0].port()));
        let token = early.token();
        for address in addresses {
            let mut connection = Connection::to(address).unwrap();
            assert_eq!(
                set_number(&connection.ask(&get(CREDENTIALS, &token))),
                start
            );
        }
        let id = Pid::from_raw(running.id().cast_signed()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        assert_eq!(running.exit_code(), 0);
    }
}

#[test]
fn inherited_socket_that_others_reach_is_refused() {
    let service = service(&[]);
    let helper = Helper::command_at("serve", &service.url());
    let everywhere = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let mut running = activated(&helper, everywhere, None);
    assert_eq!(running.exit_code(), 1);
    wait_until_ended_or(&mut running, "\n");
    assert_snapshot("socket-that-others-reach", &running.stderr_so_far());
    assert!(service.requests().is_empty());
}

#[test]
fn systemd_is_notified_once_there_is_a_set() {
    let service = service(&["status=500:3", "expires-in=12:*"]);
    let (helper, socket) = NotifySocket::of(serve(&service.url()));
    let mut running = helper.start();
    wait_until(&mut running, "an attempt", |said| {
        count(said, "renewal_failed") > 0
    });
    assert!(socket.is_silent(), "before there is anything");
    assert_eq!(socket.message(), "READY=1");
    wait_until(&mut running, "its port", |said| port(said).is_some());
    let port = port(&running.stderr_so_far()).unwrap();
    let mut connection = Connection::open(port);
    let token = connection.token();
    assert_eq!(set_number(&connection.ask(&get(CREDENTIALS, &token))), 1);
    wait_until(&mut running, "the next set", |said| {
        count(said, "credentials_renewed") == 2
    });
    assert!(socket.is_silent(), "again");
    assert_eq!(terminated(running).exit, 0);
}

#[test]
fn cached_set_is_served_at_once_whatever_the_service_does() {
    let service = service(&["expires-in=3600", "slow=20000:*"]);
    let helper = serve(&service.url()).args(["--cache"]);
    let mut server = Server::start(&helper);
    assert_eq!(server.access_key_id(), issued(1));
    // It is kept once it is in use.
    wait_until(&mut server.running, "an entry", |_| {
        helper.cached_sets() == 1
    });
    assert_eq!(terminated(server.running).exit, 0);
    let server = Server::start(&helper);
    assert_eq!(server.access_key_id(), issued(1));
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn input_that_is_read_once_is_a_warning() {
    let service = service(&[]);
    let key = std::fs::read_to_string(crate::support::vectors().join("pki/rsa2048.key")).unwrap();
    let helper = serve(&service.url())
        .args(["--private-key", "env:KEY"])
        .env("KEY", &key);
    let server = Server::start(&helper);
    let said = server.running.stderr_so_far();
    assert_eq!(count(&said, "read_once"), 1, "{said}");
}

#[test]
fn short_sessions_are_warned_of() {
    let service = service(&[]);
    let helper = serve(&service.url()).args(["--session-duration", "900"]);
    let server = Server::start(&helper);
    let said = server.running.stderr_so_far();
    assert_eq!(count(&said, "short_sessions"), 1, "{said}");
}
