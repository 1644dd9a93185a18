//! Five hundred clients that come at once and have nothing yet: each connects, and asks for a token,
//! the role and its credentials.

use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Emulator;
use rustix::process::Signal;

use super::load;
use super::load::Answer;
use super::load::Work;
use super::process;
use super::requests;
use super::served;
use super::served::Served;
use super::set::Set;
use crate::verdict;

/// Prints a table with a row for each time to come at.
pub(crate) fn print(helper: &Path) {
    println!(
        "| {CLIENTS} clients | CreateSession | slowest answer | sets | 500 | else | target | |"
    );
    println!("|-|-:|-:|-:|-:|-:|-|-|");
    during_a_renewal(helper);
    with_an_expired_set(helper);
    at_start(helper);
    after_a_resume(helper);
}

fn during_a_renewal(helper: &Path) {
    let emulator = served::emulator(&["expires-in=14", "slow=3000"], SESSION_SECONDS);
    let served = Served::start_plainly(helper, &emulator);
    let before = calls(&emulator);
    while calls(&emulator) == before {
        thread::sleep(Duration::from_millis(1));
    }
    Herd::come(&served).print("during a renewal of 3 s", &emulator, before);
}

fn with_an_expired_set(helper: &Path) {
    let emulator = served::emulator(&["expires-in=8", "status=503:*"], SESSION_SECONDS);
    let served = Served::start_plainly(helper, &emulator);
    let token = served.token();
    served.wait_for(&token, 500);
    let before = calls(&emulator);
    Herd::come(&served).print("with an expired set", &emulator, before);
}

fn at_start(helper: &Path) {
    let emulator = served::emulator(&["slow=15000"], SESSION_SECONDS);
    let served = Served::start_plainly(helper, &emulator);
    Herd::come(&served).print("at start, without a set", &emulator, 0);
}

fn after_a_resume(helper: &Path) {
    let emulator = served::emulator(&["expires-in=12", "slow=3000"], SESSION_SECONDS);
    let served = Served::start_plainly(helper, &emulator);
    process::signal(&served.process, Signal::STOP);
    let before = calls(&emulator);
    thread::sleep(Duration::from_secs(13));
    process::signal(&served.process, Signal::CONT);
    Herd::come(&served).print("resumed after the end of the set", &emulator, before);
}

fn calls(emulator: &Emulator) -> usize {
    emulator.requests().len()
}

/// The answers so far.
struct Herd {
    clients: Vec<Client>,
    request: Vec<u8>,
    slowest: Duration,
    /// From the first connection to the last answer.
    took: Duration,
    sets: u32,
    unavailable: u32,
    /// Answers that are neither, and those without anything in them.
    else_: u32,
}

#[derive(Clone, Default)]
struct Client {
    answers: u32,
    token: String,
}

impl Herd {
    fn come(served: &Served) -> Self {
        let mut herd = Self {
            clients: vec![Client::default(); CLIENTS],
            request: Vec::new(),
            slowest: Duration::ZERO,
            took: Duration::ZERO,
            sets: 0,
            unavailable: 0,
            else_: 0,
        };
        let begin = Instant::now();
        load::run(served.address, CLIENTS, &mut herd);
        herd.took = begin.elapsed();
        herd
    }

    /// After a while, in which a call that they caused is made. `calls_before` were not theirs.
    fn print(&self, when: &str, emulator: &Emulator, calls_before: usize) {
        thread::sleep(TIME_TO_CALL);
        let calls = calls(emulator) - calls_before;
        let is_met = calls <= 1
            && self.slowest < SLOWEST_MAX
            && self.else_ == 0
            && self.sets + self.unavailable == CLIENTS as u32;
        println!(
            "| {when} | {calls} | {} ms (all: {} ms) | {} | {} | {} | at most 1, below {} ms, no other | {} |",
            self.slowest.as_millis(),
            self.took.as_millis(),
            self.sets,
            self.unavailable,
            self.else_,
            SLOWEST_MAX.as_millis(),
            verdict(is_met),
        );
    }
}

impl Work for Herd {
    fn request(&mut self, client: usize) -> Option<&[u8]> {
        let client = &self.clients[client];
        self.request = match client.answers {
            0 => requests::token(),
            1 => requests::role_list(&client.token),
            2 => requests::credentials(&client.token),
            _ => return None,
        };
        Some(&self.request)
    }

    fn answer(&mut self, client: usize, answer: &Answer<'_>, time: Duration) {
        let client = &mut self.clients[client];
        client.answers += 1;
        self.slowest = self.slowest.max(time);
        match (client.answers, answer.status) {
            (1, 200) if answer.body.len() == 64 => {
                client.token = String::from_utf8(answer.body.to_vec()).unwrap();
            }
            (2, 200) if answer.body == b"ci-role" => {}
            (3, 200) if Set::of(answer.body).is_some() => self.sets += 1,
            (3, 500) if !answer.body.is_empty() => self.unavailable += 1,
            _ => self.else_ += 1,
        }
    }
}

const CLIENTS: usize = 500;
const SESSION_SECONDS: u32 = 3600;
const SLOWEST_MAX: Duration = Duration::from_millis(250);
const TIME_TO_CALL: Duration = Duration::from_secs(2);
