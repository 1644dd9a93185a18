//! botocore itself reads what was written.

use std::fs;
use std::process::Command;

use proptest::strategy::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rolesanywhere::output::credentials_file::edit::edit;
use serde_json::Value;
use tempfile::TempDir;

use crate::credentials_file::NEW;
use crate::credentials_file::credentials_of;
use crate::credentials_file::new_values;
use crate::credentials_file::properties::file;
use crate::support::program::is_there;
use crate::support::skip;
use crate::support::vectors;

#[test]
fn botocore_reads_each_file_that_was_written() {
    if !is_there("python3", &["-c", "import botocore"]) {
        skip("botocore_reads_each_file_that_was_written: no python3 with botocore");
        return;
    }
    let folder = TempDir::new().unwrap();
    let credentials = credentials_of(&new_values());
    let mut readable = Vec::new();
    for (index, (file, profile)) in files().into_iter().enumerate() {
        let edited = edit(&file, &profile.parse().unwrap(), &credentials).unwrap();
        readable.push(edited.obstacles.is_empty());
        let path = folder.path().join(index.to_string());
        fs::write(&path, edited.bytes.expose()).unwrap();
        fs::write(path.with_extension("profile"), profile).unwrap();
    }
    let output = Command::new("python3")
        .args(["-c", SCRIPT, &readable.len().to_string()])
        .current_dir(&folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!(NEW.map(|(_, value)| value));
    for (index, (found, is_readable)) in found.iter().zip(&readable).enumerate() {
        let file = fs::read(folder.path().join(index.to_string())).unwrap();
        if *is_readable {
            assert_eq!(*found, expected, "{}", file.escape_ascii());
        }
    }
    let count = readable.iter().filter(|is_readable| **is_readable).count();
    assert!(
        count > 100,
        "only {count} files of {} can be read",
        readable.len()
    );
}

/// Those of the cases, and random ones.
fn files() -> Vec<(Vec<u8>, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(vectors().join("update")).unwrap() {
        let folder = entry.unwrap().path();
        let case = fs::read_to_string(folder.join("case.json")).unwrap();
        let case: Value = serde_json::from_str(&case).unwrap();
        let before = fs::read(folder.join("before")).unwrap_or_default();
        files.push((before, case["profile"].as_str().unwrap().to_owned()));
    }
    assert_eq!(files.len(), 58);
    let mut runner = TestRunner::default();
    let random = file();
    for _ in 0..500 {
        let file = random.new_tree(&mut runner).unwrap().current().0;
        files.push((file, "default".to_owned()));
    }
    files
}

const SCRIPT: &str = r"
import json, sys
from botocore.credentials import SharedCredentialProvider
from botocore.exceptions import ConfigParseError
found = []
for name in range(int(sys.argv[1])):
    profile = open(f'{name}.profile', encoding='utf-8').read()
    try:
        loaded = SharedCredentialProvider(str(name), profile).load()
        found.append([loaded.access_key, loaded.secret_key, loaded.token] if loaded else None)
    except ConfigParseError as error:
        found.append(str(error))
print(json.dumps(found))
";
