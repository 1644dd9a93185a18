use std::cell::Cell;
use std::cell::RefCell;
use std::fs;
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::credentials::renewal::Set;
use crate::secret::Secret;

const KEPT: &str = "ASIAKEPT";
const NEW: &str = "ASIANEW";
const SURROUNDINGS: Surroundings = Surroundings {
    clock: Clock::System,
    sleep: thread::sleep,
    jitter: || 0.5,
};

fn key_of(digit: &str) -> CacheKey {
    CacheKey::parse(&digit.repeat(64)).unwrap()
}

fn key() -> CacheKey {
    key_of("0")
}

fn credentials(access_key_id: &str) -> Credentials {
    let expiration = Clock::System.now() + time::Duration::HOUR;
    Credentials {
        access_key_id: access_key_id.to_owned(),
        secret_access_key: Secret::new("S".to_owned()),
        session_token: Secret::new("T".to_owned()),
        expiration: expiration
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap(),
        date: None,
        assumed_role_arn: None,
    }
}

/// So many seconds ago by the wall clock, and by the other.
fn ago(wall: i64, boot: u64) -> Moment {
    let now = Clock::System.moment();
    Moment {
        wall: now.wall - time::Duration::seconds(wall),
        boot: now.boot.saturating_sub(secs(boot)),
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A set of this age in seconds, by both clocks, without a memory of its call.
fn set(received: Moment, life: u64, due_left: u64) -> Renewal {
    Renewal {
        set: Some(Set {
            received,
            life: secs(life),
            due_left: secs(due_left),
        }),
        call: None,
    }
}

/// A call that failed so many seconds ago, after which 10 s are waited.
fn failed(renewal: Renewal, seconds: u64) -> Renewal {
    Renewal {
        call: Some(Call {
            ended: ago(i64::try_from(seconds).unwrap(), seconds),
            failures: 1,
            wait: secs(10),
        }),
        ..renewal
    }
}

/// A cache in its own folder.
struct Kept {
    folder: TempDir,
    cache: Cache,
    calls: Cell<u32>,
}

/// Calls at most once.
struct Counted<'a, F> {
    calls: &'a Cell<u32>,
    call: F,
}

impl<F: FnOnce() -> Result<Credentials, Failed<String>>> Caller for Counted<'_, F> {
    type Error = String;

    fn prepare(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn call(self, _: Fallback) -> Result<Credentials, Failed<String>> {
        self.calls.set(self.calls.get() + 1);
        (self.call)()
    }
}

fn cause() -> FailureReport {
    FailureReport {
        message: "cause".to_owned(),
        hint: Some("advice".to_owned()),
    }
}

impl Kept {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            cache: Cache::open(&folder.path().join("cache")).unwrap(),
            folder,
            calls: Cell::new(0),
        }
    }

    /// With an entry.
    fn with(renewal: Renewal) -> Self {
        let kept = Self::new();
        kept.keep(&renewal, None);
        kept
    }

    fn keep(&self, renewal: &Renewal, failure: Option<&FailureReport>) {
        self.cache
            .write(&key(), Some(&credentials(KEPT)), renewal, failure);
    }

    /// The access key id of the answer, where a call gives a new set.
    fn asked(&self) -> String {
        self.asked_with(|| Ok(credentials(NEW))).unwrap()
    }

    /// Result for a call that fails with this report.
    fn asked_in_vain(&self, report: Option<FailureClass>) -> Result<String, CachedError<String>> {
        self.asked_with(|| {
            Err(Failed {
                report: report.map(|class| (class, cause())),
                error: "error".to_owned(),
            })
        })
    }

    fn asked_with(
        &self,
        call: impl FnOnce() -> Result<Credentials, Failed<String>>,
    ) -> Result<String, CachedError<String>> {
        let caller = Counted {
            calls: &self.calls,
            call,
        };
        let answer = self
            .cache
            .credentials(&key(), Usage::OnDemand, SURROUNDINGS, caller)?;
        Ok(answer.access_key_id)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn has(&self, name: &str) -> bool {
        self.files().iter().any(|file| file == name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("cache").join(name)
    }
}

fn entry_name(digit: &str) -> String {
    format!("{}.json", digit.repeat(64))
}

#[test]
fn first_asks_and_the_next_is_answered() {
    let kept = Kept::new();
    assert_eq!(kept.asked(), NEW);
    for _ in 0..3 {
        assert_eq!(kept.asked_in_vain(None).unwrap(), NEW);
    }
    assert_eq!(kept.calls.get(), 1);
}

#[test]
fn other_key_is_another_question() {
    let kept = Kept::with(set(ago(60, 60), 3599, 1200));
    let answer = kept
        .cache
        .credentials(
            &key_of("1"),
            Usage::OnDemand,
            SURROUNDINGS,
            Counted {
                calls: &kept.calls,
                call: || Ok(credentials(NEW)),
            },
        )
        .unwrap();
    assert_eq!(answer.access_key_id, NEW);
}

#[test]
fn set_serves_until_due_or_20_minutes_left() {
    for (life, due_left, age, answer) in [
        (3599, 1190, 60, KEPT),
        (3599, 1190, 2400, KEPT),
        (3599, 1190, 2410, NEW),
        (899, 600, 290, KEPT),
        (899, 600, 300, NEW),
        // A background renewal would have happened hours ago.
        (43_199, 15_000, 30_000, KEPT),
        (43_199, 15_000, 41_990, KEPT),
        (43_199, 15_000, 42_000, NEW),
        // Lapsed, by far and by little.
        (3599, 1190, 3599, NEW),
        (3599, 1190, 1_000_000, NEW),
    ] {
        let kept = Kept::with(set(ago(age, 0), life, due_left));
        assert_eq!(kept.asked(), answer, "{life} {due_left} {age}");
        assert_eq!(kept.calls.get(), u32::from(answer == NEW));
        assert_eq!(kept.asked(), answer, "{life} {due_left} {age}");
    }
}

#[test]
fn clock_that_is_set_makes_no_set_live_longer() {
    for (life, due_left, wall, boot, answer) in [
        // Forward by 20 minutes, and so far that nothing is left.
        (3599, 1190, 60 + 1200, 60, KEPT),
        (3599, 1190, 1300 + 1200, 60, NEW),
        (3599, 1190, 100_000, 60, NEW),
        // Back by 20 minutes, and by ten years.
        (100, 40, 50 - 1200, 50, KEPT),
        (100, 40, 70 - 1200, 70, NEW),
        (100, 40, -315_360_000, 50, KEPT),
        (100, 40, -315_360_000, 70, NEW),
    ] {
        let kept = Kept::with(set(ago(wall, boot), life, due_left));
        assert_eq!(kept.asked(), answer, "{wall} {boot}");
    }
}

#[test]
fn set_survives_a_reboot_by_the_wall_clock() {
    let before_start = |wall: i64| Moment {
        boot: Clock::System.moment().boot + secs(1_000_000),
        ..ago(wall, 0)
    };
    // With a slow clock, its age is unknown.
    for (wall, answer) in [(-60, NEW), (4000, NEW)] {
        let kept = Kept::with(set(before_start(wall), 3599, 1190));
        assert_eq!(kept.asked(), answer, "{wall}");
    }
    // By uptime alone, which counts too, it must not have lapsed.
    let life = Clock::System.moment().boot.as_secs() + 10_000;
    let kept = Kept::with(set(before_start(60), life, 1190));
    assert_eq!(kept.asked(), KEPT);
}

#[test]
fn failure_is_shared_until_its_wait_is_over() {
    let kept = Kept::new();
    let error = kept.asked_in_vain(Some(FailureClass::Outage)).unwrap_err();
    assert_eq!(error.to_string(), "error");
    for _ in 0..3 {
        let error = kept.asked_with(|| Ok(credentials(NEW))).unwrap_err();
        let CachedError::Noted { report, again_in } = &error else {
            panic!("{error}");
        };
        assert_eq!(*report, cause());
        assert!(*again_in <= secs(5) && *again_in > secs(1), "{again_in:?}");
    }
    assert_eq!(kept.calls.get(), 1);
}

#[test]
fn after_the_wait_the_next_calls_and_waits_get_longer() {
    let kept = Kept::new();
    kept.cache.write(
        &key(),
        None,
        &failed(Renewal::default(), 11),
        Some(&cause()),
    );
    kept.asked_in_vain(Some(FailureClass::Throttled))
        .unwrap_err();
    assert_eq!(kept.calls.get(), 1);
    let entry = kept.cache.entry(&key(), Clock::System.moment());
    let call = entry.renewal.call.unwrap();
    assert_eq!((call.failures, call.wait), (2, secs(60)));
    assert_eq!(entry.failure, Some(cause()));
}

#[test]
fn failure_without_a_call_is_nobody_elses() {
    let kept = Kept::new();
    for _ in 0..2 {
        kept.asked_in_vain(None).unwrap_err();
    }
    assert_eq!(kept.asked(), NEW);
    assert_eq!(kept.calls.get(), 3);
}

#[test]
fn failure_with_a_valid_set_returns_the_set() {
    for report in [None, Some(FailureClass::NoConnection)] {
        let kept = Kept::with(set(ago(3000, 0), 3599, 1190));
        for _ in 0..3 {
            assert_eq!(kept.asked_in_vain(report).unwrap(), KEPT);
        }
        // A failure without a report is not shared: the next one tries.
        assert_eq!(kept.calls.get(), if report.is_some() { 1 } else { 3 });
    }
}

#[test]
fn after_a_failure_the_valid_set_serves_until_it_lapses() {
    let due = set(ago(3000, 0), 3599, 1190);
    let kept = Kept::with(failed(due, 9));
    assert_eq!(kept.asked(), KEPT);
    let kept = Kept::with(failed(due, 11));
    assert_eq!(kept.asked(), NEW);

    let lapsed = set(ago(4000, 0), 3599, 1190);
    let kept = Kept::new();
    kept.keep(&failed(lapsed, 9), Some(&cause()));
    let error = kept.asked_with(|| Ok(credentials(NEW))).unwrap_err();
    assert!(error.to_string().starts_with("cause"), "{error}");
    kept.keep(&failed(lapsed, 11), Some(&cause()));
    assert_eq!(kept.asked(), NEW);
}

#[test]
fn set_that_lapses_during_a_call_is_not_returned() {
    let mut lapsing = set(ago(0, 0), 1, 1);
    lapsing.set.as_mut().unwrap().life = Duration::from_millis(500);
    let kept = Kept::with(lapsing);
    let error = kept.asked_with(|| {
        thread::sleep(Duration::from_millis(600));
        Err(Failed {
            report: Some((FailureClass::Outage, cause())),
            error: "error".to_owned(),
        })
    });
    assert_eq!(error.unwrap_err().to_string(), "error");
    assert_eq!(kept.calls.get(), 1);
}

#[test]
fn no_two_calls_are_made_within_5_s() {
    // Both gave sessions of a second, and one was made before the clock was set forward by an hour.
    for wall in [4, 3604] {
        let boot = Clock::System.moment().boot - Duration::from_millis(4700);
        let ended = Moment {
            // Moments are kept to the millisecond.
            boot: Duration::from_millis(u64::try_from(boot.as_millis()).unwrap()),
            ..ago(wall, 0)
        };
        let mut renewal = Renewal::default();
        renewal.renewed(ended, secs(1), 0.5);
        let kept = Kept::with(renewal);
        assert_eq!(kept.asked(), NEW);
        let now = Clock::System.moment();
        let made = kept.cache.entry(&key(), now).renewal.call.unwrap();
        assert!(made.ended.boot - ended.boot >= secs(5));
    }
}

#[test]
fn set_expired_by_a_wrong_clock_is_replaced_at_once() {
    let kept = Kept::new();
    let renewal = failed(set(ago(60, 60), 43_199, 15_000), 11);
    kept.cache.write(&key(), None, &renewal, Some(&cause()));
    assert_eq!(kept.asked(), NEW);
}

#[test]
fn set_without_usable_expiration_is_not_stored() {
    for expiration in ["soon", "2020-01-01T00:00:00Z"] {
        let kept = Kept::new();
        for _ in 0..2 {
            let odd = Credentials {
                expiration: expiration.to_owned(),
                ..credentials(NEW)
            };
            assert_eq!(kept.asked_with(|| Ok(odd)).unwrap(), NEW);
        }
        assert_eq!(kept.calls.get(), 2);
        assert!(!kept.has(&entry_name("0")));
    }
}

#[test]
fn valid_set_is_returned_during_a_call() {
    let kept = Kept::with(set(ago(3000, 0), 3599, 1190));
    let lock = kept.cache.try_lock(&key()).unwrap().unwrap();
    let begin = Instant::now();
    assert_eq!(kept.asked(), KEPT);
    assert!(begin.elapsed() < secs(5));
    assert_eq!(kept.calls.get(), 0);
    drop(lock);
    assert_eq!(kept.asked(), NEW);
}

#[test]
fn who_waited_gets_the_set_of_who_called() {
    let kept = Kept::new();
    let lock = kept.cache.try_lock(&key()).unwrap().unwrap();
    let path = kept.folder.path().join("cache");
    let waiting = thread::spawn(move || {
        let cache = Cache::open(&path).unwrap();
        cache
            .credentials(
                &key(),
                Usage::OnDemand,
                SURROUNDINGS,
                Counted {
                    calls: &Cell::new(0),
                    call: || panic!("called"),
                },
            )
            .map(|credentials| credentials.access_key_id)
            .unwrap()
    });
    thread::sleep(Duration::from_millis(50));
    kept.keep(&set(ago(0, 0), 3599, 1190), None);
    drop(lock);
    assert_eq!(waiting.join().unwrap(), KEPT);
}

thread_local! {
    /// Simulated time, which passes only in naps.
    static NAPPED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Naps take no time.
const SIMULATED: Surroundings = Surroundings {
    clock: Clock::Simulated(|| Moment {
        wall: time::macros::datetime!(2030-01-01 12:00 UTC) + NAPPED.get(),
        boot: secs(100_000) + NAPPED.get(),
    }),
    sleep: |nap| NAPPED.set(NAPPED.get() + nap),
    jitter: || 0.5,
};

/// Notes what it is asked for.
struct Noting<'a> {
    cache: &'a Cache,
    notes: RefCell<Vec<String>>,
}

impl Caller for &Noting<'_> {
    type Error = String;

    fn prepare(&mut self) -> Result<(), String> {
        let is_locked = self.cache.try_lock(&key()).unwrap().is_none();
        let note = format!("prepare, locked: {is_locked}");
        self.notes.borrow_mut().push(note);
        Ok(())
    }

    fn call(self, fallback: Fallback) -> Result<Credentials, Failed<String>> {
        let is_locked = self.cache.try_lock(&key()).unwrap().is_none();
        let note = format!("call, locked: {is_locked}, {fallback:?}");
        self.notes.borrow_mut().push(note);
        Ok(credentials(NEW))
    }
}

