//! [`LogEvent`]: one event of the log that a long-running command writes, as text or as JSON.
//!
//! `docs/log.md` lists the events and their fields. A tracing crate would add its code to each start of
//! `credential-process`, which logs nothing.

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Severity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// An operation failed.
    Error,
    /// Something needs attention; the operation continued.
    Warning,
    /// Normal operation.
    Info,
    /// Details for `--debug`.
    Debug,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    level: Level,
    name: &'static str,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl LogEvent {
    /// Creates an event without fields. Programs match its name; the message is for people.
    pub fn new(level: Level, name: &'static str, message: impl Into<String>) -> Self {
        Self {
            level,
            name,
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// Adds a field, unless its value is null.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => {}
            value => self.fields.push((name, value)),
        }
        self
    }

    /// Formats the message for people, after its level unless that is info.
    pub fn text(&self) -> String {
        let message = self.message.trim_end();
        match self.level {
            Level::Info => message.to_owned(),
            level => format!("{}: {message}", level.as_str()),
        }
    }

    /// Formats the event as one JSON object on one line: `time`, `level`, `event`, `message`, then the
    /// fields.
    pub fn json(&self, time: OffsetDateTime) -> String {
        serde_json::to_string(&Line { time, event: self }).unwrap_or_default()
    }

    /// Returns the syslog severity (RFC 5424, section 6.2.1), which systemd reads from `<N>` in front of a line.
    pub fn severity(&self) -> u8 {
        match self.level {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Info => 6,
            Level::Debug => 7,
        }
    }
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// An event and its time, in the order of the fields on the line.
struct Line<'a> {
    time: OffsetDateTime,
    event: &'a LogEvent,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let LogEvent {
            level,
            name,
            message,
            fields,
        } = self.event;
        let time = self.time.truncate_to_millisecond();
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("time", &time.format(&Rfc3339).unwrap_or_default())?;
        line.serialize_entry("level", level.as_str())?;
        line.serialize_entry("event", name)?;
        line.serialize_entry("message", message.trim_end())?;
        for (name, value) in fields {
            line.serialize_entry(name, value)?;
        }
        line.end()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn json_is_one_line_in_a_fixed_order() {
        let event = LogEvent::new(
            Level::Error,
            "renewal_failed",
            "no \"connection\"\nat all\n",
        )
        .with("error_code", "ThrottlingException")
        .with("attempt", 3)
        .with("hint", None::<String>);
        let line = event.json(datetime!(2030-01-01 12:00:00.123456 UTC));
        let expected = "{\"time\":\"2030-01-01T12:00:00.123Z\",\"level\":\"error\",\
                        \"event\":\"renewal_failed\",\"message\":\"no \\\"connection\\\"\\nat all\",\
                        \"error_code\":\"ThrottlingException\",\"attempt\":3}";
        assert_eq!(line, expected);
    }

    #[test]
    fn text_names_every_level_but_info() {
        let text = |level| LogEvent::new(level, "x", "message\n").text();
        assert_eq!(text(Level::Info), "message");
        assert_eq!(text(Level::Warning), "warning: message");
        assert_eq!(text(Level::Error), "error: message");
        assert_eq!(text(Level::Debug), "debug: message");
    }
}
