//! The comparison of a run, stage by stage: a difference names its place and the found value.

mod request;

use std::fmt::Debug;

use regex_lite::Regex;

use crate::support::case::Expectation;
use crate::support::case::ExpectedRequest;
use crate::support::case::Run;
use crate::support::case::StdoutMatch;
use crate::support::helper::Output;
use crate::vectors::compare::request::request_differences;
use crate::vectors::compare::request::verify;

/// Every way in which the run is not what it has to be.
pub(crate) fn differences(expected: &Expectation, run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    if run.output.is_timed_out {
        found.push("did not end within the time limit".to_owned());
    }
    found.extend(differing("exit", &expected.exit, &run.output.exit));
    found.extend(stdout_difference(expected, &run.output));
    found.extend(stderr_differences(expected, &run.output));
    if let Some(requests) = &expected.requests {
        found.extend(session_differences(expected, requests, run));
    }
    found
}

/// A file that the reference refuses: to refuse it before any request is right, and so is to read
/// it and send a request that the service takes.
pub(crate) fn differences_where_either_is_right(refusal: &Expectation, run: &Run) -> Vec<String> {
    if run.output.exit != 0 {
        return differences(refusal, run);
    }
    let mut found = Vec::new();
    found.extend(differing("number of requests", &1, &run.requests.len()));
    found.extend(
        run.requests
            .iter()
            .filter_map(|request| verify(request).err()),
    );
    found.extend(differing("stderr", &"", &run.output.stderr.as_str()));
    if run.output.stdout.is_empty() {
        found.push("stdout: empty".to_owned());
    }
    found
}

fn stdout_difference(expected: &Expectation, output: &Output) -> Option<String> {
    let Ok(stdout) = str::from_utf8(&output.stdout) else {
        return Some("stdout: not UTF-8".to_owned());
    };
    let pattern = format!("^(?:{})$", expected.stdout_regex);
    let mut words = expected.stdout_words.iter();
    match expected.stdout_match {
        StdoutMatch::Any => None,
        StdoutMatch::Exact => differing("stdout", &expected.stdout.as_str(), &stdout),
        StdoutMatch::Json => differing("stdout", &json(&expected.stdout), &json(stdout)),
        StdoutMatch::Nonempty => stdout.is_empty().then(|| "stdout: empty".to_owned()),
        StdoutMatch::Words => {
            let missing = words.find(|word| !stdout.contains(*word));
            missing.map(|word| format!("stdout: lacks {word:?}"))
        }
        StdoutMatch::Regex => {
            let is_match = Regex::new(&pattern).unwrap().is_match(stdout);
            (!is_match).then(|| format!("stdout: {stdout:?} does not match {pattern:?}"))
        }
    }
}

fn json(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

fn stderr_differences(expected: &Expectation, output: &Output) -> Vec<String> {
    let stderr = output.stderr.to_lowercase();
    let mut found = Vec::new();
    match (expected.stderr_empty, stderr.is_empty()) {
        (true, false) => found.push("stderr: not empty".to_owned()),
        (false, true) => found.push("stderr: empty".to_owned()),
        (true, true) | (false, false) => {}
    }
    for word in &expected.stderr_words {
        if !stderr.contains(&word.to_lowercase()) {
            found.push(format!("stderr: lacks {word:?}"));
        }
    }
    for word in &expected.stderr_lacks {
        if output.stderr.contains(word) {
            found.push(format!("stderr: holds {word:?}"));
        }
    }
    found
}

fn session_differences(
    expected: &Expectation,
    requests: &[ExpectedRequest],
    run: &Run,
) -> Vec<String> {
    let mut found = Vec::new();
    let is_open = expected.attempts_free && !requests.is_empty() && !run.requests.is_empty();
    if !is_open {
        found.extend(differing(
            "number of requests",
            &requests.len(),
            &run.requests.len(),
        ));
    }
    for (index, request) in run.requests.iter().enumerate() {
        // Where the number of attempts is open, each further one is as the last.
        let Some(wanted) = requests.get(index.min(requests.len().wrapping_sub(1))) else {
            break;
        };
        let differences = request_differences(wanted, request, run.port);
        found.extend(
            differences
                .into_iter()
                .map(|one| format!("request {}: {one}", index + 1)),
        );
    }
    found
}

pub(crate) fn differing<T: PartialEq + Debug>(stage: &str, wanted: &T, got: &T) -> Option<String> {
    if wanted == got {
        return None;
    }
    let (wanted, got) = (format!("{wanted:?}"), format!("{got:?}"));
    let same = wanted
        .chars()
        .zip(got.chars())
        .take_while(|(left, right)| left == right);
    let start = same.count().saturating_sub(CONTEXT_CHARS);
    let (wanted, got) = (excerpt(&wanted, start), excerpt(&got, start));
    Some(format!(
        "{stage}:\n      expected {wanted}\n      got      {got}"
    ))
}

/// The part of a long text in which it differs from another.
fn excerpt(text: &str, start: usize) -> String {
    let shown: String = text.chars().skip(start).take(EXCERPT_CHARS_MAX).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + EXCERPT_CHARS_MAX < text.chars().count() {
        "…"
    } else {
        ""
    };
    format!("{before}{shown}{after}")
}

const CONTEXT_CHARS: usize = 40;
const EXCERPT_CHARS_MAX: usize = 200;
#[cfg(test)]
mod tests;
