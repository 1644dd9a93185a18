//! Encrypted private keys, in both forms, with the password of the fixtures.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::encrypted_key::decrypt_dek_info;
use rolesanywhere::identity::files::encrypted_key::decrypt_pkcs8;
use rolesanywhere::identity::work_budget::WorkBudget;

fuzz_target!(|data: &[u8]| {
    let _ = decrypt_pkcs8(data, "correct horse", &mut WorkBudget::new());
    let (header, der) = data.split_at(data.len().min(52));
    let header = String::from_utf8_lossy(header);
    let _ = decrypt_dek_info(&header, der, "correct horse");
});