/// The answer, and what the caller was asked for.
fn noted(kept: &Kept, surroundings: Surroundings, usage: Usage) -> (String, Vec<String>) {
    let caller = Noting {
        cache: &kept.cache,
        notes: RefCell::default(),
    };
    let answer = kept
        .cache
        .credentials(&key(), usage, surroundings, &caller)
        .unwrap();
    (answer.access_key_id, caller.notes.take())
}

#[test]
fn holder_that_hangs_makes_no_call_fail() {
    let kept = Kept::new();
    let lock = kept.cache.try_lock(&key()).unwrap().unwrap();
    let (answer, notes) = noted(&kept, SIMULATED, Usage::OnDemand);
    assert_eq!(answer, NEW);
    assert!((secs(20)..secs(21)).contains(&NAPPED.get()));
    let wanted = ["prepare, locked: true", "call, locked: true, Nothing"];
    assert_eq!(notes, wanted);
    drop(lock);
    assert_eq!(kept.files(), [format!("{}.lock", key().as_str())]);
}

#[test]
fn nobody_is_asked_under_the_lock() {
    let (_, notes) = noted(&Kept::new(), SURROUNDINGS, Usage::OnDemand);
    let wanted = ["prepare, locked: false", "call, locked: true, Nothing"];
    assert_eq!(notes, wanted);
}

