//! Traces of an identity in memory, searched by the process itself.
//!
//! For each case, the test starts itself as a new process. That gets the search terms in masked form, so
//! that it has the secrets from the files alone.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode;
use rolesanywhere::IdentitySource;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::secret::Secret;
use rsa::pkcs1::RsaPrivateKeyRef;
use sec1::EcPrivateKey;
use serde_json::Value;
use serde_json::json;

use crate::support::memory;
use crate::support::memory::Found;
use crate::support::memory::Needle;
use crate::support::memory::Place;
use crate::support::vectors;

/// An identity, and the plain file of its key where that is another.
struct Case {
    certificate: &'static str,
    private_key: Option<&'static str>,
    password: Option<&'static str>,
    plain: &'static str,
}

const CASES: &[Case] = &[
    rsa2048("pki/rsa2048.crt", Some("pki/rsa2048.key"), None),
    rsa2048("pki/rsa2048.crt", Some("pki/rsa2048.pkcs1.key"), None),
    rsa2048("pki/shape-cert-then-key.pem", None, None),
    rsa2048(
        "pki/rsa2048.crt",
        Some("../keys/openssl-long.key"),
        Some(LONG),
    ),
    rsa2048(
        "pki/rsa2048.crt",
        Some("../keys/openssl-long-traditional.key"),
        Some(LONG),
    ),
    rsa2048("../keys/openssl-long.p12", None, Some(LONG)),
    rsa2048("../keys/openssl-long-legacy.p12", None, Some(LONG)),
    plain("pki/rsa1024.crt", "pki/rsa1024.key"),
    plain("pki/rsa2048-e3.crt", "pki/rsa2048-e3.key"),
    plain("pki/ec256.crt", "pki/ec256.key"),
    plain("pki/ec256.crt", "pki/ec256.sec1.key"),
    plain("pki/ec256.crt", "pki/ec256.pkcs8-nopub.key"),
    Case {
        certificate: "pki/ec256.crt",
        private_key: Some("../keys/openssl-scrypt.key"),
        password: Some("correct horse"),
        plain: "pki/ec256.key",
    },
    plain("pki/ec384.crt", "pki/ec384.key"),
    plain("pki/ec521.crt", "pki/ec521.key"),
    plain("pki/mldsa65.crt", "pki/mldsa65.seed.key"),
];

const LONG: &str = "a pass phrase that is long enough to be searched for";

const fn rsa2048(
    certificate: &'static str,
    private_key: Option<&'static str>,
    password: Option<&'static str>,
) -> Case {
    Case {
        certificate,
        private_key,
        password,
        plain: "pki/rsa2048.key",
    }
}

const fn plain(certificate: &'static str, private_key: &'static str) -> Case {
    Case {
        certificate,
        private_key: Some(private_key),
        password: None,
        plain: private_key,
    }
}

#[test]
fn file_key_and_password_are_wiped_from_memory() {
    if let Some(case) = env::var_os(CASE) {
        look_into_myself(Path::new(&case));
        return;
    }
    for case in CASES {
        let name = case.private_key.unwrap_or(case.certificate);
        let found = run(case);
        for step in ["opened", "dropped"] {
            // Copies in the signing libraries are listed in `docs/threat-model.md`.
            let found = found[step].as_array().unwrap();
            assert_eq!(
                found.iter().find(|found| found["name"] != KEY),
                None,
                "{name}, {step}"
            );
        }
        let key = json!({"name": KEY, "place": "Elsewhere"});
        let dropped = found["dropped"].as_array().unwrap();
        assert!(!dropped.contains(&key), "{name}: {found}");
    }
}

