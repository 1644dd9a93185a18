//! The body of a successful answer, and the credentials in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::create_session::response::CreateSessionResponse;

fuzz_target!(|body: &[u8]| {
    if let Some(response) = CreateSessionResponse::from_json(body) {
        let _ = response.into_credentials(None);
    }
});