#[test]
fn valid_set_makes_the_call_a_spare_one() {
    let kept = Kept::with(set(ago(3000, 3000), 3599, 1200));
    let (_, notes) = noted(&kept, SURROUNDINGS, Usage::OnDemand);
    assert_eq!(notes, ["call, locked: true, ValidSet"]);
}

#[test]
fn unrefreshed_set_has_half_of_its_life_left() {
    for (age, usage, wanted) in [
        (1700, Usage::Unrefreshed, KEPT),
        (1900, Usage::Unrefreshed, NEW),
        (1900, Usage::OnDemand, KEPT),
        (2500, Usage::OnDemand, NEW),
    ] {
        let kept = Kept::with(set(ago(age, age.unsigned_abs()), 3600, 2400));
        assert_eq!(noted(&kept, SURROUNDINGS, usage).0, wanted, "{age}");
    }
}

#[test]
fn without_locks_each_calls_and_nothing_is_kept() {
    let lock = format!("{}.lock", key().as_str());
    let kept = Kept::new();
    fs::create_dir(kept.path(&lock)).unwrap();
    assert_eq!(kept.asked(), NEW);
    kept.asked_in_vain(Some(FailureClass::Outage)).unwrap_err();
    assert_eq!(kept.asked(), NEW);
    assert_eq!(kept.files(), std::slice::from_ref(&lock));

    let kept = Kept::with(set(ago(3000, 0), 3599, 1190));
    fs::create_dir(kept.path(&lock)).unwrap();
    assert_eq!(kept.asked_in_vain(None).unwrap(), KEPT);
    assert_eq!(kept.asked(), NEW);
    assert_eq!(kept.calls.get(), 2);
}

