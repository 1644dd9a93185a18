//! The body of a request for STS, read by the emulator as the parameters of `AssumeRole`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere_emulator::AssumeRole;

fuzz_target!(|body: &[u8]| {
    let refusal = match AssumeRole::from_form(body) {
        Ok(parameters) => return assert!(parameters.tags.len() <= 50),
        Err(refusal) => refusal,
    };
    assert!(!refusal.to_string().chars().any(char::is_control));
    let _ = (refusal.status(), refusal.code(), refusal.message());
});
