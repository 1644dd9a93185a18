//! A PKCS#12 file, with the password of the fixtures; what has no MAC reaches further without one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::pkcs12;
use rolesanywhere::identity::work_budget::WorkBudget;

fuzz_target!(|der: &[u8]| {
    let _ = pkcs12::is_pkcs12(der);
    for password in ["correct horse", ""] {
        let _ =
            pkcs12::read(der, password, &mut WorkBudget::new()).map_err(|error| error.to_string());
    }
});
