//! Cost of updating a credentials file of ten thousand profiles, next to the write and the syncs alone.
//!
//! `cargo bench --profile dist --bench credentials_file` prints the table of `docs/performance.md`, which says what the
//! rows mean.
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
    #[allow(dead_code, reason = "the ratio is that of another benchmark")]
    pub(crate) mod measure;
}

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::Credentials;
use rolesanywhere::file::locked_file::Method;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::output::credentials_file::update;
use rolesanywhere::secret::Secret;

use crate::support::measure::Run;
use crate::support::measure::interleaved;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts it too, without this.
    if !env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    // A disk, not memory: the floor is its syncs. Not below a folder that others can write.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("credentials_file");
    fs::create_dir_all(&folder).unwrap();
    let file = file_of(PROFILES);
    println!("{} profiles, {} bytes", PROFILES, file.len());
    let (ours, floor) = (folder.join("credentials"), folder.join("floor"));
    fs::write(&ours, &file).unwrap();
    let mut sets = 0;
    let middle: ProfileName = format!("profile-{}", PROFILES / 2).parse().unwrap();
    let mut runs: Vec<Run<'_>> = vec![
        Box::new(|| time(|| write(&folder, &floor, file.as_bytes()))),
        Box::new(|| {
            sets += 1;
            let credentials = credentials(sets);
            time(|| {
                update(&ours, Method::Replace, &middle, &credentials).unwrap();
            })
        }),
    ];
    let times = interleaved(ROUNDS, &mut runs);
    drop(runs);
    fs::remove_dir_all(&folder).unwrap();
    let (floor, ours) = (
        milliseconds(times[0].median()),
        milliseconds(times[1].median()),
    );
    let more = ours - floor;
    let verdict = if more < MORE_MAX { "met" } else { "**missed**" };
    println!("| update | write and syncs alone | more | target | |\n|-|-|-|-|-|");
    println!("| {ours:.2} ms | {floor:.2} ms | {more:.2} ms | below {MORE_MAX} ms | {verdict} |");
    ExitCode::SUCCESS
}

/// The work of any writer that is atomic and durable.
fn write(folder: &Path, path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("tmp");
    let mut file = File::create_new(&temporary).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(&temporary, path).unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}

fn time(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn file_of(profiles: usize) -> String {
    let mut file = String::new();
    for number in 0..profiles {
        let secret = "s".repeat(40);
        let token = "t".repeat(50);
        // Writing to a String does not fail.
        let _ = writeln!(
            file,
            "[profile-{number}]\naws_access_key_id = ASIA{number:016}\n\
             aws_secret_access_key = {secret}\naws_session_token = {token}\n"
        );
    }
    file
}

fn credentials(number: usize) -> Credentials {
    Credentials {
        access_key_id: format!("ASIA{number:016}"),
        secret_access_key: Secret::new("S".repeat(40)),
        session_token: Secret::new("T".repeat(50)),
        expiration: "2030-01-01T00:00:00Z".to_owned(),
        date: None,
        assumed_role_arn: None,
    }
}

const PROFILES: usize = 10_000;
const ROUNDS: usize = 100;
const MORE_MAX: f64 = 20.0;
