//! How credentials, and what else the commands find out, leave the process.

pub mod certificate_data;
pub mod credential_process;
pub mod credentials_file;
pub mod endpoint;
pub mod sign_string;
