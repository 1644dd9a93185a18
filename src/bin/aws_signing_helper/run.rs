//! The commands: typed values to library values to output.

use std::io;

use clap_complete::Shell;
use rolesanywhere::credentials::cache::Cache;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::output;

use crate::arguments;
use crate::arguments::CacheFolderFlag;
use crate::arguments::CompletionShell;
use crate::arguments::CredentialProcess;
use crate::arguments::DigestFlag;
use crate::arguments::FormatFlag;
use crate::arguments::ReadCertificateData;
use crate::arguments::SignString;
use crate::cached;
use crate::cached::CacheEntry;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::report;
use crate::report::print;
use crate::session::Session;
use crate::session::certificate_path;
use crate::session::identity_source;

/// `credential-process`.
pub(crate) fn credential_process(
    arguments: CredentialProcess,
    environment: &Environment,
) -> Result<(), RunError> {
    let is_debug = arguments.debug.debug == Some(true);
    let session = Session::new(arguments.call, is_debug, environment)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let credentials = match CacheEntry::open(&session, arguments.cache, environment)? {
        Some(entry) => entry.credentials(session)?,
        None => session.call()?,
    };
    let document = output::credential_process::document(&credentials);
    print(document.expose())
}

/// `cache clear`.
pub(crate) fn cache_clear(
    flag: CacheFolderFlag,
    environment: &Environment,
) -> Result<(), RunError> {
    let path = cached::path(flag, environment).ok_or(RunError::CachePath)?;
    let cleared = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Cache::open(&path).and_then(|cache| cache.clear()),
    };
    cleared.map_err(|source| RunError::CacheClear { path, source })
}

/// `sign-string`.
pub(crate) fn sign_string(
    arguments: SignString,
    environment: &Environment,
) -> Result<(), RunError> {
    let strays = arguments.strays.strays;
    let (source, passwords) = identity_source(arguments.identity, environment)
        .map_err(|error| error.with_strays(&strays))?;
    let identity = source.open(&passwords).map_err(RunError::Identity)?;
    let signer = identity.signer();
    if arguments.debug == Some(true) {
        let algorithm = signer.public_key().algorithm;
        report::line(&format!("debug: signing the fixed text by {algorithm}"));
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
}

/// `read-certificate-data`.
pub(crate) fn read_certificate_data(
    arguments: ReadCertificateData,
    environment: &Environment,
) -> Result<(), RunError> {
    let selectors = [
        ("--cert-selector", arguments.cert_selector.is_some()),
        ("--system-store-name", arguments.system_store_name.is_some()),
    ];
    let path = certificate_path(arguments.certificate, selectors)
        .map_err(|error| error.with_strays(&arguments.strays.strays))?;
    let input = Inputs::new(environment).input("certificate", path)?;
    let certificate = open_certificate(&input).map_err(RunError::Identity)?;
    print(&output::certificate_data::document(&certificate))
}

/// `completion`.
pub(crate) fn completion(shell: Option<CompletionShell>) -> Result<(), RunError> {
    let shell = match shell {
        None => return help(&["completion".to_owned()]),
        Some(CompletionShell::Bash) => Shell::Bash,
        Some(CompletionShell::Zsh) => Shell::Zsh,
        Some(CompletionShell::Fish) => Shell::Fish,
        Some(CompletionShell::Powershell) => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), report::NAME, &mut script);
    print(&script)
}

/// `version`.
pub(crate) fn version() -> Result<(), RunError> {
    print(concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes())
}

/// `help`, of the whole or of the command named; a command that does not exist gets the whole, as in
/// the reference helper. It is the very text of `--help`.
pub(crate) fn help(topic: &[String]) -> Result<(), RunError> {
    let command = arguments::command();
    let topic = topic
        .first()
        .and_then(|name| command.find_subcommand(name))
        .map(|command| command.get_name().to_owned());
    let line = [
        Some(report::NAME.to_owned()),
        topic,
        Some("--help".to_owned()),
    ];
    match command.try_get_matches_from(line.into_iter().flatten()) {
        Err(help) => Err(RunError::Usage(help)),
        Ok(_) => Ok(()),
    }
}
