//! Requests to the container endpoint of `serve`: without the token, no credentials. The same bytes are
//! read as a token and as the name of a host.
#![no_main]

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ring::rand::SystemRandom;
use rolesanywhere::Credentials;
use rolesanywhere::clock::Clock;
use rolesanywhere::clock::Moment;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::output::endpoint::authorization_token::AuthorizationToken;
use rolesanywhere::output::endpoint::container::Container;
use rolesanywhere::output::endpoint::document;
use rolesanywhere::output::endpoint::host_name::HostName;
use rolesanywhere::output::endpoint::origin_check::AllowedHosts;
use rolesanywhere::output::endpoint::request::Request;
use rolesanywhere::secret::Secret;
use rolesanywhere::supply::Supply;
use time::macros::datetime;

fuzz_target!(|bytes: &[u8]| {
    let random = SystemRandom::new();
    let _ = AuthorizationToken::fixed(bytes, &random).map_err(|error| error.to_string());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<HostName>();
    }
    let read = Request::read(bytes, |request| CONTAINER.answer(request, NOW));
    if let Ok(Some((framing, response))) = read {
        let has_token = bytes.windows(TOKEN.len()).any(|text| text == TOKEN);
        let text = String::from_utf8_lossy(response.body.bytes());
        assert!(has_token || !text.contains("hunter2"), "{text}");
        assert!(framing.head_length <= bytes.len());
    }
});

static CONTAINER: LazyLock<Container> = LazyLock::new(|| {
    let supply = Supply::new(
        Clock::Fixed(NOW.wall),
        || 0.5,
        |credentials, _| {
            Arc::new(document::container(
                credentials,
                "arn:aws:iam::123456789012:role/ci",
            ))
        },
    );
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("hunter2".to_owned()),
        session_token: Secret::new("hunter2".to_owned()),
        expiration: "2030-01-01T13:00:00Z".to_owned(),
        date: None,
        assumed_role_arn: None,
    };
    let mut renewal = Renewal::default();
    renewal.renewed(NOW, Duration::from_secs(3600), 0.5);
    supply.begin_with(credentials, renewal);
    Container {
        names: AllowedHosts::new([], vec!["relay.example".parse().unwrap()]),
        authorization: AuthorizationToken::fixed(TOKEN, &SystemRandom::new()).unwrap(),
        supply: Arc::new(supply),
    }
});

const TOKEN: &[u8] = b"token-of-the-fixtures-0123456789";

const NOW: Moment = Moment {
    wall: datetime!(2030-01-01 12:00 UTC),
    boot: Duration::from_secs(5000),
};
