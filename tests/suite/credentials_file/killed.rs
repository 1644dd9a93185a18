//! A write, system call by system call: in which order, what a kill before each of them leaves, and
//! what an error of each of them leads to. By strace.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use crate::credentials_file::writer::Scene;
use crate::credentials_file::writer::lines;
use crate::credentials_file::writer::program;
use crate::support::program::is_there;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

const OLD: &str = "[other]\nregion = x\n\n[a]\n# mine\n";

fn scene() -> Scene {
    let scene = Scene::new(&env::temp_dir(), OLD);
    fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o640)).unwrap();
    scene
}

fn new() -> String {
    OLD.replace("[a]\n", &format!("[a]\n{}", lines(0)))
}

/// Runs an update under strace with these options.
fn traced(scene: &Scene, options: &[&str]) -> (Output, String) {
    let log = scene.folder().with_file_name("log");
    let mut command = Command::new("strace");
    command.arg("-o").arg(&log).args(options).arg(program());
    scene.arrange(&mut command, "a", 1);
    let output = command.output().unwrap();
    (output, fs::read_to_string(log).unwrap())
}

pub(super) fn has_strace(test: &str) -> bool {
    let is_there = is_there("strace", &["-e", "inject=none:signal=KILL", "true"])
        || is_there("strace", &["true"]);
    if !is_there {
        skip(&format!("{test}: no strace, or it may not trace"));
    }
    is_there
}

