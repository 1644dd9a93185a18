//! [`Container`]: the endpoint of an ECS container, which programs are let in by a token of their own.
//!
//! Source: [container credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).

use std::sync::Arc;

use super::authorization_token::AuthorizationToken;
use super::neighbour::Names;
use super::path::Path;
use super::request::Field;
use super::request::Request;
use super::response::Body;
use super::response::JSON;
use super::response::Response;
use super::response::Status;
use super::traffic::Route;
use crate::clock::Moment;
use crate::credentials::supply::Supply;

/// The face of an ECS container endpoint.
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
            return Response {
                content_type: JSON,
                ..Response::text(Status::BadRequest, stranger.document())
            };
        }
        if !Path::of(request.target).is(SEGMENTS) {
            return error(Route::Other, Status::NotFound, NOT_FOUND);
        }
        if request.method != "GET" {
            return Response {
                fields: vec![("Allow", "GET".to_owned())],
                ..error(
                    Route::Container,
                    Status::MethodNotAllowed,
                    METHOD_NOT_ALLOWED,
                )
            };
        }
        let is_known = match request.field("authorization") {
            Field::Once(token) => self.authorization.is(token, now),
            Field::Absent | Field::Repeated => false,
        };
        if !is_known {
            return error(Route::Container, Status::Unauthorized, UNAUTHORIZED);
        }
        match self.supply.document(now) {
            Some(document) => Response {
                status: Status::Ok,
                route: Route::Container,
                fields: Vec::new(),
                content_type: JSON,
                body: Body::Document(document),
            },
            None => error(
                Route::Container,
                Status::InternalServerError,
                NO_CREDENTIALS,
            ),
        }
    }
}

/// SDKs read either spelling of code and message.
fn error(route: Route, status: Status, document: &'static str) -> Response {
    Response {
        route,
        content_type: JSON,
        ..Response::text(status, document)
    }
}

const SEGMENTS: &[&str] = &["v1", "credentials"];

const NOT_FOUND: &str = r#"{"code":"ResourceNotFoundException","message":"there is nothing but /v1/credentials","Code":"ResourceNotFoundException","Message":"there is nothing but /v1/credentials"}"#;
const METHOD_NOT_ALLOWED: &str = r#"{"code":"MethodNotAllowedException","message":"use GET","Code":"MethodNotAllowedException","Message":"use GET"}"#;
const UNAUTHORIZED: &str = r#"{"code":"AccessDeniedException","message":"the Authorization header is not the token","Code":"AccessDeniedException","Message":"the Authorization header is not the token"}"#;
const NO_CREDENTIALS: &str = r#"{"code":"InternalServiceException","message":"there are no valid credentials now; the log of aws_signing_helper says why","Code":"InternalServiceException","Message":"there are no valid credentials now; the log of aws_signing_helper says why"}"#;
