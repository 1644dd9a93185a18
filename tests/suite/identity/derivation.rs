//! A key is derived once from each password, however it is read.

use std::cell::Cell;
use std::cell::RefCell;
use std::time::Duration;

use rolesanywhere::IdentitySource;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::files::encrypted_key::decrypt_pkcs8;
use rolesanywhere::identity::files::pem;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::identity::work_budget::WorkBudget;
use rolesanywhere::secret::Secret;

use crate::support::vectors;

#[test]
fn encrypted_key_is_derived_once_a_read() {
    // 600 000 iterations: all else is nothing beside them.
    let key = vectors().join("../keys/openssl-scrypt.key");
    let pem = std::fs::read(&key).unwrap();
    let der = pem::read_blocks(&pem).remove(0).unwrap().der;
    let source = IdentitySource {
        certificate: Locator::File(vectors().join("pki/ec256.crt")),
        private_key: Some(Locator::File(key)),
        intermediates: None,
        hardware: Default::default(),
    };
    let asked = Cell::new(0);
    let shortest = |work: &dyn Fn()| {
        let times = (0..3).map(|_| {
            let begin = processor_time();
            work();
            processor_time() - begin
        });
        times.min().unwrap()
    };
    let derivation = shortest(&|| {
        drop(decrypt_pkcs8(der.expose(), "correct horse", &mut WorkBudget::new()).unwrap())
    });
    let counted = Counted {
        asked: &asked,
        refusals: RefusedSecrets::default(),
    };
    let read = shortest(&|| drop(source.open(&counted).unwrap()));
    assert_eq!(asked.get(), 3);
    assert!(read < derivation * 17 / 10, "{read:?} for {derivation:?}");
}

#[test]
fn refused_password_is_not_derived_again() {
    let source = IdentitySource {
        certificate: Locator::File(vectors().join("pki/ec256.crt")),
        private_key: Some(Locator::File(vectors().join("../keys/openssl-scrypt.key"))),
        intermediates: None,
        hardware: Default::default(),
    };
    let password = Changing {
        password: RefCell::new("wrong"),
        refusals: RefusedSecrets::default(),
    };
    let open = || {
        let begin = processor_time();
        let error = source.open(&password).unwrap_err();
        assert!(matches!(error, IdentityError::Decryption { .. }), "{error}");
        processor_time() - begin
    };
    let first = open();
    let again: Duration = (0..3).map(|_| open()).sum();
    assert!(again < first / 2, "{again:?} after {first:?}");
    password.password.replace("other");
    assert!(open() > first / 2, "another password is tried");
    password.password.replace("correct horse");
    assert!(source.open(&password).is_ok());
}

/// Of this thread, as other tests run beside it.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// Gives one password at a time.
struct Changing {
    password: RefCell<&'static str>,
    refusals: RefusedSecrets,
}

impl Secrets for Changing {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let password = self.password.borrow();
        Ok((wanted.refused == 0).then(|| Secret::new((*password).to_owned())))
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

/// Gives the password and counts how often it did.
struct Counted<'a> {
    asked: &'a Cell<u32>,
    refusals: RefusedSecrets,
}

impl Secrets for Counted<'_> {
    fn secret(&self, _wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        self.asked.set(self.asked.get() + 1);
        Ok(Some(Secret::new("correct horse".to_owned())))
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}
