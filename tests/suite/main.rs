//! The helper as a process: what it prints, how it exits, and what it says on the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, whatever goes wrong is a failed test"
)]

mod cache;
mod cli;
#[cfg(unix)]
mod configure;
mod create_session;
mod credentials_file;
mod credential_process;
#[cfg(target_os = "linux")]
mod deploy;
#[cfg(unix)]
mod docs;
mod doctor;
#[cfg(unix)]
mod exec;
#[cfg(unix)]
mod export;
mod identity;
mod inspect;
#[cfg(unix)]
mod interop;
mod past_defects;
#[cfg(target_os = "linux")]
mod pkcs11;
#[cfg(unix)]
mod pipelines;
#[cfg(unix)]
mod name_resolution;
mod role_chain;
mod serve;
mod session_policy;
mod sigv4;
mod support;
mod trust_policy;
#[cfg(unix)]
mod tpm;
mod update;
mod vectors;
#[cfg(unix)]
mod walkthrough;
#[cfg(windows)]
mod windows;
