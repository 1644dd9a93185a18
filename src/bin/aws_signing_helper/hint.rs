//! [`hint`]: advice for failures whose message is known to confuse people.

pub(crate) mod assume_role;

use std::fmt::Write;

use rolesanywhere::arn::Region;
use rolesanywhere::aws_call::Failure;
use rolesanywhere::aws_call::error::CLOCK_SKEW_SECONDS_MAX;
use rolesanywhere::aws_call::error::CallError;
use rolesanywhere::aws_call::error::ServerCertificateFault;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::identity::Identity;
use rolesanywhere::identity::chain::CHAIN_LENGTH_SERVICE_MAX;
use rolesanywhere::identity::signer::SignatureError;
use rolesanywhere::identity::tpm::TpmError;
use rolesanywhere::text::Printable;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The request and its circumstances, which a hint may point at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HintContext<'a> {
    /// The identity that signed; `None` if it was not read for this call.
    pub(crate) identity: Option<&'a Identity>,
    /// For what.
    pub(crate) request: &'a CreateSessionRequest,
    /// Where.
    pub(crate) region: &'a Region,
    /// True if intermediates were given in a separate file.
    pub(crate) has_intermediates: bool,
    /// True if the environment names a proxy that was not to be used.
    pub(crate) is_proxy_unused: bool,
    /// When.
    pub(crate) time: OffsetDateTime,
}

/// One line on what to do next, where more can be said than the error does.
pub(crate) fn hint(failure: &Failure, asked: HintContext<'_>) -> Option<String> {
    match &failure.error {
        CallError::Service {
            status,
            code,
            message,
            clock_ahead_seconds,
            ..
        } => {
            let code = code.as_deref().unwrap_or_default();
            if *status == 429 || code == "ThrottlingException" {
                return Some(THROTTLED.to_owned());
            }
            let clock = clock_ahead_seconds.and_then(wrong_clock);
            let is_refused = (400..500).contains(status);
            let is_denied = *status == 403 && matches!(code, "" | "AccessDeniedException");
            let of_code = || match code {
                "ResourceNotFoundException" => Some(NOT_FOUND.to_owned()),
                _ => is_denied.then(|| access_denied(&message.to_lowercase(), asked)),
            };
            let region = other_region(asked).filter(|_| is_refused);
            let own = || region.or_else(of_code);
            // A request that was signed with the service's time was refused for another reason.
            match failure.is_clock_corrected {
                true => own().or(clock),
                false => clock.or_else(own),
            }
        }
        _ => hint_on_the_way(failure, asked),
    }
}

/// A trust anchor is known in its own region alone.
fn other_region(asked: HintContext<'_>) -> Option<String> {
    let own = asked.request.trust_anchor_arn.region()?;
    (own != asked.region).then(|| {
        format!(
            "--region {} is not the trust anchor's region, {}; leave the flag out",
            asked.region.as_str(),
            own.as_str()
        )
    })
}

/// Advice for failures that do not depend on what was asked for.
fn hint_on_the_way(failure: &Failure, asked: HintContext<'_>) -> Option<String> {
    match &failure.error {
        CallError::ServerCertificate { fault, .. } => server_certificate(*fault, asked.time),
        CallError::NotTls { .. } => Some(NOT_TLS.to_owned()),
        CallError::NameResolution { .. }
        | CallError::Connect { .. }
        | CallError::TimedOut { .. }
            if asked.is_proxy_unused =>
        {
            Some(PROXY_UNUSED.to_owned())
        }
        CallError::UnexpectedAnswer { .. } | CallError::TooLarge { .. } => {
            Some(SOMEBODY_ELSE.to_owned())
        }
        CallError::Signature(SignatureError::Signer(source)) => match source.downcast_ref() {
            Some(TpmError::OtherKey { .. }) => Some(KEY_REPLACED.to_owned()),
            _ => None,
        },
        CallError::Service { .. }
        | CallError::Signature(_)
        | CallError::NameResolution { .. }
        | CallError::Connect { .. }
        | CallError::Connection { .. }
        | CallError::TimedOut { .. }
        | _ => None,
    }
}

/// The service's 403 says little; what is known of the certificate says more.
fn access_denied(message: &str, asked: HintContext<'_>) -> String {
    if message.contains("session tag") {
        let part = refused_parts(message).unwrap_or_else(|| "a field".to_owned());
        return format!(
            "session tags refuse characters in {part} of the certificate; {SESSION_TAGS}"
        );
    }
    if message.contains("revoked") {
        return REVOKED.to_owned();
    }
    if message.contains("invalid or empty profile") {
        return PROFILE.to_owned();
    }
    let concerns = concerns(asked);
    if message.contains("insufficient certificate") {
        return format!("{KEY_USAGE}{concerns}");
    }
    if message.contains("untrusted") && asked.has_intermediates && chain_length(asked) == 0 {
        return NO_INTERMEDIATES.to_owned();
    }
    if message.contains("untrusted") {
        return format!("{UNTRUSTED}{concerns}");
    }
    if message.contains("signature") {
        return format!("{SIGNATURE}{concerns}");
    }
    if !concerns.is_empty() {
        return concerns.trim_start_matches("; ").to_owned();
    }
    match asked.request.role_session_name {
        Some(_) => format!("{ROLE_SESSION_NAME}; or: {TRUST_POLICY}"),
        None => TRUST_POLICY.to_owned(),
    }
}

