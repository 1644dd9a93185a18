//! `export` as a process: each form is read by what reads it, with values that try to be more than values.

mod files;
mod pipelines;
mod shells;

use serde_json::Value;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::script::Response;
use crate::support::script::Script;

/// `export` in a form, against the service at this address.
fn export(format: &str, url: &str) -> Helper {
    Helper::command_at("export", url).args(["--format", format])
}

/// A service whose credentials have this secret access key.
fn service_with_key(key: &str) -> Endpoint {
    let created = Response::created();
    let mut body: Value = serde_json::from_str(&created.body).unwrap();
    body["credentialSet"][0]["credentials"]["secretAccessKey"] = key.into();
    Endpoint::start(Script::of([Response {
        body: body.to_string(),
        ..created
    }]))
}

/// What is printed of such credentials.
fn exported(format: &str, key: &str) -> Output {
    let service = service_with_key(key);
    let output = export(format, &service.url()).run();
    assert!(!output.stderr.contains(key), "{}", output.stderr);
    output
}

/// As [`exported`], of a form that carries the key.
fn carried(format: &str, key: &str) -> String {
    let output = exported(format, key);
    assert_eq!((output.exit, &*output.stderr), (0, ""), "{format} {key:?}");
    output.stdout_text().to_owned()
}

/// A form that does not carry the key says so, and prints nothing.
#[track_caller]
fn refused(format: &str, key: &str) {
    let output = exported(format, key);
    assert_eq!((output.exit, output.stdout_text()), (1, ""), "{format}");
    let names = ["AWS_SECRET_ACCESS_KEY", "secretAccessKey"];
    let is_named = names.iter().any(|name| output.stderr.contains(name));
    assert!(is_named, "{format}: {}", output.stderr);
}

/// Everything that some reader takes for more than itself.
const HOSTILE: &str =
    " a'b''\"c\"$HOME${x}`id`$(id)%PATH%!x\\y\\\n\tz&|;#~*[?]<>(){}^\u{e9}\u{2019}\\";
