//! Writes the manual pages into a folder: a step of a release.
//!
//! `cargo run --example man_pages -- FOLDER`, then `man FOLDER/aws_signing_helper.1`.

#[path = "../src/bin/aws_signing_helper/arguments/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "only the command's form is wanted"
)]
mod arguments;

use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: man_pages FOLDER"))?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(arguments::command(), folder)
}
