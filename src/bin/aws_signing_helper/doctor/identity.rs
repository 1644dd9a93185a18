//! The checks of certificate, chain and private key.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::identity::certificate::Certificate;
use rolesanywhere::identity::certificate::CertificateConcern;
use rolesanywhere::identity::chain::Chain;
use rolesanywhere::identity::chain::ChainConcern;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::error::Missing;
use rolesanywhere::identity::files::pkcs12::error::Pkcs12Error;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::open_certificate;
use rolesanywhere::identity::open_certificates;
use rolesanywhere::identity::pkcs11::error::Pkcs11Error;
use rolesanywhere::identity::public_key::PublicKey;
use rolesanywhere::identity::secrets::Purpose;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::identity::tpm::TpmError;
use rolesanywhere::policy::session_tags::SessionTag;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::ShownName;
use time::OffsetDateTime;

use super::report::Report;
use super::report::Status;
use super::report::count as count_of;
use super::report::rfc3339;
use crate::arguments::identity::IdentityFlags;
use crate::debug;
use crate::error::RunError;
use crate::identity::identity_source;
use crate::identity::open_identity;
use crate::passwords::Passwords;
use crate::report::chain;

/// An identity whose source is known.
pub(super) struct Found {
    pub(super) source: IdentitySource,
    /// `None` if it could not be read.
    pub(super) identity: Option<Identity>,
}

/// Checks of reading, in the order in which they can fail.
const READING: [&str; 5] = [
    "files",
    "certificate",
    "encryption",
    "private-key",
    "key-match",
];

/// Checks of a certificate that was read.
const CERTIFICATE: [&str; 8] = [
    "validity",
    "version",
    "key-usage",
    "basic-constraints",
    "signature-hash",
    "key-size",
    "session-tags",
    "serial-number",
];

pub(super) fn check(
    report: &mut Report,
    (flags, is_debug): (IdentityFlags, bool),
    environment: &Environment,
    now: OffsetDateTime,
) -> Option<Found> {
    let (source, passwords) = match identity_source(flags, is_debug, environment, Instant::now()) {
        Ok(found) => found,
        Err(error) => {
            report.fail("files", chain(&error), error.hint().as_deref());
            let rest = READING.iter().skip(1).chain(&CERTIFICATE).chain(&["chain"]);
            rest.for_each(|check| report.skip(check, "there is no certificate to read"));
            return None;
        }
    };
    let secrets = Watched {
        passwords: Arc::new(passwords),
        is_asked: AtomicBool::new(false),
    };
    let opened = open_identity(&source, &secrets.passwords, &secrets);
    let leaf = match &opened {
        Ok(identity) => Some(identity.certificate().clone()),
        Err(_) => open_certificate(&source.certificate).ok(),
    };
    let read = Read {
        source: &source,
        opened: &opened,
        leaf: leaf.as_ref(),
        is_encrypted: secrets.is_asked.into_inner(),
    };
    read.report(report);
    let identity = opened.ok();
    match &leaf {
        Some(leaf) => certificate(report, leaf, now),
        None => CERTIFICATE
            .iter()
            .for_each(|check| report.skip(check, NOT_READ)),
    }
    match (&identity, report.status("chain")) {
        (_, Some(_)) => {}
        (None, None) => match (leaf, source.intermediates.as_ref().map(open_certificates)) {
            // The key is of no matter to it.
            (Some(leaf), Some(Ok(chain))) => check_chain(report, &chain, &leaf, now),
            _ => report.skip("chain", NOT_READ),
        },
        (Some(identity), None) => {
            check_chain(report, identity.chain(), identity.certificate(), now);
        }
    }
    Some(Found { source, identity })
}

/// What reading the files came to.
struct Read<'a> {
    source: &'a IdentitySource,
    opened: &'a Result<Identity, RunError>,
    /// The certificate, which may be readable where the key is not.
    leaf: Option<&'a Certificate>,
    is_encrypted: bool,
}

impl Read<'_> {
    fn report(&self, report: &mut Report) {
        let failed = self.opened.as_ref().err();
        let failed = failed.map(|error| (check_of(error), error));
        for check in READING {
            match failed {
                Some((failed, error)) if failed == check => {
                    let hint = error.hint();
                    let is_unread = matches!(error, RunError::Identity(IdentityError::File(_)));
                    let advice = hint.as_deref().or(is_unread.then_some(UNREAD));
                    report.fail(check, chain(error), advice);
                }
                Some((failed, _)) if self.is_behind(check, failed) => report.skip(check, NOT_READ),
                Some(_) | None => report.ok(check, self.detail(check)),
            }
            if check == "files" {
                permissions(report, self.source);
            }
        }
        if let Some(("chain", error)) = failed {
            report.fail("chain", chain(error), error.hint().as_deref());
        }
    }

    /// True if `check` is not made, as `failed` comes before it.
    fn is_behind(&self, check: &str, failed: &str) -> bool {
        if check == "certificate" && self.leaf.is_some() {
            return false;
        }
        let place = |name: &str| READING.iter().position(|check| *check == name);
        // A chain is read after the certificate.
        place(check) > place(failed).or(place("certificate"))
    }

    fn detail(&self, check: &str) -> String {
        match check {
            "files" => {
                let names = self.source.names();
                let names = names.map(|name| ShownName::of(name).to_string());
                names.collect::<Vec<_>>().join(", ")
            }
            "certificate" => self.leaf.map_or("read", Certificate::subject).to_owned(),
            "encryption" if matches!(self.source.private_key(), Locator::Pkcs11(_)) => {
                "the private key is on a token".to_owned()
            }
            "encryption" if self.is_encrypted => "encrypted; the password opens it".to_owned(),
            "encryption" => "not encrypted".to_owned(),
            "private-key" => match self.opened {
                Ok(identity) => identity.signer().public_key().algorithm.to_string(),
                Err(_) => "read".to_owned(),
            },
            _ => "the private key is that of the certificate".to_owned(),
        }
    }
}

