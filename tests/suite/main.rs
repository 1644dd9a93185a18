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
#[cfg(unix)]
mod exec;
#[cfg(unix)]
mod export;
mod identity;
mod inspect;
#[cfg(unix)]
mod interop;
mod past_defects;
#[cfg(unix)]
mod name_resolution;
mod serve;
mod sigv4;
mod support;
mod update;
mod vectors;
#[cfg(windows)]
mod windows;