#[test]
fn file_is_synced_before_rename_and_directory_after() {
    if !has_strace("file_is_synced_before_rename_and_directory_after") {
        return;
    }
    let scene = scene();
    let (output, log) = traced(&scene, &["-y"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(scene.text(), new());

    let folder = scene.folder().display().to_string();
    let names = [
        (".credentials.aws_signing_helper.lock", "lock"),
        (".credentials.aws_signing_helper.tmp", "temporary"),
        ("\"credentials\"", "file"),
        ("/credentials>", "file"),
        ("/.aws>", "directory"),
    ];
    let watched = [
        "flock", "openat", "read", "write", "fchown", "fchmod", "fsync", "rename",
    ];
    let steps: Vec<_> = log
        .lines()
        .filter(|line| line.contains(&folder) && !line.starts_with("write(2<"))
        .filter_map(|line| {
            let call = watched.iter().find(|call| line.starts_with(**call))?;
            let (_, name) = names.iter().find(|(text, _)| line.contains(text))?;
            Some(format!("{call} {name}"))
        })
        .collect();
    let expected = [
        "openat directory",
        "openat lock",
        "flock lock",
        "openat file",
        "read file",
        "read file",
        "openat temporary",
        "write temporary",
        "fchmod temporary",
        "fsync temporary",
        "rename temporary",
        "openat directory",
        "fsync directory",
    ];
    assert_eq!(steps, expected, "{log}");
    let created = log.lines().find(|line| line.contains("O_EXCL")).unwrap();
    assert!(created.contains("0600"), "{created}");
}

/// Each system call of an update from the first that looks at the folder, with how many of its name
/// there were up to it.
fn calls(log: &str, folder: &Path) -> Vec<(String, usize)> {
    let folder = folder.display().to_string();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut has_begun = false;
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((name, _)) = line.split_once('(') else {
            continue;
        };
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        has_begun |= line.contains(&folder) && name != "execve";
        if has_begun {
            calls.push((name.to_owned(), *count));
        }
    }
    calls
}

#[test]
fn kill_at_any_system_call_leaves_whole_file() {
    if !has_strace("kill_at_any_system_call_leaves_whole_file") {
        return;
    }
    let first = scene();
    let (output, log) = traced(&first, &["-y"]);
    assert!(output.status.success(), "{output:?}");
    let calls = calls(&log, &first.folder());
    assert!(calls.len() > 30, "{log}");

    let (mut old, mut new_ones, mut left) = (0, 0, 0);
    for (name, count) in &calls {
        let scene = scene();
        let inject = format!("inject={name}:signal=KILL:when={count}");
        let (output, _) = traced(&scene, &["-e", &inject]);
        let is_killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
        assert!(is_killed, "{inject}: {output:?}");
        match scene.text() {
            text if text == OLD => old += 1,
            text if text == new() => new_ones += 1,
            text => panic!("{inject}: {text:?}"),
        }
        let mode = fs::metadata(scene.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{inject}");
        left += usize::from(scene.temporary().exists());

        // The next one finds nothing in its way, and tidies up.
        let mut command = Command::new(program());
        scene.arrange(&mut command, "a", 1);
        assert!(command.output().unwrap().status.success(), "{inject}");
        assert_eq!(scene.text(), new(), "{inject}");
        assert!(scene.is_tidy(), "{inject}");
    }
    assert!(
        old > 0 && new_ones > 0 && left > 0,
        "{old} {new_ones} {left}"
    );
}

#[test]
fn failed_system_call_names_its_path_and_keeps_the_file() {
    if !has_strace("failed_system_call_names_its_path_and_keeps_the_file") {
        return;
    }
    let cases = [
        ("lock", "openat:error=EROFS", "Read-only file system"),
        ("lock", "flock:error=ENOLCK", "No locks available"),
        ("file", "openat:error=EACCES", "Permission denied"),
        ("file", "read:error=EIO", "Input/output error"),
        ("temporary", "openat:error=EACCES", "Permission denied"),
        ("temporary", "write:error=ENOSPC", "No space left on device"),
        (
            "temporary",
            "fgetxattr,fremovexattr:error=EPERM",
            "Operation not permitted",
        ),
        ("temporary", "fchmod:error=EPERM", "Operation not permitted"),
        ("temporary", "fsync:error=EIO", "Input/output error"),
        // An immutable file.
        (
            "temporary",
            "rename,renameat,renameat2:error=EPERM",
            "Operation not permitted",
        ),
    ];
    for (what, fault, words) in cases {
        let scene = scene();
        let path = match what {
            "lock" => scene.lock(),
            "temporary" => scene.temporary(),
            _ => scene.file(),
        };
        // Some architectures lack these system calls.
        let fault = match cfg!(target_arch = "aarch64") {
            true => fault.replace("rename,", ""),
            false => fault.to_owned(),
        };
        let inject = format!("inject={fault}");
        let (output, log) = traced(&scene, &at(&path, &inject));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{inject}: {stderr} {log}");
        assert!(stderr.contains(words), "{inject}: {stderr}");
        let folder = scene.folder().display().to_string();
        assert!(stderr.contains(&folder), "{inject}: {stderr}");
        assert_eq!(scene.text(), OLD, "{inject}");
        assert!(scene.is_tidy(), "{inject}");
    }
}

/// The options that inject a fault into what is done to this file, by descriptor or by name.
fn at<'a>(path: &'a Path, inject: &'a str) -> [&'a str; 6] {
    let name = path.file_name().unwrap().to_str().unwrap();
    ["-P", path.to_str().unwrap(), "-P", name, "-e", inject]
}

#[test]
fn file_that_cannot_be_replaced_is_written_in_place() {
    if !has_strace("file_that_cannot_be_replaced_is_written_in_place") {
        return;
    }
    for error in ["EBUSY", "EXDEV"] {
        let scene = scene();
        let inode = || fs::metadata(scene.file()).unwrap().ino();
        let before = inode();
        let names = match cfg!(target_arch = "aarch64") {
            true => "renameat,renameat2",
            false => "rename,renameat,renameat2",
        };
        let inject = format!("inject={names}:error={error}");
        let (output, log) = traced(&scene, &at(&scene.temporary(), &inject));
        assert!(log.contains("INJECTED"), "{log}");
        assert!(output.status.success(), "{error}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let [_, warning] = stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{stderr}");
        };
        let file = scene.file().display().to_string();
        assert_snapshot(
            "file-that-is-a-mount-point",
            &warning.replace(&file, "[FILE]"),
        );
        assert_eq!(scene.text(), new());
        assert_eq!(inode(), before);
        assert!(scene.is_tidy());
    }
}

