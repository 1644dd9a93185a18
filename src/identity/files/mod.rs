//! The content of an identity's files: certificates and private keys.

mod ber;
pub mod decryption;
pub mod der;
pub mod encrypted_key;
pub mod pem;
pub(super) mod pem_contents;
mod pem_repair;
pub mod pkcs12;
pub mod private_key;
pub mod tss2_key;
