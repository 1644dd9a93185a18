//! A certificate's DER, and what the service would refuse in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::certificate::Certificate;
use time::macros::datetime;

fuzz_target!(|der: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(der) {
        for concern in certificate.concerns(datetime!(2026-01-01 00:00 UTC)) {
            let _ = concern.to_string();
        }
        assert_eq!(certificate.der(), der);
    }
});
