//! The two services at one address, and how each of them puts an error.

use serde_json::json;

use crate::fault::FaultKind;
use crate::request::ReceivedRequest;
use crate::respond::Answer;
use crate::sts;

/// A service, told from the other one by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    CreateSession,
    Sts,
}

impl Api {
    pub(crate) fn of(request: &ReceivedRequest) -> Api {
        if sts::is_for_sts(request) {
            Api::Sts
        } else {
            Api::CreateSession
        }
    }

    /// An error; `number` is that of the request.
    pub(crate) fn error(self, (status, code): (u16, &str), message: &str, number: usize) -> Answer {
        match self {
            Api::CreateSession => Answer {
                error_type: Some(code.to_owned()),
                ..Answer::json(status, json!({ "message": message }).to_string())
            },
            Api::Sts => Answer::xml(status, sts::xml::error(status, code, message, number)),
        }
    }

    /// The answer that a fault gives in place of a judgement; none if the fault is not of that
    /// kind, and for a dropped connection.
    pub(crate) fn fault(self, kind: &FaultKind, number: usize) -> Option<Answer> {
        let injected = "injected by the emulator";
        match kind {
            FaultKind::Throttle | FaultKind::Quota { .. } => {
                Some(self.error(self.throttled(), "Rate exceeded", number))
            }
            FaultKind::Status { status } => {
                let answer = self.error((*status, self.code(*status)), injected, number);
                let location = (*status < 400).then_some(self.path());
                Some(Answer { location, ..answer })
            }
            FaultKind::Error { status, code } => {
                Some(self.error((*status, code), injected, number))
            }
            FaultKind::Html { status } => Some(Answer {
                content_type: "text/html; charset=utf-8",
                ..Answer::json(*status, HTML_PAGE.to_owned())
            }),
            FaultKind::Drop
            | FaultKind::Slow { .. }
            | FaultKind::CutBody
            | FaultKind::ClockSkew { .. }
            | FaultKind::ExpiresIn { .. } => None,
        }
    }

    fn throttled(self) -> (u16, &'static str) {
        match self {
            Api::CreateSession => (429, "ThrottlingException"),
            Api::Sts => (400, "Throttling"),
        }
    }

    /// The error code that goes with a status when only the status was asked for.
    fn code(self, status: u16) -> &'static str {
        match (self, status) {
            (Api::CreateSession, 400) => "ValidationException",
            (Api::CreateSession, 403) => "AccessDeniedException",
            (Api::CreateSession, 404) => "ResourceNotFoundException",
            (Api::CreateSession, 429) => "ThrottlingException",
            (Api::CreateSession, 503) => "ServiceUnavailableException",
            (Api::CreateSession, _) => "InternalServerException",
            (Api::Sts, 400) => "ValidationError",
            (Api::Sts, 403) => "AccessDenied",
            (Api::Sts, 429) => "Throttling",
            (Api::Sts, 503) => "ServiceUnavailable",
            (Api::Sts, _) => "InternalFailure",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Api::CreateSession => "/sessions",
            Api::Sts => "/",
        }
    }
}

const HTML_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\
    <body><h1>Sign in to the network</h1></body></html>\n";
