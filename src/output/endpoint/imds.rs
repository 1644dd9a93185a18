//! [`Imds`]: what a request for EC2's instance metadata is answered, version 2 only, and of it the
//! role's credentials only. Pure but for the tokens' randomness; nothing here waits.
//!
//! Source: [instance metadata service version 2](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).

use std::sync::Arc;

use super::metadata_token::MetadataTokens;
use super::origin_check::AllowedHosts;
use super::path::Path;
use super::request::Field;
use super::request::Request;
use super::response::Body;
use super::response::Response;
use super::response::StatusCode;
use super::route::Route;
use crate::clock::Moment;
use crate::supply::Supply;

/// EC2's metadata service.
#[derive(Debug)]
pub struct Imds {
    /// Allowed host names.
    pub names: AllowedHosts,
    /// The role's name, without a path.
    pub role_name: String,
    /// Authorization of requests.
    pub tokens: MetadataTokens,
    /// Credentials to serve.
    pub supply: Arc<Supply>,
}

/// Resources.
#[derive(Clone, Copy)]
enum Resource {
    Token,
    RoleList,
    Credentials,
}

impl Imds {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        if let Err(stranger) = self.names.check(request) {
            return Response::text(StatusCode::BadRequest, stranger.message());
        }
        let resource = self.resource(request);
        let route = resource.as_ref().map_or(Route::Other, Resource::route);
        let response = match (resource, request.method) {
            // Other headers do not matter: this is where a client with an invalid token gets a new one.
            (Some(Resource::Token), "PUT") => self.token(request, now),
            (resource, method) => match self.seconds_left(request, now) {
                Ok(seconds_left) => self.read(resource, method, seconds_left, now),
                // Before 404: Fluent Bit shows a token that cannot be valid to `/`, and takes 401 for
                // version 2.
                Err(text) => Response::text(StatusCode::Unauthorized, text),
            },
        };
        Response { route, ..response }
    }

    fn read(
        &self,
        resource: Option<Resource>,
        method: &str,
        seconds_left: Option<u64>,
        now: Moment,
    ) -> Response {
        let (status, body) = match (resource, method, seconds_left) {
            (None, _, _) => return Response::not_found(),
            (Some(Resource::Token), _, _) => return Response::method_not_allowed("PUT"),
            (Some(Resource::RoleList | Resource::Credentials), "GET", None) => {
                return Response::text(StatusCode::Unauthorized, NO_TOKEN);
            }
            (Some(Resource::RoleList), "GET", Some(_)) => {
                (StatusCode::Ok, Body::Text(self.role_name.clone().into()))
            }
            (Some(Resource::Credentials), "GET", Some(_)) => match self.supply.document(now) {
                Some(document) => (StatusCode::Ok, Body::Secret(document)),
                None => (
                    StatusCode::InternalServerError,
                    Body::Text(NO_CREDENTIALS.into()),
                ),
            },
            (Some(Resource::RoleList | Resource::Credentials), _, _) => {
                return Response::method_not_allowed("GET");
            }
        };
        with_ttl(status, body, seconds_left.unwrap_or_default())
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
                StatusCode::BadRequest,
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
            return Response::text(StatusCode::BadRequest, "invalid token TTL");
        };
        match self.tokens.issue(ttl_seconds, now) {
            Ok(token) => with_ttl(StatusCode::Ok, Body::Secret(token), ttl_seconds.into()),
            // Temporary, so clients retry: 4xx would mean that IMDSv2 is not supported.
            Err(_) => Response::text(StatusCode::InternalServerError, "no randomness"),
        }
    }

    /// Remaining seconds of a request's metadata token; `None` if it has no such field, and the text
    /// of the answer if it has one that is not valid.
    fn seconds_left(
        &self,
        request: &Request<'_>,
        now: Moment,
    ) -> Result<Option<u64>, &'static str> {
        match request.field(TOKEN_FIELD) {
            Field::Absent => Ok(None),
            Field::Once(b"") => Err(NO_TOKEN),
            Field::Once(token) => match self.tokens.seconds_left(token, now) {
                Some(seconds_left) => Ok(Some(seconds_left)),
                None => Err(INVALID_TOKEN),
            },
            Field::Repeated => Err(INVALID_TOKEN),
        }
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

/// The answer to a request with a metadata token, or for one, with the token's remaining validity.
fn with_ttl(status: StatusCode, body: Body, ttl_seconds: u64) -> Response {
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

const NO_TOKEN: &str = "no token provided";
const INVALID_TOKEN: &str = "invalid token provided";

/// Six hours; what a token is given for that is asked for without a time, too, as in the reference
/// helper.
const TOKEN_TTL_SECONDS_MAX: u32 = 21_600;

/// Every SDK takes a `Code` other than `Success` for a failure that passes.
const NO_CREDENTIALS: &str = "{\"Code\":\"InternalServiceException\",\"Message\":\"there are no valid \
     credentials now; the log of aws_signing_helper says why\"}\n";
