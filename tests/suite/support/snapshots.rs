//! The files of `tests/suite/snapshots`: the only place of the tests that quotes messages. `[..]` in them
//! matches the rest of a line; `SNAPSHOTS=overwrite` rewrites them.

use std::path::Path;

use snapbox::Assert;
use snapbox::Data;
use snapbox::assert::DEFAULT_ACTION_ENV;

/// Fails if the text is not that of the file, `NAME.txt`.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots");
    let expected = Data::read_from(&folder.join(name).with_extension("txt"), None);
    Assert::new()
        .action_env(DEFAULT_ACTION_ENV)
        .normalize_paths(false)
        .eq(text, expected);
}
