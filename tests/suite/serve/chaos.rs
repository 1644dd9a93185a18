//! Every way in which the service can misbehave: at the start, at a renewal, and for longer than a set
//! lives. A client that never rests is given whole sets, or an error that passes, and nothing else.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::serve::assert_no_credentials;
use crate::serve::set_number;
use crate::support::helper::Helper;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::serve;
use crate::support::service;

/// Whatever passes.
const FAULTS: [&str; 10] = [
    "throttle",
    "status=500",
    "status=501",
    "status=503",
    "status=408",
    "error=400/ThrottlingException",
    "drop",
    "cut-body",
    "html",
    "html=503",
];

/// The number of sets that the service counts as issued, including those of misbehaved answers.
fn lost(fault: &str, times: usize) -> usize {
    if fault == "cut-body" { times } else { 0 }
}

/// Sets live so long that a process or two that are kept waiting make no difference.
const BRIEF: &str = "expires-in=16";
const LONG: &str = "expires-in=40";

/// The answers that a client received.
#[derive(Default)]
struct Seen {
    sets: Vec<usize>,
    /// Answers without a set, in between.
    without: usize,
}

/// Asks, some forty times a second, until what was seen is enough.
fn watch(helper: &Helper, mut is_enough: impl FnMut(&Seen) -> bool) -> Seen {
    let server = Server::start(helper);
    let mut connection = server.connect();
    let request = get(CREDENTIALS, &connection.token());
    let (begun, mut seen) = (Instant::now(), Seen::default());
    loop {
        let answer = connection.ask(&request);
        match answer.status {
            200 => {
                let number = set_number(&answer);
                if seen.sets.last() != Some(&number) {
                    assert!(seen.sets.last().is_none_or(|before| *before < number));
                    seen.sets.push(number);
                }
            }
            _ => {
                assert_no_credentials(&answer);
                seen.without += 1;
            }
        }
        if is_enough(&seen) {
            return seen;
        }
        let said = server.running.stderr_so_far();
        assert!(begun.elapsed() < Duration::from_secs(880), "{said}");
        thread::sleep(Duration::from_millis(25));
    }
}

/// True if the set of this number was served.
fn until(number: usize) -> impl Fn(&Seen) -> bool {
    move |seen| seen.sets.last() == Some(&number)
}

/// Makes the service misbehave from the first renewal on, until the set has expired and a client got an
/// error.
fn watch_an_outage(fault: &str) -> (Seen, usize) {
    let service = service(&[BRIEF, &format!("{fault}:*")]);
    let seen = watch(&serve(&service.url()), |seen| {
        if seen.without > 0 {
            service.recover();
        }
        seen.sets.last() > Some(&1)
    });
    (seen, service.requests().len())
}

/// Each fault, side by side: they mostly wait.
fn for_each_fault(test: impl Fn(&str) + Sync) {
    thread::scope(|scope| {
        for fault in FAULTS {
            let test = &test;
            scope.spawn(move || test(fault));
        }
    });
}

#[test]
fn fault_at_the_start_passes() {
    for_each_fault(|fault| {
        let service = service(&[fault]);
        let first = 1 + lost(fault, 1);
        let seen = watch(&serve(&service.url()), until(first));
        assert_eq!(seen.sets, [first], "{fault}");
        assert_eq!(service.requests().len(), 2, "{fault}");
    });
}

#[test]
fn fault_at_a_renewal_shows_to_no_client() {
    for_each_fault(|fault| {
        // Due with 18 s left or more, and tried again after 5 to 7.5 s.
        let service = service(&[LONG, fault]);
        let second = 2 + lost(fault, 1);
        let seen = watch(&serve(&service.url()), until(second));
        let expected = (vec![1, second], 0);
        assert_eq!((seen.sets, seen.without), expected, "{fault}");
        assert_eq!(service.requests().len(), 3, "{fault}");
    });
}

#[test]
fn recovery_follows_an_outage_longer_than_the_set() {
    for_each_fault(|fault| {
        let (seen, requests) = watch_an_outage(fault);
        assert_eq!(seen.sets, [1, 2 + lost(fault, requests - 2)], "{fault}");
        assert!(seen.without > 0, "{fault}");
        assert!(requests > 2, "{fault}: {requests}");
    });
}

#[test]
fn refusal_after_the_start_is_tried_again_too() {
    let (seen, _) = watch_an_outage("error=403/AccessDeniedException");
    assert_eq!(seen.sets, [1, 2]);
    assert!(seen.without > 0);
}

#[test]
fn service_that_is_slow_shows_to_no_client() {
    let service = service(&[LONG, "slow=6000", "expires-in=3600"]);
    let seen = watch(&serve(&service.url()), until(2));
    assert_eq!((seen.sets, seen.without), (vec![1, 2], 0));
}
