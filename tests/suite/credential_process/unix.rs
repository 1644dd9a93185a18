//! Modes of files, and shells.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rolesanywhere_emulator::Settings;
use tempfile::TempDir;

use crate::credential_process::call;
use crate::credential_process::session_flags;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

#[test]
fn key_exposed_to_others_is_reported_by_debug() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let emulator = emulator(Settings::default());
    let key = fs::read_to_string(vectors().join("pki/rsa2048.key")).unwrap();
    let mut said = String::new();
    for (folder_mode, mode) in [
        (0o700, 0o600),
        (0o700, 0o400),
        (0o755, 0o600),
        (0o1777, 0o600),
        (0o700, 0o644),
        (0o700, 0o640),
        (0o700, 0o620),
        (0o770, 0o600),
        (0o777, 0o666),
    ] {
        let helper = call(&emulator, "rsa2048.crt", "rsa2048.key").file("keys/private.key", &key);
        let folder = helper.home().join("keys");
        let path = folder.join("private.key");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(folder_mode)).unwrap();
        let path = path.display().to_string();
        let helper = helper.args(["--private-key", &path]);
        let quiet = helper.run();
        assert_eq!((quiet.exit, quiet.stderr.as_str()), (0, ""));
        let output = helper.args(["--debug"]).run();
        assert_eq!(output.exit, 0);
        let line = output.stderr.lines().find(|line| line.ends_with(&path));
        let line = line.unwrap_or("nothing").replace(&path, "[FILE]");
        said += &format!("{folder_mode:04o} {mode:04o}: {line}\n");
    }
    assert_snapshot("key-that-others-can-use", &said);
}

#[test]
fn certificate_and_key_come_from_one_pipe() {
    let folder = TempDir::new().unwrap();
    let both = folder.path().join("both.pem");
    let read = |name: &str| fs::read(vectors().join("pki").join(name)).unwrap();
    fs::write(&both, [read("ec256.crt"), read("ec256.key")].concat()).unwrap();
    let emulator = emulator(Settings::default());
    let script = format!(
        "cat {} | {} credential-process --certificate /dev/stdin {}",
        both.display(),
        env!("CARGO_BIN_EXE_aws_signing_helper"),
        session_flags(&emulator.url()).join(" ")
    );
    if !Path::new("/dev/stdin").exists() {
        crate::support::skip("certificate_and_key_come_from_one_pipe: no /dev/stdin");
        return;
    }
    let output = Helper::at(&PathBuf::from("/bin/sh"))
        .args(["-c", &script])
        .run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
}

#[test]
fn closed_stdout_is_no_failure() {
    let emulator = emulator(Settings::default());
    let script = format!(
        "{} credential-process --certificate pki/ec256.crt --private-key pki/ec256.key {} | :",
        env!("CARGO_BIN_EXE_aws_signing_helper"),
        session_flags(&emulator.url()).join(" ")
    );
    let output = Helper::at(&PathBuf::from("/bin/sh"))
        .args(["-c", &script])
        .run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
}

#[test]
fn full_disk_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        crate::support::skip("full_disk_is_a_failure: no /dev/full");
        return;
    }
    let emulator = emulator(Settings::default());
    let script = format!(
        "{} credential-process --certificate pki/ec256.crt --private-key pki/ec256.key {} >/dev/full",
        env!("CARGO_BIN_EXE_aws_signing_helper"),
        session_flags(&emulator.url()).join(" ")
    );
    let output = Helper::at(&PathBuf::from("/bin/sh"))
        .args(["-c", &script])
        .run();
    assert_eq!(output.exit, 1);
    assert_snapshot("full-disk", &output.stderr);
}