/// A file that gets shorter by an update: its old token is longer than the new one.
fn shrinking() -> (Scene, String) {
    let old = OLD.replace(
        "[a]\n",
        &format!("[a]\naws_session_token = {}\n", "x".repeat(400)),
    );
    let new = format!("{}# end\n", new());
    let new = new.replace(
        &lines(0),
        "aws_session_token = token0\naws_access_key_id = ASIA0\naws_secret_access_key = secret0\n",
    );
    (Scene::new(&env::temp_dir(), &format!("{old}# end\n")), new)
}

fn growing() -> (Scene, String) {
    (scene(), new())
}

#[test]
fn kill_while_writing_in_place_leaves_a_whole_file() {
    if !has_strace("kill_while_writing_in_place_leaves_a_whole_file") {
        return;
    }
    for make in [shrinking, growing] {
        kill_while_writing_in_place(make);
    }
}

fn kill_while_writing_in_place(make: fn() -> (Scene, String)) {
    let run = |scene: &Scene, options: &[&str]| {
        let log = scene.folder().with_file_name("log");
        let mut command = Command::new("strace");
        command.arg("-o").arg(&log).args(options).arg(program());
        scene.arrange(&mut command, "a", 1);
        let output = command.arg("--in-place").output().unwrap();
        (output, fs::read_to_string(log).unwrap())
    };
    let (first, new) = make();
    let inode = fs::metadata(first.file()).unwrap().ino();
    let old = first.text();
    let (output, log) = run(&first, &["-y"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(first.text(), new);
    assert_eq!(fs::metadata(first.file()).unwrap().ino(), inode);

    let (mut old_ones, mut padded, mut new_ones) = (0, 0, 0);
    for (name, count) in calls(&log, &first.folder()) {
        let (scene, _) = make();
        let inject = format!("inject={name}:signal=KILL:when={count}");
        run(&scene, &["-e", &inject]);
        match scene.text() {
            text if text == old => old_ones += 1,
            text if text == new => new_ones += 1,
            text => {
                let is_whole = [&old, &new]
                    .iter()
                    .any(|whole| text.trim_end() == whole.trim_end());
                assert!(is_whole, "{inject}: {text}");
                padded += 1;
            }
        }
    }
    assert!(
        old_ones > 0 && padded > 0 && new_ones > 0,
        "{old_ones} {padded} {new_ones}"
    );
}

#[test]
fn failed_write_in_place_puts_the_old_content_back() {
    if !has_strace("failed_write_in_place_puts_the_old_content_back") {
        return;
    }
    for fault in [
        "fallocate:error=ENOSPC",
        "write:error=EIO:when=1",
        "ftruncate:error=EIO:when=1",
    ] {
        let (scene, _) = shrinking();
        let old = scene.text();
        let file = scene.file();
        let inject = format!("inject={fault}");
        let mut command = Command::new("strace");
        let log = scene.folder().with_file_name("log");
        command
            .arg("-o")
            .arg(&log)
            .args(at(&file, &inject))
            .arg(program());
        scene.arrange(&mut command, "a", 1);
        let output = command.arg("--in-place").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{fault}: {stderr}");
        let stderr = stderr.replace(&file.display().to_string(), "[FILE]");
        assert_snapshot("write-in-place-that-failed", &stderr);
        assert_eq!(scene.text(), old, "{fault}");
    }
}

#[test]
fn failed_sync_of_directory_is_reported() {
    if !has_strace("failed_sync_of_directory_is_reported") {
        return;
    }
    for (error, is_told) in [("EIO", true), ("EINVAL", false)] {
        let scene = scene();
        let folder = scene.folder().display().to_string();
        let inject = format!("inject=fsync:error={error}");
        let (output, _) = traced(&scene, &["-P", &folder, "-e", &inject]);
        assert_eq!(output.status.success(), !is_told, "{error}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let (name, stderr) = match is_told {
            true => (
                "directory-that-is-not-synced",
                stderr.replace(&folder, "[FOLDER]"),
            ),
            false => {
                let file = scene.file().display().to_string();
                ("file-that-others-can-read", stderr.replace(&file, "[FILE]"))
            }
        };
        assert_snapshot(name, &stderr);
        assert_eq!(scene.text(), new());
    }
}
