//! The log of `serve` and `update` in JSON: tests match names and fields of events, not their texts.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The flags that tests of the log give.
pub(crate) const JSON: [&str; 2] = ["--log-format", "json"];

/// The events of this name so far. An incomplete line does not count.
pub(crate) fn events(said: &str, name: &str) -> Vec<Value> {
    let lines = said.split_inclusive('\n');
    lines
        .filter(|line| line.ends_with('\n'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event"] == name)
        .collect()
}

/// Number of events of this name so far.
pub(crate) fn count(said: &str, name: &str) -> usize {
    events(said, name).len()
}

/// A field that is a time.
pub(crate) fn moment(event: &Value, field: &str) -> OffsetDateTime {
    let text = event[field].as_str().unwrap();
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

/// Message and hint of the command that failed.
pub(crate) fn failure(said: &str) -> String {
    let failed = &events(said, "failed")[0];
    let text = |field: &str| failed[field].as_str().unwrap_or_default();
    format!("{}\n{}\n", text("message"), text("hint"))
}
