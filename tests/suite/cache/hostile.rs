//! Unsafe folders and files: nothing is read from them, nothing is written through them, and the call
//! continues.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Cached;
use super::clear;
use super::fails;
use super::files;
use super::second;
use super::succeeds;
use crate::support::helper::Helper;
use crate::support::script::Response;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Gives `path` to another user; `false` where only the superuser may.
fn give_away(path: &Path, test: &str) -> bool {
    let other = fs::metadata(path).unwrap().uid() + 1;
    let is_given = chown(path, Some(other), None).is_ok();
    if !is_given {
        skip(&format!("{test}: only the superuser can give files away"));
    }
    is_given
}

fn make_fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

/// Calls that succeed, with a one-line warning about the folder.
fn goes_on_without_a_cache(cached: &Cached, cache_dir: &Path) {
    let helper = || {
        let path = cache_dir.display().to_string();
        Helper::credential_process(&cached.endpoint).args(["--cache", "--cache-dir", &path])
    };
    let calls = cached.calls();
    let path = cache_dir.display().to_string();
    for _ in 0..2 {
        let output = helper().run();
        assert_eq!(output.exit, 0, "{}", output.stderr);
        assert_snapshot(
            "cache-that-is-not-used",
            &output.stderr.replace(&path, "[FOLDER]"),
        );
    }
    assert_eq!(cached.calls(), calls + 2);
}

#[test]
fn folder_and_files_are_the_owners_alone() {
    let cached = Cached::with_entry([Response::created()]);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&cached.path()), 0o700);
    let names = files(&cached.path(), "");
    assert_eq!(names.len(), 2);
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn folder_and_files_are_private_under_any_umask() {
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    for umask in ["0777", "0177", "0000"] {
        let cached = Cached::new([Response::created()]);
        let above = cached.folder.path().join("a");
        let path = above.join("cache").display().to_string();
        let helper = Helper::credential_process(&cached.endpoint);
        let helper = helper.args(["--cache", "--cache-dir", &path]);
        let script = format!("umask {umask}; exec \"$@\"");
        for _ in 0..2 {
            let mut command = helper.command(&["sh", "-c", &script, "sh"]);
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert!(output.stderr.is_empty(), "{output:?}");
        }
        assert_eq!(cached.calls(), 1, "{umask}");
        assert_eq!(
            (mode(&above), mode(path.as_ref())),
            (0o700, 0o700),
            "{umask}"
        );
        let names = files(path.as_ref(), "");
        assert_eq!(names.len(), 2);
        for path in names {
            assert_eq!(mode(&path), 0o600, "{umask} {}", path.display());
        }
    }
}

#[test]
fn folder_that_is_a_link_is_not_used() {
    let cached = Cached::new([Response::created()]);
    let target = cached.folder.path().join("target");
    fs::create_dir(&target).unwrap();
    set_mode(&target, 0o700);
    symlink(&target, cached.path()).unwrap();
    goes_on_without_a_cache(&cached, &cached.path());
    // With a slash at the end the system would follow it.
    goes_on_without_a_cache(&cached, &cached.path().join(""));
    goes_on_without_a_cache(&cached, &cached.path().join("."));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    let stderr = fails(&clear(&cached.path()));
    let path = cached.path().display().to_string();
    assert_snapshot("cache-clear-of-a-link", &stderr.replace(&path, "[FOLDER]"));
    fs::remove_dir(&target).unwrap();
    goes_on_without_a_cache(&cached, &cached.path());
    assert!(!target.exists());
}

#[test]
fn folder_that_others_can_use_is_not_used() {
    for mode in [0o755, 0o710, 0o701, 0o770, 0o777, 0o1777] {
        let cached = Cached::with_entry([Response::created()]);
        set_mode(&cached.path(), mode);
        goes_on_without_a_cache(&cached, &cached.path());
        let stderr = fails(&clear(&cached.path()));
        assert!(
            stderr.contains(&format!("{:04o}", mode & 0o777)),
            "{stderr}"
        );
        assert!(cached.entry().exists());
    }
}

