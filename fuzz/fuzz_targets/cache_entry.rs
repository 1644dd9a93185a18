//! An entry of the cache: as it is, and as JSON behind the digest that it should have. What is read
//! says how long to wait, and comes back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::cache::entry::Entry;
use rolesanywhere::cache::entry::to_bytes;
use rolesanywhere::cache::key::CacheKey;
use rolesanywhere::clock::Moment;
use rolesanywhere::credentials::renewal::Usage;
use sha2::Digest;
use sha2::Sha256;
use std::time::Duration;
use time::macros::datetime;

fuzz_target!(|json: &[u8]| {
    let key = CacheKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
    assert!(Entry::from_bytes(json, &key).is_none());
    let head = format!(
        "aws_signing_helper cache 1 {}\n",
        hex::encode(Sha256::digest(json))
    );
    let read = |bytes: &[u8]| Entry::from_bytes(bytes, &key);
    if let Some(entry) = read(&[head.as_bytes(), json].concat()) {
        let _ = (
            entry.renewal.left(NOW),
            entry.renewal.wait_for(Usage::OnDemand, NOW),
        );
        let (credentials, failure) = (entry.credentials.as_ref(), entry.failure.as_ref());
        if let Some(bytes) = to_bytes(&key, credentials, &entry.renewal, failure) {
            let again = read(bytes.expose()).unwrap();
            assert_eq!(
                (again.renewal, again.failure),
                (entry.renewal, entry.failure)
            );
        }
    }
});

const NOW: Moment = Moment {
    wall: datetime!(2030-01-01 12:00 UTC),
    boot: Duration::from_secs(5000),
};
