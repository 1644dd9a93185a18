//! The outputs of the commands: credentials and other results.

pub mod certificate_data;
pub mod certificate_list;
pub mod command_environment;
pub mod config_file;
pub mod credential_process;
pub mod credentials_file;
pub mod endpoint;
pub mod export;
pub mod sign_string;
pub mod variables;
