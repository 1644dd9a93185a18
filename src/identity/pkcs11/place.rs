//! [`TokenPlace`]: the place of a certificate or key on a token.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::module::Module;
use super::uri::Pkcs11Uri;

/// A URI with the module that leads to the token.
#[derive(Debug)]
pub struct TokenPlace {
    pub(super) uri: Pkcs11Uri,
    name: PathBuf,
    pub(super) module: Arc<Module>,
    pub(super) choices: TokenChoices,
}

/// What flags decide beside the URI.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenChoices {
    /// The user PIN is also the PIN of a key that asks for one at each signature.
    pub is_pin_reused: bool,
    /// Of several certificates, the one that expires last is taken.
    pub is_latest_taken: bool,
}

impl TokenPlace {
    /// The object that `uri` names, by this module.
    pub fn new(uri: Pkcs11Uri, module: Arc<Module>, choices: TokenChoices) -> Self {
        Self {
            name: PathBuf::from(uri.name()),
            uri,
            module,
            choices,
        }
    }

    /// The URI without its PIN.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Equal for places that lead to the same object by the same module.
    pub(in crate::identity) fn fingerprint(&self) -> String {
        format!("{} {:?}", self.uri.object_named(), self.module())
    }

    /// True if the URI holds a PIN, and not only the path of its file.
    pub fn holds_pin(&self) -> bool {
        self.uri.holds_pin()
    }

    /// The module's path, or a name that the loader searches.
    pub fn module(&self) -> &Path {
        self.module.path()
    }
}

/// A certificate on a token, as a list shows it.
#[derive(Debug)]
pub struct ListedCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Selects this certificate.
    pub uri: String,
}
