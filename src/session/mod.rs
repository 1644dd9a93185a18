//! [`SessionRequest`]: one session as a value: who asks, for what, and by which way. A
//! [`SessionProvider`] turns it into credentials, once or again and again.

pub mod error;
pub mod provider;
pub mod request;

pub use self::error::SessionError;
pub use self::provider::Effort;
pub use self::provider::SessionProvider;
pub use self::request::Network;
pub use self::request::SessionRequest;
