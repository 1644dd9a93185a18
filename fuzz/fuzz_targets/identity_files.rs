//! The file of an identity in any form: DER, PKCS#7, PKCS#12, PEM and PEM that lost its line breaks. It is
//! read as each of the files that there can be, as bytes and as a variable's value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::Hardware;
use rolesanywhere::identity::IdentitySource;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::output::certificate_data;
use rolesanywhere::secret::Secret;

fuzz_target!(|bytes: &[u8]| {
    let held = Locator::held("file", Secret::new(bytes.to_vec()));
    let variable = Locator::from_variable("env:FILE", bytes);
    for locator in [held, variable] {
        if let Ok(certificate) = open_certificate(&locator) {
            let _ = certificate_data::document(&certificate);
        }
        open(locator.clone(), None, None);
        open(fixture(CERTIFICATE), Some(locator.clone()), None);
        open(fixture(CERTIFICATE), Some(fixture(KEY)), Some(locator));
    }
});

/// An identity that can be opened has the key of its certificate.
fn open(certificate: Locator, private_key: Option<Locator>, intermediates: Option<Locator>) {
    let source = IdentitySource {
        certificate,
        private_key,
        intermediates,
        hardware: Hardware::default(),
    };
    match source.open(&FixturePassword::default()) {
        Ok(identity) => assert_eq!(
            identity.certificate().public_key(),
            identity.signer().public_key()
        ),
        Err(error) => drop(error.to_string()),
    }
}

fn fixture(text: &str) -> Locator {
    Locator::held("fixture", Secret::new(text.as_bytes().to_vec()))
}

/// The password of the fixtures, once.
#[derive(Default)]
struct FixturePassword(RefusedSecrets);

impl Secrets for FixturePassword {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        Ok((wanted.refused == 0).then(|| Secret::new("correct horse".to_owned())))
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.0
    }
}

const CERTIFICATE: &str = include_str!("../../fixtures/vectors/pki/ec256.crt");
const KEY: &str = include_str!("../../fixtures/vectors/pki/ec256.key");
