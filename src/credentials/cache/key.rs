//! [`CacheKey`]: everything that changes the answer, hashed.

use std::fmt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

use crate::arn::Region;
use crate::create_session::endpoint::Endpoint;
use crate::create_session::proxy::Proxy;
use crate::create_session::request::CreateSessionRequest;
use crate::create_session::trust_roots::TrustRoots;
use crate::file;
use crate::file::FileError;
use crate::identity::IdentitySource;
use crate::identity::input::Input;
use crate::identity::pkcs12;

/// The name of an entry: which identity asks whom for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

/// Everything that changes the answer.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub source: &'a IdentitySource,
    /// For what.
    pub request: &'a CreateSessionRequest,
    /// The region that is signed for.
    pub region: &'a Region,
    /// Whom.
    pub endpoint: &'a Endpoint,
    /// Which way.
    pub proxy: Option<&'a Proxy>,
    /// By whose word.
    pub trust_roots: &'a TrustRoots,
}

impl CacheKey {
    /// The key of a question; two are the same only if all parts are. `None` where the answer is not
    /// to be kept: anybody may have given it, or the identity can be read only once.
    ///
    /// Fails where a file of the identity cannot be read.
    pub fn of(question: &Question<'_>) -> Result<Option<Self>, FileError> {
        let mut hash = Fields(Sha256::new());
        let IdentitySource::Files {
            certificate,
            private_key,
            intermediates,
        } = question.source;
        let is_kept = hash.public("certificate", Some(certificate))?
            && hash.public("intermediates", intermediates.as_ref())?
            && hash.secret("private key", private_key.as_ref())?
            && hash.trust_roots(question.trust_roots);
        if !is_kept {
            return Ok(None);
        }
        for (name, value) in question.request.query() {
            hash.field(name, value.as_bytes());
        }
        hash.field("body", &question.request.body());
        hash.field("region", question.region.as_str().as_bytes());
        hash.field("endpoint", question.endpoint.to_string().as_bytes());
        let proxy = question.proxy.map(ToString::to_string).unwrap_or_default();
        hash.field("proxy", proxy.as_bytes());
        Ok(Some(Self(hex::encode(hash.0.finalize()))))
    }

    /// The key that an entry is named by.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_key = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then(|| Self(text.to_owned()))
    }

    /// 64 hexadecimal digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash over names and values, each after its length.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            // No file here is longer than 64 bits can say.
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// Certificates count by their content, and by their file where a key lies with them. Whether the
    /// answer may be kept.
    fn public(&mut self, name: &str, input: Option<&Input>) -> Result<bool, FileError> {
        let Some(input) = input else {
            return Ok(true);
        };
        let version = match input {
            Input::File(path) => match file::version(path)? {
                Some(version) => version,
                None => return Ok(false),
            },
            Input::Held { name, .. } if is_read_once(name) => return Ok(false),
            Input::Held { .. } => String::new(),
        };
        let bytes = input.read()?;
        self.field(name, bytes.expose());
        if holds_key(bytes.expose()) {
            self.field("version", version.as_bytes());
        }
        Ok(true)
    }

    /// Keys count by their file, so that none is read where the cache answers.
    fn secret(&mut self, name: &str, input: Option<&Input>) -> Result<bool, FileError> {
        match input {
            None => {}
            Some(Input::File(path)) => {
                let Some(version) = file::version(path)? else {
                    return Ok(false);
                };
                self.field(name, path.as_os_str().as_encoded_bytes());
                self.field("version", version.as_bytes());
            }
            Some(Input::Held { name, .. }) if is_read_once(name) => return Ok(false),
            Some(Input::Held { bytes, .. }) => self.field(name, bytes.expose()),
        }
        Ok(true)
    }

    fn trust_roots(&mut self, roots: &TrustRoots) -> bool {
        match roots {
            TrustRoots::Unverified => return false,
            TrustRoots::System => {}
            TrustRoots::Bundle(path) | TrustRoots::BundleIfPresent(path) => {
                // One that cannot be read is told of when it is needed.
                let version = file::version(path).ok().flatten().unwrap_or_default();
                self.field("trust roots", path.as_os_str().as_encoded_bytes());
                self.field("version", version.as_bytes());
            }
        }
        true
    }
}

/// Bytes of a variable are there again for the next process; others are not.
fn is_read_once(name: &Path) -> bool {
    !name.to_string_lossy().starts_with("env:")
}

/// A PKCS#12 file, or PEM with a private key in it.
fn holds_key(bytes: &[u8]) -> bool {
    pkcs12::is_pkcs12(bytes)
        || bytes
            .windows(PRIVATE_KEY.len())
            .any(|text| text == PRIVATE_KEY)
}

const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";
