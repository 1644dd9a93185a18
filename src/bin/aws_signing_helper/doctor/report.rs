//! [`Report`]: what was checked, what was seen, and what to do.

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The checks that were made, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    status: Status,
    detail: String,
    advice: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    checks: &'a [Check],
    ok: bool,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Warn,
    Fail,
    Skip,
}

impl Report {
    pub(super) fn ok(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Status::Ok, detail, None);
    }

    pub(super) fn warn(&mut self, check: &'static str, detail: impl Into<String>, advice: &str) {
        self.add(check, Status::Warn, detail, Some(advice));
    }

    pub(super) fn fail(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
        advice: Option<&str>,
    ) {
        self.add(check, Status::Fail, detail, advice);
    }

    pub(super) fn skip(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Status::Skip, detail, None);
    }

    /// Adds a check. Advice to what is in order is left out.
    pub(super) fn add(
        &mut self,
        check: &'static str,
        status: Status,
        detail: impl Into<String>,
        advice: Option<&str>,
    ) {
        let is_in_order = matches!(status, Status::Ok | Status::Skip);
        self.checks.push(Check {
            check,
            status,
            detail: detail.into(),
            advice: advice.filter(|_| !is_in_order).map(str::to_owned),
        });
    }

    /// The status of a check that was made.
    pub(super) fn status(&self, name: &str) -> Option<Status> {
        let mut checks = self.checks.iter();
        checks
            .find(|check| check.check == name)
            .map(|check| check.status)
    }

    /// Makes a warning of a check that failed.
    pub(super) fn only_warn(&mut self, name: &str) {
        let mut checks = self.checks.iter_mut();
        if let Some(check) = checks.find(|check| check.check == name) {
            check.status = Status::Warn;
        }
    }

    /// Replaces a check that was in order by a failure.
    pub(super) fn fail_after_all(&mut self, name: &str, detail: String, advice: Option<&str>) {
        let mut checks = self.checks.iter_mut();
        if let Some(check) = checks.find(|check| check.check == name) {
            check.status = Status::Fail;
            check.detail = detail;
            check.advice = advice.map(str::to_owned);
        }
    }

    /// The first check that failed.
    pub(super) fn failed(&self) -> Option<&'static str> {
        let mut checks = self.checks.iter();
        let failed = checks.find(|check| check.status == Status::Fail);
        failed.map(|check| check.check)
    }

    /// One line a check.
    pub(crate) fn text(&self) -> String {
        let width = self.checks.iter().map(|check| check.check.len()).max();
        let width = width.unwrap_or_default();
        let mut text = String::new();
        for Check {
            check,
            status,
            detail,
            advice,
        } in &self.checks
        {
            // Writing to a String does not fail.
            let _ = write!(text, "{:<4}  {check:<width$}  {detail}", status.name());
            if let Some(advice) = advice {
                let _ = write!(text, "; {advice}");
            }
            text.push('\n');
        }
        text
    }

    /// `{"checks":[{"check","status","detail","advice"}],"ok":bool}`
    pub(crate) fn json(&self) -> String {
        let document = Document {
            checks: &self.checks,
            ok: self.failed().is_none(),
        };
        // Texts and a boolean always serialize.
        let json = serde_json::to_string(&document).unwrap_or_default();
        json + "\n"
    }

    /// 0 if nothing failed, 3 if nothing but `--expires-within` did.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let failed = self
            .checks
            .iter()
            .filter(|check| check.status == Status::Fail);
        let names: Vec<_> = failed.map(|check| check.check).collect();
        match names.as_slice() {
            [] => ExitCode::SUCCESS,
            [EXPIRES_WITHIN] => ExitCode::from(EXPIRES_SOON),
            _ => ExitCode::FAILURE,
        }
    }
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// A number of things.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// A time for people, in whole seconds.
pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}

pub(super) const EXPIRES_WITHIN: &str = "expires-within";

/// The exit status for monitoring.
const EXPIRES_SOON: u8 = 3;