fn permissions(report: &mut Report, source: &IdentitySource) {
    let check = "key-permissions";
    let Some(path) = source.private_key().path() else {
        return report.ok(check, "the private key is not in a file");
    };
    match (file::exposure(path), debug::exposure(source)) {
        (Err(error), _) if error.kind() == ErrorKind::Unsupported => {
            report.skip(check, "not known on this system");
        }
        (Err(_), _) => report.skip(check, NOT_READ),
        (Ok(_), None) => report.ok(check, "others can neither read nor replace the private key"),
        (Ok(_), Some(exposure)) => report.warn(check, exposure, "chmod 600 it"),
    }
}

/// The check that an error of reading belongs to.
fn check_of(error: &RunError) -> &'static str {
    let RunError::Identity(error) = error else {
        return "files";
    };
    match error {
        IdentityError::File(_) => "files",
        IdentityError::Pkcs11 { source, .. } => check_of_token(source),
        IdentityError::Tpm {
            source: TpmError::Password { .. } | TpmError::RefusedBefore | TpmError::PasswordUnneeded,
            ..
        }
        | IdentityError::PasswordMissing { .. }
        | IdentityError::Password { .. }
        | IdentityError::Decryption { .. }
        | IdentityError::Pkcs12 {
            source: Pkcs12Error::Password | Pkcs12Error::Undecryptable,
            ..
        } => "encryption",
        IdentityError::Missing {
            what: Missing::PrivateKey,
            ..
        }
        | IdentityError::Tss2Key { .. }
        | IdentityError::Tpm { .. }
        | IdentityError::PrivateKeyLabel { .. }
        | IdentityError::PrivateKey { .. } => "private-key",
        IdentityError::KeyDoesNotMatchCertificate { .. }
        | IdentityError::Pkcs12Incomplete { .. }
        | IdentityError::Pkcs12Ambiguous { .. } => "key-match",
        IdentityError::ChainBlock { .. }
        | IdentityError::Chain { .. }
        | IdentityError::ChainTooLong { .. } => "chain",
        _ => "certificate",
    }
}

/// The check that an error of a token belongs to.
fn check_of_token(error: &Pkcs11Error) -> &'static str {
    match error {
        Pkcs11Error::PinMissing { .. }
        | Pkcs11Error::PinEmpty { .. }
        | Pkcs11Error::PinUnreadable { .. }
        | Pkcs11Error::PinFile { .. }
        | Pkcs11Error::PinNotUtf8 { .. }
        | Pkcs11Error::PinRefused { .. }
        | Pkcs11Error::PinLocked { .. } => "encryption",
        Pkcs11Error::NotTheCertificates { .. } | Pkcs11Error::WrongKey { .. } => "key-match",
        Pkcs11Error::KeyType { .. } | Pkcs11Error::KeyPinImpossible { .. } => "private-key",
        Pkcs11Error::NotFound { what, .. } | Pkcs11Error::Several { what, .. } => match *what {
            "private key" => "private-key",
            _ => "certificate",
        },
        Pkcs11Error::Certificate { .. } => "certificate",
        _ => "files",
    }
}

fn certificate(report: &mut Report, certificate: &Certificate, now: OffsetDateTime) {
    let concerns = certificate.concerns(now);
    let find = |is: fn(&CertificateConcern) -> bool| concerns.iter().find(|one| is(one));
    validity(report, certificate, now);
    let version = find(|one| matches!(one, CertificateConcern::NotVersion3));
    judge(
        report,
        "version",
        version,
        "x.509 version 3",
        "issue it with extensions",
    );
    let has_extensions = version.is_none();
    let usage = find(|one| matches!(one, CertificateConcern::DigitalSignatureMissing));
    let constraints = find(|one| matches!(one, CertificateConcern::CertificateAuthority));
    if has_extensions {
        let advice = "issue it with keyUsage = digitalSignature";
        judge(report, "key-usage", usage, "digitalSignature", advice);
        let advice = "use a certificate that the CA issued, or issue it with CA:FALSE";
        judge(report, "basic-constraints", constraints, "not a CA", advice);
    } else {
        report.skip("key-usage", "there are no extensions");
        report.skip("basic-constraints", "there are no extensions");
    }
    let hash = find(|one| matches!(one, CertificateConcern::WeakDigest { .. }));
    judge(
        report,
        "signature-hash",
        hash,
        "SHA-256 or longer",
        "issue it with SHA-256",
    );
    key_size(report, certificate.public_key());
    session_tags(report, certificate);
    report.ok("serial-number", certificate.serial_number());
}

