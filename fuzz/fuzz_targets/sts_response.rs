//! The body of an answer of STS: credentials, an identity or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::sts::response;

fuzz_target!(|body: &[u8]| {
    let is_success =
        response::credentials(body, None).is_ok() || response::caller_identity(body).is_ok();
    assert!(!is_success || response::refusal(body).is_none());
});
