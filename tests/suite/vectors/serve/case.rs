//! A case of the folder `serve`, as `fixtures/vectors/README.md` describes it. A field that this model
//! lacks is an error, so nothing that a case demands goes unread.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Map;
use serde_json::Value;

use crate::support::case::read_all;
use crate::support::script::Script;

/// A case: the arguments of `serve`, the service's answers, the clients' requests, and the expected
/// result.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) args: Vec<String>,
    pub(crate) server: Script,
    pub(crate) steps: Vec<Step>,
    expect: Map<String, Value>,
    /// Where the reference is wrong, this overrides `expect` field by field.
    #[serde(default)]
    expected: Map<String, Value>,
    #[serde(default)]
    pub(crate) reference_defect: bool,
    #[serde(default)]
    pub(crate) defect: String,
    #[serde(default)]
    pub(crate) informative: bool,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
}

impl Case {
    /// Every case, by name.
    pub(crate) fn all() -> Vec<Case> {
        read_all("serve")
    }

    /// The expected result: the reference's, except where the reference is wrong.
    pub(crate) fn expected(&self) -> Expectation {
        let mut fields = self.expect.clone();
        if self.reference_defect {
            fields.extend(self.expected.clone());
        }
        let name = &self.name;
        let expected: Expectation = serde_json::from_value(Value::Object(fields))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(self.steps.len(), expected.steps.len(), "{name}");
        expected
    }
}

/// A step: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Step {
    /// Requests, on a connection of their own; `{PAD}` is `pad` times an `x`.
    pub(crate) send: Option<String>,
    pub(crate) pad: usize,
    /// The body of the answer becomes `{TOKEN}`.
    pub(crate) save: Option<String>,
    /// So many times, one after the other.
    pub(crate) repeat: Option<usize>,
    /// So many times, at once.
    pub(crate) parallel: Option<usize>,
    pub(crate) sleep_ms: Option<u64>,
    pub(crate) signal: Option<String>,
    pub(crate) hop_limit: Option<u8>,
    #[serde(rename = "wait")]
    _wait: IgnoredAny,
}

/// The expected result of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// For a process that ends without a signal.
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr_empty: bool,
    /// Without regard to case.
    #[serde(default)]
    pub(crate) stderr_words: Vec<String>,
    #[serde(default)]
    pub(crate) no_token_in_stderr: bool,
    /// False where it has to end before that.
    pub(crate) port_listened: bool,
    /// One for each step.
    pub(crate) steps: Vec<ExpectedStep>,
    #[serde(default, rename = "exit_of_the_reference_after_SIGTERM")]
    pub(crate) _exit_of_the_reference: IgnoredAny,
}

/// The expected result of a step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExpectedStep {
    pub(crate) responses: Vec<ExpectedResponse>,
    /// Of requests that were sent at once.
    pub(crate) statuses: Option<Vec<u16>>,
    /// The hop limit of the packets.
    pub(crate) ttl: Option<u8>,
    /// After a signal.
    pub(crate) exit: Option<i32>,
    /// CreateSession calls since the start.
    pub(crate) create_session_calls: Option<usize>,
    pub(crate) calls_max: Option<usize>,
    #[serde(rename = "create_session_calls_of_the_reference")]
    _calls_of_the_reference: IgnoredAny,
    #[serde(rename = "raw")]
    _raw: IgnoredAny,
}

/// An answer; what is compared of it is in `compare.rs`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExpectedResponse {
    pub(crate) status: u16,
    /// Where more than one is right.
    pub(crate) status_any: Vec<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) body_is: Option<BodyIs>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) ttl_header: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BodyIs {
    Token,
    Credentials,
}

#[cfg(test)]
mod tests {
    use crate::vectors::serve::case::Case;

    #[test]
    fn every_case_of_serve_can_be_read() {
        let cases = Case::all();
        assert_eq!(cases.len(), 54);
        for case in cases {
            case.expected();
        }
    }

    #[test]
    fn steps_of_what_is_wrong_in_the_reference_are_replaced() {
        let cases = Case::all();
        let named = |name: &str| cases.iter().find(|case| case.name == name).unwrap();

        let steps = named("double-slash").expected().steps;
        assert_eq!(steps[1].responses[0].status, 200);
        assert!(!named("first-call-refused").expected().port_listened);
        assert!(named("token-in-log").expected().no_token_in_stderr);
    }
}
