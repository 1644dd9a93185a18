//! What `/proc` shows of signals.

use std::fs;

use rustix::process::Signal;

use crate::support::running::wait_until;
use crate::support::service;
use crate::update::signals::promptly;
use crate::update::update;

/// As soon as it listens for it; before that, a signal ends every program.
#[test]
fn signals_end_it_at_once_after_the_start() {
    let service = service(&[]);
    for signal in [Signal::TERM, Signal::INT] {
        let helper = update(&service.url());
        let mut running = helper.start();
        let id = running.id();
        wait_until(&mut running, "it listens", |_| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:\t"));
            let caught = u64::from_str_radix(caught.unwrap(), 16).unwrap();
            caught & (1 << (signal.as_raw() - 1)) != 0
        });
        assert_eq!(promptly(running, signal).exit, 0);
    }
}
