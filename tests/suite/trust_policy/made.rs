//! A certificate and its CA, made by openssl.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::is_there;
use crate::support::skip;

pub(super) struct Made {
    /// The certificate, as PEM.
    pub(super) certificate: Vec<u8>,
    /// Its CA's.
    pub(super) authority: Vec<u8>,
}

impl Made {
    /// A certificate with these extensions. `None`, and a loud skip, without openssl.
    pub(super) fn of(test: &str, subject: &str, extensions: &str) -> Option<Made> {
        if !is_there("openssl", &["version"]) {
            skip(&format!("{test}: no openssl"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        fs::write(path.join("extensions"), extensions).unwrap();
        openssl(
            path,
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key",
        );
        openssl(
            path,
            "req -new -x509 -days 2 -key ca.key -subj /CN=ca.example.com -out ca.crt \
             -addext basicConstraints=critical,CA:TRUE",
        );
        openssl(
            path,
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key",
        );
        let request = [
            "req", "-new", "-utf8", "-key", "key", "-out", "csr", "-subj", subject,
        ];
        run(path, &request);
        openssl(
            path,
            "x509 -req -days 1 -in csr -CA ca.crt -CAkey ca.key -set_serial 1 -extfile extensions \
             -out crt",
        );
        Some(Made {
            certificate: fs::read(path.join("crt")).unwrap(),
            authority: fs::read(path.join("ca.crt")).unwrap(),
        })
    }
}

fn openssl(folder: &Path, words: &str) {
    run(folder, &words.split_whitespace().collect::<Vec<_>>());
}

fn run(folder: &Path, words: &[&str]) {
    let output = Command::new("openssl")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
}
