//! The form of a session policy. It is not evaluated.

use serde_json::Value;

/// Judges a policy; the error says what is wrong.
pub(crate) fn judge(policy: &str) -> Result<(), &'static str> {
    let policy: Value =
        serde_json::from_str(policy).map_err(|_| "This policy contains invalid Json")?;
    match policy.get("Statement") {
        Some(Value::Array(_) | Value::Object(_)) => Ok(()),
        Some(_) | None => Err("Syntax errors in policy."),
    }
}

/// The most characters of a session policy, by the documentation of AWS STS.
pub(crate) const SESSION_POLICY_CHARACTERS_MAX: usize = 2048;
