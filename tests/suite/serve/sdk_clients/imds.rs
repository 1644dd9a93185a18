//! Clients of the metadata service.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Settings;
use tokio::net::TcpSocket;

use crate::serve::sdk_clients::ALL;
use crate::serve::sdk_clients::LOOPING;
use crate::serve::sdk_clients::WAIT_MAX;
use crate::serve::sdk_clients::assert_believed;
use crate::serve::sdk_clients::at_once;
use crate::serve::sdk_clients::client::Sdk;
use crate::serve::sdk_clients::client::Variables;
use crate::serve::sdk_clients::expiration;
use crate::serve::sdk_clients::expirations;
use crate::serve::sdk_clients::key;
use crate::serve::sdk_clients::next_set;
use crate::serve::sdk_clients::port;
use crate::serve::sdk_clients::started;
use crate::serve::sdk_clients::variables;
use crate::serve::sdk_clients::with_outage_after_the_first_set;
use crate::serve::sdk_clients::with_outage_at_first_sight;
use crate::support::emulator;
use crate::support::helper::Running;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::service;

#[test]
fn every_client_gets_the_set_for_any_endpoint_spelling() {
    let test = "every_client_gets_the_set_for_any_endpoint_spelling";
    let service = service(&[]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    let printed = variables(&mut running, 1);
    let port = port(&printed);
    assert_eq!(printed, imds_at(&format!("http://127.0.0.1:{port}/")));
    let expiration = expiration(&running, 1);
    for sdk in Sdk::installed(&ALL, test) {
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            for end in ["", "/"] {
                let url = format!("http://{host}:{port}{end}");
                let credentials = sdk.load(&imds_at(&url)).unwrap();
                assert_eq!(credentials.access_key_id, issued(1), "{sdk} {url}");
                assert_believed(&credentials, &expiration, Duration::ZERO, sdk);
            }
        }
    }
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn running_program_gets_the_next_set() {
    let test = "running_program_gets_the_next_set";
    let service = service(&["expires-in=40:*"]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    let variables = variables(&mut running, 1);
    // boto3 assumes at least 17 minutes, whatever the expiration.
    let mut programs = started(&[Sdk::Rust, Sdk::Go], &variables, test);
    for program in &mut programs {
        assert_eq!(key(&program.loaded()), Some(&*issued(1)), "{}", program.sdk);
    }
    for program in &mut programs {
        next_set(program, &running, Duration::ZERO);
    }
    // One that is started later has what is good then.
    expiration(&running, 3);
    for sdk in Sdk::installed(&[Sdk::Boto3, Sdk::AwsCli], test) {
        let later = sdk.load(&variables).unwrap().access_key_id;
        assert!(later >= issued(3), "{sdk}: {later}");
    }
}

#[test]
fn short_outage_is_invisible() {
    let test = "short_outage_is_invisible";
    // boto3 makes one attempt.
    at_once(&Sdk::installed(&[Sdk::Rust, Sdk::Go], test), |sdk| {
        with_outage_at_first_sight(sdk, serve, |relay| imds_at(&relay.url()));
    });
}

#[test]
fn client_without_a_set_gets_an_error() {
    let test = "client_without_a_set_gets_an_error";
    let service = service(&["status=503:*"]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    let variables = variables(&mut running, 1);
    at_once(&Sdk::installed(&ALL, test), |sdk| {
        assert!(sdk.load(&variables).is_err(), "{sdk}");
    });
}

#[test]
fn blip_at_the_start_is_not_seen_by_programs() {
    let service = service(&["status=503:2"]);
    let helper = serve(&service.url());
    let mut running = helper.start();
    let variables = variables(&mut running, 1);
    at_once(&Sdk::installed(&ALL, "blip_at_the_start"), |sdk| {
        assert_eq!(key(&sdk.load(&variables)), Some(&*issued(1)), "{sdk}");
    });
}

#[test]
fn outage_at_startup_ends_with_the_first_set() {
    let test = "outage_at_startup_ends_with_the_first_set";
    thread::scope(|scope| {
        for (fault, calls) in [("throttle:2", 3), ("status=503:4", 5), ("drop:4", 5)] {
            scope.spawn(move || {
                let service = service(&[fault]);
                let helper = serve(&service.url());
                let mut running = helper.start();
                go_on_until_the_set(&mut running, fault, test);
                assert_eq!(service.requests().len(), calls, "{fault}");
            });
        }
        scope.spawn(move || {
            // The port is closed, reserved, and can be opened later.
            let held = TcpSocket::new_v4().unwrap();
            held.set_reuseaddr(true).unwrap();
            held.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
                .unwrap();
            let port = held.local_addr().unwrap().port();
            let helper = serve(&format!("http://127.0.0.1:{port}"));
            let mut running = helper.start();
            variables(&mut running, 1);
            let service = emulator(Settings {
                port,
                ..Settings::default()
            });
            go_on_until_the_set(&mut running, "no connection", test);
            assert_eq!(service.requests().len(), 1);
        });
    });
}

/// Starts programs before the first set, and makes them load until they have it.
fn go_on_until_the_set(running: &mut Running<'_>, fault: &str, test: &str) {
    let variables = variables(running, 1);
    assert_eq!(expirations(running), [""; 0], "{fault}");
    let begin = Instant::now();
    let mut programs = started(&LOOPING, &variables, test);
    for program in &mut programs {
        let sdk = program.sdk;
        let mut loaded = program.loaded();
        while loaded.is_err() {
            assert!(begin.elapsed() < WAIT_MAX, "{sdk} {fault}: {loaded:?}");
            loaded = program.again();
        }
        assert_eq!(key(&loaded), Some(&*issued(1)), "{sdk} {fault}");
    }
}

#[test]
fn long_outage_ends_with_the_next_set() {
    let test = "long_outage_ends_with_the_next_set";
    // Go's would use the set that is over for another 5 to 15 minutes, and boto3's anyway.
    at_once(&Sdk::installed(&[Sdk::Rust], test), |sdk| {
        with_outage_after_the_first_set(sdk, serve, |relay| imds_at(&relay.url()));
    });
}

fn imds_at(url: &str) -> Variables {
    vec![(IMDS.to_owned(), url.to_owned())]
}

const IMDS: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
