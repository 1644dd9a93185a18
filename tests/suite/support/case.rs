//! A case captured from the reference, as `fixtures/vectors/README.md` describes it. A field that
//! this model lacks is an error, so nothing that a case demands goes unread.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde_json::Map;
use serde_json::Value;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::http::Request;
use crate::support::port::ClosedPort;
use crate::support::script::Script;
use crate::support::vectors;

/// A case: the helper's arguments, the service's answers, and the expected result.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    pub(crate) server: Script,
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
    #[serde(default)]
    pub(crate) may_succeed: bool,
    #[serde(default, rename = "reference_limit")]
    pub(crate) _reference_limit: IgnoredAny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    text: String,
}

/// Every case of a folder, by name, as its model has it.
pub(crate) fn read_all<C: DeserializeOwned>(folder: &str) -> Vec<C> {
    let entries = fs::read_dir(vectors().join(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let cases = paths.iter().map(|path| {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    });
    cases.collect()
}

impl Case {
    /// Every case of a folder, by name.
    pub(crate) fn all(folder: &str) -> Vec<Case> {
        read_all(folder)
    }

    pub(crate) fn named(folder: &str, name: &str) -> Case {
        let path = vectors().join(folder).join(format!("{name}.json"));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The reference's result.
    pub(crate) fn reference(&self) -> Expectation {
        self.expectation(self.expect.clone())
    }

    /// The expected result: the reference's, except where the reference is wrong.
    pub(crate) fn expected(&self) -> Expectation {
        let mut fields = self.expect.clone();
        if self.reference_defect {
            fields.extend(self.expected.clone());
        }
        self.expectation(fields)
    }

    fn expectation(&self, fields: Map<String, Value>) -> Expectation {
        let name = &self.name;
        serde_json::from_value(Value::Object(fields))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Starts the helper against an endpoint with this case's script.
    pub(crate) fn run(&self) -> Run {
        let endpoint = Endpoint::start(self.server.clone());
        let closed = ClosedPort::reserve();
        let mut helper = Helper::new();
        let home = helper.home().display().to_string();
        let fill = |text: &str| {
            text.replace("{PORT}", &endpoint.port().to_string())
                .replace("{CLOSED_PORT}", &closed.number().to_string())
                .replace("{TMP}", &home)
        };
        for file in &self.files {
            helper = helper.file(&file.path, &fill(&file.text));
        }
        for (name, value) in &self.env {
            helper = helper.env(name, &fill(value));
        }
        let output = helper.args(self.args.iter().map(|arg| fill(arg))).run();
        Run {
            output,
            requests: endpoint.requests(),
            port: endpoint.port(),
        }
    }
}

/// The result of a case.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) output: Output,
    pub(crate) requests: Vec<Request>,
    pub(crate) port: u16,
}

/// The expected result of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) exit: i32,
    #[serde(default)]
    pub(crate) stdout: String,
    #[serde(default)]
    pub(crate) stdout_match: StdoutMatch,
    #[serde(default)]
    pub(crate) stdout_words: Vec<String>,
    #[serde(default)]
    pub(crate) stdout_regex: String,
    pub(crate) stderr_empty: bool,
    /// Without regard to case.
    #[serde(default)]
    pub(crate) stderr_words: Vec<String>,
    #[serde(default)]
    pub(crate) stderr_lacks: Vec<String>,
    /// `None` leaves open what is sent.
    pub(crate) requests: Option<Vec<ExpectedRequest>>,
    #[serde(default)]
    pub(crate) attempts_free: bool,
    #[serde(default, rename = "captured_port")]
    pub(crate) _captured_port: IgnoredAny,
    #[serde(default, rename = "stderr")]
    pub(crate) _stderr: IgnoredAny,
    #[serde(default, rename = "wall_ms")]
    pub(crate) _wall_ms: IgnoredAny,
}

/// The comparison of stdout.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StdoutMatch {
    #[default]
    Exact,
    Words,
    Regex,
    Nonempty,
    Json,
    /// Not in a case: the text is free.
    #[serde(skip)]
    Any,
}

/// A request of the reference; of a `CONNECT` there is only method and target.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExpectedRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) algorithm: String,
    pub(crate) credential: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) canonical_request: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature_verified: bool,
    /// By how much `X-Amz-Date` is to differ from this computer's time: never in the reference.
    #[serde(skip)]
    pub(crate) clock_offset_seconds: i64,
    #[serde(rename = "at_ms")]
    pub(crate) _at_ms: IgnoredAny,
    #[serde(rename = "deterministic")]
    pub(crate) _deterministic: IgnoredAny,
    #[serde(rename = "refused")]
    pub(crate) _refused: IgnoredAny,
}

impl ExpectedRequest {
    /// The same request as if it had come over the wire.
    pub(crate) fn as_received(&self) -> Request {
        Request {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.clone().into_bytes(),
            arrived: std::time::SystemTime::UNIX_EPOCH,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::support::case::Case;

    #[test]
    fn faults_of_the_reference_are_overridden_by_field() {
        let case = Case::named("create_session", "response-201-no-secret");

        assert_eq!(case.reference().exit, 2);
        assert_eq!(case.expected().exit, 1);
        assert_eq!(case.expected().stderr_lacks, ["panic", "goroutine"]);
        assert_eq!(case.expected().requests.unwrap().len(), 1);
    }

    #[test]
    fn every_case_can_be_read() {
        for folder in ["create_session", "cli"] {
            let cases = Case::all(folder);
            assert!(cases.len() > 100, "{folder}: {}", cases.len());
            for case in cases {
                case.reference();
                case.expected();
            }
        }
    }
}
