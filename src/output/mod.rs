//! How credentials leave the process.

pub mod credential_process;
