//! `sign-string`: a signature over a fixed text.

use std::process::ExitCode;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::open_key;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::identity::signer::Signer;
use rolesanywhere::output;

use crate::arguments::sign_string::DigestFlag;
use crate::arguments::sign_string::FormatFlag;
use crate::arguments::sign_string::SignString;
use crate::debug;
use crate::error::RunError;
use crate::identity::hardware;
use crate::identity::identity_source;
use crate::identity::lone_key;
use crate::inputs::refuse_shared_streams;
use crate::passwords::Passwords;
use crate::report;
use crate::report::print;

/// `sign-string`.
pub(crate) fn run(arguments: SignString, environment: &Environment) -> Result<ExitCode, RunError> {
    let begin = Instant::now();
    let SignString {
        identity: flags,
        digest,
        format,
        debug,
        strays,
    } = arguments;
    let output = Signed {
        digest: match digest {
            None | Some(DigestFlag::Sha256) => Digest::Sha256,
            Some(DigestFlag::Sha384) => Digest::Sha384,
            Some(DigestFlag::Sha512) => Digest::Sha512,
        },
        format: format.unwrap_or(FormatFlag::Json),
        is_debug: debug == Some(true),
    };
    refuse_shared_streams(&flags.inputs())?;
    if let Some(locator) = lone_key(&flags, output.is_debug, environment, begin)? {
        let passwords = Passwords::new(flags.passwords, environment, begin)?;
        let hardware = hardware(environment, output.is_debug);
        let signer = open_key(&locator, &hardware, &passwords).map_err(RunError::Identity)?;
        return output.print(signer.as_ref(), !is_on_token(&locator));
    }
    let (source, passwords) = identity_source(flags, output.is_debug, environment, begin)
        .map_err(|error| error.with_strays(&strays.strays))?;
    let identity = source.open(&passwords).map_err(RunError::Identity)?;
    // As the reference helper signs: without the key if that alone is on a token.
    let with_key = is_on_token(&source.certificate) || !is_on_token(source.private_key());
    output.print(identity.signer(), with_key)
}

fn is_on_token(locator: &Locator) -> bool {
    matches!(locator, Locator::Pkcs11(_))
}

/// The signature to print.
struct Signed {
    digest: Digest,
    format: FormatFlag,
    is_debug: bool,
}

impl Signed {
    /// Signs the fixed text, with the public key behind it or alone.
    fn print(&self, signer: &dyn Signer, with_key: bool) -> Result<ExitCode, RunError> {
        if self.is_debug {
            let algorithm = signer.public_key().algorithm;
            let message = format!("signing the fixed text with {algorithm}");
            report::log(&debug::event("signing", message));
        }
        let message = output::sign_string::message(Some(signer.public_key()).filter(|_| with_key));
        let signature = signer
            .sign(&message, self.digest)
            .map_err(RunError::Signature)?;
        match self.format {
            FormatFlag::Json => print(format!("\"{}\"", hex::encode(signature)).as_bytes()),
            FormatFlag::Text => print(hex::encode(signature).as_bytes()),
            FormatFlag::Bin => print(&signature),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}