#[test]
fn folder_of_another_user_is_not_used() {
    let cached = Cached::with_entry([Response::created()]);
    if give_away(&cached.path(), "folder_of_another_user_is_not_used") {
        goes_on_without_a_cache(&cached, &cached.path());
    }
}

#[test]
fn folder_that_cannot_be_made_is_done_without() {
    let cached = Cached::new([Response::created()]);
    fs::write(cached.path(), "a file").unwrap();
    goes_on_without_a_cache(&cached, &cached.path());
    goes_on_without_a_cache(&cached, &cached.path().join("below"));
    goes_on_without_a_cache(&cached, Path::new("/dev/null/below"));
    assert_eq!(fs::read_to_string(cached.path()).unwrap(), "a file");

    let closed = TempDir::new().unwrap();
    set_mode(closed.path(), 0o500);
    if fs::create_dir(closed.path().join("x")).is_ok() {
        skip("folder_that_cannot_be_made_is_done_without: the superuser can write anywhere");
    } else {
        goes_on_without_a_cache(&cached, &closed.path().join("below"));
    }
}

#[test]
fn fifo_in_place_of_the_folder_does_not_block() {
    let cached = Cached::new([Response::created()]);
    make_fifo(&cached.path());
    goes_on_without_a_cache(&cached, &cached.path());
}

/// Damages an entry; the next call has to replace it with a good one.
fn entry_is_absent(attack: impl Fn(&Path)) {
    let cached = Cached::with_entry([Response::created(), second()]);
    let entry = cached.entry();
    attack(&entry);
    for _ in 0..2 {
        let printed = succeeds(&cached.helper());
        assert!(printed.contains("ASIASECOND"), "{printed}");
    }
    assert_eq!(cached.calls(), 2);
    let metadata = fs::symlink_metadata(&entry).unwrap();
    assert!(metadata.is_file() && metadata.nlink() == 1);
    assert_eq!(metadata.mode() & 0o7777, 0o600);
}

#[test]
fn entry_that_is_a_link_is_not_followed() {
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("target");
    // To what would be a good entry, and to nothing.
    entry_is_absent(|entry| {
        fs::rename(entry, &target).unwrap();
        symlink(&target, entry).unwrap();
    });
    let text = fs::read_to_string(&target).unwrap();
    assert!(text.contains("ASIAEXAMPLE"), "{text}");
    let nothing = elsewhere.path().join("nothing");
    entry_is_absent(|entry| {
        fs::remove_file(entry).unwrap();
        symlink(&nothing, entry).unwrap();
    });
    assert!(!nothing.exists());
}

#[test]
fn entry_with_a_second_name_is_absent() {
    let elsewhere = TempDir::new().unwrap();
    let name = elsewhere.path().join("second");
    entry_is_absent(|entry| fs::hard_link(entry, &name).unwrap());
    let text = fs::read_to_string(&name).unwrap();
    assert!(text.contains("ASIAEXAMPLE"), "{text}");
}

#[test]
fn entry_that_others_can_use_is_absent() {
    for mode in [0o644, 0o620, 0o602, 0o604, 0o666, 0o700] {
        entry_is_absent(|entry| set_mode(entry, mode));
    }
}

#[test]
fn entry_of_somebody_else_is_absent() {
    entry_is_absent(|entry| {
        if !give_away(entry, "entry_of_somebody_else_is_absent") {
            fs::remove_file(entry).unwrap();
        }
    });
}

#[test]
fn fifo_in_place_of_an_entry_does_not_block() {
    entry_is_absent(|entry| {
        fs::remove_file(entry).unwrap();
        make_fifo(entry);
    });
}

#[test]
fn entry_that_is_not_one_is_absent() {
    for content in [
        Vec::new(),
        b"garbage".to_vec(),
        vec![b'\n'; 100],
        vec![0xff; 64 * 1024],
        vec![b'x'; 10 * 1024 * 1024],
    ] {
        entry_is_absent(|entry| fs::write(entry, &content).unwrap());
    }
}

