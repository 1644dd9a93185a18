//! `serve`: credentials over HTTP to programs on this machine, from memory.
//!
//! `address` says where is listened at, `server` accepts, `connection` reads requests (`request`,
//! `request_body`) and writes a `response` to each. What is answered is decided by a [`Face`]: `imds` or
//! `container`; nothing there waits or reads anything but the [`Supply`](crate::credentials::supply).

pub mod address;
mod connection;
mod connections;
pub mod document;
pub mod imds;
pub mod metadata_token;
pub mod neighbour;
mod path;
mod refusals;
pub mod request;
pub mod request_body;
pub mod response;
pub mod server;

use self::imds::Imds;
use self::request::Request;
use self::response::Response;
use crate::clock::Moment;

/// What an endpoint looks like to those who ask.
#[derive(Debug)]
pub enum Face {
    /// EC2's metadata service.
    Imds(Imds),
}

impl Face {
    fn answer(&self, request: &Request<'_>, now: Moment) -> Response {
        match self {
            Self::Imds(imds) => imds.answer(request, now),
        }
    }
}
