//! A key is derived from its password once, however it is read.

use std::cell::Cell;
use std::time::Duration;

use rolesanywhere::IdentitySource;
use rolesanywhere::identity::encrypted_key::decrypt_pkcs8;
use rolesanywhere::identity::input::Input;
use rolesanywhere::identity::password::PasswordError;
use rolesanywhere::identity::password::PasswordSource;
use rolesanywhere::identity::password::Wanted;
use rolesanywhere::identity::pem;
use rolesanywhere::secret::Secret;

use crate::support::vectors;

#[test]
fn encrypted_key_is_derived_once_a_read() {
    // 600 000 iterations: all else is nothing beside them.
    let key = vectors().join("../keys/gnutls-aes-256.key");
    let pem = std::fs::read(&key).unwrap();
    let der = pem::read_blocks(&pem).remove(0).unwrap().der;
    let source = IdentitySource::Files {
        certificate: Input::File(vectors().join("pki/ec256.crt")),
        private_key: Some(Input::File(key)),
        intermediates: None,
    };
    let asked = Cell::new(0);
    // Of the processor, as other tests run beside this one.
    let time = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    };
    let shortest = |work: &dyn Fn()| {
        let times = (0..3).map(|_| {
            let begin = time();
            work();
            time() - begin
        });
        times.min().unwrap()
    };
    let derivation = shortest(&|| drop(decrypt_pkcs8(der.expose(), "correct horse").unwrap()));
    let read = shortest(&|| drop(source.open(&Counted(&asked)).unwrap()));
    assert_eq!(asked.get(), 3);
    assert!(read < derivation * 17 / 10, "{read:?} for {derivation:?}");
}

/// Gives the password and counts how often it did.
struct Counted<'a>(&'a Cell<u32>);

impl PasswordSource for Counted<'_> {
    fn password(&self, _wanted: Wanted<'_>) -> Result<Option<Secret<String>>, PasswordError> {
        self.0.set(self.0.get() + 1);
        Ok(Some(Secret::new("correct horse".to_owned())))
    }
}
