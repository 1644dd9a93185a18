//! Clients of the endpoint for containers, which wants a token.

use std::fs;
use std::time::Duration;

use crate::serve::sdk_clients::ALL;
use crate::serve::sdk_clients::LOOPING;
use crate::serve::sdk_clients::assert_believed;
use crate::serve::sdk_clients::at_once;
use crate::serve::sdk_clients::client::Sdk;
use crate::serve::sdk_clients::client::Variables;
use crate::serve::sdk_clients::expiration;
use crate::serve::sdk_clients::key;
use crate::serve::sdk_clients::next_set;
use crate::serve::sdk_clients::port;
use crate::serve::sdk_clients::relay::Relay;
use crate::serve::sdk_clients::started;
use crate::serve::sdk_clients::variables;
use crate::serve::sdk_clients::with_outage_after_the_first_set;
use crate::serve::sdk_clients::with_outage_at_first_sight;
use crate::support::helper::Helper;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::service;

#[test]
fn every_client_gets_the_set_with_the_containers_token() {
    let test = "every_client_gets_the_set_with_the_containers_token";
    let service = service(&[]);
    let with_file = serve_to_containers(&service.url());
    let file = with_file.home().join("token").display().to_string();
    let with_file = with_file.args(["--authorization-token-file", &file]);
    let mut running_with_file = with_file.start();
    let from_file = variables(&mut running_with_file, 2);
    assert_eq!(from_file[1], (TOKEN_FILE.to_owned(), file));

    let with_variable = serve_to_containers(&service.url()).env(TOKEN, SECRET);
    let mut running_with_variable = with_variable.start();
    let mut from_variable = variables(&mut running_with_variable, 1);
    from_variable.push((TOKEN.to_owned(), SECRET.to_owned()));

    for (running, variables) in [
        (&running_with_file, from_file),
        (&running_with_variable, from_variable),
    ] {
        assert_eq!(variables[0].0, FULL_URI);
        let expiration = expiration(running, 1);
        let keys = [issued(1), issued(2)];
        for sdk in Sdk::installed(&ALL, test) {
            let credentials = sdk.load(&variables).unwrap();
            assert!(keys.contains(&credentials.access_key_id), "{sdk}");
            assert_believed(&credentials, &expiration, margin(sdk), sdk);
        }
    }
    assert_eq!(service.requests().len(), 2);
}

#[test]
fn client_without_the_token_gets_an_error() {
    let test = "client_without_the_token_gets_an_error";
    let service = service(&[]);
    let helper = serve_to_containers(&service.url()).env(TOKEN, SECRET);
    let helper = helper.file("wrong", &SECRET.replace('a', "b"));
    let mut running = helper.start();
    let printed = variables(&mut running, 1);
    let wrong_file = helper.home().join("wrong").display().to_string();
    let with = |name: &str, value: &str| {
        let mut variables = printed.clone();
        variables.push((name.to_owned(), value.to_owned()));
        variables
    };
    let wrong = [
        with(TOKEN, &SECRET.to_uppercase()),
        with(TOKEN, &SECRET[1..]),
        with(TOKEN_FILE, &wrong_file),
        printed.clone(),
    ];
    at_once(&Sdk::installed(&ALL, test), |sdk| {
        for variables in &wrong {
            let refused = sdk.load(variables).unwrap_err();
            assert!(!refused.contains("ASIA"), "{sdk}: {refused}");
        }
        // They would have had it.
        let loaded = sdk.load(&with(TOKEN, SECRET));
        assert_eq!(key(&loaded), Some(&*issued(1)), "{sdk}");
    });
}

#[test]
fn running_program_in_a_container_gets_the_next_set() {
    let test = "running_program_in_a_container_gets_the_next_set";
    let service = service(&["expires-in=40:*"]);
    let helper = serve_to_containers(&service.url()).env(TOKEN, SECRET);
    let mut running = helper.start();
    let mut variables = variables(&mut running, 1);
    variables.push((TOKEN.to_owned(), SECRET.to_owned()));
    let mut programs = started(&LOOPING, &variables, test);
    for program in &mut programs {
        assert_eq!(key(&program.loaded()), Some(&*issued(1)), "{}", program.sdk);
    }
    for program in &mut programs {
        let margin = margin(program.sdk);
        next_set(program, &running, margin);
    }
}

#[test]
fn client_in_a_container_without_a_set_gets_an_error() {
    let test = "client_in_a_container_without_a_set_gets_an_error";
    let service = service(&["status=503:*"]);
    let helper = serve_to_containers(&service.url()).env(TOKEN, SECRET);
    let mut running = helper.start();
    let mut variables = variables(&mut running, 1);
    variables.push((TOKEN.to_owned(), SECRET.to_owned()));
    at_once(&Sdk::installed(&ALL, test), |sdk| {
        assert!(sdk.load(&variables).is_err(), "{sdk}");
    });
}

#[test]
fn short_outage_is_invisible_in_a_container() {
    let test = "short_outage_is_invisible_in_a_container";
    at_once(&Sdk::installed(&LOOPING, test), |sdk| {
        let serve = |url: &str| serve_to_containers(url).env(TOKEN, SECRET);
        with_outage_at_first_sight(sdk, serve, through);
    });
}

#[test]
fn long_outage_ends_with_the_next_set_in_a_container() {
    let test = "long_outage_ends_with_the_next_set_in_a_container";
    at_once(&Sdk::installed(&LOOPING, test), |sdk| {
        let serve = |url: &str| serve_to_containers(url).env(TOKEN, SECRET);
        with_outage_after_the_first_set(sdk, serve, through);
    });
}

#[test]
fn token_written_later_lets_clients_in() {
    let test = "token_written_later_lets_clients_in";
    let service = service(&[]);
    let helper = serve_to_containers(&service.url());
    let file = helper.home().join("token");
    let helper = helper.args(["--authorization-token-file", &file.display().to_string()]);
    let mut running = helper.start();
    let variables = variables(&mut running, 2);
    fs::write(&file, SECRET).unwrap();
    for sdk in Sdk::installed(&ALL, test) {
        assert_eq!(key(&sdk.load(&variables)), Some(&*issued(1)), "{sdk}");
    }
}

#[test]
fn metadata_service_is_off_beside_container_credentials() {
    let test = "metadata_service_is_off_beside_container_credentials";
    let service = service(&[]);
    let helper = serve_to_containers(&service.url()).env(TOKEN, SECRET);
    let mut running = helper.start();
    let port = port(&variables(&mut running, 1));
    let url = format!("http://127.0.0.1:{port}/");
    let imds = [("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), url)];
    at_once(&Sdk::installed(&ALL, test), |sdk| {
        assert!(sdk.load(&imds).is_err(), "{sdk}");
    });
}

fn through(relay: &Relay) -> Variables {
    vec![
        (
            FULL_URI.to_owned(),
            format!("{}/v1/credentials", relay.url()),
        ),
        (TOKEN.to_owned(), SECRET.to_owned()),
    ]
}

/// The time before the expiration at which an SDK asks a container endpoint for the next set.
fn margin(sdk: Sdk) -> Duration {
    match sdk {
        Sdk::Go => Duration::from_secs(300),
        Sdk::Rust | Sdk::Boto3 | Sdk::AwsCli => Duration::ZERO,
    }
}

fn serve_to_containers(url: &str) -> Helper {
    serve(url).args(["--container-credentials"])
}

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// As long as those that `serve` makes.
const SECRET: &str = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c1d2e3f4";
