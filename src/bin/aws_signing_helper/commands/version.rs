//! `version`.

use std::process::ExitCode;

use rolesanywhere::identity::pkcs11;

use crate::error::RunError;
use crate::report::print;

/// `version`.
pub(crate) fn run(is_verbose: bool) -> Result<ExitCode, RunError> {
    let mut text = String::from(concat!(env!("CARGO_PKG_VERSION"), "\n"));
    if is_verbose {
        let system = std::env::consts::OS;
        let processor = std::env::consts::ARCH;
        let tokens = match pkcs11::IS_SUPPORTED {
            true => "yes",
            false => "no (the build for Linux with glibc loads PKCS#11 modules)",
        };
        text.push_str(&format!(
            "built for: {system}, {processor}\npkcs11: {tokens}\n"
        ));
    }
    print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}
