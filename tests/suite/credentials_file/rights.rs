//! Links, rights, and what else may stand in a file's place, on Unix.

use std::env;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::fs::lchown;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rolesanywhere::file::locked_file::Method;
use rolesanywhere::file::locked_file::Notice;
use rolesanywhere::file::write_error::WriteError as Error;
use rolesanywhere::output::credentials_file::Updated;
use rolesanywhere::output::credentials_file::Warning;
use rolesanywhere::output::credentials_file::check;
use rolesanywhere::output::credentials_file::error::CredentialsFileError;
use rolesanywhere::output::credentials_file::update;
use tempfile::TempDir;

use crate::credentials_file::credentials_of;
use crate::credentials_file::new_values;
use crate::credentials_file::writer::Scene;
use crate::credentials_file::writer::program;
use crate::support::program::is_there;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;

/// An update of the profile `a`, on a thread, so that one that hangs is a failed test.
fn updated(path: &Path) -> Result<Updated, Error> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || {
        let credentials = credentials_of(&new_values());
        sender.send(update(
            &path,
            Method::Replace,
            &"a".parse().unwrap(),
            &credentials,
        ))
    });
    match receiver.recv_timeout(Duration::from_secs(120)).unwrap() {
        Ok(updated) => Ok(updated),
        Err(CredentialsFileError::File(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn is_root(test: &str) -> bool {
    let folder = TempDir::new().unwrap();
    let is_root = chown(folder.path(), Some(NOBODY), Some(NOBODY)).is_ok();
    if !is_root {
        skip(&format!("{test}: not run by root"));
    }
    is_root
}

#[test]
fn new_folder_and_file_are_their_owners_alone() {
    let home = TempDir::new().unwrap();
    let path = home.path().join(".aws/deep/credentials");
    updated(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&home.path().join(".aws/deep")), 0o700);
    assert_eq!(mode(&home.path().join(".aws")), 0o700);
}

#[test]
fn mode_is_kept_and_a_readable_file_is_a_warning() {
    for kept in [0o600, 0o400, 0o640, 0o644, 0o1600] {
        let home = TempDir::new().unwrap();
        let path = home.path().join("credentials");
        fs::write(&path, "").unwrap();
        set_mode(&path, kept);
        let updated = updated(&path).unwrap();
        assert_eq!(mode(&path), kept);
        match (&updated.warnings[..], kept & 0o044) {
            ([], 0) => {}
            ([Warning::File(Notice::ReadableByOthers { .. })], 1..) => {}
            (warnings, _) => panic!("{kept:o}: {warnings:?}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn access_control_list_is_kept_and_not_inherited() {
    use rustix::fs::XattrFlags;
    use rustix::fs::getxattr;
    use rustix::fs::setxattr;

    const ACCESS: &str = "system.posix_acl_access";
    const DEFAULT: &str = "system.posix_acl_default";
    let home = TempDir::new().unwrap();
    let path = home.path().join("credentials");
    let list = access_control_list();
    let shown = || {
        let mut found = [0; 256];
        let length = getxattr(&path, ACCESS, &mut found);
        (mode(&path), length.map(|length| found[..length].to_vec()))
    };
    fs::write(&path, "").unwrap();
    if setxattr(&path, ACCESS, &list, XattrFlags::empty()).is_err() {
        skip("access_control_list_is_kept_and_not_inherited: no such lists here");
        return;
    }
    let before = shown();
    assert_eq!(before, (0o640, Ok(list.clone())));
    updated(&path).unwrap();
    assert_eq!(shown(), before);

    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    set_mode(&path, 0o640);
    let before = shown();
    setxattr(home.path(), DEFAULT, &list, XattrFlags::empty()).unwrap();
    updated(&path).unwrap();
    assert_eq!(shown(), before);
}

/// As Linux keeps it: the owner may read and write, the user 12345 may read, the group nothing. In
/// the mode, the group's bits are those of the mask.
#[cfg(target_os = "linux")]
fn access_control_list() -> Vec<u8> {
    let everybody = u32::MAX;
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, everybody),
        (0x02, 4, 12345),
        (0x04, 0, everybody),
        (0x10, 4, everybody),
        (0x20, 0, everybody),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

#[test]
fn links_are_followed_to_the_file_and_stay_links() {
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir_all(at("real/deep")).unwrap();
    fs::write(at("real/deep/file"), "[b]\n").unwrap();
    symlink("real/deep", at("folder")).unwrap();
    symlink("../../folder/file", at("real/deep/link")).unwrap();
    symlink("real/new", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();

    let done = updated(&at("folder/link")).unwrap();
    assert_eq!(done.path, at("real/deep/file").canonicalize().unwrap());
    assert!(at("real/deep/link").is_symlink());
    assert!(
        fs::read_to_string(at("real/deep/file"))
            .unwrap()
            .starts_with("[b]\n[a]\n")
    );
    assert!(at("real/deep/.file.aws_signing_helper.lock").exists());

    updated(&at("dangling")).unwrap();
    assert!(at("dangling").is_symlink());
    assert_eq!(mode(&at("real/new")), 0o600);

    let error = updated(&at("loop")).unwrap_err();
    assert!(matches!(error, Error::Unresolvable { .. }), "{error}");
}

#[test]
fn anything_but_a_file_is_refused_at_once() {
    let home = TempDir::new().unwrap();
    let fifo = home.path().join("fifo");
    let folder = home.path().join("folder");
    let device = home.path().join("device");
    assert!(is_there("mkfifo", &[fifo.to_str().unwrap()]));
    fs::create_dir(&folder).unwrap();
    symlink("/dev/null", &device).unwrap();
    let socket = home.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for path in [&fifo, &folder, &device, &socket] {
        let error = updated(path).unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    }
    assert!(fs::metadata(&folder).unwrap().is_dir());

    // Nor does a FIFO in the place of the lock hang it, or a link lead it away.
    for what in ["fifo", "link"] {
        let path = home.path().join("credentials");
        let lock = home.path().join(".credentials.aws_signing_helper.lock");
        match what {
            "fifo" => assert!(is_there("mkfifo", &[lock.to_str().unwrap()])),
            _ => symlink(home.path().join("elsewhere"), &lock).unwrap(),
        }
        assert!(updated(&path).is_err());
        assert!(!path.exists() && !home.path().join("elsewhere").exists());
        fs::remove_file(&lock).unwrap();
    }
}

#[test]
fn file_larger_than_any_is_refused() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("credentials");
    let file = fs::File::create(&path).unwrap();
    file.set_len(16 * 1024 * 1024 + 1).unwrap();
    let error = updated(&path).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(file.metadata().unwrap().len(), 16 * 1024 * 1024 + 1);
}

#[test]
fn root_keeps_owner_and_group() {
    if !is_root("root_keeps_owner_and_group") {
        return;
    }
    let home = TempDir::new().unwrap();
    let path = home.path().join("credentials");
    fs::write(&path, "").unwrap();
    chown(&path, Some(NOBODY), Some(12345)).unwrap();
    set_mode(&path, 0o660);
    updated(&path).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (NOBODY, 12345));
    assert_eq!(mode(&path), 0o660);
}

#[test]
fn root_follows_only_links_that_others_could_not_make() {
    if !is_root("root_follows_only_links_that_others_could_not_make") {
        return;
    }
    let home = TempDir::new().unwrap();
    let folder = home.path().join("folder");
    let path = folder.join("credentials");
    fs::create_dir(&folder).unwrap();

    // A directory of another user.
    for (owner, folder_mode) in [(0, 0o775), (NOBODY, 0o700), (NOBODY, 0o1770)] {
        chown(&folder, Some(owner), None).unwrap();
        set_mode(&folder, folder_mode);
        let error = updated(&path).unwrap_err();
        assert!(matches!(error, Error::DirectoryOfOthers { .. }), "{error}");
        let error = updated(&folder.join("deeper/credentials")).unwrap_err();
        assert!(matches!(error, Error::DirectoryOfOthers { .. }), "{error}");
    }
    // A sticky one is fine, but neither links of others nor files of others.
    chown(&folder, Some(0), None).unwrap();
    set_mode(&folder, 0o1777);
    updated(&path).unwrap();
    chown(&path, Some(NOBODY), None).unwrap();
    let error = updated(&path).unwrap_err();
    assert!(matches!(error, Error::FileOfOthers { .. }), "{error}");
    fs::write(folder.join("public"), "").unwrap();
    fs::hard_link(folder.join("public"), folder.join("second")).unwrap();
    let error = updated(&folder.join("second")).unwrap_err();
    assert!(matches!(error, Error::FileOfOthers { .. }), "{error}");
    let link = folder.join("link");
    symlink(home.path().join("victim"), &link).unwrap();
    lchown(&link, Some(NOBODY), None).unwrap();
    let error = updated(&link).unwrap_err();
    assert!(matches!(error, Error::LinkOfOthers { .. }), "{error}");
    assert!(!home.path().join("victim").exists());
    lchown(&link, Some(0), None).unwrap();
    updated(&link).unwrap();
    assert!(home.path().join("victim").exists());
    // Where only root can write, any user's link is followed.
    lchown(&link, Some(NOBODY), None).unwrap();
    set_mode(&folder, 0o755);
    updated(&link).unwrap();
}

#[test]
fn root_writes_into_a_world_writable_directory_with_care() {
    if !is_root("root_writes_into_a_world_writable_directory_with_care") {
        return;
    }
    for (owner, folder_mode) in [(0, 0o777), (0, 0o2777), (NOBODY, 0o777), (NOBODY, 0o1777)] {
        let home = TempDir::new().unwrap();
        let folder = home.path().join("folder");
        let at = |name: &str| folder.join(name);
        fs::create_dir(&folder).unwrap();
        chown(&folder, Some(owner), None).unwrap();
        set_mode(&folder, folder_mode);

        // Twice, also after the file's mode was changed, and in deeper directories.
        for path in ["credentials", "credentials", "a/b/credentials"] {
            let done = updated(&at(path)).unwrap();
            let [Warning::File(Notice::ReplaceableByOthers { .. })] = done.warnings[..] else {
                panic!("{:?}", done.warnings);
            };
            let metadata = fs::metadata(at(path)).unwrap();
            assert_eq!((metadata.uid(), mode(&at(path))), (0, 0o600));
            set_mode(&at(path), 0o644);
        }
        assert_eq!(mode(&at("a/b")) & 0o777, 0o700);

        // Never through a link, whosever it is, in any part of the path.
        fs::create_dir(home.path().join("elsewhere")).unwrap();
        symlink(home.path().join("elsewhere"), at("link")).unwrap();
        symlink(home.path().join("elsewhere/file"), at("file")).unwrap();
        for path in ["link/credentials", "file"] {
            let error = updated(&at(path)).unwrap_err();
            assert!(matches!(error, Error::LinkOfOthers { .. }), "{error}");
        }
        assert_eq!(
            fs::read_dir(home.path().join("elsewhere")).unwrap().count(),
            0
        );

        // Nor in place, where another user may have the file open.
        let error = check(&at("credentials"), Method::InPlace).unwrap_err();
        let CredentialsFileError::File(error) = error else {
            panic!("{error}");
        };
        assert!(matches!(error, Error::DirectoryOfOthers { .. }), "{error}");

        // Nor into a file, by a lock or below a directory of another user.
        fs::write(at("theirs"), "").unwrap();
        fs::write(at(".other.aws_signing_helper.lock"), "").unwrap();
        for name in ["theirs", ".other.aws_signing_helper.lock"] {
            chown(at(name), Some(12345), None).unwrap();
        }
        for path in ["theirs", "other"] {
            let error = updated(&at(path)).unwrap_err();
            assert!(matches!(error, Error::FileOfOthers { .. }), "{error}");
        }
        fs::create_dir(at("theirs-too")).unwrap();
        chown(at("theirs-too"), Some(12345), None).unwrap();
        let error = updated(&at("theirs-too/credentials")).unwrap_err();
        assert!(matches!(error, Error::DirectoryOfOthers { .. }), "{error}");
    }
}

#[test]
fn links_of_others_in_world_writable_directories_fail() {
    if !is_root("links_of_others_in_world_writable_directories_fail") {
        return;
    }
    const OWNER: u32 = 12345;
    const STRANGER: u32 = 23456;
    // A directory of the owner's would not be entered in one that any user can write.
    let parent = TempDir::new().unwrap();
    set_mode(parent.path(), 0o755);
    for folder_mode in [0o1777, 0o777] {
        for (link_owner, is_followed) in [(NOBODY, true), (OWNER, true), (STRANGER, false)] {
            // The link is the last part of the path, or one in the middle.
            for is_last in [true, false] {
                let scene = Scene::new(parent.path(), "");
                fs::remove_file(scene.file()).unwrap();
                let elsewhere = TempDir::new_in(parent.path()).unwrap();
                let elsewhere = elsewhere.path();
                set_mode(elsewhere, 0o777);
                chown(elsewhere, Some(STRANGER), None).unwrap();
                let (link, target) = match is_last {
                    true => (scene.file(), elsewhere.join("credentials")),
                    false => (scene.folder(), elsewhere.to_owned()),
                };
                let shared = link.parent().unwrap().to_owned();
                if !is_last {
                    fs::remove_dir(scene.folder()).unwrap();
                }
                symlink(&target, &link).unwrap();
                lchown(&link, Some(link_owner), None).unwrap();
                let run = by_nobody_after(&scene, || {
                    chown(&shared, Some(OWNER), None).unwrap();
                    set_mode(&shared, folder_mode);
                });
                let case = format!("{folder_mode:o} {link_owner} {is_last}: {}", run.1);
                assert_eq!(run.0, is_followed, "{case}");
                assert_eq!(
                    elsewhere.join("credentials").exists(),
                    is_followed,
                    "{case}"
                );
                if !is_followed {
                    let stderr = run.1.replace(&link.display().to_string(), "[LINK]");
                    assert_snapshot("link-of-others", &stderr);
                }
            }
        }
    }
}

#[test]
fn file_in_a_strangers_directory_gets_no_credentials() {
    if !is_root("file_in_a_strangers_directory_gets_no_credentials") {
        return;
    }
    const STRANGER: u32 = 23456;
    for flag in ["--in-place", ""] {
        let scene = Scene::new(&env::temp_dir(), "[b]\n");
        set_mode(&scene.file(), 0o666);
        chown(scene.file(), Some(STRANGER), None).unwrap();
        let script = format!("exec \"$@\" {flag}");
        let starter = ["sh", "-c", &script, "sh"];
        let (is_done, stderr) = by_nobody_through(&scene, &starter, || {
            chown(scene.folder(), Some(STRANGER), None).unwrap();
            set_mode(&scene.folder(), 0o777);
        });
        assert!(!is_done, "{flag}: {stderr}");
        assert_eq!(scene.text(), "[b]\n", "{flag}");
    }
}

#[test]
fn strangers_directory_in_a_shared_one_gets_no_credentials() {
    if !is_root("strangers_directory_in_a_shared_one_gets_no_credentials") {
        return;
    }
    const STRANGER: u32 = 23456;
    // The stranger's directory is the last one of the path, or has another in it, which holds the file.
    for (flag, shared_mode, is_last) in [
        ("--in-place", 0o1777, true),
        ("--in-place", 0o777, true),
        ("--in-place", 0o1777, false),
        ("", 0o1777, true),
    ] {
        let scene = Scene::new(&env::temp_dir(), "[b]\n");
        fs::write(scene.lock(), "").unwrap();
        for path in [scene.file(), scene.lock()] {
            set_mode(&path, 0o666);
            chown(path, Some(STRANGER), None).unwrap();
        }
        let home = scene.folder().parent().unwrap().to_owned();
        let (shared, theirs) = match is_last {
            true => (home.clone(), scene.folder()),
            false => (home.parent().unwrap().to_owned(), home.clone()),
        };
        let script = format!("exec \"$@\" {flag}");
        let starter = ["sh", "-c", &script, "sh"];
        let (is_done, stderr) = by_nobody_through(&scene, &starter, || {
            set_mode(&theirs, 0o755);
            chown(&theirs, Some(STRANGER), None).unwrap();
            if is_last {
                set_mode(&shared, shared_mode);
            }
        });
        let case = format!("{flag} {shared_mode:o} {is_last}: {stderr}");
        assert!(!is_done, "{case}");
        assert_eq!(scene.text(), "[b]\n", "{case}");
        let stderr = stderr.replace(&theirs.display().to_string(), "[FOLDER]");
        assert_snapshot("folder-of-a-stranger", &stderr);
        // One of root's, or of this user's, is fine.
        for owner in [0, NOBODY] {
            let (is_done, stderr) = by_nobody_through(&scene, &starter, || {
                chown(&theirs, Some(owner), None).unwrap();
                chown(scene.file(), Some(NOBODY), Some(NOBODY)).unwrap();
                set_mode(&theirs, 0o777);
            });
            assert!(is_done, "{case}: {stderr}");
        }
    }
}

#[test]
fn unwritable_directory_allows_writing_in_place() {
    if !is_root("unwritable_directory_allows_writing_in_place") {
        return;
    }
    for flag in ["--in-place", ""] {
        let scene = Scene::new(&env::temp_dir(), "[b]\n");
        chown(scene.file(), Some(NOBODY), None).unwrap();
        set_mode(&scene.file(), 0o600);
        let script = format!("exec \"$@\" {flag}");
        let starter = ["sh", "-c", &script, "sh"];
        let (is_done, stderr) = by_nobody_through(&scene, &starter, || ());
        assert_eq!(is_done, !flag.is_empty(), "{stderr}");
        assert_eq!(scene.text() != "[b]\n", is_done);
        if !is_done {
            let folder = scene.folder().display().to_string();
            assert_snapshot("lock-that-is-refused", &stderr.replace(&folder, "[FOLDER]"));
        }
    }
}

#[test]
fn file_that_cannot_be_replaced_fails_the_check() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("credentials");
    check(&path, Method::Replace).unwrap();
    assert!(!path.exists());
    fs::write(&path, "[b]\n").unwrap();
    let temporary = home.path().join(".credentials.aws_signing_helper.tmp");
    fs::write(&temporary, "left behind").unwrap();
    check(&path, Method::Replace).unwrap();
    assert!(!temporary.exists());
    fs::create_dir(&temporary).unwrap();
    let error = check(&path, Method::Replace).unwrap_err();
    let CredentialsFileError::File(error) = error else {
        panic!("{error}");
    };
    assert!(matches!(error, Error::NotWritten { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[b]\n");
}

#[test]
fn modes_are_private_under_any_umask() {
    for umask in ["0777", "0177", "0000"] {
        let scene = Scene::new(&env::temp_dir(), "");
        let home = scene.folder().parent().unwrap().to_owned();
        fs::remove_file(scene.file()).unwrap();
        fs::remove_dir(scene.folder()).unwrap();
        set_mode(&home, 0o777);
        for _ in 0..2 {
            let (is_done, stderr) = by_nobody_through(
                &scene,
                &["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"],
                || (),
            );
            assert!(is_done, "{umask}: {stderr}");
        }
        assert_eq!(mode(&scene.folder()), 0o700, "{umask}");
        assert_eq!(mode(&scene.file()), 0o600, "{umask}");
        assert_eq!(mode(&scene.lock()), 0o600, "{umask}");
        assert!(scene.is_tidy());
    }
}

/// An update by the example, as the user `nobody` if this is root.
fn by_nobody(scene: &Scene) -> (bool, String) {
    by_nobody_through(scene, &[], || ())
}

fn by_nobody_after(scene: &Scene, prepare: impl FnOnce()) -> (bool, String) {
    by_nobody_through(scene, &[], prepare)
}

/// As [`by_nobody`], started by another program, after the last change to the scene.
fn by_nobody_through(scene: &Scene, starter: &[&str], prepare: impl FnOnce()) -> (bool, String) {
    let copy = TempDir::new().unwrap();
    set_mode(copy.path(), 0o755);
    let program_copy = copy.path().join("program");
    // Not by this process: a process started by another test at this time would inherit the open file,
    // and the program could not be run.
    let copied = Command::new("cp")
        .arg(program())
        .arg(&program_copy)
        .status();
    assert!(copied.unwrap().success());
    let mut command = match starter {
        [] => Command::new(program_copy),
        [first, others @ ..] => {
            let mut command = Command::new(first);
            command.args(others).arg(program_copy);
            command
        }
    };
    scene.arrange(&mut command, "a", 1);
    if chown(copy.path(), Some(NOBODY), None).is_ok() {
        let home = scene.folder().parent().unwrap().to_owned();
        set_mode(&home, mode(&home) | 0o755);
        command.uid(NOBODY).gid(NOBODY);
    }
    prepare();
    let output = command.current_dir("/").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), stderr)
}

#[test]
fn unwritable_directory_is_an_error_with_its_path() {
    let scene = Scene::new(&env::temp_dir(), "[b]\n");
    set_mode(&scene.file(), 0o644);
    set_mode(&scene.folder(), 0o555);
    let (is_done, stderr) = by_nobody(&scene);
    assert!(!is_done);
    assert!(
        stderr.contains(scene.folder().to_str().unwrap()),
        "{stderr}"
    );
    assert!(stderr.contains("Permission denied"), "{stderr}");
    assert_eq!(scene.text(), "[b]\n");
    set_mode(&scene.folder(), 0o755);
}

#[test]
fn file_of_another_user_is_not_replaced() {
    if !is_root("file_of_another_user_is_not_replaced") {
        return;
    }
    let scene = Scene::new(&env::temp_dir(), "[b]\n");
    set_mode(&scene.file(), 0o666);
    set_mode(&scene.folder(), 0o777);
    let (is_done, stderr) = by_nobody(&scene);
    assert!(!is_done);
    let folder = scene.folder().display().to_string();
    assert_snapshot(
        "file-of-somebody-else",
        &stderr.replace(&folder, "[FOLDER]"),
    );
    assert_eq!(scene.text(), "[b]\n");
    assert!(scene.is_tidy());
}

const NOBODY: u32 = 65534;
