//! Cost of a cold `credential-process` call with a key in hardware: on a token of SoftHSM, next to the
//! least that such a call can be, and in a TPM (swtpm), next to the call with the same key in a file.
//!
//! `cargo bench --profile dist --bench tokens` prints the table of `docs/performance.md`, which says what the rows
//! mean. On Linux, with softhsm2, opensc, swtpm and tpm2-tools.
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
    pub(crate) mod endpoint;
    pub(crate) mod measure;
    #[allow(dead_code, reason = "the floor is another one")]
    pub(crate) mod programs;
}
mod hardware {
    pub(crate) mod softhsm;
    pub(crate) mod tpm;
}

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use crate::hardware::softhsm;
use crate::hardware::softhsm::SoftHsm;
use crate::hardware::tpm::Tpm;
use crate::support::endpoint;
use crate::support::measure::Run;
use crate::support::measure::Times;
use crate::support::measure::interleaved;
use crate::support::programs;
use crate::support::programs::ARNS;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
    let bench = Bench {
        helper: programs::helper(),
        floor: programs::build("floor", "token_floor"),
        port: endpoint::start(&pki).port(),
        pki,
    };
    println!("| | helper | compared with | ratio (95 % interval) | target | |");
    println!("|-|-|-|-|-|-|");
    match SoftHsm::start(&bench.pki) {
        Ok(hsm) => bench.print_tokens(&hsm),
        Err(missing) => println!("| **NOT MEASURED: tokens, there is no {missing}** | | | | | |"),
    }
    match Tpm::start(&bench.pki) {
        Ok(tpm) => bench.print_tpm(&tpm),
        Err(missing) => println!("| **NOT MEASURED: TPM, there is no {missing}** | | | | | |"),
    }
    ExitCode::SUCCESS
}

struct Bench {
    helper: PathBuf,
    floor: PathBuf,
    pki: PathBuf,
    port: u16,
}

impl Bench {
    fn print_tokens(&self, hsm: &SoftHsm) {
        let mut names = Vec::new();
        let mut commands = Vec::new();
        for (name, kind) in [("rsa2048", "RSA-2048"), ("ec256", "P-256")] {
            let certificate = self.file(&format!("{name}.crt"));
            let uri = format!("pkcs11:object={name}?pin-value={}", softhsm::PIN);
            let mut floor = programs::bare(&self.floor);
            floor
                .args([softhsm::MODULE, softhsm::PIN, name, &certificate])
                .args(["127.0.0.1", &self.port.to_string()]);
            names.push(format!("{kind} on a token"));
            commands.push(self.helper(&certificate, &uri));
            names.push(format!("{kind} and its certificate on a token"));
            commands.push(self.helper(&uri, &uri));
            commands.push(floor);
        }
        for command in &mut commands {
            command
                .env("AWS_CA_BUNDLE", self.file("tls-ca.pem"))
                .env("SOFTHSM2_CONF", hsm.configuration())
                .env("PKCS11_MODULE_PATH", softhsm::MODULE);
        }
        let mut runs: Vec<Run<'_>> = Vec::new();
        for command in &mut commands {
            runs.push(Box::new(|| programs::time(command, ACCESS_KEY_ID)));
        }
        let times = interleaved(ROUNDS, &mut runs);
        for (names, times) in names.chunks(2).zip(times.chunks(3)) {
            for (name, helper) in names.iter().zip(times) {
                print_ratio(name, helper, ("floor", &times[2]), TOKEN_RATIO_MAX);
            }
        }
    }

    fn print_tpm(&self, tpm: &Tpm) {
        let certificate = self.file("ec256.crt");
        let mut in_tpm = self.helper(&certificate, &tpm.key_file());
        let mut in_file = self.helper(&certificate, &self.file("ec256.key"));
        let mut relayed = self.helper(&certificate, &tpm.key_file());
        for command in [&mut in_tpm, &mut in_file, &mut relayed] {
            command.env("AWS_CA_BUNDLE", self.file("tls-ca.pem"));
        }
        in_tpm.env("TPM_DEVICE", tpm.address());
        relayed.env("TPM_DEVICE", tpm.relay.address());
        let mut tool = tpm.sign();
        let times = interleaved(
            TPM_ROUNDS,
            &mut [
                Box::new(|| programs::time(&mut in_tpm, ACCESS_KEY_ID)),
                Box::new(|| programs::time(&mut in_file, ACCESS_KEY_ID)),
                Box::new(|| {
                    let exchange = tpm.relay.exchange(|| programs::time(&mut tool, ""));
                    tpm.flush();
                    exchange
                }),
                Box::new(|| {
                    tpm.relay
                        .exchange(|| programs::time(&mut relayed, ACCESS_KEY_ID))
                }),
            ],
        );
        let [in_tpm, in_file, tools, helpers] = times.as_slice() else {
            panic!("{} times", times.len());
        };
        let name = "P-256 in a TPM, key file under a persistent parent";
        let floor = (
            "the same key in a file + exchange of `tpm2_sign`",
            &in_file.plus(tools),
        );
        print_ratio(name, in_tpm, floor, TPM_RATIO_MAX);
        let all = [
            ("the same key in a file", in_file),
            ("exchange of `tpm2_sign`", tools),
            ("exchange of the helper", helpers),
        ];
        for (name, times) in all {
            println!("| {name} | {:.2} ms | | | | |", milliseconds(times));
        }
    }

    /// `credential-process` with this certificate and key.
    fn helper(&self, certificate: &str, private_key: &str) -> Command {
        let mut command = programs::bare(&self.helper);
        command
            .args(["credential-process", "--certificate", certificate])
            .args(["--private-key", private_key])
            .args(ARNS)
            .arg("--endpoint")
            .arg(format!("https://127.0.0.1:{}", self.port));
        command
    }

    fn file(&self, name: &str) -> String {
        self.pki.join(name).display().to_string()
    }
}

fn print_ratio(name: &str, helper: &Times, (other, times): (&str, &Times), ratio_max: f64) {
    let ratio = helper.ratio_to(times);
    let verdict = match ratio.of_medians <= ratio_max {
        true => "met".to_owned(),
        false => {
            let over = (ratio.of_medians / ratio_max - 1.0) * 100.0;
            format!("**missed by {over:.1} %**")
        }
    };
    println!(
        "| {name} | {:.2} ms | {other}: {:.2} ms | {ratio} | at most {ratio_max} | {verdict} |",
        milliseconds(helper),
        milliseconds(times),
    );
}

fn milliseconds(times: &Times) -> f64 {
    times.median().as_secs_f64() * 1000.0
}

/// The endpoint's answer, which all programs print.
const ACCESS_KEY_ID: &str = "ASIAEXAMPLEA0000001";

const ROUNDS: usize = 300;
/// swtpm is slow.
const TPM_ROUNDS: usize = 60;
const TOKEN_RATIO_MAX: f64 = 1.25;
const TPM_RATIO_MAX: f64 = 1.1;
