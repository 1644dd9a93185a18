//! A release of the helper in place of the one that the examples download.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use super::agent::Agent;
use crate::support::program::is_there;

/// Makes its archive, with a link to the program that is tested.
pub(crate) fn make(downloads: &Path) {
    let folder = downloads.join(NAME);
    fs::create_dir(&folder).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_aws_signing_helper"),
        folder.join("aws_signing_helper"),
    )
    .unwrap();
    fs::create_dir(downloads.join(VERSION)).unwrap();
    let archive = archive(downloads).display().to_string();
    let parent = downloads.display().to_string();
    assert!(is_there("tar", &["-czf", &archive, "-C", &parent, NAME]));
}

/// An example with the address and the sum of this release.
pub(crate) fn example(agent: &Agent, path: &str) -> String {
    let archive = fs::read(archive(&agent.path("downloads"))).unwrap();
    let sum = hex::encode(Sha256::digest(archive));
    let text = example_with_another_sum(agent, path);
    assert_eq!(text.matches(SUM).count(), 1, "{path}");
    text.replace(SUM, &sum)
}

/// An example with the address of this release, and the sum that is written there.
pub(crate) fn example_with_another_sum(agent: &Agent, path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("examples/pipelines").join(path)).unwrap();
    assert!(text.contains("https://downloads.example.com/"), "{path}");
    agent.with_downloads(&text)
}

fn archive(downloads: &Path) -> PathBuf {
    downloads.join(VERSION).join(format!("{NAME}.tar.gz"))
}

/// The one that the examples pin.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: &str = concat!(
    "aws_signing_helper-",
    env!("CARGO_PKG_VERSION"),
    "-x86_64-unknown-linux-musl"
);

/// In the examples, in place of the sum of a release.
const SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
