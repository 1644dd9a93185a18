//! One request against the reference's: what the service would look at has to be the same, and the
//! signature has to verify.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use crate::support::case::ExpectedRequest;
use crate::support::http::Request;
use crate::support::signature::SignedRequest;
use crate::vectors::compare::differing;

/// Every way in which a request is not what it has to be, to an endpoint on this port.
pub(crate) fn request_differences(
    wanted: &ExpectedRequest,
    request: &Request,
    port: u16,
) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(differing("method", &wanted.method, &request.method));
    found.extend(differing("target", &wanted.target, &request.target));
    if wanted.method == "CONNECT" || !found.is_empty() {
        return found;
    }
    let reference = wanted.as_received();
    found.extend(differing(
        "header names",
        &names_without_sdk(&reference),
        &names_without_accept(request),
    ));
    for name in ["content-type", "x-amz-x509", "x-amz-x509-chain"] {
        found.extend(differing(
            name,
            &reference.header(name),
            &request.header(name),
        ));
    }
    let host = reference.header("host").map(|host| with_port(host, port));
    found.extend(differing("host", &host.as_deref(), &request.header("host")));
    found.extend(differing(
        "body",
        &wanted.body.as_str(),
        &request.body_text(),
    ));
    found.extend(user_agent_difference(request));
    found.extend(date_difference(request, wanted.clock_offset_seconds));
    match verify(request) {
        Ok(signed) => found.extend(signature_differences(wanted, &signed)),
        Err(difference) => found.push(difference),
    }
    found
}

fn signature_differences(wanted: &ExpectedRequest, signed: &SignedRequest) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(differing("algorithm", &wanted.algorithm, &signed.algorithm));
    let wanted_credential = without_date(&wanted.credential);
    found.extend(differing(
        "credential",
        &wanted_credential,
        &without_date(&signed.credential),
    ));
    // The reference signs every header but these.
    let mut names = names_without_sdk(&wanted.as_received());
    names.retain(|name| !UNSIGNED.contains(&name.as_str()));
    found.extend(differing("signed headers", &names, &signed.signed_headers));
    found
}

/// The request, if the service would take it.
pub(crate) fn verify(request: &Request) -> Result<SignedRequest, String> {
    let signed =
        SignedRequest::rebuild(request).map_err(|error| format!("authorization: {error}"))?;
    match signed.verify() {
        Ok(()) => Ok(signed),
        Err(error) => Err(format!(
            "signature: {error}; canonical request:\n{}\nstring to sign:\n{}",
            signed.canonical_request, signed.string_to_sign
        )),
    }
}

fn user_agent_difference(request: &Request) -> Option<String> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let wanted = format!(
        "CredHelper/{} (rust; {os}; {arch})",
        env!("CARGO_PKG_VERSION")
    );
    differing(
        "user-agent",
        &Some(wanted.as_str()),
        &request.header("user-agent"),
    )
}

/// The date is that of the attempt, not of the process.
fn date_difference(request: &Request, offset_seconds: i64) -> Option<String> {
    let date = request.header("x-amz-date").unwrap_or_default();
    let Ok(date) = PrimitiveDateTime::parse(date, AMZ_DATE) else {
        return Some(format!("x-amz-date: {date:?}"));
    };
    let arrived: SystemTime = request.arrived;
    let ahead = (date.assume_utc() - OffsetDateTime::from(arrived)).whole_seconds();
    let is_right = (ahead - offset_seconds).abs() <= DATE_SECONDS_MAX;
    (!is_right).then(|| format!("x-amz-date: {ahead} s ahead, expected {offset_seconds}"))
}

fn names(request: &Request) -> Vec<String> {
    let names = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The names of the headers, sorted, without the one that the HTTP library adds on its own.
fn names_without_accept(request: &Request) -> Vec<String> {
    let mut names = names(request);
    names.retain(|name| name != "accept");
    names
}

/// The names of the headers, sorted, without those that only the reference's SDK sends.
fn names_without_sdk(reference: &Request) -> Vec<String> {
    let mut names = names(reference);
    names.retain(|name| !name.starts_with("amz-sdk-") && name != "accept-encoding");
    // Requests that were derived from captured ones are not signed.
    if !names.iter().any(|name| name == "authorization") {
        names.insert(0, "authorization".to_owned());
    }
    names
}

/// `host` with the port, if it had any.
fn with_port(host: &str, port: u16) -> String {
    match host.split_once(':') {
        Some((name, _)) => format!("{name}:{port}"),
        None => host.to_owned(),
    }
}

fn without_date(credential: &str) -> String {
    let mut parts: Vec<&str> = credential.split('/').collect();
    if parts.len() > 1 {
        parts[1] = "{DATE}";
    }
    parts.join("/")
}

pub(crate) const AMZ_DATE: &[FormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
/// Between signing and arrival, on a computer that is busy with other tests.
const DATE_SECONDS_MAX: i64 = 10;
const UNSIGNED: [&str; 3] = ["authorization", "content-length", "user-agent"];
