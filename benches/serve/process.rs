//! Measurements of a running process on Linux, and signals to it.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use rustix::thread::CpuSet;
use rustix::thread::sched_setaffinity;

/// Resident memory in bytes; only root may read it, because the process is not dumpable.
pub(crate) fn resident_bytes(process: &Child) -> u64 {
    status(process, "VmRSS:") * 1024
}

/// The peak of it.
pub(crate) fn resident_peak_bytes(process: &Child) -> u64 {
    status(process, "VmHWM:") * 1024
}

/// Number of times that its threads went to sleep, and so were woken up.
pub(crate) fn sleeps(process: &Child) -> u64 {
    tasks(process)
        .map(|task| field(&task, "status", "voluntary_ctxt_switches:"))
        .sum()
}

/// The processor time of all its threads.
pub(crate) fn processor_time(process: &Child) -> Duration {
    let nanoseconds = tasks(process)
        .map(|task| {
            let text = fs::read_to_string(format!("{task}/schedstat")).unwrap();
            let first = text.split_whitespace().next().unwrap();
            first.parse::<u64>().unwrap()
        })
        .sum();
    Duration::from_nanos(nanoseconds)
}

/// Stops it, as if the machine were asleep, or continues it.
pub(crate) fn signal(process: &Child, signal: Signal) {
    kill_process(pid(process), signal).unwrap();
}

/// Keeps a process, or this thread, on one processor of at least two.
pub(crate) fn pin(process: Option<&Child>, processor: usize) {
    let mut processors = CpuSet::new();
    processors.set(processor);
    // With a single one there is nothing to keep apart.
    let _ = sched_setaffinity(process.map(pid), &processors);
}

fn pid(process: &Child) -> Pid {
    Pid::from_child(process)
}

fn status(process: &Child, name: &str) -> u64 {
    field(&format!("/proc/{}", process.id()), "status", name)
}

fn field(folder: &str, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

fn tasks(process: &Child) -> impl Iterator<Item = String> {
    let folder = format!("/proc/{}/task", process.id());
    let tasks = fs::read_dir(&folder).unwrap();
    tasks.map(|task| task.unwrap().path().display().to_string())
}