fn judge(
    report: &mut Report,
    check: &'static str,
    concern: Option<&CertificateConcern>,
    ok: &str,
    advice: &str,
) {
    match concern {
        Some(concern) => report.fail(check, concern.to_string(), Some(advice)),
        None => report.ok(check, ok),
    }
}

fn validity(report: &mut Report, certificate: &Certificate, now: OffsetDateTime) {
    let (not_before, not_after) = certificate.validity();
    let days = (not_after - now).whole_days();
    let (status, detail) = match () {
        () if now < not_before => (
            Status::Fail,
            format!("not valid before {}", rfc3339(not_before)),
        ),
        () if now > not_after => (Status::Fail, format!("expired at {}", rfc3339(not_after))),
        () => {
            let status = match days < DAYS_LEFT_ADVISED {
                true => Status::Warn,
                false => Status::Ok,
            };
            let left = count_of(usize::try_from(days).unwrap_or_default(), "day", "days");
            (status, format!("until {}, {left} left", rfc3339(not_after)))
        }
    };
    let advice = match now < not_before {
        true => "wait until then, or set this machine's clock",
        false => "renew it",
    };
    report.add("validity", status, detail, Some(advice));
}

fn key_size(report: &mut Report, key: &PublicKey) {
    let check = "key-size";
    match key.rsa_bits() {
        Some(bits) if bits < RSA_BITS_ADVISED => {
            report.warn(
                check,
                format!("RSA of {bits} bits"),
                "use 2048 or more, or P-256",
            );
        }
        Some(bits) => report.ok(check, format!("RSA of {bits} bits")),
        None => report.ok(check, key.algorithm.to_string()),
    }
}

/// Failures at first: what the service makes of them decides.
fn session_tags(report: &mut Report, certificate: &Certificate) {
    let check = "session-tags";
    let tags = SessionTag::of(certificate);
    let faults: Vec<String> = tags
        .iter()
        .filter_map(|tag| Some(format!("{}: {}", tag.name, tag.fault()?)))
        .collect();
    match faults.is_empty() {
        true => report.ok(check, format!("{} attributes", tags.len())),
        false => report.fail(check, faults.join(", "), Some(SESSION_TAGS)),
    }
}

fn check_chain(report: &mut Report, chain: &Chain, leaf: &Certificate, now: OffsetDateTime) {
    let check = "chain";
    let count = chain.certificates().len();
    let concerns = chain.concerns(leaf.der(), now);
    let worst = concerns.iter().map(|concern| match concern {
        ChainConcern::Misplaced { .. } => Status::Warn,
        _ => Status::Fail,
    });
    let is_failed = worst.clone().any(|status| status == Status::Fail);
    let texts: Vec<String> = concerns.iter().map(ToString::to_string).collect();
    match (texts.as_slice(), is_failed) {
        ([], _) => report.ok(check, count_of(count, "intermediate", "intermediates")),
        (texts, true) => report.fail(check, texts.join(", "), Some(CHAIN)),
        (texts, false) => report.warn(check, texts.join(", "), CHAIN),
    }
}

/// Notes whether a password was needed.
struct Watched {
    passwords: Arc<Passwords>,
    is_asked: AtomicBool,
}

impl Secrets for Watched {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let secret = self.passwords.secret(wanted);
        if let Ok(Some(secret)) = &secret
            && !secret.expose().is_empty()
        {
            self.is_asked.store(true, Ordering::Relaxed);
        }
        secret
    }

    fn is_given(&self, purpose: Purpose) -> bool {
        self.passwords.is_given(purpose)
    }

    /// Here it is what is to be found out.
    fn is_worth_a_trial(&self, _purpose: Purpose) -> bool {
        true
    }

    fn refusals(&self) -> &RefusedSecrets {
        self.passwords.refusals()
    }
}

/// From then on `serve` and `update` warn, too.
pub(crate) const DAYS_LEFT_ADVISED: i64 = 30;

/// NIST SP 800-131A.
const RSA_BITS_ADVISED: usize = 2048;

const NOT_READ: &str = "not read";
const UNREAD: &str = "correct the path, or let this user read the file";
const SESSION_TAGS: &str = "issue a certificate with letters, digits, spaces and _.:/=+-@ only, or turn off the \
                            mapping of the attribute in the profile";
const CHAIN: &str = "give the intermediates from the certificate's issuer up, without expired ones";
