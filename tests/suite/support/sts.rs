//! A stand-in for STS.

use crate::support::endpoint::Endpoint;
use crate::support::script::Response;
use crate::support::script::Script;

/// Answers GetCallerIdentity, and records which credentials the request was signed with.
pub(crate) fn sts() -> Endpoint {
    Endpoint::start(Script::of([Response {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "text/xml".to_owned())],
        body: CALLER_IDENTITY.to_owned(),
        ..Response::default()
    }]))
}

const CALLER_IDENTITY: &str = "<GetCallerIdentityResponse \
    xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:sts::123456789012:assumed-role/ci-role/1</Arn><UserId>AROA:1</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
