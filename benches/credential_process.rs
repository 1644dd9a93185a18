//! Cost of a `credential-process` call, from the start of the process to the JSON, next to the least
//! possible cost.
//!
//! `cargo bench --profile dist --bench sign --bench credential_process` prints the tables of
//! `docs/performance.md`, which says what the rows mean. It fails if a call takes more than three round
//! trips: the times depend on the machine.
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
    #[cfg(target_os = "linux")]
    pub(crate) mod memory;
    pub(crate) mod programs;
    pub(crate) mod round_trips;
}

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use crate::support::endpoint;
use crate::support::measure::Run;
use crate::support::measure::Times;
use crate::support::measure::interleaved;
use crate::support::programs;
use crate::support::programs::Call;
use crate::support::round_trips;
use crate::support::round_trips::Direction;
use crate::support::round_trips::Distance;
use crate::support::round_trips::Flight;
use crate::support::round_trips::ONE_WAY;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let programs = Programs::build();
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
    let bundles = Bundles::write(&pki);
    let endpoint = endpoint::start(&pki);
    let call = Call {
        pki: &pki,
        bundle: &bundles.full,
        host: "127.0.0.1",
        port: endpoint.port(),
    };

    println!("| | helper | compared with | ratio (95 % interval) | target | |");
    println!("|-|-|-|-|-|-|");
    print_times(&programs, &call, &bundles);
    print_sizes(&programs, &call);
    let is_within = print_round_trips(&programs, &call, &Distance::to(endpoint));
    match is_within {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

struct Programs {
    helper: PathBuf,
    floor: PathBuf,
    empty: PathBuf,
}

impl Programs {
    fn build() -> Self {
        Self {
            helper: programs::helper(),
            floor: programs::build("floor", "floor"),
            empty: programs::build("floor", "empty"),
        }
    }
}

/// PEM files with the endpoint's certificate authority: among those of the system, and alone.
struct Bundles {
    _folder: tempfile::TempDir,
    full: PathBuf,
    roots: usize,
}

impl Bundles {
    fn write(pki: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = fs::read_to_string(pki.join("tls-ca.pem")).unwrap();
        let system = SYSTEM_BUNDLES
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .unwrap_or_default();
        let text = format!("{system}\n{own}");
        let full = folder.path().join("bundle.pem");
        fs::write(&full, &text).unwrap();
        Self {
            roots: text.matches("-----BEGIN CERTIFICATE-----").count(),
            full,
            _folder: folder,
        }
    }
}

fn print_times(programs: &Programs, call: &Call<'_>, bundles: &Bundles) {
    let alone = call.pki.join("tls-ca.pem");
    let by_name = Call {
        host: "localhost",
        ..call.clone()
    };
    let lone = Call {
        bundle: &alone,
        ..call.clone()
    };
    let mut runs: Vec<Run<'_>> = Vec::new();
    for call in [call, &lone, &by_name] {
        let (mut helper, mut floor) = (call.helper(&programs.helper), call.floor(&programs.floor));
        runs.push(Box::new(move || programs::time(&mut helper, ACCESS_KEY_ID)));
        runs.push(Box::new(move || programs::time(&mut floor, ACCESS_KEY_ID)));
    }
    let mut version = programs::bare(&programs.helper);
    version.arg("version");
    let mut empty = programs::bare(&programs.empty);
    runs.push(Box::new(move || {
        programs::time(&mut version, env!("CARGO_PKG_VERSION"))
    }));
    runs.push(Box::new(move || programs::time(&mut empty, "")));

    let times = interleaved(ROUNDS, &mut runs);
    let names = [
        format!("cold call, {} roots", bundles.roots),
        "cold call, 1 root".to_owned(),
        format!("cold call, {} roots, host by name", bundles.roots),
        "`version`".to_owned(),
    ];
    let others = ["floor", "floor", "floor", "empty program"];
    let (cold, version) = match programs::is_static(&programs.helper) {
        true => (0.95, 0.7),
        false => (1.05, 1.15),
    };
    let targets = [None, None, Some(cold), Some(version)];
    for (((name, other), target), pair) in
        names.iter().zip(others).zip(targets).zip(times.chunks(2))
    {
        print_ratio((name, other), target, pair);
    }
}

fn print_ratio((name, other): (&str, &str), target: Option<f64>, pair: &[Times]) {
    let milliseconds = |times: &Times| times.median().as_secs_f64() * 1000.0;
    let ratio = pair[0].ratio_to(&pair[1]);
    let (target, verdict) = match target {
        Some(max) => (format!("at most {max}"), verdict(ratio.of_medians, max)),
        None => (String::new(), String::new()),
    };
    println!(
        "| {name} | {:.2} ms | {other}: {:.2} ms | {ratio} | {target} | {verdict} |",
        milliseconds(&pair[0]),
        milliseconds(&pair[1]),
    );
}

fn print_sizes(programs: &Programs, call: &Call<'_>) {
    let binary = fs::metadata(&programs.helper).unwrap().len();
    let floor = fs::metadata(&programs.floor).unwrap().len();
    print_size("binary", (binary, floor), BINARY_BYTES_MAX);
    #[cfg(target_os = "linux")]
    {
        use crate::support::memory::peak_bytes;
        const PEAKS: usize = 5;
        const PEAK_BYTES_MAX: u64 = 5_000_000;
        let peak = (0..PEAKS)
            .map(|_| peak_bytes(&mut call.helper(&programs.helper)))
            .max();
        let floor = (0..PEAKS)
            .map(|_| peak_bytes(&mut call.floor(&programs.floor)))
            .max();
        print_size(
            "peak memory",
            (peak.unwrap(), floor.unwrap()),
            PEAK_BYTES_MAX,
        );
    }
    #[cfg(not(target_os = "linux"))]
    let _ = call;
}

fn print_size(name: &str, (helper, floor): (u64, u64), bytes_max: u64) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "| {name} | {:.2} MB | floor: {:.2} MB | {:.2} | at most {} MB | {} |",
        megabytes(helper),
        megabytes(floor),
        helper as f64 / floor as f64,
        megabytes(bytes_max),
        verdict(helper as f64, bytes_max as f64),
    );
}

