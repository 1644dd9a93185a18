//! `serve`: credentials over HTTP to programs on this machine, from memory.
//!
//! `address` says where is listened at, `server` accepts, `connection` reads requests (`request`,
//! `request_body`) and writes a `response` to each. What is answered is decided by a [`Face`]: `imds`,
//! `container` or, elsewhere and without credentials, `status`; nothing there waits.

pub mod address;
pub mod authorization_token;
mod connection;
mod connections;
pub mod container;
pub mod document;
pub mod healthcheck;
pub mod imds;
pub mod metadata_token;
pub mod neighbour;
mod path;
mod refusals;
pub mod request;
pub mod request_body;
pub mod response;
pub mod server;
pub mod status;
pub mod traffic;

use self::container::Container;
use self::imds::Imds;
use self::request::Request;
use self::response::Response;
use self::status::Status;
use self::traffic::Route;
use crate::clock::Moment;

/// What an endpoint looks like to those who ask.
#[derive(Debug)]
pub enum Face {
    /// EC2's metadata service.
    Imds(Imds),
    /// An ECS container's endpoint.
    Container(Container),
    /// Probes and metrics.
    Status(Status),
}

impl Face {
    fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        match self {
            Self::Imds(imds) => imds.answer(request, now),
            Self::Container(container) => container.answer(request, now),
            Self::Status(status) => status.answer(request, now),
        }
    }

    /// The answer to what is no request.
    fn refuse(&self, status: response::Status, text: &'static str) -> Response {
        match self {
            Self::Imds(_) | Self::Status(_) => Response::text(status, text),
            Self::Container(_) => container::error(Route::Other, status, text),
        }
    }
}