#[test]
fn entry_of_another_key_is_absent() {
    entry_is_absent(|entry| {
        let text = fs::read_to_string(entry).unwrap();
        let other = Cached::with_entry([Response::created()]);
        let others = fs::read_to_string(other.entry()).unwrap();
        assert_ne!(others, text);
        fs::write(entry, others).unwrap();
    });
}

#[test]
fn directory_in_place_of_entry_is_left_alone() {
    let cached = Cached::with_entry([Response::created()]);
    let entry = cached.entry();
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    for calls in 2..4 {
        succeeds(&cached.helper());
        assert_eq!(cached.calls(), calls);
    }
    assert!(entry.is_dir());
    assert_eq!(files(&cached.path(), ".new").len(), 0);
    let stderr = fails(&clear(&cached.path()));
    let path = cached.path().display().to_string();
    assert_snapshot(
        "cache-clear-of-a-directory",
        &stderr.replace(&path, "[FOLDER]"),
    );
}

#[test]
fn link_in_place_of_new_entry_is_removed() {
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("target");
    fs::write(&target, "mine").unwrap();
    entry_is_absent(|entry| {
        symlink(&target, entry.with_extension("json.new")).unwrap();
        fs::remove_file(entry).unwrap();
    });
    entry_is_absent(|entry| {
        fs::hard_link(&target, entry.with_extension("json.new")).unwrap();
        fs::remove_file(entry).unwrap();
    });
    entry_is_absent(|entry| {
        make_fifo(&entry.with_extension("json.new"));
        fs::remove_file(entry).unwrap();
    });
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}

#[test]
fn unsafe_lock_is_not_followed() {
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("target");
    let attacks: [&dyn Fn(&Path); 3] = [
        &|lock| symlink(&target, lock).unwrap(),
        &|lock| make_fifo(lock),
        &|lock| fs::create_dir(lock).unwrap(),
    ];
    for attack in attacks {
        let cached = Cached::with_entry([Response::created()]);
        let lock = cached.file(".lock");
        fs::remove_file(cached.entry()).unwrap();
        fs::remove_file(&lock).unwrap();
        attack(&lock);
        for calls in 2..4 {
            succeeds(&cached.helper());
            assert_eq!(cached.calls(), calls);
        }
    }
    assert!(!target.exists());
}

#[test]
fn lock_of_any_mode_is_one() {
    // As `chmod -R` makes them.
    for mode in [0o700, 0o644] {
        let cached = Cached::with_entry([Response::created()]);
        set_mode(&cached.file(".lock"), mode);
        fs::remove_file(cached.entry()).unwrap();
        succeeds(&cached.helper());
        succeeds(&cached.helper());
        assert_eq!(cached.calls(), 2, "{mode:o}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn read_only_folder_is_used_with_a_warning() {
    let read_only = |path: &str| {
        let script =
            format!("mount --bind {path} {path}; mount -o remount,ro,bind {path}; exec \"$@\"");
        ["unshare", "-m", "sh", "-ec", &script, "sh"].map(str::to_owned)
    };
    let cached = Cached::with_entry([Response::created()]);
    let path = cached.path().display().to_string();
    let calls = cached.calls();
    let starter = read_only(&path);
    let starter: Vec<&str> = starter.iter().map(String::as_str).collect();
    let helper = cached.helper();
    let output = helper.command(&starter).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.starts_with("unshare: ") || stderr.starts_with("mount: ") {
        skip(&format!(
            "read_only_folder_is_used_with_a_warning: {stderr}"
        ));
        return;
    }
    assert!(output.status.success(), "{stderr}");
    assert_snapshot(
        "cache-that-is-not-written",
        &stderr.replace(&path, "[FOLDER]"),
    );
    assert_eq!(cached.calls(), calls, "the set is there");
}
