//! The emulator is tested by the requests that it must refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test is a failed test"
)]

mod ml_dsa_key;
mod support;
mod http;
mod vectors;
mod refusals;
mod flipped_bits;
mod certificate_paths;
mod ml_dsa;
mod faults;
mod server;
mod profiles;
mod sts_draft;
mod sts;
mod sts_refusals;
mod sts_clients;
mod program;
mod readme;
