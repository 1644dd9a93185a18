//! Entries, old and new, that another program has open and lets nobody replace, as virus scanners and backups do.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use crate::cache::Cached;
use crate::cache::files;
use crate::cache::second;
use crate::cache::succeeds;
use crate::support::running::wait_for;
use crate::support::script::Response;

/// Opens a file so that others may read it, and no more.
fn hold(path: &Path) -> File {
    hold_with(path, FILE_SHARE_READ)
}

/// Opens a file so that others may read and write it, and neither move nor remove it.
fn hold_name(path: &Path) -> File {
    hold_with(path, FILE_SHARE_READ | FILE_SHARE_WRITE)
}

fn hold_with(path: &Path, share: u32) -> File {
    let mut options = OpenOptions::new();
    options.read(true).share_mode(share);
    options.open(path).unwrap()
}

#[test]
fn entry_is_replaced_once_others_close_it() {
    let cached = Cached::with_entry([Response::created(), Response::created()]);
    cached.make_due();
    let held = hold(&cached.entry());
    let helper = cached.helper();
    let running = helper.start();
    wait_for("a new entry", || !files(&cached.path(), ".new").is_empty());
    drop(held);
    let output = running.end();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert_eq!(files(&cached.path(), ".new").len(), 0);
    succeeds(&helper);
    assert_eq!(cached.calls(), 2);
}

#[test]
fn entry_that_stays_open_leaves_no_credentials_beside_it() {
    let cached = Cached::with_entry([Response::created(), Response::created()]);
    cached.make_due();
    let held = hold(&cached.entry());
    succeeds(&cached.helper());
    assert_eq!(files(&cached.path(), ".new").len(), 0);
    drop(held);
    assert_eq!(cached.calls(), 2);
}

#[test]
fn new_entry_that_stays_open_is_emptied() {
    let cached = Cached::with_entry([Response::created(), second(), second()]);
    cached.make_due();
    let old = fs::read(cached.entry()).unwrap();
    let entry_held = hold(&cached.entry());
    let helper = cached.helper();
    let running = helper.start();
    wait_for("a new entry", || !files(&cached.path(), ".new").is_empty());
    let new_held = hold_name(&cached.file(".new"));
    drop(entry_held);
    let output = running.end();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert_eq!(fs::read(cached.file(".new")).unwrap(), b"");
    assert_eq!(fs::read(cached.entry()).unwrap(), old);
    drop(new_held);
    assert!(succeeds(&helper).contains("ASIASECOND"));
    assert_eq!(files(&cached.path(), ".new").len(), 0);
    assert_eq!(cached.calls(), 3);
    assert!(succeeds(&helper).contains("ASIASECOND"));
    assert_eq!(cached.calls(), 3);
}

#[test]
fn open_leftover_of_a_killed_process_makes_no_call_fail() {
    let cached = Cached::with_entry([Response::created(), second(), second()]);
    cached.make_due();
    let old = fs::read(cached.entry()).unwrap();
    let leftover = cached.entry().with_extension("json.new");
    fs::write(&leftover, "leftover").unwrap();
    let held = hold(&leftover);
    assert!(succeeds(&cached.helper()).contains("ASIASECOND"));
    assert_eq!(fs::read(&leftover).unwrap(), b"leftover");
    assert_eq!(fs::read(cached.entry()).unwrap(), old);
    drop(held);
    succeeds(&cached.helper());
    assert!(!leftover.exists());
    assert_ne!(fs::read(cached.entry()).unwrap(), old);
}

const FILE_SHARE_READ: u32 = 1;
const FILE_SHARE_WRITE: u32 = 2;
