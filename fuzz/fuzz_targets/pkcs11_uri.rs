//! The URI of an object on a token. Its PIN is in no message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::pkcs11::uri::Pkcs11Uri;

fuzz_target!(|text: &str| {
    let _ = Pkcs11Uri::parse(text).map_err(|error| error.to_string());
    let pin = "pin-value=97531";
    for separator in ['?', '&', ';'] {
        let with_pin = format!("{text}{separator}{pin}");
        assert!(!Pkcs11Uri::without_pin(&with_pin).contains(pin));
    }
});
