//! A call of an AWS service: a signed request, retried where that may help.
//!
//! [`Client::call`] is the policy, an attempt in it is one signed request, `transport` the sockets. What is
//! asked for, and of which service, is an [`Operation`].

pub mod client;
pub mod endpoint;
pub mod error;
pub mod event;
mod name_resolution;
pub mod operation;
pub mod proxy;
mod proxy_answer;
pub mod retry;
pub mod service;
pub mod transport;
pub mod trust_roots;

pub use client::Client;
pub use client::ClientSettings;
pub use client::Failure;
pub use error::CallError;
pub use error::FailureClass;
pub use event::Event;
pub use operation::Operation;
pub use service::Service;
