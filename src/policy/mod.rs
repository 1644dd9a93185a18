//! IAM policies as values, made without any call: a session policy for what a job does, a role's trust
//! policy for a certificate, and whether a given trust policy lets a certificate in.

pub mod document;
pub mod names;
pub mod authorities;
pub mod session_policy;
pub mod session_tags;
pub mod trust_policy;
pub mod template;
mod pattern;
mod condition;
mod read;
pub mod verdict;

pub use self::condition::TrustRequest;
