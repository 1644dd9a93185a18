//! [`Container`]: the endpoint of an ECS container, which programs are let in by a token of their own.
//!
//! Source: [container credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).

use std::sync::Arc;

use serde_json::json;

use super::authorization_token::AuthorizationToken;
use super::neighbour::Names;
use super::path::Path;
use super::request::Field;
use super::request::Request;
use super::response::Body;
use super::response::JSON;
use super::response::Response;
use super::response::Status;
use super::route::Route;
use crate::clock::Moment;
use crate::supply::Supply;

/// An ECS container endpoint.
#[derive(Debug)]
pub struct Container {
    /// How it may be called.
    pub names: Names,
    /// Who may read.
    pub authorization: AuthorizationToken,
    /// What is read.
    pub supply: Arc<Supply>,
}

/// The path of the credentials.
pub const PATH: &str = "/v1/credentials";

impl Container {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        if let Err(stranger) = self.names.check(request) {
            return error(Route::Other, Status::BadRequest, stranger.message());
        }
        if !Path::of(request.target).is(SEGMENTS) {
            return error(
                Route::Other,
                Status::NotFound,
                "there is nothing but /v1/credentials",
            );
        }
        if request.method != "GET" {
            return Response {
                fields: vec![("Allow", "GET".to_owned())],
                ..error(Route::Container, Status::MethodNotAllowed, "use GET")
            };
        }
        let is_known = match request.field("authorization") {
            Field::Once(token) => self.authorization.is(token),
            Field::Absent | Field::Repeated => false,
        };
        if !is_known {
            let message = "the Authorization header is not the token";
            return error(Route::Container, Status::Unauthorized, message);
        }
        match self.supply.document(now) {
            Some(document) => Response {
                status: Status::Ok,
                route: Route::Container,
                fields: Vec::new(),
                content_type: JSON,
                body: Body::Secret(document),
            },
            None => error(
                Route::Container,
                Status::InternalServerError,
                "there are no valid credentials now; the log of aws_signing_helper says why",
            ),
        }
    }
}

/// An error in which SDKs find code and message in either spelling.
pub(super) fn error(route: Route, status: Status, message: &str) -> Response {
    let code = match status {
        Status::Unauthorized => "AccessDeniedException",
        Status::NotFound => "ResourceNotFoundException",
        Status::MethodNotAllowed => "MethodNotAllowedException",
        Status::InternalServerError | Status::ServiceUnavailable => "InternalServiceException",
        Status::Ok
        | Status::BadRequest
        | Status::RequestTimeout
        | Status::ContentTooLarge
        | Status::HeaderFieldsTooLarge => "BadRequestException",
    };
    let document = json!({"code": code, "message": message, "Code": code, "Message": message});
    Response {
        route,
        content_type: JSON,
        ..Response::text(status, document.to_string())
    }
}

const SEGMENTS: &[&str] = &["v1", "credentials"];
