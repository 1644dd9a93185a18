//! A file that is not PEM: DER of a certificate, a key or PKCS#7.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::der;

fuzz_target!(|bytes: &[u8]| {
    let Some(blocks) = der::blocks(bytes) else {
        return;
    };
    for block in blocks {
        // Nothing is made up: what it holds is in the file.
        let content = block.der.expose();
        assert!(content.is_empty() || bytes.windows(content.len()).any(|part| part == content));
    }
});
