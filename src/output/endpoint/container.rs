//! [`Container`]: the endpoint of an ECS container, which programs are let in by a token of their own.
//!
//! Source: [container credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).

use std::sync::Arc;

use serde_json::json;

use super::authorization_token::AuthorizationToken;
use super::origin_check::AllowedHosts;
use super::path::Path;
use super::request::Field;
use super::request::Request;
use super::response::Body;
use super::response::JSON;
use super::response::Response;
use super::response::StatusCode;
use super::route::Route;
use crate::clock::Moment;
use crate::supply::Supply;

/// An ECS container endpoint.
#[derive(Debug)]
pub struct Container {
    /// Allowed host names.
    pub names: AllowedHosts,
    /// Authorization of requests.
    pub authorization: AuthorizationToken,
    /// Credentials to serve.
    pub supply: Arc<Supply>,
}

/// The path of the credentials.
pub const PATH: &str = "/v1/credentials";

impl Container {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        if let Err(stranger) = self.names.check(request) {
            return error(Route::Other, StatusCode::BadRequest, stranger.message());
        }
        if !Path::of(request.target).is(SEGMENTS) {
            return error(
                Route::Other,
                StatusCode::NotFound,
                "there is nothing but /v1/credentials",
            );
        }
        if request.method != "GET" {
            return Response {
                fields: vec![("Allow", "GET".to_owned())],
                ..error(Route::Container, StatusCode::MethodNotAllowed, "use GET")
            };
        }
        let is_known = match request.field("authorization") {
            Field::Once(token) => self.authorization.is(token),
            Field::Absent | Field::Repeated => false,
        };
        if !is_known {
            let message = "the Authorization header is not the token";
            return error(Route::Container, StatusCode::Unauthorized, message);
        }
        match self.supply.document(now) {
            Some(document) => Response {
                status: StatusCode::Ok,
                route: Route::Container,
                fields: Vec::new(),
                content_type: JSON,
                body: Body::Secret(document),
            },
            None => error(
                Route::Container,
                StatusCode::InternalServerError,
                "there are no valid credentials now; the log of aws_signing_helper says why",
            ),
        }
    }
}

/// An error in which SDKs find code and message in either spelling.
pub(super) fn error(route: Route, status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::Unauthorized => "AccessDeniedException",
        StatusCode::NotFound => "ResourceNotFoundException",
        StatusCode::MethodNotAllowed => "MethodNotAllowedException",
        StatusCode::InternalServerError | StatusCode::ServiceUnavailable => {
            "InternalServiceException"
        }
        StatusCode::Ok
        | StatusCode::BadRequest
        | StatusCode::RequestTimeout
        | StatusCode::ContentTooLarge
        | StatusCode::HeaderFieldsTooLarge => "BadRequestException",
    };
    let document = json!({"code": code, "message": message, "Code": code, "Message": message});
    Response {
        route,
        content_type: JSON,
        ..Response::text(status, document.to_string())
    }
}

const SEGMENTS: &[&str] = &["v1", "credentials"];
