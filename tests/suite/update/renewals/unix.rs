//! Modes of directories.

use std::fs;

use crate::support::helper::Helper;
use crate::support::log::count;
use crate::support::running::wait_until;
use crate::support::service;
use crate::update::renewals::renewed;

/// The superuser may write everywhere.
#[test]
fn read_only_directory_is_logged_and_survived() {
    use std::os::unix::fs::PermissionsExt;

    if rustix::process::geteuid().is_root() {
        crate::support::skip("read_only_directory_is_logged_and_survived: root");
        return;
    }
    let service = service(&["expires-in=12"]);
    let helper = Helper::command_at("update", &service.url());
    let helper = helper.args(["--credentials-file", "~/folder/credentials"]);
    let folder = helper.home().join("folder");
    let set_mode = |mode| fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
    let mut running = helper.start();
    wait_until(&mut running, "a set", |said| renewed(said).len() == 1);
    set_mode(0o500);
    wait_until(&mut running, "an error", |said| {
        count(said, "write_failed") > 0
    });
    set_mode(0o700);
    wait_until(&mut running, "another set", |said| renewed(said).len() == 2);
    assert_eq!(service.requests().len(), 2);
}
