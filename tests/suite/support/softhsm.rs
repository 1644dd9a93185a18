//! Tokens of SoftHSM, each test with its own, and `pkcs11-tool` to fill them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::support::helper::Helper;
use crate::support::skip;
use crate::support::vectors;

/// A folder of tokens.
pub(crate) struct SoftHsm {
    folder: TempDir,
    /// The slots by the tokens' labels: pkcs11-tool takes a label's beginning for the label.
    slots: Mutex<BTreeMap<String, String>>,
}

/// A module that logs calls and acts devices that SoftHSM is not.
pub(crate) struct Shim {
    pub(crate) module: String,
    log: PathBuf,
}

impl Shim {
    /// The helper, with this module; what it calls is logged anew.
    pub(crate) fn on(&self, helper: Helper) -> Helper {
        let _ = fs::remove_file(&self.log);
        helper
            .env("PKCS11_MODULE_PATH", &self.module)
            .env("SHIM_LOG", &self.log.display().to_string())
    }

    /// Lines of the log that begin with this.
    pub(crate) fn calls(&self, begin: &str) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with(begin));
        lines.map(str::to_owned).collect()
    }

    /// The PINs of all logins, each after its user: 1 is the user, 2 is context-specific.
    pub(crate) fn pins(&self) -> Vec<String> {
        let logins = self.calls("C_Login").into_iter();
        logins
            .map(|line| line.split_once("user=").unwrap().1.replace(" pin=", ":"))
            .collect()
    }
}

/// The PIN of all tokens.
pub(crate) const PIN: &str = "1234";

impl SoftHsm {
    /// No token yet. `None`, and a loud word, where this machine or the helper under test cannot.
    pub(crate) fn start(test: &str) -> Option<SoftHsm> {
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !Path::new(MODULE).is_file() || !is_there("softhsm2-util") {
            skip(&format!("{test}: there is no SoftHSM (softhsm2)"));
            return None;
        }
        if !is_there("pkcs11-tool") {
            skip(&format!("{test}: there is no pkcs11-tool (opensc)"));
            return None;
        }
        let version = Helper::new().args(["version", "--verbose"]).run();
        if !version.stdout_text().contains("pkcs11: yes") {
            skip(&format!("{test}: this build loads no modules"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(folder.path().join("softhsm2.conf"), text).unwrap();
        Some(SoftHsm {
            folder,
            slots: Mutex::default(),
        })
    }

    /// With one token, `test`.
    pub(crate) fn with_token(test: &str) -> Option<SoftHsm> {
        let hsm = SoftHsm::start(test)?;
        hsm.token("test");
        Some(hsm)
    }

    /// Makes a token.
    pub(crate) fn token(&self, label: &str) {
        let words = ["--init-token", "--free", "--so-pin", "0000", "--pin", PIN];
        let said = self.run("softhsm2-util", &[&words[..], &["--label", label]].concat());
        let slot = said.split_whitespace().next_back().unwrap();
        let mut slots = self.slots.lock().unwrap();
        slots.insert(label.to_owned(), slot.to_owned());
    }

    /// Puts a certificate of the cases on a token; `more` are flags of pkcs11-tool.
    pub(crate) fn certificate(&self, token: &str, name: &str, more: &[&str]) {
        let pem = vectors().join("pki").join(name);
        let der = CertificateDer::from_pem_file(pem).unwrap();
        self.der_certificate(token, &der, more);
    }

    /// Puts any certificate on a token.
    pub(crate) fn der_certificate(&self, token: &str, der: &[u8], more: &[&str]) {
        self.write(token, "cert", der, more);
    }

    /// Puts a private key of the cases on a token.
    pub(crate) fn key(&self, token: &str, name: &str, more: &[&str]) {
        let pem = vectors().join("pki").join(name);
        let der = PrivateKeyDer::from_pem_file(pem).unwrap();
        let more = [more, &["--usage-sign"]].concat();
        self.write(token, "privkey", der.secret_der(), &more);
    }

    /// Puts both halves of an identity on a token.
    pub(crate) fn pair(&self, token: &str, name: &str, more: &[&str]) {
        self.certificate(token, &format!("{name}.crt"), more);
        self.key(token, &format!("{name}.key"), more);
    }

    /// Puts a private key of the cases and its public key on a token.
    pub(crate) fn key_pair(&self, token: &str, name: &str, more: &[&str]) {
        let key = vectors().join("pki").join(name).display().to_string();
        let words = ["--import", &key, "--token", token, "--pin", PIN];
        self.run("softhsm2-util", &[&words[..], more].concat());
    }

    /// Runs pkcs11-tool on a token.
    pub(crate) fn tool(&self, token: &str, words: &[&str]) {
        let slot = self.slot(token);
        let login = ["--module", MODULE, "--slot", &slot, "--login", "--pin", PIN];
        self.run("pkcs11-tool", &[&login[..], words].concat());
    }

    fn write(&self, token: &str, kind: &str, der: &[u8], more: &[&str]) {
        let file = self.folder.path().join("object.der");
        fs::write(&file, der).unwrap();
        let file = file.display().to_string();
        let object = ["--write-object", &file, "--type", kind];
        self.tool(token, &[&object[..], more].concat());
    }

    /// The words on stdout.
    fn run(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program)
            .args(words)
            .env("SOFTHSM2_CONF", self.configuration())
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} {words:?}: {stdout}{stderr}"
        );
        stdout
    }

