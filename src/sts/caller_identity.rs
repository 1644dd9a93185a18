//! GetCallerIdentity: who credentials are. STS answers whatever they may do.
//!
//! Source: [GetCallerIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).

use crate::aws_call::Operation;
use crate::aws_call::Service;
use crate::aws_call::operation::ErrorResponse;
use crate::aws_call::operation::OutputError;
use crate::aws_call::operation::SignedPost;
use crate::aws_call::transport::HttpResponse;
use crate::credentials::Credentials;
use crate::identity::signer::SignatureError;
use crate::sigv4::canonical_request::canonical_query;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sts;
use crate::sts::API_VERSION;
use crate::sts::response;
use crate::sts::response::CallerIdentity;

/// Asks who the credentials are.
#[derive(Debug, Clone, Copy)]
pub struct GetCallerIdentity<'a> {
    /// Credentials whose secret access key signs.
    pub credentials: &'a Credentials,
}

impl Operation for GetCallerIdentity<'_> {
    const NAME: &'static str = "GetCallerIdentity";
    const SERVICE: Service = Service::STS;
    const PATH: &'static str = sts::PATH;
    type Output = CallerIdentity;

    fn sign(&self, host: &str, scope: &CredentialScope) -> Result<SignedPost, SignatureError> {
        let form = canonical_query(&[("Action", Self::NAME), ("Version", API_VERSION)]);
        Ok(sts::sign(form, self.credentials, host, scope))
    }

    fn output(answer: &HttpResponse) -> Result<CallerIdentity, OutputError> {
        response::caller_identity(answer.body.expose())
    }

    fn refusal(answer: &HttpResponse) -> Option<ErrorResponse> {
        response::refusal(answer.body.expose())
    }
}
