//! [`Operation`]: one operation of an AWS service on the wire.
//!
//! Operations differ in service, signature and form of answers, and share everything else of a call.

use crate::aws_call::service::Service;
use crate::aws_call::transport::HttpResponse;
use crate::identity::signer::SignatureError;
use crate::sigv4::SignedRequest;
use crate::sigv4::credential_scope::CredentialScope;

/// A request with its parameters, and how its answers are read.
pub trait Operation {
    /// Its name in AWS's documentation, `CreateSession`.
    const NAME: &'static str;

    /// The service that owns the operation.
    const SERVICE: Service;

    /// The path that is signed; an endpoint's own path is put in front of it on the wire only.
    const PATH: &'static str;

    /// Output of the operation.
    type Output;

    /// Signs for `host`, and for the time, region and service of `scope`.
    fn sign(&self, host: &str, scope: &CredentialScope) -> Result<SignedPost, SignatureError>;

    /// Reads a success.
    fn output(answer: &HttpResponse) -> Result<Self::Output, OutputError>;

    /// Reads an answer that is not a success; `None` if the service did not give it.
    fn refusal(answer: &HttpResponse) -> Option<ErrorResponse>;
}

/// A request that is signed and can be sent once.
#[derive(Debug)]
pub struct SignedPost {
    /// The query, encoded.
    pub query: String,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The signature, and the headers that carry it.
    pub signed: SignedRequest,
}

/// Error response of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The error's name.
    pub code: Option<String>,
    /// A sentence; empty if the answer has none.
    pub message: String,
}

/// A success that is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputError {
    /// The service did not give it.
    Foreign,
    /// It lacks a field of the credentials, as named on the wire, or all of them.
    Incomplete {
        /// The field.
        field: Option<&'static str>,
    },
}