#[test]
fn outdated_entries_are_removed_on_the_way() {
    let kept = Kept::new();
    let write = |digit: &str, renewal: &Renewal| {
        let set = credentials(KEPT);
        kept.cache
            .write(&key_of(digit), Some(&set), renewal, Some(&cause()));
    };
    let lapsed = set(ago(4000, 0), 3599, 1190);
    write("1", &lapsed);
    write("2", &set(ago(3500, 0), 3599, 1190));
    write("3", &failed(lapsed, 9));
    write("4", &failed(lapsed, 3000));
    write("5", &failed(lapsed, 4000));
    write("6", &lapsed);
    let strangers = ["notes.json", "x.json.new", "README"];
    let garbage = [
        entry_name("7"),
        format!("{}.new", entry_name("8")),
        format!("{}.new", entry_name("6")),
    ];
    for name in strangers
        .into_iter()
        .chain(garbage.iter().map(String::as_str))
    {
        fs::write(kept.path(name), "garbage").unwrap();
    }
    let _at_work = kept.cache.try_lock(&key_of("6")).unwrap().unwrap();

    assert_eq!(kept.asked(), NEW);
    for name in strangers {
        assert!(kept.has(name), "{name}");
    }
    for (digit, is_there) in [
        ("0", true),
        ("1", false),
        ("2", true),
        // The row of failures counts for an hour, so that waits get longer.
        ("3", true),
        ("4", true),
        ("5", false),
        ("6", true),
        ("7", false),
    ] {
        assert_eq!(kept.has(&entry_name(digit)), is_there, "{digit}");
    }
    assert!(!kept.has(&garbage[1]));
    assert!(kept.has(&garbage[2]));
    for (digit, is_there) in [
        ("0", true),
        ("1", false),
        ("2", true),
        ("5", false),
        ("6", true),
    ] {
        let lock = format!("{}.lock", key_of(digit).as_str());
        assert_eq!(kept.has(&lock), is_there, "{lock}");
    }
}

