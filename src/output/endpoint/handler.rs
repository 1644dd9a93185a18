//! [`Handler`]: decides what a request is answered.

use super::authorization_token::AuthorizationToken;
use super::container;
use super::container::Container;
use super::health::Health;
use super::imds::Imds;
use super::request::Request;
use super::response;
use super::response::Response;
use super::route::Route;
use crate::clock::Moment;

/// Handler of an endpoint. It answers from memory and never waits.
#[derive(Debug)]
pub enum Handler {
    /// EC2's metadata service.
    Imds(Imds),
    /// An ECS container's endpoint.
    Container(Container),
    /// Probes and metrics.
    Health(Health),
}

impl Handler {
    pub(super) fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        match self {
            Self::Imds(imds) => imds.answer(request, now),
            Self::Container(container) => container.answer(request, now),
            Self::Health(status) => status.answer(request, now),
        }
    }

    /// The token that programs show, if it may have been replaced since it was read.
    pub(super) fn token_in_file(&self) -> Option<&AuthorizationToken> {
        match self {
            Self::Container(container) => {
                Some(&container.authorization).filter(|token| token.is_in_file())
            }
            Self::Imds(_) | Self::Health(_) => None,
        }
    }

    /// The answer to bytes that are not a request.
    pub(super) fn refuse(&self, status: response::StatusCode, text: &'static str) -> Response {
        match self {
            Self::Imds(_) | Self::Health(_) => Response::text(status, text),
            Self::Container(_) => container::error(Route::Other, status, text),
        }
    }
}
