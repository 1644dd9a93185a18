//! Links, which Windows lets few users make.

use std::fs;

use crate::serve::rotation::RENEWED_OFTEN;
use crate::serve::rotation::uses_ecdsa;
use crate::support::helper::Helper;
use crate::support::imds::Server;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::service;
use crate::support::vectors;

/// Kubernetes: `tls.crt` leads through `..data` into a folder, and `..data` is replaced.
#[test]
fn folder_that_is_swapped_by_its_link_is_taken_over() {
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url());
    let home = helper.home().to_owned();
    let folder = |name: &str, from: &str| {
        fs::create_dir(home.join(name)).unwrap();
        for kind in ["crt", "key"] {
            let from = vectors().join("pki").join(format!("{from}.{kind}"));
            fs::copy(from, home.join(name).join(format!("tls.{kind}"))).unwrap();
        }
    };
    let link = |to: &str, path: &str| std::os::unix::fs::symlink(to, home.join(path)).unwrap();
    folder("..1", "rsa2048");
    link("..1", "..data");
    link("..data/tls.crt", "tls.crt");
    link("..data/tls.key", "tls.key");
    let path = |name: &str| home.join(name).display().to_string();
    let helper: Helper = helper.args([
        "--certificate",
        &path("tls.crt"),
        "--private-key",
        &path("tls.key"),
    ]);
    let mut server = Server::start(&helper);
    folder("..2", "ec256");
    link("..2", "..data_tmp");
    fs::rename(home.join("..data_tmp"), home.join("..data")).unwrap();
    fs::remove_dir_all(home.join("..1")).unwrap();
    uses_ecdsa(&mut server, &service);
    assert_eq!(count(&server.running.stderr_so_far(), "renewal_failed"), 0);
}
