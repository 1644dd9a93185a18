//! Bytes of a connection to `serve`, whole and in two pieces: the same requests are found, and none gets
//! credentials without a token.
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
use rolesanywhere::output::endpoint::document;
use rolesanywhere::output::endpoint::imds::Imds;
use rolesanywhere::output::endpoint::metadata_token::MetadataTokens;
use rolesanywhere::output::endpoint::origin_check::AllowedHosts;
use rolesanywhere::output::endpoint::request::Request;
use rolesanywhere::output::endpoint::request_body::RequestBody;
use rolesanywhere::secret::Secret;
use rolesanywhere::supply::Supply;
use time::macros::datetime;

fuzz_target!(|bytes: &[u8]| {
    let whole = statuses(&[bytes]);
    // Anywhere, as the last byte has it.
    let cut = bytes
        .last()
        .map_or(0, |last| usize::from(*last) * bytes.len() / 256);
    let (first, rest) = bytes.split_at(cut);
    assert_eq!(statuses(&[first, rest]), whole);
});

/// The answers, as `connection` makes them.
fn statuses(pieces: &[&[u8]]) -> Vec<u16> {
    let (mut received, mut statuses, mut body) = (Vec::new(), Vec::new(), RequestBody::NONE);
    for piece in pieces {
        received.extend_from_slice(piece);
        loop {
            let Ok(passed) = body.pass_over(&received) else {
                statuses.push(0);
                return statuses;
            };
            received.drain(..passed);
            if !body.is_over() {
                break;
            }
            match Request::read(&received, |request| IMDS.answer(request, NOW)) {
                Ok(Some((framing, response))) => {
                    let text = String::from_utf8_lossy(response.body.bytes());
                    assert!(!text.contains("hunter2"), "{text}");
                    statuses.push(response.status.code());
                    received.drain(..framing.head_length);
                    body = framing.body;
                    if !framing.is_persistent {
                        return statuses;
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    statuses.push(0);
                    return statuses;
                }
            }
        }
    }
    statuses
}

static IMDS: LazyLock<Imds> = LazyLock::new(|| {
    let supply = Supply::new(
        Clock::Fixed(NOW.wall),
        || 0.5,
        |credentials, received| std::sync::Arc::new(document::imds(credentials, received.wall)),
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
    Imds {
        names: AllowedHosts::new([], vec!["relay.example".parse().unwrap()]),
        role_name: "ci-role".to_owned(),
        tokens: MetadataTokens::new(Arc::new(SystemRandom::new())).unwrap(),
        supply: Arc::new(supply),
    }
});

const NOW: Moment = Moment {
    wall: datetime!(2030-01-01 12:00 UTC),
    boot: Duration::from_secs(5000),
};
