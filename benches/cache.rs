//! Cost of a `credential-process --cache` call that the cache answers, next to a program that does
//! nothing.
//!
//! `cargo bench --profile dist --bench cache` prints the table of `docs/performance.md`, which says what the rows
//! mean.
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
    pub(crate) mod endpoint;
    pub(crate) mod measure;
    #[allow(dead_code, reason = "the floor is that of a call without a cache")]
    pub(crate) mod programs;
}

use std::path::Path;
use std::process::Command;

use crate::support::endpoint;
use crate::support::measure::Run;
use crate::support::measure::interleaved;
use crate::support::programs;
use crate::support::programs::Call;

fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let helper = programs::helper();
    let empty = programs::build("floor", "empty");
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
    let bundle = pki.join("tls-ca.pem");
    let endpoint = endpoint::start(&pki);
    let call = Call {
        pki: &pki,
        bundle: &bundle,
        host: "127.0.0.1",
        port: endpoint.port(),
    };
    let folder = tempfile::tempdir().unwrap();
    let mut cached = call.helper(&helper);
    cached
        .arg("--cache")
        .arg("--cache-dir")
        .arg(folder.path().join("cache"));
    programs::time(&mut cached, ACCESS_KEY_ID);

    let mut version = programs::bare(&helper);
    version.arg("version");
    let mut empty = programs::bare(&empty);
    let mut runs: Vec<Run<'_>> = vec![
        run(&mut cached, ACCESS_KEY_ID),
        run(&mut version, env!("CARGO_PKG_VERSION")),
        run(&mut empty, ""),
    ];
    let times = interleaved(ROUNDS, &mut runs);

    println!("| | helper | empty program | ratio (95 % interval) | target | |");
    println!("|-|-|-|-|-|-|");
    let ratio_max = match programs::is_static(&helper) {
        true => 0.9,
        false => 1.35,
    };
    let milliseconds = |index: usize| times[index].median().as_secs_f64() * 1000.0;
    for (index, name, target) in [(0, "cached call", Some(ratio_max)), (1, "`version`", None)] {
        let ratio = times[index].ratio_to(&times[2]);
        let (target, verdict) = match target {
            None => (String::new(), ""),
            Some(max) if ratio.of_medians <= max => (format!("at most {max}"), "met"),
            Some(max) => (format!("at most {max}"), "**missed**"),
        };
        println!(
            "| {name} | {:.2} ms | {:.2} ms | {ratio} | {target} | {verdict} |",
            milliseconds(index),
            milliseconds(2),
        );
    }
}

fn run<'a>(command: &'a mut Command, expected: &'static str) -> Run<'a> {
    Box::new(move || programs::time(command, expected))
}

/// The endpoint's answer.
const ACCESS_KEY_ID: &str = "ASIAEXAMPLEA0000001";

const ROUNDS: usize = 1000;
