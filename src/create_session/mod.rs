//! The one API call: a signed request to `CreateSession`, tried again where that may help.
//!
//! [`Client::create_session`] is the policy, an attempt in it is one signed request, `transport` the
//! sockets.

pub mod client;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod proxy;
pub mod request;
pub mod response;
pub mod retry;
pub mod transport;
pub mod trust_roots;

pub use client::Client;
pub use client::ClientSettings;
pub use client::Failure;
pub use event::Event;
