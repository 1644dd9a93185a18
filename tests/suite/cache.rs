//! `--cache` and `cache clear`: the calls to the service, and the content of the folder.

mod concurrency;
#[cfg(unix)]
mod hostile;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ring::digest;
use rolesanywhere_emulator::Settings;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::emulator;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::snapshots::assert_snapshot;

/// A folder for a cache, which is not there yet, and a service.
struct Cached {
    folder: TempDir,
    endpoint: Endpoint,
}

impl Cached {
    fn new(responses: impl IntoIterator<Item = Response>) -> Cached {
        Cached {
            folder: TempDir::new().unwrap(),
            endpoint: Endpoint::start(Script::of(responses)),
        }
    }

    /// With an entry, made by a call.
    fn with_entry(responses: impl IntoIterator<Item = Response>) -> Cached {
        let cached = Cached::new(responses);
        succeeds(&cached.helper());
        cached
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn helper(&self) -> Helper {
        let path = self.path().display().to_string();
        Helper::credential_process(&self.endpoint).args(["--cache", "--cache-dir", &path])
    }

    fn calls(&self) -> usize {
        self.endpoint.requests().len()
    }

    /// The only file with this suffix.
    fn file(&self, suffix: &str) -> PathBuf {
        let [path] = &files(&self.path(), suffix)[..] else {
            panic!("{:?}", files(&self.path(), ""));
        };
        path.clone()
    }

    fn entry(&self) -> PathBuf {
        self.file(".json")
    }

    /// Changes the only entry as this process would have written it.
    fn change_entry(&self, change: impl FnOnce(&mut Value)) {
        let path = self.entry();
        let text = fs::read_to_string(&path).unwrap();
        let (head, json) = text.split_once('\n').unwrap();
        let mut json: Value = serde_json::from_str(json).unwrap();
        change(&mut json);
        let json = json.to_string();
        let digest = digest::digest(&digest::SHA256, json.as_bytes());
        let (form, _) = head.rsplit_once(' ').unwrap();
        fs::write(path, format!("{form} {}\n{json}", hex::encode(digest))).unwrap();
    }

    /// A set that is valid for ten minutes, and due.
    fn make_due(&self) {
        self.change_entry(|entry| {
            entry["set"]["life_ms"] = 600_000.into();
            entry["set"]["due_left_ms"] = 600_000.into();
            entry["call"] = Value::Null;
        });
    }

    /// A set that was valid for a second, an hour ago.
    fn make_lapsed(&self) {
        self.change_entry(|entry| {
            let received = &mut entry["set"]["received"]["wall_ms"];
            *received = (received.as_i64().unwrap() - 3_600_000).into();
            entry["set"]["life_ms"] = 1000.into();
            entry["call"] = Value::Null;
        });
    }
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    paths.retain(|path| path.display().to_string().ends_with(suffix));
    paths
}

/// Its stdout; stderr must be empty.
fn succeeds(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    output.stdout_text().to_owned()
}

fn fails(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    output.stderr
}

/// Credentials of another access key than the first.
fn second() -> Response {
    let first = Response::created();
    Response {
        body: first.body.replace("ASIAEXAMPLE", "ASIASECOND"),
        ..first
    }
}

fn down() -> Response {
    Response::error(500, "InternalServerException", "down")
}

fn clear(folder: &Path) -> Helper {
    let path = folder.display().to_string();
    Helper::new().args(["cache", "clear", "--cache-dir", &path])
}

#[test]
fn second_call_is_answered_from_the_cache() {
    let emulator = emulator(Settings::default());
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    let helper = Helper::new()
        .args(["credential-process", "--cache"])
        .args(["--certificate", "pki/ec256.crt"])
        .args(["--private-key", "pki/ec256.key"])
        .args(["--trust-anchor-arn", &arn("trust-anchor")])
        .args(["--profile-arn", &arn("profile")])
        .args(["--role-arn", "arn:aws:iam::123456789012:role/ci"])
        .args(["--endpoint", &emulator.url()]);
    let first = succeeds(&helper);
    assert!(first.contains("ASIAEMULATOR0000001"), "{first}");
    for _ in 0..3 {
        assert_eq!(succeeds(&helper), first);
    }
    assert_eq!(emulator.requests().len(), 1);
}

#[test]
fn answer_is_the_same_with_and_without_the_cache() {
    let cached = Cached::new([Response::created()]);
    let without = succeeds(&Helper::credential_process(&cached.endpoint));
    let off = Helper::credential_process(&cached.endpoint).args(["--cache=false"]);
    assert_eq!(succeeds(&off), without);
    assert_eq!(succeeds(&cached.helper()), without);
    assert_eq!(succeeds(&cached.helper()), without);
    assert_eq!(cached.calls(), 3);
}

#[test]
fn other_flags_are_another_entry() {
    let cached = Cached::new([Response::created()]);
    let flags = [
        &[][..],
        &["--session-duration", "900"],
        &["--role-session-name", "build"],
        &["--role-arn", "arn:aws:iam::123456789012:role/other"],
        &["--region", "us-west-2"],
        &["--intermediates", "pki/chain3.intermediates.pem"],
        &["--private-key", "pki/rsa2048.pkcs1.key"],
    ];
    for round in 1..=2 {
        for more in flags {
            succeeds(&cached.helper().args(more.iter().copied()));
        }
        assert_eq!(cached.calls(), flags.len(), "round {round}");
    }
    assert_eq!(files(&cached.path(), ".json").len(), flags.len());
}

#[test]
fn variables_switch_the_cache_on_and_say_where_it_is() {
    let cached = Cached::new([Response::created()]);
    let path = cached.path().display().to_string();
    let helper = Helper::credential_process(&cached.endpoint)
        .env("AWS_SIGNING_HELPER_CACHE", "true")
        .env("AWS_SIGNING_HELPER_CACHE_DIR", &path);
    succeeds(&helper);
    succeeds(&helper);
    assert_eq!(cached.calls(), 1);
    assert!(cached.entry().is_file());
    assert_eq!(fs::read_dir(helper.home()).unwrap().count(), 0);
}

#[test]
fn folder_is_in_the_users_folder_for_caches() {
    let variable = match cfg!(windows) {
        true => "LOCALAPPDATA",
        false => "XDG_CACHE_HOME",
    };
    let cached = Cached::new([Response::created()]);
    let caches = TempDir::new().unwrap();
    let helper = Helper::credential_process(&cached.endpoint)
        .args(["--cache"])
        .env(variable, &caches.path().display().to_string());
    succeeds(&helper);
    let folder = caches.path().join("aws_signing_helper");
    assert_eq!(files(&folder, ".json").len(), 1);
    assert_eq!(fs::read_dir(helper.home()).unwrap().count(), 0);
}

#[test]
fn nothing_is_kept_without_the_flag() {
    let cached = Cached::new([Response::created()]);
    let helper = Helper::credential_process(&cached.endpoint);
    succeeds(&helper);
    assert_eq!(fs::read_dir(helper.home()).unwrap().count(), 0);
}

#[test]
fn without_any_folder_it_goes_on() {
    let cached = Cached::new([Response::created()]);
    let helper = Helper::credential_process(&cached.endpoint)
        .args(["--cache"])
        .env("HOME", "");
    succeeds(&helper);
    let output = helper.args(["--debug"]).run();
    let warning = output.stderr.lines().find(|line| line.contains("cache"));
    assert_snapshot("cache-without-a-folder", warning.unwrap());
    assert_eq!(cached.calls(), 2);
}

#[test]
fn answers_of_anybody_are_not_kept() {
    let cached = Cached::new([Response::created()]);
    let helper = cached.helper().args(["--no-verify-ssl"]);
    succeeds(&helper);
    succeeds(&helper);
    assert_eq!(cached.calls(), 2);
    assert!(!cached.path().exists());
}

#[test]
fn set_that_is_due_is_replaced() {
    let cached = Cached::with_entry([Response::created(), second()]);
    cached.make_due();
    for _ in 0..2 {
        assert!(succeeds(&cached.helper()).contains("ASIASECOND"));
    }
    assert_eq!(cached.calls(), 2);
}

/// Tools that read the file use a set until it expires; a client that asks again does not.
#[test]
fn set_with_less_than_half_left_is_not_written() {
    let hour = Response::expiring(3600, 0);
    let cached = Cached::with_entry([hour, second()]);
    let path = cached.path().display().to_string();
    let update = Helper::command_at("update", &cached.endpoint.url()).args([
        "--once",
        "--cache",
        "--cache-dir",
        &path,
        "--credentials-file",
        "~/credentials",
    ]);
    let written = || {
        succeeds(&update);
        fs::read_to_string(update.home().join("credentials")).unwrap()
    };
    let make_older = |minutes: i64| {
        cached.change_entry(|entry| {
            let received = &mut entry["set"]["received"]["wall_ms"];
            *received = (received.as_i64().unwrap() - minutes * 60_000).into();
            entry["call"] = Value::Null;
        });
    };
    make_older(20);
    assert!(written().contains("ASIAEXAMPLE"));
    assert_eq!(cached.calls(), 1);
    make_older(15);
    assert!(succeeds(&cached.helper()).contains("ASIAEXAMPLE"));
    assert_eq!(cached.calls(), 1);
    assert!(written().contains("ASIASECOND"));
    assert_eq!(cached.calls(), 2);
    // The new one is there for others.
    assert!(succeeds(&cached.helper()).contains("ASIASECOND"));
    assert_eq!(cached.calls(), 2);
}

#[test]
fn set_with_odd_expiration_is_returned_not_stored() {
    for expiration in ["tomorrow", "2020-01-01T00:00:00Z"] {
        let created = Response::created();
        let odd = Response {
            body: created.body.replace("2099-12-31T23:59:59Z", expiration),
            ..created
        };
        let cached = Cached::new([odd]);
        for calls in 1..=2 {
            let printed = succeeds(&cached.helper());
            assert!(printed.contains(expiration), "{printed}");
            assert_eq!(cached.calls(), calls);
        }
        assert_eq!(files(&cached.path(), ".json").len(), 0);
    }
}

#[test]
fn lapsed_entries_are_removed_as_it_goes() {
    let cached = Cached::with_entry([Response::created()]);
    cached.make_lapsed();
    let lapsed = cached.entry();
    let other = cached.helper().args(["--session-duration", "900"]);
    succeeds(&other);
    assert!(!lapsed.exists());
    assert!(cached.entry().is_file());
}

#[test]
fn failure_is_shared_without_a_call() {
    let cached = Cached::new([Response::error(403, "AccessDeniedException", "not yours")]);
    let helper = cached.helper();
    let said = [fails(&helper), fails(&helper)].concat();
    assert_snapshot("failure-from-the-cache", &said);
    assert_eq!(cached.calls(), 1);
    // It is kept for the cache alone, and no longer than that.
    fails(&Helper::credential_process(&cached.endpoint));
    succeeds(&clear(&cached.path()));
    fails(&helper);
    assert_eq!(cached.calls(), 3);
}

#[test]
fn incomplete_answer_is_shared_through_the_cache() {
    let cached = Cached::new([Response {
        body: r#"{"credentialSet":[]}"#.to_owned(),
        ..Response::created()
    }]);
    let mut said = String::new();
    for _ in 0..3 {
        said += &fails(&cached.helper());
    }
    assert_snapshot("incomplete-answer-from-the-cache", &said);
    assert_eq!(cached.calls(), 1);
}

#[test]
fn local_fault_is_not_shared_through_the_cache() {
    let cached = Cached::new([Response::created()]);
    let helper = cached.helper().args(["--private-key", "pki/mismatch.key"]);
    for _ in 0..2 {
        let stderr = fails(&helper);
        assert_snapshot("key-that-does-not-match-with-a-cache", &stderr);
    }
    assert_eq!(files(&cached.path(), ".json").len(), 0);
}

#[test]
fn with_a_valid_set_an_outage_is_not_seen() {
    let cached = Cached::with_entry([Response::created(), down()]);
    let first = succeeds(&cached.helper());
    cached.make_due();
    for _ in 0..3 {
        assert_eq!(succeeds(&cached.helper()), first);
    }
    // One call, of one attempt.
    assert_eq!(cached.calls(), 1 + 1);
    cached.make_due();
    let patient = cached.helper().env("AWS_MAX_ATTEMPTS", "5");
    assert_eq!(succeeds(&patient), first);
    assert_eq!(cached.calls(), 1 + 1 + 1);
}

#[test]
fn debug_tells_the_entry_and_no_secret() {
    let cached = Cached::new([Response::created()]);
    let helper = cached.helper().args(["--debug"]);
    for _ in 0..2 {
        let Output { exit, stderr, .. } = helper.run();
        assert_eq!(exit, 0);
        let name = cached.entry().file_stem().unwrap().display().to_string();
        assert!(stderr.contains(&format!("cache: entry {name}")), "{stderr}");
        for secret in ["secret/key+1=", "token/1+="] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
    }
    assert_eq!(cached.calls(), 1);
}

#[test]
fn clearing_removes_the_credentials_and_nothing_else() {
    let cached = Cached::with_entry([Response::created()]);
    let entry = cached.entry();
    let notes = cached.path().join("notes.json");
    fs::write(&notes, "{}").unwrap();
    for _ in 0..2 {
        assert_eq!(succeeds(&clear(&cached.path())), "");
        assert!(!entry.exists() && notes.exists());
    }
    succeeds(&cached.helper());
    assert_eq!(cached.calls(), 2);
}

#[test]
fn clearing_clears_what_the_variables_name() {
    let cached = Cached::with_entry([Response::created()]);
    let path = cached.path().display().to_string();
    let clear = Helper::new()
        .args(["cache", "clear"])
        .env("AWS_SIGNING_HELPER_CACHE_DIR", &path);
    succeeds(&clear);
    assert_eq!(files(&cached.path(), ".json").len(), 0);
    let help = succeeds(&Helper::new().args(["cache", "clear", "--help"]));
    assert!(help.contains("AWS_SIGNING_HELPER_CACHE_DIR"), "{help}");
    assert!(!help.contains("--cache["), "{help}");
}

#[test]
fn clearing_where_there_is_no_cache_makes_none() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cache");
    succeeds(&clear(&path));
    assert!(!path.exists());
    let nowhere = Helper::new().args(["cache", "clear"]).env("HOME", "");
    let stderr = fails(&nowhere);
    assert!(stderr.contains("--cache-dir"), "{stderr}");
}

#[test]
fn cache_folder_may_be_tilde_but_not_content() {
    let emulator = emulator(Settings::default());
    let cached = |folder: &str| {
        Helper::command_at("credential-process", &emulator.url()).args([
            "--cache",
            "--cache-dir",
            folder,
        ])
    };
    let helper = cached("~/cache");
    let output = helper.run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert!(helper.home().join("cache").is_dir());
    let key = "-----BEGIN EC PRIVATE KEY-----MHcCAQEEIA";
    let output = cached(key).run();
    assert_eq!(output.exit, 1);
    assert!(!output.stderr.contains("MHcC"), "{}", output.stderr);
    assert!(!Path::new(key).exists());
}
