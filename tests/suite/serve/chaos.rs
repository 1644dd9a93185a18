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

/// How many sets the service takes for issued, so often as it misbehaves.
fn lost(fault: &str, times: usize) -> usize {
    if fault == "cut-body" { times } else { 0 }
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    sets: Vec<usize>,
    /// Answers without a set, in between.
    without: usize,
}

/// Asks, some forty times a second, until the set of this number is handed out.
fn watch(helper: &Helper, last: usize) -> Seen {
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
                if number == last {
                    return seen;
                }
            }
            _ => {
                assert_no_credentials(&answer);
                seen.without += 1;
            }
        }
        let said = server.running.stderr_so_far();
        assert!(begun.elapsed() < Duration::from_secs(880), "{said}");
        thread::sleep(Duration::from_millis(25));
    }
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
        let seen = watch(&serve(&service.url()), first);
        assert_eq!(seen.sets, [first], "{fault}");
        assert_eq!(service.requests().len(), 2, "{fault}");
    });
}

#[test]
fn fault_at_a_renewal_shows_to_no_client() {
    for_each_fault(|fault| {
        // Due with 10 s left or more, and tried again after 2.5 to 7.5 s, 5 s at least.
        let service = service(&["expires-in=24", fault]);
        let second = 2 + lost(fault, 1);
        let seen = watch(&serve(&service.url()), second);
        let expected = (vec![1, second], 0);
        assert_eq!((seen.sets, seen.without), expected, "{fault}");
        assert_eq!(service.requests().len(), 3, "{fault}");
    });
}

#[test]
fn fault_for_longer_than_the_set_lives_ends_with_it() {
    for_each_fault(|fault| {
        let service = service(&["expires-in=9", &format!("{fault}:2")]);
        let second = 2 + lost(fault, 2);
        let seen = watch(&serve(&service.url()), second);
        assert_eq!(seen.sets, [1, second], "{fault}");
        assert!(seen.without > 0, "{fault}");
        let requests = service.requests().len();
        assert_eq!(requests, 4, "{fault}");
    });
}

#[test]
fn refusal_after_the_start_is_tried_again_too() {
    let service = service(&["expires-in=9", "error=403/AccessDeniedException:2"]);
    let seen = watch(&serve(&service.url()), 2);
    assert_eq!(seen.sets, [1, 2]);
    assert!(seen.without > 0);
}

#[test]
fn service_that_is_slow_shows_to_no_client() {
    let service = service(&["expires-in=24", "slow=6000", "expires-in=3600"]);
    let seen = watch(&serve(&service.url()), 2);
    assert_eq!((seen.sets, seen.without), (vec![1, 2], 0));
}
