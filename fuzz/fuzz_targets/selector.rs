//! A selector, as it stands on the command line and as it stands in a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::selector::CertSelector;

fuzz_target!(|text: &str| {
    let _ = CertSelector::parse(text).map_err(|error| error.to_string());
    let _ = CertSelector::from_json(text.as_bytes()).map_err(|error| error.to_string());
});
