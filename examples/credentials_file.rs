//! Puts credentials into a profile of a credentials file, which other processes may read and write at
//! the same time:
//!
//! ```sh
//! aws_signing_helper credential-process ... |
//!     cargo run --release --example credentials_file -- ~/.aws/credentials default
//! ```
//!
//! Each line of stdin is a document of `credential-process`, and is written before the next one is
//! read. What the user should know is on stderr.
#![allow(
    clippy::print_stderr,
    reason = "an example talks to the person who runs it"
)]

use std::env;
use std::error::Error;
use std::io;
use std::path::Path;

use rolesanywhere::Credentials;
use rolesanywhere::file::locked_file::Method;
use rolesanywhere::output::credentials_file;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::secret::Secret;
use serde::Deserialize;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (path, profile, method) = match arguments.as_slice() {
        [path, profile] => (path, profile, Method::Replace),
        [path, profile, flag] if flag == "--in-place" => (path, profile, Method::InPlace),
        _ => return Err("usage: credentials_file FILE PROFILE [--in-place] <DOCUMENTS".into()),
    };
    let profile: ProfileName = profile.parse()?;
    for line in io::stdin().lines() {
        let document: Document = serde_json::from_str(&line?)?;
        let updated = credentials_file::update(Path::new(path), method, &profile, &document.into())
            .map_err(with_causes)?;
        for warning in updated.warnings {
            eprintln!("warning: {warning}");
        }
    }
    Ok(())
}

/// A document of `credential-process`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: Secret<String>,
    session_token: Secret<String>,
    expiration: String,
}

impl From<Document> for Credentials {
    fn from(document: Document) -> Self {
        Self {
            access_key_id: document.access_key_id,
            secret_access_key: document.secret_access_key,
            session_token: document.session_token,
            expiration: document.expiration,
            date: None,
            assumed_role_arn: None,
        }
    }
}

/// The error and why, in one line.
fn with_causes(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
