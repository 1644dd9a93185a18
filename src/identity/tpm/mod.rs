//! Keys in a TPM 2.0, by a small client of its own: six commands, and no C library.
//!
//! A signature takes `TPM2_Sign` alone for a persistent key (`handle:`), and `TPM2_CreatePrimary`, `TPM2_Load`,
//! `TPM2_Sign` and two `TPM2_FlushContext` for a key file under a hierarchy. A password adds
//! `TPM2_StartAuthSession`: it is proven by an HMAC and never sent.
//!
//! Source: [TPM 2.0 Library](https://trustedcomputinggroup.org/resource/tpm-library-specification/), parts 1 to 3.

mod authorization;
pub mod device;
pub mod error;
pub(crate) mod key;
pub mod message;
pub mod public_area;
pub mod response_code;
pub mod signature;

pub use self::device::TpmDevice;
pub use self::error::TpmError;
