//! Temporary AWS credentials from an X.509 certificate: the client of IAM Roles Anywhere.
//!
//! A machine that holds a certificate and its private key asks the `CreateSession` API for a session of
//! a role. The request is signed with that private key ([SigV4-X509]); the answer is a set of
//! short-lived credentials. This library is the path from the certificate to the credentials; the binary
//! `aws_signing_helper` is its command line.
//!
//! Data flows down the list of modules below; imports point up:
//!
//! 1. [`identity`] reads a certificate, its chain and the private key as one pair,
//! 2. [`sigv4`] signs a request with it, without any input or output of its own,
//! 3. [`aws_call`] makes a call: endpoint, TLS, proxy, retries, errors,
//! 4. [`create_session`] and [`sts`] are calls on the wire, [`credentials`] what comes back,
//! 5. [`session`] is one session as a value, [`cache`] and [`supply`] keep its credentials,
//! 6. [`output`] is how they leave the process.
//!
//! Beside that path, [`policy`] makes the IAM policies that a role needs for it.
//!
//! Nothing here reads the environment, the wall clock or a random source, and nothing prints or
//! exits: the caller passes [`environment::Environment`], [`clock::Clock`] and a source of jitter,
//! and decides what to show. One exception: `platform::tell_ready` reads `NOTIFY_SOCKET`.
//!
//! [SigV4-X509]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html

pub mod platform;
pub mod secret;
pub mod environment;
pub mod clock;
pub mod text;
pub mod log;
pub mod file;
pub mod arn;
pub mod identity;
pub mod policy;
pub mod sigv4;
pub mod aws_call;
pub mod credentials;
pub mod create_session;
pub mod sts;
pub mod session;
pub mod cache;
pub mod supply;
pub mod output;

pub use aws_call::Client;
pub use credentials::Credentials;
pub use identity::Identity;
pub use identity::IdentitySource;
