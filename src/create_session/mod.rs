//! CreateSession, the one operation of IAM Roles Anywhere that is called: [`CreateSession`] on the wire.
//!
//! Source: [CreateSession](https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html).

pub mod request;
pub mod response;

use self::request::CreateSessionRequest;
use self::response::CreateSessionResponse;
use crate::aws_call::Operation;
use crate::aws_call::Service;
use crate::aws_call::operation::ErrorResponse;
use crate::aws_call::operation::OutputError;
use crate::aws_call::operation::SignedPost;
use crate::aws_call::transport::HttpResponse;
use crate::credentials::Credentials;
use crate::identity::Identity;
use crate::identity::signer::SignatureError;
use crate::sigv4::SignableRequest;
use crate::sigv4::canonical_request::canonical_query;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sigv4::x509;

/// Asks for a session as an identity.
#[derive(Debug, Clone, Copy)]
pub struct CreateSession<'a> {
    /// Identity whose key signs.
    pub identity: &'a Identity,
    /// For what.
    pub request: &'a CreateSessionRequest,
}

impl Operation for CreateSession<'_> {
    const NAME: &'static str = "CreateSession";
    const SERVICE: Service = Service::ROLES_ANYWHERE;
    const PATH: &'static str = "/sessions";
    type Output = Credentials;

    fn sign(&self, host: &str, scope: &CredentialScope) -> Result<SignedPost, SignatureError> {
        let body = self.request.body();
        let query = self.request.query();
        let to_sign = SignableRequest {
            method: "POST",
            path: Self::PATH,
            query: &query,
            headers: &[("content-type", CONTENT_TYPE), ("host", host)],
            body: &body,
        };
        let signed = x509::sign(&to_sign, self.identity, scope)?;
        Ok(SignedPost {
            query: canonical_query(&query),
            content_type: CONTENT_TYPE,
            body,
            signed,
        })
    }

    fn output(answer: &HttpResponse) -> Result<Credentials, OutputError> {
        CreateSessionResponse::from_json(answer.body.expose())
            .ok_or(OutputError::Foreign)?
            .into_credentials(answer.date())
            .map_err(|field| OutputError::Incomplete { field })
    }

    fn refusal(answer: &HttpResponse) -> Option<ErrorResponse> {
        response::refusal(answer.header("x-amzn-errortype"), answer.body.expose())
    }
}

const CONTENT_TYPE: &str = "application/json";
