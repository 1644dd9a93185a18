//! [`Endpoint`]: serves credentials over HTTP to programs on this machine, from memory.
//!
//! `address` binds, `server` accepts, `connection` reads requests (`request`, `request_body`) and writes
//! a `response` to each, which it gets from the `responder`. A [`Handler`] decides what is answered:
//! `imds`, `container` or, without credentials, `health`; nothing there waits. `traffic` observes.

pub mod address;
pub mod authorization_token;
mod connection;
mod connections;
pub mod container;
pub mod document;
mod file_watch;
pub mod handler;
pub mod health;
pub mod healthcheck;
pub mod host_name;
pub mod imds;
pub mod metadata_token;
pub mod origin_check;
mod path;
mod rejection_log;
pub mod request;
pub mod request_body;
mod responder;
pub mod response;
pub mod route;
mod server;
pub mod token_file;
pub mod traffic;

pub use self::handler::Handler;
pub use self::responder::Settings;
pub use self::server::Endpoint;
