//! Entries that another program has open and lets nobody replace, as virus scanners and backups do.

use std::fs::File;
use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use crate::cache::Cached;
use crate::cache::files;
use crate::cache::succeeds;
use crate::support::running::wait_for;
use crate::support::script::Response;

/// Opens a file so that others may read it, and no more.
fn hold(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).share_mode(FILE_SHARE_READ);
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

const FILE_SHARE_READ: u32 = 1;