    /// The value of `SOFTHSM2_CONF`.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    /// The helper, with this module.
    pub(crate) fn on(&self, helper: Helper) -> Helper {
        let configuration = self.configuration().display().to_string();
        helper
            .env("SOFTHSM2_CONF", &configuration)
            .env("PKCS11_MODULE_PATH", MODULE)
    }

    /// A module around SoftHSM, whose variables are in `pkcs11/shim.c`; `None`, and a loud word, without
    /// a C compiler.
    pub(crate) fn shim(&self, test: &str) -> Option<Shim> {
        let module = self.folder.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/pkcs11/shim.c");
        let softhsm = format!("-DSOFTHSM=\"{MODULE}\"");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-w", &softhsm, "-o"])
            .args([&module, &source])
            .arg("-ldl")
            .output();
        let Ok(output) = compiled else {
            skip(&format!("{test}: there is no C compiler"));
            return None;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        Some(Shim {
            module: module.display().to_string(),
            log: self.folder.path().join("calls"),
        })
    }

    /// Puts a certificate of the cases on a token, to be seen after a login only.
    pub(crate) fn private_certificate(&self, shim: &Shim, token: &str, name: &str) {
        let pem = vectors().join("pki").join(name);
        let file = self.folder.path().join("object.der");
        fs::write(&file, CertificateDer::from_pem_file(pem).unwrap()).unwrap();
        let slot = self.slots.lock().unwrap()[token].clone();
        let words = ["--slot", &slot, "--login", "--pin", PIN, "--type", "cert"];
        let output = Command::new("pkcs11-tool")
            .args(["--module", &shim.module])
            .args(words)
            .args(["--id", "10", "--label", "k", "--write-object"])
            .arg(&file)
            .env("SOFTHSM2_CONF", self.configuration())
            .env("SHIM_PRIVATE", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// The slot of a token.
    pub(crate) fn slot(&self, token: &str) -> String {
        self.slots.lock().unwrap()[token].clone()
    }

    /// The path of a file in this folder that need not be there.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A file of this folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// All certificates of a file of the cases.
pub(crate) fn pem_certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let pem = vectors().join("pki").join(name);
    let certificates = CertificateDer::pem_file_iter(pem).unwrap();
    certificates.map(Result::unwrap).collect()
}

/// The same path on Debian for every processor.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
