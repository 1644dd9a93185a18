//! `--debug`: what is signed, sent and answered, and how long it took.
//!
//! Shown: canonical request, string to sign, header values that are no secret, timings. Never shown:
//! keys, tokens, passwords, bodies, and the signature itself, with which a request could be sent
//! again while it holds.

use std::fmt::Write;
use std::time::Duration;

use rolesanywhere::IdentitySource;
use rolesanywhere::aws_call::Event;
use rolesanywhere::file;
use rolesanywhere::identity::watch::Watch;
use rolesanywhere::log::Level;
use rolesanywhere::log::LogEvent;
use rolesanywhere::text::Printable;
use rolesanywhere::text::ShownName;

use crate::report;

/// An event for `--debug`.
pub(crate) fn event(name: &'static str, message: String) -> LogEvent {
    LogEvent::new(Level::Debug, name, message)
}

/// The lines for one event.
pub(crate) fn describe(event: &Event<'_>) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = match event {
        Event::Signed {
            attempt,
            url,
            request,
        } => write!(
            text,
            "attempt {attempt}: POST {url}\n\
             canonical request:\n{}\n\
             string to sign:\n{}\n\
             authorization: {} Credential={}, SignedHeaders={}, Signature=(not shown)",
            request.canonical_request,
            request.string_to_sign,
            request.authorization.algorithm,
            request.authorization.credential,
            request.authorization.signed_headers,
        ),
        Event::Answered {
            status,
            headers,
            body_bytes,
            after,
        } => {
            let _ = write!(
                text,
                "answer: status {status}, {body_bytes} bytes, after {}",
                milliseconds(*after)
            );
            headers
                .iter()
                .filter(|(name, _)| *name != "set-cookie")
                .try_for_each(|(name, value)| {
                    let value = Printable::new(value, HEADER_CHARACTERS_MAX);
                    write!(text, "\n{name}: {value}")
                })
        }
        Event::Failed { error, after } => {
            write!(text, "no answer after {}: {error}", milliseconds(*after))
        }
        Event::ClockCorrected { ahead_seconds } => write!(
            text,
            "the service's clock is {ahead_seconds} s ahead of ours: signing with it"
        ),
        Event::Waiting { wait } => write!(text, "next attempt in {}", milliseconds(*wait)),
        other => write!(text, "{other:?}"),
    };
    text
}

/// Logs the calls of keys in hardware.
pub(crate) fn watch(is_debug: bool) -> Watch {
    match is_debug {
        true => Watch::new(|line| report::log(&event("key", line))),
        false => Watch::default(),
    }
}

/// The access that others have to the private key's file, if it is too much. The key is used all the
/// same, as in the reference helper.
pub(crate) fn exposure(source: &IdentitySource) -> Option<String> {
    let path = source.private_key().path()?;
    let exposure = file::exposure(path).ok()?;
    let what = match (exposure.is_readable, exposure.is_replaceable) {
        (true, true) => "read and replace",
        (true, false) => "read",
        (false, true) => "replace",
        (false, false) => return None,
    };
    let path = ShownName::of(path);
    Some(format!("others can {what} the private key in {path}"))
}

/// A duration in ms, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

const HEADER_CHARACTERS_MAX: usize = 300;
