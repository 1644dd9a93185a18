//! Wake-ups of an idle server.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::process;
use super::served;
use super::served::Served;
use crate::verdict;

/// Prints a table.
pub(crate) fn print(helper: &Path) {
    let emulator = served::emulator(&[], 43_200);
    let served = Served::start_plainly(helper, &emulator);
    // The end of the start-up.
    thread::sleep(Duration::from_secs(1));
    let before = process::sleeps(&served.process);
    let processor = process::processor_time(&served.process);
    thread::sleep(WATCHED);
    let woken = process::sleeps(&served.process) - before;
    let processor = process::processor_time(&served.process) - processor;
    let max = WATCHED.as_secs() / 10;
    println!("| idle for | wake-ups | processor time | target | |");
    println!("|-|-:|-:|-|-|");
    println!(
        "| {} s | {woken} times | {:.2} ms | at most {max} times | {} |",
        WATCHED.as_secs(),
        processor.as_secs_f64() * 1000.0,
        verdict(woken <= max),
    );
}

const WATCHED: Duration = Duration::from_secs(60);
