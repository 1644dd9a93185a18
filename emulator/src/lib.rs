//! A local IAM Roles Anywhere `CreateSession` that verifies what it is sent and misbehaves on
//! request, to test helpers and SDKs against.
//!
//! **Never for production.** It is a stand-in: its credentials are recognisable fakes that no AWS
//! service accepts. It listens on 127.0.0.1 only, stores nothing, and has a new TLS certificate
//! authority at every start.
//!
//! # What it does
//!
//! It trusts nothing it receives. From the received bytes it rebuilds the SigV4-X509 canonical request
//! and verifies the signature, the serial number, the scope, the date, which headers were signed, the
//! end-entity certificate and its path to a trust anchor, and only then reads the parameters. Each
//! possible fault is its own [`Refusal`], which explains it to the operator, while the client gets the
//! status, code and terse message of the service. It shares no code with any client, so that a wrong
//! canonical request cannot agree with itself.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use rolesanywhere_emulator::{Emulator, Outcome, Refusal, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pem = std::fs::read("../fixtures/vectors/pki/root.pem")?;
//! let emulator = Emulator::start(Settings {
//!     trust_anchors: rolesanywhere_emulator::trust_anchors_from_pem(&pem)?,
//!     faults: vec!["throttle:1".parse()?],
//!     ..Settings::default()
//! })?;
//!
//! // Run the helper under test with `--endpoint` and this address here.
//! assert!(emulator.url().starts_with("http://127.0.0.1:"));
//! # for _ in 0..2 {
//! #     let mut stream = TcpStream::connect(("127.0.0.1", emulator.port()))?;
//! #     stream.write_all(
//! #         b"POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
//! #     )?;
//! #     stream.read_to_end(&mut Vec::new())?;
//! # }
//!
//! let requests = emulator.requests();
//! assert!(matches!(requests[0].outcome, Outcome::Faulted(_)));
//! assert!(matches!(requests[1].outcome, Outcome::Refused(Refusal::AuthorizationMissing)));
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! * [`Emulator`] is the server, on its own thread; it stops when it is dropped.
//! * [`verify()`] is the whole verification, a pure function: request, trust anchors and time in, a
//!   [`VerifiedRequest`] or a [`Refusal`] out.
//! * STS answers at the same address: `AssumeRole` and `GetCallerIdentity`, for sets that were issued
//!   here. Its refusals are [`StsRefusal`], what it lets be assumed is an [`AssumedRole`].
//! * [`Fault`] is a way to misbehave, explicit and counted: nothing here is random.
//! * [`RequestRecord`] is a received request and its outcome, for assertions.
//!
//! # What it does not do
//!
//! It evaluates no policies, no attribute mappings and no X.509 name constraints, and reads no revocation
//! lists; it does not support RSASSA-PSS; it does not compare the accounts of ARNs. A refusal's message is the
//! real service's only if [`Refusal::message_was_seen`] is true.

mod escaped;
mod timestamp;
mod request;
mod session_tag;
mod session_policy;
mod issued;
mod der;
mod public_key;
mod certificate;
mod certificate_path;
mod parameter;
mod refusal;
mod reason;
mod authorization;
mod canonical_request;
mod parameters;
mod verify;
mod sts;
mod fault;
mod quota;
mod profile;
mod record;
mod settings;
mod respond;
mod api;
mod tls;
mod service;
mod connection;
mod emulator;

pub use certificate::TrustAnchorError;
pub use certificate::trust_anchors_from_pem;
pub use certificate_path::PathFault;
pub use emulator::Emulator;
pub use emulator::StartError;
pub use fault::Fault;
pub use fault::FaultError;
pub use fault::FaultKind;
pub use fault::Times;
pub use parameter::Parameter;
pub use profile::Profile;
pub use profile::ProfileError;
pub use record::Outcome;
pub use record::RequestRecord;
pub use refusal::Refusal;
pub use request::ReceivedRequest;
pub use session_tag::Tag;
pub use session_tag::UntaggableAttributes;
pub use settings::OnRequest;
pub use settings::ServiceClock;
pub use settings::Settings;
pub use sts::AssumeRole;
pub use sts::AssumedRole;
pub use sts::ChainedRole;
pub use sts::ChainedRoleError;
pub use sts::StsRefusal;
pub use sts::Violation;
pub use verify::VerifiedRequest;
pub use verify::verify;
