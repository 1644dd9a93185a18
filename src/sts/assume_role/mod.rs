//! AssumeRole of STS on the wire: [`AssumeRole`] asks for a session of another role, with the credentials of a
//! session.
//!
//! Source: [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

pub mod request;

use self::request::AssumeRoleRequest;
use crate::aws_call::Operation;
use crate::aws_call::Service;
use crate::aws_call::operation::ErrorResponse;
use crate::aws_call::operation::OutputError;
use crate::aws_call::operation::SignedPost;
use crate::aws_call::transport::HttpResponse;
use crate::credentials::Credentials;
use crate::identity::signer::SignatureError;
use crate::sigv4::credential_scope::CredentialScope;
use crate::sts;
use crate::sts::response;

/// Asks for a session of a role, with the credentials of another session.
#[derive(Debug, Clone, Copy)]
pub struct AssumeRole<'a> {
    /// Credentials whose secret access key signs.
    pub credentials: &'a Credentials,
    /// The role, and the session of it.
    pub request: &'a AssumeRoleRequest,
}

impl Operation for AssumeRole<'_> {
    const NAME: &'static str = "AssumeRole";
    const SERVICE: Service = Service::STS;
    const PATH: &'static str = sts::PATH;
    type Output = Credentials;

    fn sign(&self, host: &str, scope: &CredentialScope) -> Result<SignedPost, SignatureError> {
        let session_name = default_session_name(self.credentials);
        let form = self.request.form(&session_name);
        Ok(sts::sign(form, self.credentials, host, scope))
    }

    fn output(answer: &HttpResponse) -> Result<Credentials, OutputError> {
        response::credentials(answer.body.expose(), answer.date())
    }

    fn refusal(answer: &HttpResponse) -> Option<ErrorResponse> {
        response::refusal(answer.body.expose())
    }
}

/// The name of the session that assumes the role, in a form that STS accepts. By default Roles Anywhere names a
/// session by the certificate's serial number, which may have one digit; STS wants two characters.
fn default_session_name(credentials: &Credentials) -> String {
    let arn = credentials.assumed_role_arn.as_deref();
    let name = arn
        .and_then(|arn| arn.rsplit('/').next())
        .unwrap_or("session");
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    let name: String = name
        .chars()
        .filter(is_allowed)
        .take(SESSION_NAME_CHARACTERS_MAX)
        .collect();
    match name.len() {
        0 | 1 => format!("serial-{name}"),
        _ => name,
    }
}

/// By `RoleSessionName` of AssumeRole.
const SESSION_NAME_CHARACTERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn default_session_name_is_valid_for_sts() {
        let name = |arn: Option<&str>| {
            default_session_name(&Credentials {
                access_key_id: String::new(),
                secret_access_key: Secret::new(String::new()),
                session_token: Secret::new(String::new()),
                expiration: String::new(),
                date: None,
                assumed_role_arn: arn.map(str::to_owned),
            })
        };
        let long = "9".repeat(70);
        for (arn, expected) in [
            (Some("arn:aws:sts::1:assumed-role/r/4711"), "4711"),
            (Some("arn:aws:sts::1:assumed-role/r/1"), "serial-1"),
            (Some("arn:aws:sts::1:assumed-role/r/a b/c d"), "cd"),
            (Some(&*format!("x/{long}")), long.get(..64).unwrap()),
            (Some(""), "serial-"),
            (None, "session"),
        ] {
            assert_eq!(name(arn), expected, "{arn:?}");
        }
    }
}