/// Runs this test for one case.
fn run(case: &Case) -> Value {
    let needles: Vec<Value> = needles(case)
        .iter()
        .map(|needle| json!({"name": needle.name, "pieces": needle.masked_pieces}))
        .collect();
    let password = case
        .password
        .map(|password| memory::mask(password.as_bytes()));
    let told = json!({
        "certificate": vectors().join(case.certificate),
        "private_key": case.private_key.map(|path| vectors().join(path)),
        "password": password,
        "needles": needles,
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.json");
    fs::write(&path, told.to_string()).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1", TEST])
        .env(CASE, &path)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    let found = fs::read_to_string(path.with_extension("found")).expect(TEST);
    serde_json::from_str(&found).unwrap()
}

fn needles(case: &Case) -> Vec<Needle> {
    let read = |path: &str| fs::read(vectors().join(path)).unwrap();
    let file = read(case.private_key.unwrap_or(case.certificate));
    let pem = read(case.plain);
    let (_, block) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let der = &block.contents;
    let mut needles = vec![file_needle(case, &file)];
    for part in private_parts(der) {
        let at = der.windows(part.len()).position(|window| window == part);
        let at = at.unwrap();
        // Its beginning with what stands in front: as only a whole key has it.
        needles.push(Needle::whole("DER", &der[at.saturating_sub(8)..at + 8]));
        needles.push(Needle::whole(KEY, &part));
    }
    if let Some(password) = case.password {
        needles.push(Needle::whole("password", password.as_bytes()));
        let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_be_bytes).collect();
        needles.push(Needle::whole("password in UTF-16", &utf16));
    }
    needles
}

/// The lines or octets of a file that hold nothing of a certificate.
fn file_needle(case: &Case, file: &[u8]) -> Needle {
    let key_begins = file
        .windows(11)
        .rposition(|window| window == b"PRIVATE KEY")
        .map(|_| {
            let begin = b"-----BEGIN ";
            file.windows(begin.len())
                .rposition(|window| window == begin)
                .unwrap()
        });
    match (key_begins, case.password) {
        // The header is the same in every key; the rest of the first line and the following lines are
        // secret.
        (Some(at), None) => {
            let lines: Vec<u8> = file[at..]
                .split(|byte| *byte == b'\n')
                .skip(1)
                .take_while(|line| !line.starts_with(b"-----"))
                .flat_map(|line| line.iter().copied())
                .collect();
            Needle::whole("file", &lines[32..(lines.len() / 2).max(64)])
        }
        (Some(at), Some(_)) => Needle::second_half("file", &file[at..]),
        (None, _) => Needle::second_half("file", file),
    }
}

/// The secret integers of a key, and the seed of ML-DSA.
fn private_parts(der: &[u8]) -> Vec<Vec<u8>> {
    let key = match PrivateKeyInfoRef::from_der(der) {
        Ok(info) => info.private_key.as_bytes(),
        Err(_) => der,
    };
    if let Ok(key) = RsaPrivateKeyRef::from_der(key) {
        return [
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ]
        .map(|part| part.as_bytes().to_vec())
        .to_vec();
    }
    match EcPrivateKey::from_der(key) {
        Ok(key) => vec![key.private_key.to_vec()],
        // `[0] OCTET STRING` of the seed.
        Err(_) => vec![key[2..].to_vec()],
    }
}

/// Opens the identity, signs and drops it, and writes down what was found after each step.
fn look_into_myself(path: &Path) {
    let told: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let bytes = |value: &Value| serde_json::from_value::<Vec<u8>>(value.clone()).unwrap();
    let needles: Vec<Needle> = told["needles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|needle| Needle {
            name: needle["name"].as_str().unwrap().to_owned(),
            masked_pieces: needle["pieces"]
                .as_array()
                .unwrap()
                .iter()
                .map(bytes)
                .collect(),
        })
        .collect();
    let look = || memory::find_in_process("self", &needles).unwrap();
    let piece = Secret::new(memory::unmask(&needles[0].masked_pieces[0]));
    let there = [("file", Place::Elsewhere)];
    assert_eq!(look(), there, "the scan finds what is there");
    drop(piece);

    let locator = |value: &Value| value.as_str().map(|path| Locator::File(path.into()));
    let source = IdentitySource {
        certificate: locator(&told["certificate"]).unwrap(),
        private_key: locator(&told["private_key"]),
        intermediates: None,
        hardware: Default::default(),
    };
    let password = Told {
        masked: told["password"]
            .as_array()
            .map(|_| bytes(&told["password"])),
        refusals: RefusedSecrets::default(),
    };
    let identity = source.open(&password).unwrap();
    let write = |found: Vec<Found<'_>>| -> Vec<Value> {
        let found = found.into_iter();
        found
            .map(|(name, place)| json!({"name": name, "place": format!("{place:?}")}))
            .collect()
    };
    let opened = write(look());
    identity.signer().sign(b"message", Digest::Sha256).unwrap();
    drop(identity);
    let dropped = write(look());
    let found = json!({"opened": opened, "dropped": dropped});
    fs::write(path.with_extension("found"), found.to_string()).unwrap();
}

/// The password, masked.
struct Told {
    masked: Option<Vec<u8>>,
    refusals: RefusedSecrets,
}

impl Secrets for Told {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        assert_eq!(wanted.refused, 0);
        Ok(self.masked.as_ref().map(|masked| {
            let text = String::from_utf8(memory::unmask(masked)).unwrap();
            Secret::new(text)
        }))
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

/// A secret integer, or the seed of ML-DSA.
const KEY: &str = "key";

/// The variable with the file of a process's case.
const CASE: &str = "WIPING_CASE";
const TEST: &str = "identity::wiping::file_key_and_password_are_wiped_from_memory";
