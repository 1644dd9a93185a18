//! [`SessionRequest`]: a session as a value: identity, request and network. A [`SessionProvider`] turns
//! it into credentials, once or repeatedly.

pub mod error;
pub mod provider;
pub mod request;
pub mod role_chain;

pub use self::error::SessionError;
pub use self::provider::Effort;
pub use self::provider::SessionProvider;
pub use self::request::Network;
pub use self::request::SessionRequest;
pub use self::role_chain::RoleChain;
