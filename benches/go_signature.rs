//! Cost of `sign-string`, from the start of the process to the signature, next to a program that does the
//! same by Go's standard library, as AWS's helper does.
//!
//! `cargo bench --profile dist --bench go_signature` prints the table of `docs/performance.md`, which says what the
//! rows mean. It needs `go` and `openssl`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has to stop, and what it prints is what it is for"
)]

mod support {
    #[allow(dead_code, reason = "nothing is added up")]
    pub(crate) mod measure;
    #[allow(dead_code, reason = "no call is made")]
    pub(crate) mod programs;
}

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::support::measure::Run;
use crate::support::measure::interleaved;
use crate::support::programs;

fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let helper = programs::helper();
    let folder = tempfile::tempdir().unwrap();
    let go = build(folder.path());
    println!("| key | helper | Go | Go, times the helper (95 % interval) | target | |");
    println!("|-|-|-|-|-|-|");
    for kind in KINDS {
        let pair = kind.generate(folder.path());
        let mut sign_string = programs::bare(&helper);
        sign_string.arg("sign-string");
        sign_string
            .arg("--certificate")
            .arg(&pair.certificate)
            .arg("--private-key")
            .arg(&pair.private_key);
        let mut go = programs::bare(&go);
        go.arg(&pair.certificate).arg(&pair.private_key);
        let mut runs: Vec<Run<'_>> = vec![
            Box::new(move || programs::time(&mut go, "")),
            Box::new(move || programs::time(&mut sign_string, "\"")),
        ];
        let times = interleaved(ROUNDS, &mut runs);
        let milliseconds = |index: usize| times[index].median().as_secs_f64() * 1000.0;
        let ratio = times[0].ratio_to(&times[1]);
        let (target, verdict) = match kind.ratio_min {
            None => (String::new(), String::new()),
            Some(min) if ratio.of_medians >= min => (format!("at least {min}"), "met".to_owned()),
            Some(min) => {
                let missed = (1.0 - ratio.of_medians / min) * 100.0;
                (
                    format!("at least {min}"),
                    format!("**missed by {missed:.0} %**"),
                )
            }
        };
        println!(
            "| {} | {:.2} ms | {:.2} ms | {ratio} | {target} | {verdict} |",
            kind.name,
            milliseconds(1),
            milliseconds(0),
        );
    }
}

fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/go/signature.go");
    let program = folder.join("signature");
    let mut command = Command::new("go");
    command.args(["build", "-ldflags", "-s -w", "-o"]);
    let status = command.arg(&program).arg(source).status();
    assert!(status.expect("go is needed").success());
    program
}

struct Kind {
    name: &'static str,
    /// Options of `openssl genpkey`.
    options: [&'static str; 2],
    ratio_min: Option<f64>,
}

struct Pair {
    certificate: PathBuf,
    private_key: PathBuf,
}

impl Kind {
    fn generate(&self, folder: &Path) -> Pair {
        let pair = Pair {
            certificate: folder.join(format!("{}.crt", self.name)),
            private_key: folder.join(format!("{}.key", self.name)),
        };
        let [algorithm, option] = self.options;
        let mut openssl = Command::new("openssl");
        openssl.args([
            "genpkey",
            "-algorithm",
            algorithm,
            "-pkeyopt",
            option,
            "-out",
        ]);
        run(openssl.arg(&pair.private_key));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-subj", "/CN=benchmark", "-key"]);
        openssl.arg(&pair.private_key);
        run(openssl.arg("-out").arg(&pair.certificate));
        pair
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("openssl is needed");
    assert!(output.status.success(), "{output:?}");
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "RSA-2048",
        options: ["RSA", "rsa_keygen_bits:2048"],
        ratio_min: None,
    },
    Kind {
        name: "RSA-3072",
        options: ["RSA", "rsa_keygen_bits:3072"],
        ratio_min: None,
    },
    Kind {
        name: "RSA-4096",
        options: ["RSA", "rsa_keygen_bits:4096"],
        ratio_min: Some(4.0),
    },
    Kind {
        name: "P-256",
        options: ["EC", "ec_paramgen_curve:prime256v1"],
        ratio_min: None,
    },
    Kind {
        name: "P-384",
        options: ["EC", "ec_paramgen_curve:secp384r1"],
        ratio_min: Some(4.0),
    },
    Kind {
        name: "P-521",
        options: ["EC", "ec_paramgen_curve:secp521r1"],
        ratio_min: None,
    },
];

const ROUNDS: usize = 200;
