//! The sets that the emulator gives: each part of one holds the number of its session.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A set that is whole, and of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) session: u32,
    pub(crate) expiration: OffsetDateTime,
}

impl Set {
    /// The set of an answer's body; `None` if it lacks anything, or mixes sessions.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| json[name].as_str();
        let number = |name, prefix| {
            let digits = text(name)?.strip_prefix(prefix)?.get(..7)?;
            digits.parse::<u32>().ok()
        };
        let session = number("AccessKeyId", "ASIAEMULATOR")?;
        let is_one = number("SecretAccessKey", "emulator/fake+secret/") == Some(session)
            && number("Token", "EMULATOR/") == Some(session);
        let is_whole = text("Code")? == "Success"
            && text("Token")?.ends_with("==")
            && text("SecretAccessKey")?.ends_with('=');
        let expiration = OffsetDateTime::parse(text("Expiration")?, &Rfc3339).ok()?;
        (is_one && is_whole).then_some(Self {
            session,
            expiration,
        })
    }
}
