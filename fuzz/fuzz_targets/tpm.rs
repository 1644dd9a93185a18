//! What comes from a TPM, or from a file with a TPM's key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::tss2_key::Tss2Key;
use rolesanywhere::identity::tpm::message::Response;
use rolesanywhere::identity::tpm::public_area::PublicArea;
use rolesanywhere::identity::tpm::signature::signature;

fuzz_target!(|bytes: &[u8]| {
    let _ = Response::from_bytes(bytes);
    let _ = PublicArea::from_bytes(bytes);
    let _ = signature(bytes);
    if let Ok(key) = Tss2Key::from_der(bytes) {
        let _ = PublicArea::from_bytes(&key.public);
    }
});
