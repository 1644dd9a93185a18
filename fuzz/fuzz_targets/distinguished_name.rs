//! DER of a name, and the selector that is made of it: read again, it asks for the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::distinguished_name::describe;
use rolesanywhere::identity::selector::CertSelector;
use x509_parser::prelude::*;

fuzz_target!(|der: &[u8]| {
    if let Ok((_, name)) = X509Name::from_der(der) {
        let subject = Some(describe(&name)).filter(|text| !text.is_empty());
        let json = serde_json::json!([{"Key": "x509Subject", "Value": subject}]).to_string();
        assert!(CertSelector::from_json(json.as_bytes()).is_ok_and(|read| read.subject == subject));
    }
});
