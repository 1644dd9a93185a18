//! Text that may hold PEM blocks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::pem;

fuzz_target!(|text: &[u8]| {
    for block in pem::read_blocks(text) {
        let _ = block.map_err(|error| error.to_string());
    }
});
