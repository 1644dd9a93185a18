//! Full load for a long time, while sessions are short, the service fails again and again, and the
//! certificate is another one every few seconds.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Outcome;
use time::OffsetDateTime;

use super::load;
use super::load::Answer;
use super::load::Work;
use super::process;
use super::requests;
use super::served;
use super::served::Served;
use super::set::Set;
use crate::verdict;

/// Prints what came of `seconds` of it.
pub(crate) fn print(helper: &Path, seconds: u64) {
    let rounds = usize::try_from(seconds).unwrap() / (FAULTS.len() * 5) + 1;
    let emulator = served::emulator(&FAULTS.repeat(rounds), SESSION_SECONDS);
    let folder = tempfile::tempdir().unwrap();
    let (certificate, private_key) = (folder.path().join("crt"), folder.path().join("key"));
    put(folder.path(), PAIRS[0], ["key", "crt"]);
    let served = Served::start(helper, &certificate, &private_key, &emulator);
    let token = served.token();
    let begin = Instant::now();
    let mut soak = Soak::new(
        requests::credentials(&token),
        begin + Duration::from_secs(seconds),
    );
    let is_over = AtomicBool::new(false);
    let (mut resident_at_begin, mut rotations) = (0, 0);
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut rotations = 0;
            thread::sleep(ROTATED_EVERY);
            let resident = process::resident_bytes(&served.process);
            while !is_over.load(Ordering::Relaxed) {
                rotations += 1;
                // Whichever comes first: for a moment the two do not belong together.
                let order = match rotations % 2 {
                    0 => ["key", "crt"],
                    _ => ["crt", "key"],
                };
                put(folder.path(), PAIRS[rotations % PAIRS.len()], order);
                thread::sleep(ROTATED_EVERY);
            }
            (resident, rotations)
        });
        load::run(served.address, CLIENTS, &mut soak);
        is_over.store(true, Ordering::Relaxed);
        (resident_at_begin, rotations) = others.join().unwrap();
    });
    let resident = process::resident_bytes(&served.process);
    let calls = emulator.requests();
    let issued = calls
        .iter()
        .filter(|call| matches!(call.outcome, Outcome::Issued { .. }))
        .count();

    println!("| | in {seconds} s | target | |\n|-|-:|-|-|");
    let row = |name: &str, value: String| println!("| {name} | {value} | | |");
    let none = |name: &str, count: u64| {
        println!("| {name} | {count} | none | {} |", verdict(count == 0));
    };
    row("answers 200 with a whole set", soak.sets.to_string());
    none("answers 500", soak.unavailable);
    none("other answers", soak.others);
    none("sets that are mixed or incomplete", soak.wrong);
    none("expired sets", soak.ended);
    none("connections lost", soak.lost);
    row("sets received", soak.sessions.to_string());
    row("slowest answer", format!("{} ms", soak.slowest.as_millis()));
    row("calls of CreateSession", calls.len().to_string());
    row("of them with a session", issued.to_string());
    row("certificates replaced", rotations.to_string());
    row("resident at first", megabytes(resident_at_begin));
    row("resident at the end", megabytes(resident));
    row(
        "peak",
        megabytes(process::resident_peak_bytes(&served.process)),
    );
    if soak.unavailable + soak.others + soak.wrong + soak.ended + soak.lost > 0 {
        println!("\nThe log:\n");
        for line in served.said() {
            println!("    {line}");
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// Puts a certificate and its key in place, by renaming.
fn put(folder: &Path, pair: &str, order: [&str; 2]) {
    for kind in order {
        let new = folder.join("new");
        fs::copy(served::pki().join(format!("{pair}.{kind}")), &new).unwrap();
        fs::rename(&new, folder.join(kind)).unwrap();
    }
}

struct Soak {
    request: Vec<u8>,
    end: Instant,
    /// The latest body, and what it was.
    body: Vec<u8>,
    set: Option<Set>,
    sets: u64,
    sessions: u32,
    unavailable: u64,
    others: u64,
    wrong: u64,
    ended: u64,
    lost: u64,
    slowest: Duration,
}

impl Soak {
    fn new(request: Vec<u8>, end: Instant) -> Self {
        Self {
            request,
            end,
            body: Vec::new(),
            set: None,
            sets: 0,
            sessions: 0,
            unavailable: 0,
            others: 0,
            wrong: 0,
            ended: 0,
            lost: 0,
            slowest: Duration::ZERO,
        }
    }
}

impl Work for Soak {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        (Instant::now() < self.end).then_some(self.request.as_slice())
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>, time: Duration) {
        self.slowest = self.slowest.max(time);
        match answer.status {
            200 => {
                if self.body != answer.body {
                    self.body = answer.body.to_vec();
                    self.set = Set::of(answer.body);
                    self.sessions += 1;
                }
                match self.set {
                    None => self.wrong += 1,
                    Some(set) if set.expiration <= OffsetDateTime::now_utc() => self.ended += 1,
                    Some(_) => self.sets += 1,
                }
            }
            500 => self.unavailable += 1,
            _ => self.others += 1,
        }
    }

    fn lost(&mut self, _: usize, _: io::Error) {
        self.lost += 1;
    }
}

const CLIENTS: usize = 64;

/// Each failure meets a set that lives long enough for one more call.
const FAULTS: [&str; 14] = [
    "expires-in=12",
    "slow=1500",
    "throttle",
    "expires-in=24",
    "status=503",
    "expires-in=36",
    "drop",
    "expires-in=12",
    "expires-in=24",
    "html",
    "expires-in=30",
    "cut-body",
    "expires-in=28",
    "status=500",
];

/// Of a session without a fault, and of one that comes slowly.
const SESSION_SECONDS: u32 = 24;
const ROTATED_EVERY: Duration = Duration::from_secs(4);

/// Certificates and keys of the test PKI.
const PAIRS: [&str; 3] = ["ec256", "rsa2048", "ec384"];
