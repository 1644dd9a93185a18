//! The commands: what was typed to library values to output. Each returns the exit code of the process.

pub(crate) mod cache;
pub(crate) mod completion;
pub(crate) mod configure;
pub(crate) mod credential_process;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod export;
pub(crate) mod help;
pub(crate) mod read_certificate_data;
pub(crate) mod serve;
pub(crate) mod session_policy;
pub(crate) mod sign_string;
pub(crate) mod trust_policy;
pub(crate) mod update;
pub(crate) mod version;
