//! A credentials file that is a mount point, and one that its readers mount: by bind mounts in a mount
//! namespace.

use std::env;
use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::credentials_file::killed::has_strace;
use crate::credentials_file::writer::Scene;
use crate::credentials_file::writer::lines;
use crate::credentials_file::writer::program;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::program::is_there;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

const OLD: &str = "[a]\nregion = x\n";

fn new(round: usize) -> String {
    format!("[a]\n{}region = x\n", lines(round))
}

fn has_mounts(test: &str) -> bool {
    let script = "mount --bind /dev/null /dev/zero";
    let is_there = is_there("unshare", &["-m", "sh", "-c", script]);
    if !is_there {
        skip(&format!(
            "{test}: no bind mounts in a namespace of their own"
        ));
    }
    is_there
}

/// The words in front of a program, so that it runs after these mounts.
fn after(mounts: &str) -> [String; 6] {
    let script = format!("set -e; {mounts}; exec \"$@\"");
    ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned)
}

/// Updates the scene's file by the example, after these mounts; what is on stderr, and whether it
/// succeeded.
fn updated(scene: &Scene, mounts: &str, rounds: usize) -> (bool, String) {
    let [unshare, others @ ..] = after(mounts);
    let mut command = Command::new(unshare);
    command.args(others).arg(program());
    scene.arrange(&mut command, "a", rounds);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), stderr)
}

#[test]
fn mounted_file_is_written_in_place_with_a_warning() {
    if !has_mounts("mounted_file_is_written_in_place_with_a_warning") {
        return;
    }
    // The directory can be written, or is read-only.
    for is_read_only in [false, true] {
        let scene = Scene::new(&env::temp_dir(), "");
        let (folder, file) = (scene.folder(), scene.file());
        let outside = folder.with_file_name("outside");
        fs::write(&outside, OLD).unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o640)).unwrap();
        let inode = fs::metadata(&outside).unwrap().ino();
        let mut mounts = match is_read_only {
            true => format!(
                "mount --bind {0} {0}; mount -o remount,bind,ro {0}; ",
                folder.display()
            ),
            false => String::new(),
        };
        mounts += &format!("mount --bind {} {}", outside.display(), file.display());

        let (is_done, stderr) = updated(&scene, &mounts, 12);
        assert!(is_done, "{stderr}");
        let warning = stderr.lines().last().unwrap();
        let warning = warning.replace(&file.display().to_string(), "[FILE]");
        assert_snapshot("file-that-is-a-mount-point", &warning);
        assert_eq!(fs::read_to_string(&outside).unwrap(), new(11));
        let metadata = fs::metadata(&outside).unwrap();
        assert_eq!((metadata.ino(), metadata.mode() & 0o777), (inode, 0o640));
        assert_eq!(scene.text(), "");
        assert!(scene.is_tidy());
    }
}

#[test]
fn mounted_directory_is_written_as_any_other() {
    if !has_mounts("mounted_directory_is_written_as_any_other") {
        return;
    }
    let scene = Scene::new(&env::temp_dir(), OLD);
    let mounts = format!("mount --bind {0} {0}", scene.folder().display());
    let inode = fs::metadata(scene.file()).unwrap().ino();
    let (is_done, stderr) = updated(&scene, &mounts, 1);
    assert!(is_done, "{stderr}");
    let file = scene.file().display().to_string();
    assert_snapshot(
        "file-that-others-can-read",
        &stderr.replace(&file, "[FILE]"),
    );
    assert_eq!(scene.text(), new(0));
    assert_ne!(fs::metadata(scene.file()).unwrap().ino(), inode);
}

#[test]
fn file_mounted_read_only_is_an_error_before_any_call() {
    if !has_mounts("file_mounted_read_only_is_an_error_before_any_call") {
        return;
    }
    let service = Endpoint::start(Script::of([Response::created()]));
    let scene = Scene::new(&env::temp_dir(), OLD);
    let file = scene.file().display().to_string();
    let mounts = format!("mount --bind {file} {file}; mount -o remount,bind,ro {file}");
    for once in ["--once=true", "--once=false"] {
        let helper =
            Helper::command_at("update", &service.url()).args(["--credentials-file", &file, once]);
        let starter = after(&mounts);
        let starter: Vec<_> = starter.iter().map(String::as_str).collect();
        let output = helper.command(&starter).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr).replace(&file, "[FILE]");
        assert_snapshot("file-that-is-mounted-read-only", &stderr);
    }
    assert_eq!(service.requests().len(), 0);
    assert_eq!(scene.text(), OLD);
}

#[test]
fn file_keeps_its_inode_with_in_place() {
    let service = Endpoint::start(Script::of([Response::created()]));
    for (flag, variable, is_in_place) in [
        ("--in-place", "", true),
        ("--once", "true", true),
        ("--once", "", false),
        ("--in-place=false", "true", false),
    ] {
        let scene = Scene::new(&env::temp_dir(), "");
        // The file is mounted elsewhere, as if by a hard link.
        let mounted = scene.folder().with_file_name("mounted");
        fs::hard_link(scene.file(), &mounted).unwrap();
        let file = scene.file().display().to_string();
        let helper = Helper::command_at("update", &service.url())
            .args(["--once", "--credentials-file", &file, flag])
            .env("AWS_SIGNING_HELPER_IN_PLACE", variable)
            .run();
        assert_eq!(
            (helper.exit, helper.stderr.contains("error")),
            (0, false),
            "{helper:?}"
        );
        let is_seen = fs::read_to_string(mounted).unwrap() == scene.text();
        assert_eq!(is_seen, is_in_place, "{flag} {variable}");
        assert!(
            scene
                .text()
                .starts_with("[default]\naws_access_key_id = ASIA")
        );
        assert!(scene.is_tidy());
    }
}

#[test]
fn file_written_in_place_is_itself_locked() {
    let test = "file_written_in_place_is_itself_locked";
    if !has_mounts(test) || !has_strace(test) {
        return;
    }
    let scene = Scene::new(&env::temp_dir(), "");
    let outside = scene.folder().with_file_name("outside");
    fs::write(&outside, OLD).unwrap();
    // As a process that sees it by another mount has it.
    let lock = File::open(&outside).unwrap();
    lock.lock().unwrap();
    let mounts = format!(
        "mount --bind {} {}",
        outside.display(),
        scene.file().display()
    );
    let [unshare, others @ ..] = after(&mounts);
    let log = scene.folder().with_file_name("log");
    let mut command = Command::new(unshare);
    command.args(others).arg("strace").arg("-o").arg(&log);
    command.args(["-e", "trace=flock"]).arg(program());
    scene.arrange(&mut command, "a", 1);
    let mut child = command.spawn().unwrap();
    let is_refused = || fs::read_to_string(&log).is_ok_and(|log| log.contains("EAGAIN"));
    while !is_refused() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), OLD);
    drop(lock);
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read_to_string(&outside).unwrap(), new(0));
}
