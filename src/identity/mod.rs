//! [`Identity`]: a certificate, its chain and the private key that signs for it.
//!
//! They are read together: an `Identity` whose key is not the certificate's cannot be built.

pub mod certificate;
pub mod chain;
pub mod distinguished_name;
pub mod error;
pub mod files;
pub mod locator;
mod name_match;
pub mod os_store;
pub mod pkcs11;
pub mod public_key;
pub mod rotation;
pub mod secrets;
pub mod selector;
pub mod signer;
pub mod tpm;
mod source;
mod unlock;
mod unlock_tpm;
mod verification;
pub mod watch;
pub mod work_budget;

pub use self::source::FilesVersion;
pub use self::source::Hardware;
pub use self::source::IdentitySource;
pub use self::source::is_in_hardware;
pub use self::source::list_certificates;
pub use self::source::list_store;
pub use self::source::open_certificate;
pub use self::source::open_certificates;
pub use self::source::open_key;
use time::OffsetDateTime;

use crate::identity::certificate::Certificate;
use crate::identity::chain::Chain;
use crate::identity::signer::Signer;

/// End-entity certificate, its intermediates and its private key.
#[derive(Debug)]
pub struct Identity {
    certificate: Certificate,
    chain: Chain,
    signer: Box<dyn Signer>,
}

impl Identity {
    /// An identity of parts that a caller has by other means, its own [`Signer`] for one. `None` if
    /// the key is not the certificate's.
    pub fn new(certificate: Certificate, chain: Chain, signer: Box<dyn Signer>) -> Option<Self> {
        (certificate.public_key() == signer.public_key()).then_some(Self {
            certificate,
            chain,
            signer,
        })
    }

    /// The end-entity certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The intermediates that are sent with it.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The end of its validity: the first of certificate and chain that is no longer valid.
    pub fn not_after(&self) -> OffsetDateTime {
        let (_, leaf) = self.certificate.validity();
        self.chain.not_after().map_or(leaf, |chain| chain.min(leaf))
    }

    /// The key that signs.
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }
}
