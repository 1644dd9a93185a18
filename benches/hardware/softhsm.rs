//! A token of SoftHSM with the keys and certificates that are measured.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

/// A folder with one token.
pub(crate) struct SoftHsm(TempDir);

impl SoftHsm {
    /// With RSA-2048 and P-256, each with its public key and certificate. Fails with the name of a program that
    /// is missing.
    pub(crate) fn start(pki: &Path) -> Result<Self, &'static str> {
        if !Path::new(MODULE).is_file() {
            return Err(MODULE);
        }
        for program in ["softhsm2-util", "pkcs11-tool"] {
            if Command::new(program).arg("--version").output().is_err() {
                return Err(program);
            }
        }
        let hsm = Self(TempDir::new().unwrap());
        let tokens = hsm.0.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(hsm.configuration(), text).unwrap();
        let token = ["--token", TOKEN, "--pin", PIN];
        hsm.run(
            "softhsm2-util",
            &[
                "--init-token",
                "--free",
                "--label",
                TOKEN,
                "--so-pin",
                "0000",
                "--pin",
                PIN,
            ],
        );
        for (id, name) in [("10", "rsa2048"), ("11", "ec256")] {
            let path = |name: String| pki.join(name).display().to_string();
            let key = path(format!("{name}.key"));
            let both = ["--id", id, "--label", name];
            let import = ["--import", &key];
            hsm.run("softhsm2-util", &[&import[..], &token, &both].concat());
            let der = hsm.0.path().join("certificate.der");
            let pem = path(format!("{name}.crt"));
            fs::write(&der, CertificateDer::from_pem_file(pem).unwrap()).unwrap();
            let der = der.display().to_string();
            let login = [
                "--module",
                MODULE,
                "--token-label",
                TOKEN,
                "--login",
                "--pin",
                PIN,
            ];
            let write = ["--write-object", &der, "--type", "cert"];
            hsm.run("pkcs11-tool", &[&login[..], &write, &both].concat());
        }
        Ok(hsm)
    }

    /// The value of `SOFTHSM2_CONF`.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.path().join("softhsm2.conf")
    }

    fn run(&self, program: &str, words: &[&str]) {
        let output = Command::new(program)
            .args(words)
            .env("SOFTHSM2_CONF", self.configuration())
            .output()
            .unwrap();
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
    }
}

pub(crate) const PIN: &str = "1234";
const TOKEN: &str = "bench";

/// The same path on Debian for every processor.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
