//! Runs the cases of a group side by side, and reports every failure at once.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use crate::support::case::Case;
use crate::vectors::compare::differences;
use crate::vectors::compare::differences_where_either_is_right;
use crate::vectors::deliberate::Ours;

/// The cases of a folder with one of these prefixes.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) folder: &'static str,
    pub(crate) prefixes: &'static [&'static str],
    /// Their number, so that none goes missing.
    pub(crate) count: usize,
}

impl Group {
    /// Runs and asserts every case of the group.
    pub(crate) fn assert(&self) {
        let mut cases = Case::all(self.folder);
        cases.retain(|case| {
            self.prefixes
                .iter()
                .any(|prefix| case.name.starts_with(prefix))
        });
        assert_eq!(cases.len(), self.count, "number of {} cases", self.title);
        if cfg!(any(windows, target_os = "macos")) {
            cases.retain(|case| !FOR_WANT_OF_A_STORE.contains(&case.name.as_str()));
        }

        let failures = side_by_side(&cases, failure);
        let number = failures.len();
        assert!(
            number == 0,
            "{number} {} cases:\n{}",
            self.title,
            failures.join("\n")
        );
    }
}

/// The faults, one text per case, in the order of the cases.
pub(crate) fn side_by_side<C: Sync>(
    cases: &[C],
    failure: impl Fn(&C) -> Option<String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    failures.lock().unwrap().extend(failure(case));
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}

fn failure(case: &Case) -> Option<String> {
    let (found, stderr) = judge(case);
    if found.is_empty() {
        return None;
    }
    let notes = [&case.about, &case.defect]
        .into_iter()
        .filter(|note| !note.is_empty());
    let notes: String = notes.map(|note| format!("\n    # {note}")).collect();
    let found = found.join("\n    ");
    Some(format!(
        "  {}{notes}\n    {found}\n    stderr: {stderr:?}",
        case.name
    ))
}

/// Runs the case; what is wrong, and what it said.
fn judge(case: &Case) -> (Vec<String>, String) {
    let ours = match case.informative {
        true => Ours::of(&case.name),
        false => None,
    };
    let run = ours.unwrap_or(Ours::AsReference).arrange(case).run();
    let found = match ours {
        Some(ours) => differences(&ours.expectation(case), &run),
        None if case.informative => vec!["informative, and no row of DELIBERATE".to_owned()],
        None if case.may_succeed => differences_where_either_is_right(&case.expected(), &run),
        None => differences(&case.expected(), &run),
    };
    (found, run.output.stderr)
}

/// Refused on Linux, where the system has no certificate store; elsewhere the selector searches one.
const FOR_WANT_OF_A_STORE: [&str; 3] = [
    "selector-file-empty-list",
    "selector-file-good",
    "selector-file-lower-case-names",
];

/// Most of a case is to wait: for the process, and between attempts.
const WORKERS: usize = 8;
