//! Documents of YAML.

use std::process::Command;

use serde_json::Value;

use super::agent::Variables;

/// A document of YAML, read by PyYAML.
pub(crate) fn yaml(text: &str) -> Value {
    let program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.argv[1]), sys.stdout)";
    let output = Command::new("python3")
        .args(["-c", program, text])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A mapping of names to texts.
pub(crate) fn variables(mapping: &Value) -> Variables {
    let pairs = mapping.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    pairs
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}