/// The parts of a certificate that cannot be session tags, as the service names them:
/// `Issuer: [ ]; Subject: [ ]; SAN: [ DNS/2 ]`.
fn refused_parts(message: &str) -> Option<String> {
    let part = |(name, shown): (&str, &str)| {
        let (_, behind) = message.split_once(&format!("{name}: ["))?;
        let (entries, _) = behind.split_once(']')?;
        let entries = entries.trim();
        let upper = entries.to_uppercase();
        let entries = Printable::new(&upper, ENTRIES_CHARACTERS_MAX);
        (!upper.is_empty()).then(|| format!("the {shown} ({entries})"))
    };
    let parts: Vec<String> = [
        ("issuer", "issuer"),
        ("subject", "subject"),
        ("san", "subject alternative name"),
    ]
    .into_iter()
    .filter_map(part)
    .collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn server_certificate(fault: ServerCertificateFault, now: OffsetDateTime) -> Option<String> {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let now = now.format(&Rfc3339).unwrap_or_default();
    let hint = match fault {
        ServerCertificateFault::Expired => format!(
            "the server's certificate has expired, or this machine's clock, which says {now}, is ahead"
        ),
        ServerCertificateFault::NotYetValid => format!(
            "the server's certificate is not valid yet, or this machine's clock, which says {now}, is \
             behind"
        ),
        ServerCertificateFault::OtherName => OTHER_NAME.to_owned(),
        ServerCertificateFault::UnknownIssuer => SERVER_UNTRUSTED.to_owned(),
        ServerCertificateFault::CertificateAuthority => CA_AS_SERVER.to_owned(),
        ServerCertificateFault::Other => return None,
    };
    Some(hint)
}

/// The known reasons for the service to reject the certificate and its chain, each after a `; `.
fn concerns(asked: HintContext<'_>) -> String {
    let mut text = String::new();
    let certificate = asked.identity.map(Identity::certificate);
    let concerns = certificate.map(|certificate| certificate.concerns(asked.time));
    let concerns = concerns.unwrap_or_default();
    for (index, concern) in concerns.iter().enumerate() {
        let lead = match index {
            0 => "; the certificate: ",
            _ => ", ",
        };
        let _ = write!(text, "{lead}{concern}");
    }
    let length = chain_length(asked);
    if length > CHAIN_LENGTH_SERVICE_MAX {
        let _ = write!(
            text,
            "; the chain has {length} intermediates, the service takes \
             {CHAIN_LENGTH_SERVICE_MAX}"
        );
    }
    text
}

fn chain_length(asked: HintContext<'_>) -> usize {
    let chain = asked.identity.map(Identity::chain);
    chain.map_or(0, |chain| chain.certificates().len())
}

fn wrong_clock(ahead_seconds: i64) -> Option<String> {
    if ahead_seconds.unsigned_abs() <= CLOCK_SKEW_SECONDS_MAX {
        return None;
    }
    let minutes = (ahead_seconds.unsigned_abs() + 30) / 60;
    let direction = match ahead_seconds > 0 {
        true => "behind",
        false => "ahead of",
    };
    Some(format!(
        "this machine's clock is {minutes} minutes {direction} the service's; set it (is NTP \
         running?)"
    ))
}

/// Of what the service says between brackets.
const ENTRIES_CHARACTERS_MAX: usize = 100;

const THROTTLED: &str = "CreateSession takes 10 calls a second per account and region; let sessions \
                         last longer, or start fewer helpers at once";
const NOT_FOUND: &str =
    "check that trust anchor and profile exist in this region and account, and are enabled";
const PROFILE: &str = "check that the profile exists in this region and account, is enabled, and \
                       lists a role";
const REVOKED: &str = "the certificate is on a revocation list of the trust anchor; issue another";
const SESSION_TAGS: &str = "turn off their attribute mapping in the profile, or issue a certificate \
                            with letters, digits, spaces and _.:/=+-@ only";
const KEY_USAGE: &str = "the certificate needs the key usage digitalSignature, version 3, and \
                         basicConstraints that say CA:FALSE or nothing";
const OTHER_NAME: &str = "the server's certificate is for another name: check the endpoint, and that \
                          no proxy or captive portal answers in its place";
const UNTRUSTED: &str = "the trust anchor does not trust this certificate: check that its CA \
                         issued it, and that the intermediates are given (--intermediates)";
const NO_INTERMEDIATES: &str = "the file of --intermediates holds no certificate, so none was sent";
const SIGNATURE: &str = "the service could not verify the signature: something on the way may change \
                         the request, or the clock is wrong";
const ROLE_SESSION_NAME: &str = "a --role-session-name is refused unless the profile has \
                                 acceptRoleSessionName";
const TRUST_POLICY: &str = "check that the profile lists the role, and that the role's trust policy \
                            lets rolesanywhere.amazonaws.com sts:AssumeRole, sts:TagSession and \
                            sts:SetSourceIdentity with conditions that this certificate meets";
const SERVER_UNTRUSTED: &str = "if a proxy or gateway inspects TLS here, name the PEM file with its \
                                CA in AWS_CA_BUNDLE";
const CA_AS_SERVER: &str = "the server shows a CA's own certificate; give it one that was issued for \
                            it (basicConstraints CA:FALSE)";
pub(crate) const KEY_REPLACED: &str = "put the certificate's key back at the handle, or name the new key's \
                            certificate";
const NOT_TLS: &str = "does the endpoint begin with https:// where http:// is meant?";
const PROXY_UNUSED: &str = "a proxy is set in the environment; it is used only with --with-proxy";
const SOMEBODY_ELSE: &str = "check the endpoint, and that no proxy or captive portal answers in \
                             its place";
