//! `update` as a process: what it writes, when it renews, and how it ends.

mod once;
mod renewals;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod signals;
mod start;

use std::fs;
use std::path::PathBuf;

use crate::support;
use crate::support::helper::Helper;

/// `update` of the file `credentials` in its home, against the service at this address.
fn update(url: &str) -> Helper {
    let helper = Helper::command_at("update", url);
    let path = file(&helper).display().to_string();
    helper
        .args(["--credentials-file", &path])
        .args(support::log::JSON)
}

fn file(helper: &Helper) -> PathBuf {
    helper.home().join("credentials")
}

/// The access key id in the file; `None` while the file does not exist.
fn access_key_id(helper: &Helper) -> Option<String> {
    let text = fs::read_to_string(file(helper)).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("aws_access_key_id = "));
    line.map(str::to_owned)
}

/// The number of a set of the emulator's.
fn issued(number: usize) -> Option<String> {
    Some(support::issued(number))
}
