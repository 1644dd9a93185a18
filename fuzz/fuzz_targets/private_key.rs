//! A private key's DER in each of its encodings, and signatures by whatever was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::files::private_key::PrivateKey;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::identity::signer::Signer;

fuzz_target!(|der: &[u8]| {
    // One digest for each input, since signing takes most of the time.
    let digest = [Digest::Sha256, Digest::Sha384, Digest::Sha512][der.len() % 3];
    for read in [
        PrivateKey::from_pkcs8,
        PrivateKey::from_pkcs1,
        PrivateKey::from_sec1,
    ] {
        if let Ok(key) = read(der) {
            let _ = key.sign(b"message", digest);
        }
    }
});
