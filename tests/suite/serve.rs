//! `serve` as a process: what it answers on the wire, to its clients and to others.

mod chaos;
mod clients_rules;
mod connections;
mod container;
mod garbage;
#[cfg(unix)]
mod leaks;
#[cfg(unix)]
mod log;
mod neighbours;
mod past_defects;
mod rotation;
mod sdk_clients;
#[cfg(unix)]
mod start;
mod status;
#[cfg(unix)]
mod stubborn;

use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::support::imds::Answer;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::issued;

/// Asks for the credentials, as a client that never rests, until an answer is so; all of the answers.
fn answers_until(
    server: &Server<'_>,
    what: &str,
    mut is_so: impl FnMut(&Answer) -> bool,
) -> Vec<Answer> {
    let begin = Instant::now();
    let mut connection = server.connect();
    let request = get(CREDENTIALS, &connection.token());
    let mut answers = Vec::new();
    loop {
        let answer = connection.ask(&request);
        let is_last = is_so(&answer);
        answers.push(answer);
        if is_last {
            return answers;
        }
        let said = server.running.stderr_so_far();
        assert!(begin.elapsed() < WAIT_MAX, "never {what}:\n{said}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The number of the emulator's set in an answer, which has to be whole: each part of it is of this set.
#[track_caller]
fn set_number(answer: &Answer) -> usize {
    assert_eq!(answer.status, 200, "{answer:?}");
    let number = answer.field("AccessKeyId");
    let number = number.strip_prefix("ASIAEMULATOR").unwrap();
    assert!(
        answer
            .field("SecretAccessKey")
            .contains(&format!("/{number}/"))
            && answer
                .field("Token")
                .starts_with(&format!("EMULATOR/{number}/")),
        "{answer:?}"
    );
    assert_eq!(answer.field("Code"), "Success");
    number.parse().unwrap()
}

fn is_set(number: usize) -> impl Fn(&Answer) -> bool {
    move |answer| answer.status == 200 && answer.field("AccessKeyId") == issued(number)
}

/// The answer without a valid set.
#[track_caller]
fn assert_no_credentials(answer: &Answer) {
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.field("Code"), "InternalServiceException");
    assert!(!answer.field("Message").is_empty(), "{answer:?}");
    assert!(!answer.text().contains("Success"), "{answer:?}");
    assert!(!answer.text().contains("AccessKeyId"), "{answer:?}");
}

/// The longest of a test's waits for another answer takes some 20 s.
const WAIT_MAX: Duration = Duration::from_secs(400);
