//! [`Imds`]: what a request for EC2's instance metadata is answered, version 2 only, and of it the
//! role's credentials only. Pure but for the tokens' randomness; nothing here waits.
//!
//! Source: [instance metadata service version 2](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).

use std::sync::Arc;

use super::metadata_token::MetadataTokens;
use super::neighbour::Names;
use super::path::Path;
use super::request::Field;
use super::request::Request;
use super::response::Body;
use super::response::Response;
use super::response::Status;
use super::route::Route;
use crate::clock::Moment;
use crate::supply::Supply;

/// EC2's metadata service.
#[derive(Debug)]
pub struct Imds {
    /// How it may be called.
    pub names: Names,
    /// The role's name, without a path.
    pub role_name: String,
    /// Who may read.
    pub tokens: MetadataTokens,
    /// What is read.
    pub supply: Arc<Supply>,
}

/// What there is.
enum Resource {
    Token,
    RoleList,
    Credentials,
}

impl Imds {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        if let Err(stranger) = self.names.check(request) {
            return Response::text(Status::BadRequest, stranger.message());
        }
        let Some(resource) = self.resource(request) else {
            return Response::not_found();
        };
        let response = match (&resource, request.method) {
            (Resource::Token, "PUT") => self.token(request, now),
            (Resource::Token, _) => Response::method_not_allowed("PUT"),
            (Resource::RoleList, "GET") => self.with_token(request, now, |imds| {
                (Status::Ok, Body::Text(imds.role_name.clone().into()))
            }),
            (Resource::Credentials, "GET") => {
                self.with_token(request, now, |imds| match imds.supply.document(now) {
                    Some(document) => (Status::Ok, Body::Secret(document)),
                    None => (
                        Status::InternalServerError,
                        Body::Text(NO_CREDENTIALS.into()),
                    ),
                })
            }
            (Resource::RoleList | Resource::Credentials, _) => Response::method_not_allowed("GET"),
        };
        Response {
            route: resource.route(),
            ..response
        }
    }

    fn resource(&self, request: &Request<'_>) -> Option<Resource> {
        let path = Path::of(request.target);
        let [list @ .., name] = path.segments() else {
            return None;
        };
        if path.is(TOKEN) {
            Some(Resource::Token)
        } else if path.is(ROLE_LIST) {
            Some(Resource::RoleList)
        } else if Path::are(list, ROLE_LIST) && name.as_ref() == self.role_name.as_bytes() {
            Some(Resource::Credentials)
        } else {
            None
        }
    }

    fn token(&self, request: &Request<'_>, now: Moment) -> Response {
        if request.field("x-forwarded-for") != Field::Absent {
            return Response::text(
                Status::BadRequest,
                "unable to process requests with X-Forwarded-For header",
            );
        }
        let ttl_seconds = match request.field(TTL) {
            Field::Absent | Field::Once(b"") => Some(TOKEN_TTL_SECONDS_MAX),
            Field::Once(text) => str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .filter(|seconds| (1..=TOKEN_TTL_SECONDS_MAX).contains(seconds)),
            Field::Repeated => None,
        };
        let Some(ttl_seconds) = ttl_seconds else {
            return Response::text(Status::BadRequest, "invalid token TTL");
        };
        match self.tokens.issue(ttl_seconds, now) {
            Ok(token) => with_ttl(Status::Ok, Body::Secret(token), ttl_seconds.into()),
            // For once, so it is retried: 4xx would say that there is no version 2 here.
            Err(_) => Response::text(Status::InternalServerError, "no randomness"),
        }
    }

    /// What `read` gives, to those who show a metadata token.
    fn with_token(
        &self,
        request: &Request<'_>,
        now: Moment,
        read: impl FnOnce(&Self) -> (Status, Body),
    ) -> Response {
        let seconds_left = match request.field(TOKEN_FIELD) {
            Field::Absent | Field::Once(b"") => {
                return Response::text(Status::Unauthorized, "no token provided");
            }
            Field::Once(token) => self.tokens.seconds_left(token, now),
            Field::Repeated => None,
        };
        let Some(seconds_left) = seconds_left else {
            return Response::text(Status::Unauthorized, "invalid token provided");
        };
        let (status, body) = read(self);
        with_ttl(status, body, seconds_left)
    }
}

impl Resource {
    fn route(&self) -> Route {
        match self {
            Self::Token => Route::Token,
            Self::RoleList => Route::RoleList,
            Self::Credentials => Route::Credentials,
        }
    }
}

/// An answer to who has a metadata token, or is given one, that is good for so long.
fn with_ttl(status: Status, body: Body, ttl_seconds: u64) -> Response {
    Response {
        fields: vec![(TTL_AS_SENT, ttl_seconds.to_string())],
        body,
        ..Response::text(status, "")
    }
}

const TOKEN: &[&str] = &["latest", "api", "token"];
const ROLE_LIST: &[&str] = &["latest", "meta-data", "iam", "security-credentials"];

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TTL_AS_SENT: &str = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";
const TOKEN_FIELD: &str = "x-aws-ec2-metadata-token";

/// Six hours; what a token is given for that is asked for without a time, too, as in the reference
/// helper.
const TOKEN_TTL_SECONDS_MAX: u32 = 21_600;

/// Every SDK takes a `Code` other than `Success` for a failure that passes.
const NO_CREDENTIALS: &str = "{\"Code\":\"InternalServiceException\",\"Message\":\"there are no valid \
     credentials now; the log of aws_signing_helper says why\"}\n";
