//! Text from outside as messages show it: it drives no terminal, forges no line and is not too long. And
//! an expiration, which is such a text until it is read.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rolesanywhere::Credentials;
use rolesanywhere::clock::Moment;
use rolesanywhere::output::endpoint::document;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::Printable;
use rolesanywhere::text::ShownName;
use time::macros::datetime;

fuzz_target!(|text: &str| {
    let name = ShownName::of(text);
    for shown in [
        name.to_string(),
        format!("{name:?}"),
        Printable::new(text, CHARACTERS_MAX).to_string(),
    ] {
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    let is_content = text.contains("-----BEGIN") || text.contains('\n');
    assert!(name.is_hidden() || !is_content, "{text:?}");
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new(text.to_owned()),
        session_token: Secret::new(text.to_owned()),
        expiration: text.to_owned(),
        date: None,
        assumed_role_arn: None,
    };
    let _ = credentials.life(NOW).map_err(|error| error.to_string());
    let document = document::container(&credentials, text);
    let json: serde_json::Value = serde_json::from_slice(document.expose()).unwrap();
    assert_eq!(json["Token"], text);
});

const CHARACTERS_MAX: usize = 100;

const NOW: Moment = Moment {
    wall: datetime!(2030-01-01 12:00 UTC),
    boot: Duration::from_secs(5000),
};
