//! `sign-string`: a signature over a fixed text.

use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::output;

use crate::arguments::DigestFlag;
use crate::arguments::FormatFlag;
use crate::arguments::SignString;
use crate::debug;
use crate::error::RunError;
use crate::report;
use crate::report::print;
use crate::session::identity_source;

/// `sign-string`.
pub(crate) fn run(arguments: SignString, environment: &Environment) -> Result<ExitCode, RunError> {
    let strays = arguments.strays.strays;
    let (source, passwords) = identity_source(arguments.identity, environment, Instant::now())
        .map_err(|error| error.with_strays(&strays))?;
    let identity = source.open(&passwords).map_err(RunError::Identity)?;
    let signer = identity.signer();
    if arguments.debug == Some(true) {
        let algorithm = signer.public_key().algorithm;
        report::log(&debug::event(
            "signing",
            format!("signing the fixed text with {algorithm}"),
        ));
    }
    let digest = match arguments.digest {
        None | Some(DigestFlag::Sha256) => Digest::Sha256,
        Some(DigestFlag::Sha384) => Digest::Sha384,
        Some(DigestFlag::Sha512) => Digest::Sha512,
    };
    let signature = signer
        .sign(&output::sign_string::message(signer.public_key()), digest)
        .map_err(RunError::Signature)?;
    match arguments.format {
        None | Some(FormatFlag::Json) => {
            print(format!("\"{}\"", hex::encode(signature)).as_bytes())
        }
        Some(FormatFlag::Text) => print(hex::encode(signature).as_bytes()),
        Some(FormatFlag::Bin) => print(&signature),
    }
    .map(|()| ExitCode::SUCCESS)
}