/// True if no call took more than `ROUND_TRIPS_MAX`.
fn print_round_trips(programs: &Programs, call: &Call<'_>, distance: &Distance) -> bool {
    let call = call.through(distance.address());
    let mut most = 0;
    let mut lines = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..DISTANT_CALLS {
        distance.take_flights();
        let begin = Instant::now();
        let time = programs::time(&mut call.helper(&programs.helper), ACCESS_KEY_ID);
        let flights = distance.take_flights();
        slowest = slowest.max(time);
        most = most.max(round_trips::round_trips(&flights));
        lines = flights
            .iter()
            .map(|flight| describe(flight, begin))
            .collect();
    }
    let longest = 2 * ONE_WAY * ROUND_TRIPS_MAX + ONE_WAY;
    let is_within = most <= ROUND_TRIPS_MAX as usize && slowest < longest;
    let verdict = if is_within { "met" } else { "**missed**" };
    println!(
        "| round trips | {most} | | | at most {ROUND_TRIPS_MAX} | {verdict} |\n\n\
         Round trips of {} ms each; the call took {:.1} ms at most:\n",
        2 * ONE_WAY.as_millis(),
        slowest.as_secs_f64() * 1000.0
    );
    for line in lines {
        println!("{line}");
    }
    is_within
}

fn describe(flight: &Flight, begin: Instant) -> String {
    let at = flight.begin.duration_since(begin).as_secs_f64() * 1000.0;
    let bytes = flight.bytes;
    match flight.direction {
        Direction::Connect => format!("{at:7.1} ms  helper connects"),
        Direction::ToEndpoint => format!("{at:7.1} ms  helper sends {bytes} bytes"),
        Direction::ToClient => format!("{at:7.1} ms  helper gets {bytes} bytes"),
    }
}

fn verdict(value: f64, value_max: f64) -> String {
    match value <= value_max {
        true => "met".to_owned(),
        false => format!("**missed by {:.1} %**", (value / value_max - 1.0) * 100.0),
    }
}

/// The endpoint's answer, which both programs print.
const ACCESS_KEY_ID: &str = "ASIAEXAMPLEA0000001";

/// Debian's, Fedora's, Alpine's and macOS's.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

const ROUNDS: usize = 400;
const BINARY_BYTES_MAX: u64 = 4_000_000;
const DISTANT_CALLS: usize = 5;
/// TCP, TLS 1.3, the request.
const ROUND_TRIPS_MAX: u32 = 3;
