//! Cost of reading an identity: `sign-string`, from the start of the process to the signature, with
//! every kind of file.
//!
//! `cargo bench --profile dist --bench identity` prints the table of `docs/performance.md`, which says what the rows
//! mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has to stop, and what it prints is what it is for"
)]

mod support {
    pub(crate) mod measure;
    #[allow(dead_code, reason = "the calls are those of another benchmark")]
    pub(crate) mod programs;
}

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::identity::files::encrypted_key;
use rolesanywhere::identity::files::pem;
use rolesanywhere::identity::files::pem::PemBlock;
use rolesanywhere::identity::files::pkcs12;
use rolesanywhere::identity::work_budget::WorkBudget;

use crate::support::measure::Run;
use crate::support::measure::Times;
use crate::support::measure::interleaved;
use crate::support::programs;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
    let helper = programs::helper();
    let floor = programs::build("floor", "floor");
    let mut floor = programs::bare(&floor);
    floor.arg(pki.join(programs::CERTIFICATE));
    floor.arg(pki.join(programs::PRIVATE_KEY));

    let mut commands: Vec<Command> = PATHS
        .iter()
        .map(|path| path.command(&helper, &pki))
        .collect();
    let derivations: Vec<Derivation> = PATHS.iter().map(|path| path.derivation(&pki)).collect();
    let mut runs: Vec<Run<'_>> = vec![Box::new(|| programs::time(&mut floor, ""))];
    for (command, derive) in commands.iter_mut().zip(&derivations) {
        runs.push(Box::new(|| programs::time(command, "\"")));
        runs.push(Box::new(move || {
            let begin = Instant::now();
            derive();
            begin.elapsed()
        }));
    }
    let times = interleaved(ROUNDS, &mut runs);
    print(&times[0], &times[1..]);
    ExitCode::SUCCESS
}

fn print(floor: &Times, paths: &[Times]) {
    let plain = &paths[0];
    println!("| | time | its key derivation | more than the plain file, without that | target | |");
    println!("|-|-|-|-|-|-|");
    println!("| floor | {:.2} ms | | | | |", milliseconds(floor.median()));
    for (path, pair) in PATHS.iter().zip(paths.chunks(2)) {
        let (time, derivation) = (pair[0].median(), pair[1].median());
        let more = milliseconds(time) - milliseconds(plain.median()) - milliseconds(derivation);
        let verdict = if more <= MORE_MAX {
            "met"
        } else {
            "**missed**"
        };
        println!(
            "| {} | {:.2} ms | {:.3} ms | {more:+.3} ms | at most +{MORE_MAX} ms | {verdict} |",
            path.name,
            milliseconds(time),
            milliseconds(derivation),
        );
    }
    let ratio = plain.ratio_to(floor);
    println!("\nThe plain file takes {ratio} times the floor; at most {FLOOR_RATIO_MAX}.");
    let scrypt = PATHS.iter().position(|path| path.name == SCRYPT).unwrap() * 2;
    let cost = milliseconds(paths[scrypt].median()) - milliseconds(plain.median());
    let derivation = milliseconds(paths[scrypt + 1].median());
    println!(
        "With scrypt a call takes {cost:.2} ms longer, {:.3} of one derivation; at most 1.05.",
        cost / derivation
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// One way to name an RSA-2048 identity, whose signature therefore costs the same.
struct Source {
    name: &'static str,
    certificate: &'static str,
    private_key: Option<&'static str>,
    password: Option<(&'static str, &'static str)>,
    /// Variables with the files' text.
    by_variable: bool,
}

type Derivation = Box<dyn Fn()>;

impl Source {
    fn command(&self, helper: &Path, pki: &Path) -> Command {
        let mut command = programs::bare(helper);
        command.arg("sign-string");
        let files = [
            ("--certificate", "CERTIFICATE", Some(self.certificate)),
            ("--private-key", "PRIVATE_KEY", self.private_key),
        ];
        for (flag, variable, file) in files {
            let Some(file) = file else { continue };
            command.arg(flag);
            match self.by_variable {
                true => {
                    command.env(variable, fs::read_to_string(pki.join(file)).unwrap());
                    command.arg(format!("env:{variable}"));
                }
                false => {
                    command.arg(pki.join(file));
                }
            }
        }
        if let Some((flag, password)) = self.password {
            command.args([flag, password]);
        }
        command
    }

    /// The decryption of the file alone.
    fn derivation(&self, pki: &Path) -> Derivation {
        let Some((_, password)) = self.password else {
            return Box::new(|| ());
        };
        let Some(private_key) = self.private_key else {
            let der = fs::read(pki.join(self.certificate)).unwrap();
            return Box::new(move || {
                black_box(pkcs12::read(&der, password, &mut WorkBudget::new()).unwrap());
            });
        };
        let text = fs::read(pki.join(private_key)).unwrap();
        let PemBlock { dek_info, der, .. } = pem::read_blocks(&text).remove(0).unwrap();
        Box::new(move || {
            let der = der.expose();
            let key = match &dek_info {
                Some(dek_info) => encrypted_key::decrypt_dek_info(dek_info, der, password),
                None => encrypted_key::decrypt_pkcs8(der, password, &mut WorkBudget::new()),
            };
            black_box(key.unwrap());
        })
    }
}

const fn pem_key(name: &'static str, private_key: &'static str) -> Source {
    Source {
        name,
        certificate: programs::CERTIFICATE,
        private_key: Some(private_key),
        password: Some(("--pkcs8-password", PASSWORD)),
        by_variable: false,
    }
}

const fn pkcs12(name: &'static str, certificate: &'static str, password: &'static str) -> Source {
    Source {
        name,
        certificate,
        private_key: None,
        password: Some(("--pkcs12-password", password)),
        by_variable: false,
    }
}

const PATHS: &[Source] = &[
    Source {
        name: "plain PEM",
        certificate: programs::CERTIFICATE,
        private_key: Some(programs::PRIVATE_KEY),
        password: None,
        by_variable: false,
    },
    Source {
        name: "PEM in variables",
        certificate: programs::CERTIFICATE,
        private_key: Some(programs::PRIVATE_KEY),
        password: None,
        by_variable: true,
    },
    pem_key("PKCS#8, PBKDF2", "rsa2048.aes-256-cbc-hmacSHA256.key"),
    pem_key(SCRYPT, "../../keys/openssl-scrypt-rsa.key"),
    pem_key("DEK-Info", "rsa2048.dek-info.key"),
    pkcs12("PKCS#12, triple DES", "rsa2048.3des-password.p12", PASSWORD),
    pkcs12("PKCS#12, AES", "rsa2048.aes-password.p12", PASSWORD),
    pkcs12("PKCS#12, chain", "chain2.aes-password.p12", PASSWORD),
];

const SCRYPT: &str = "PKCS#8, scrypt N = 16384";
const PASSWORD: &str = "correct horse";
const ROUNDS: usize = 300;
const MORE_MAX: f64 = 0.2;
const FLOOR_RATIO_MAX: f64 = 1.3;
