//! The signature of a request for STS: Signature Version 4 with the secret of an issued set.

use ring::hmac;
use time::Duration;
use time::OffsetDateTime;

use crate::authorization::Authorization;
use crate::authorization::Credential;
use crate::canonical_request::CanonicalRequest;
use crate::issued::IssuedSet;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::sts::refusal::StsRefusal;
use crate::sts::session::Session;
use crate::sts::session::Sessions;
use crate::verify::AUTHORIZATION;
use crate::verify::TERMINATOR;
use crate::verify::X_AMZ_DATE;
use crate::verify::judge_headers;
use crate::verify::judge_signed_headers;
use crate::verify::only_authorization;
use crate::verify::only_header;
use crate::verify::sent_date;

/// The session whose set signed this request.
pub(crate) fn verify(
    request: &ReceivedRequest,
    sessions: &Sessions,
    now: OffsetDateTime,
) -> Result<Session, StsRefusal> {
    let authorization = only_authorization(request)
        .and_then(Authorization::parse)
        .map_err(StsRefusal::Request)?;
    if authorization.algorithm != ALGORITHM {
        let sent = authorization.algorithm.to_owned();
        return Err(StsRefusal::Request(Refusal::AlgorithmUnknown { sent }));
    }
    let session = caller(request, sessions, &authorization.credential)?;
    judge_headers(request, &SIGNED_HEADERS).map_err(StsRefusal::Request)?;
    judge_signed_headers(request, &authorization, &SIGNED_HEADERS).map_err(StsRefusal::Request)?;
    judge_scope(&authorization.credential)?;
    judge_date(request, &authorization.credential, now)?;
    judge_signature(request, &authorization, session.set)?;
    let expiration = session.set.expiration;
    if now >= expiration {
        return Err(StsRefusal::SessionExpired { expiration });
    }
    Ok(session.clone())
}

/// The access key id of the `Authorization` header, true or not.
pub(crate) fn claimed_access_key_id(request: &ReceivedRequest) -> Option<String> {
    let value = request.header_values(AUTHORIZATION).next()?;
    let authorization = Authorization::parse(value).ok()?;
    Some(authorization.credential.key_id.to_owned())
}

/// The session token comes with the access key id that it was issued with.
fn caller<'a>(
    request: &ReceivedRequest,
    sessions: &'a Sessions,
    credential: &Credential<'_>,
) -> Result<&'a Session, StsRefusal> {
    let access_key_id = credential.key_id;
    let Some(session) = sessions.of(access_key_id) else {
        let access_key_id = access_key_id.to_owned();
        return Err(StsRefusal::AccessKeyUnknown { access_key_id });
    };
    match only_header(request, X_AMZ_SECURITY_TOKEN) {
        Ok(token) if token == session.set.session_token() => Ok(session),
        Ok(_) => Err(StsRefusal::SessionTokenMismatch),
        Err(Refusal::HeaderMissing { .. }) => Err(StsRefusal::SessionTokenMissing),
        Err(refusal) => Err(StsRefusal::Request(refusal)),
    }
}

fn judge_scope(credential: &Credential<'_>) -> Result<(), StsRefusal> {
    if !is_region(credential.region) {
        let sent = credential.region.to_owned();
        return Err(StsRefusal::ScopeRegionUnknown { sent });
    }
    if credential.service != SERVICE {
        let sent = credential.service.to_owned();
        return Err(StsRefusal::Request(Refusal::ScopeService { sent }));
    }
    if credential.terminator != TERMINATOR {
        let sent = credential.terminator.to_owned();
        return Err(StsRefusal::Request(Refusal::ScopeTerminator { sent }));
    }
    Ok(())
}

fn judge_date(
    request: &ReceivedRequest,
    credential: &Credential<'_>,
    now: OffsetDateTime,
) -> Result<(), StsRefusal> {
    let sent = sent_date(request, credential).map_err(StsRefusal::Request)?;
    if (sent - now).abs() > DATE_SKEW_MAX {
        return Err(StsRefusal::DateSkewed { sent, now });
    }
    Ok(())
}

/// The path may be signed as received, encoded once more, or as `/` alone, behind the path of an
/// endpoint.
fn judge_signature(
    request: &ReceivedRequest,
    authorization: &Authorization<'_>,
    set: IssuedSet,
) -> Result<(), StsRefusal> {
    let date = only_header(request, X_AMZ_DATE).map_err(StsRefusal::Request)?;
    let credential = &authorization.credential;
    let key = signing_key(&set.secret_access_key(), credential);
    let path = request.path();
    let encoded_again = path.replace('%', "%25");
    let is_valid = ["/", path, encoded_again.as_str()].into_iter().any(|uri| {
        let canonical = CanonicalRequest::new(request, uri, &authorization.signed_headers);
        let text = canonical.string_to_sign(ALGORITHM, date, &credential.scope());
        hmac::verify(&key, text.as_bytes(), &authorization.signature).is_ok()
    });
    if is_valid {
        Ok(())
    } else {
        Err(StsRefusal::SignatureInvalid)
    }
}

/// Task 3 of Signature Version 4: the secret, narrowed down to a day, a region and a service.
fn signing_key(secret_access_key: &str, credential: &Credential<'_>) -> hmac::Key {
    let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let scope = [
        credential.date,
        credential.region,
        credential.service,
        credential.terminator,
    ];
    let secret = key(format!("AWS4{secret_access_key}").as_bytes());
    scope.into_iter().fold(secret, |narrowed, part| {
        key(hmac::sign(&narrowed, part.as_bytes()).as_ref())
    })
}

/// A region's name is an area, one or more directions and a number: `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [area, directions @ .., number] => {
            !directions.is_empty()
                && is_word(area)
                && directions.iter().all(|direction| is_word(direction))
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        [] | [_] => false,
    }
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
const SERVICE: &str = "sts";

/// Headers that have to be there, once, and signed.
const SIGNED_HEADERS: [&str; 3] = ["host", X_AMZ_DATE, X_AMZ_SECURITY_TOKEN];

/// The largest difference between `X-Amz-Date` and the clock of STS, by its own messages.
const DATE_SKEW_MAX: Duration = Duration::minutes(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_the_form_of_real_ones() {
        for region in [
            "us-east-1",
            "us-gov-west-1",
            "cn-north-1",
            "ap-southeast-12",
            "eusc-de-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "",
            "aws-global",
            "us-east",
            "-1",
            "us--1",
            "US-EAST-1",
            "us-east-1a",
            "1",
        ] {
            assert!(!is_region(other), "{other}");
        }
    }
}
