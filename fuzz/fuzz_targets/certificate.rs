//! A certificate's DER, what the service would refuse in it, and its session tags.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::certificate::Certificate;
use rolesanywhere::policy::session_tags::SessionTag;
use time::macros::datetime;

fuzz_target!(|der: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(der) {
        for concern in certificate.concerns(datetime!(2026-01-01 00:00 UTC)) {
            let _ = concern.to_string();
        }
        for tag in SessionTag::of(&certificate) {
            let _ = tag.fault().map(|fault| fault.to_string());
        }
        assert_eq!(certificate.der(), der);
    }
});
