//! Certificates and private keys on PKCS#11 tokens: smart cards, hardware security modules.
//!
//! A [`TokenPlace`] names one by URI; `opening` finds certificate and key with one session and one login
//! for each token; `signer` signs. PINs follow one rule: a refused PIN is never presented again, and a PIN
//! given for one token never to another.

pub mod error;
mod module;
#[cfg_attr(
    not(feature = "pkcs11"),
    allow(dead_code, reason = "only a module uses it")
)]
mod place;
#[cfg_attr(
    not(feature = "pkcs11"),
    allow(dead_code, reason = "only a module uses it")
)]
pub mod uri;

#[cfg(feature = "pkcs11")]
mod algorithm;
#[cfg(feature = "pkcs11")]
mod key_object;
#[cfg(feature = "pkcs11")]
mod key_pin;
#[cfg(feature = "pkcs11")]
mod key_search;
#[cfg(feature = "pkcs11")]
mod loaded;
#[cfg(feature = "pkcs11")]
mod login;
#[cfg(feature = "pkcs11")]
mod opening;
#[cfg(feature = "pkcs11")]
mod session;
#[cfg(feature = "pkcs11")]
mod signer;
#[cfg(feature = "pkcs11")]
mod token;
#[cfg(not(feature = "pkcs11"))]
#[path = "unsupported.rs"]
#[allow(dead_code, reason = "it fails before it looks at what is wanted")]
mod opening;

pub use self::module::Module;
pub use self::module::Modules;
pub(in crate::identity) use self::opening::Opening;
pub(in crate::identity) use self::opening::WantedKey;
pub use self::place::ListedCertificate;
pub use self::place::TokenChoices;
pub use self::place::TokenPlace;

/// True if this build can load modules.
pub const IS_SUPPORTED: bool = cfg!(feature = "pkcs11");