#[test]
fn clearing_removes_all_entries_and_nothing_else() {
    let kept = Kept::with(set(ago(60, 60), 3599, 1190));
    let lock = |digit| format!("{}.lock", key_of(digit).as_str());
    let left = ["notes.json", &lock("3")];
    let _held = kept.cache.try_lock(&key_of("3")).unwrap().unwrap();
    for name in ["notes.json"].into_iter().chain([
        lock("0").as_str(),
        lock("4").as_str(),
        entry_name("1").as_str(),
        format!("{}.new", entry_name("2")).as_str(),
    ]) {
        fs::write(kept.path(name), "x").unwrap();
    }
    kept.cache.clear().unwrap();
    assert_eq!(kept.files().len(), left.len());
    assert!(left.iter().all(|name| kept.has(name)));
    kept.cache.clear().unwrap();
}

#[test]
fn entry_that_cannot_be_removed_holds_no_other_up() {
    let kept = Kept::new();
    for digit in ["1", "2", "3"] {
        fs::create_dir(kept.path(&entry_name(digit))).unwrap();
    }
    for digit in ["4", "5", "6", "7", "8"] {
        fs::write(kept.path(&entry_name(digit)), "x").unwrap();
    }
    kept.cache.clear().unwrap_err();
    assert_eq!(kept.files(), ["1", "2", "3"].map(entry_name));
}

#[test]
fn folder_is_where_the_first_variable_says() {
    let path = |variables: &[(&str, &str)]| {
        let environment = variables.iter().copied().collect();
        Cache::default_path(&environment).map(|path| path.display().to_string())
    };
    let [(first, below_first), ..] = platform::CACHE_FOLDERS else {
        panic!("there is a variable");
    };
    let absolute = std::env::temp_dir();
    let expected = absolute.join(below_first).join("aws_signing_helper");
    let absolute = absolute.to_str().unwrap();
    let expected = Some(expected.display().to_string());
    assert_eq!(path(&[(first, absolute)]), expected);
    assert_eq!(path(&[(first, "x"), ("OTHER", absolute)]), None);
    assert_eq!(path(&[(first, "")]), None);
    assert_eq!(path(&[]), None);
}

#[test]
fn lock_that_is_removed_is_not_held_by_two() {
    let kept = Kept::new();
    for _ in 0..200 {
        thread::scope(|scope| {
            let one = scope.spawn(|| kept.cache.try_lock(&key()).unwrap());
            let cleared = scope.spawn(|| kept.cache.clear().unwrap());
            let held = one.join().unwrap();
            cleared.join().unwrap();
            let another = kept.cache.try_lock(&key()).unwrap();
            assert!(held.is_none() || another.is_none());
        });
    }
}
