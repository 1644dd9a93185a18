//! `serve` under load, next to a bare HTTP server.
//!
//! `cargo bench --profile dist --bench imds` prints the tables of `docs/performance.md`, which says what
//! the rows mean; `cargo bench --profile dist --bench imds -- PART` prints one of them: `throughput`,
//! `memory [REQUESTS]`, `herd` or `idle`; or `soak [SECONDS]`, which is not part of the whole. Needs
//! Linux, at least two processors, and root, because only root can read the memory of `serve`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark that cannot run has to stop, and what it prints is what it is for"
)]
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "it is measured on Linux alone")
)]

#[cfg(target_os = "linux")]
mod serve {
    pub(crate) mod herd;
    pub(crate) mod idle;
    pub(crate) mod load;
    pub(crate) mod memory;
    pub(crate) mod process;
    pub(crate) mod requests;
    pub(crate) mod served;
    pub(crate) mod set;
    pub(crate) mod soak;
    pub(crate) mod throughput;
}
#[cfg(target_os = "linux")]
mod support {
    pub(crate) mod measure;
    #[allow(dead_code, reason = "the floor is another one")]
    pub(crate) mod programs;
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("measured on Linux alone");
}

#[cfg(target_os = "linux")]
fn main() {
    use std::env;
    use std::thread;

    use crate::serve::herd;
    use crate::serve::idle;
    use crate::serve::memory;
    use crate::serve::soak;
    use crate::serve::throughput;
    use crate::support::programs;

    let words: Vec<String> = env::args().skip(1).collect();
    // `cargo test --all-targets` starts it too, without this.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    let helper = programs::helper();
    let throughput = || {
        let floor = programs::build("floor", "answers");
        // A thread that ends with the processor it was bound to.
        thread::scope(|scope| {
            scope.spawn(|| throughput::print(&helper, &floor));
        });
    };
    match words.as_slice() {
        [] => {
            throughput();
            println!();
            memory::print(&helper, REQUESTS);
            println!();
            herd::print(&helper);
            println!();
            idle::print(&helper);
        }
        ["throughput"] => throughput(),
        ["memory"] => memory::print(&helper, REQUESTS),
        ["memory", requests] => memory::print(&helper, requests.parse().unwrap()),
        ["herd"] => herd::print(&helper),
        ["idle"] => idle::print(&helper),
        ["soak"] => soak::print(&helper, SOAK_SECONDS),
        ["soak", seconds] => soak::print(&helper, seconds.parse().unwrap()),
        _ => panic!("unknown: {words:?}"),
    }
}

#[cfg(target_os = "linux")]
fn verdict(is_met: bool) -> &'static str {
    match is_met {
        true => "met",
        false => "**missed**",
    }
}

const REQUESTS: u32 = 1_000_000;
const SOAK_SECONDS: u64 = 600;
