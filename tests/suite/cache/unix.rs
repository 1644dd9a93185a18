//! The variable of the XDG Base Directory Specification.

use crate::cache::Cached;
use crate::cache::files;
use crate::cache::succeeds;
use crate::support::helper::Helper;
use crate::support::script::Response;

#[test]
fn empty_variable_counts_as_none_and_so_does_a_relative_path() {
    let cached = Cached::new([Response::created()]);
    let caches = match cfg!(target_os = "macos") {
        true => "Library/Caches",
        false => ".cache",
    };
    for value in ["", "relative"] {
        let helper = Helper::credential_process(&cached.endpoint)
            .args(["--cache"])
            .env("XDG_CACHE_HOME", value);
        succeeds(&helper);
        let folder = helper.home().join(caches).join("aws_signing_helper");
        assert_eq!(files(&folder, ".json").len(), 1, "{value:?}");
    }
}
