//! The library signs what the reference signed: each recorded request is signed again from its own
//! headers at its own time, and compared stage by stage, so that a failure names the stage.

use rolesanywhere::IdentitySource;
use rolesanywhere::arn::Region;
use rolesanywhere::identity::Identity;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::secrets::RefusedSecrets;
use rolesanywhere::identity::secrets::SecretError;
use rolesanywhere::identity::secrets::SecretRequest;
use rolesanywhere::identity::secrets::Secrets;
use rolesanywhere::secret::Secret;
use rolesanywhere::sigv4;
use rolesanywhere::sigv4::credential_scope::CredentialScope;
use rolesanywhere::sigv4::x509;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::support::case::Case;
use crate::support::case::ExpectedRequest;
use crate::support::signature::SignedRequest;
use crate::support::vectors;

#[test]
fn recorded_requests_are_signed_again_stage_by_stage() {
    let mut signed = 0;
    let mut failures = Vec::new();
    // The reference sends the leaf of a PKCS#12 file in the chain, and ours does not: those requests are
    // compared through the binary.
    let is_pkcs12 =
        |case: &Case| flag(case, "--certificate").is_some_and(|path| path.ends_with(".p12"));
    for case in Case::all("create_session") {
        if is_pkcs12(&case) {
            continue;
        }
        let requests = case.reference().requests.unwrap_or_default();
        let requests = requests.iter().filter(|request| request.signature_verified);
        for request in requests {
            match identity(&case) {
                Ok(identity) => {
                    if let Err(stage) = sign_again(request, &identity) {
                        failures.push(format!("{}: {stage}", case.name));
                    }
                    signed += 1;
                }
                Err(error) => failures.push(format!("{}: {error}", case.name)),
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    // A fixed number: an empty folder must not pass, nor may a case drop out unseen.
    assert_eq!(signed, SIGNED);
}

/// The identity that the case's command line names; a full chain in `--certificate` is cut to what
/// the reference sent of it.
/// The value of a flag in the case's command line.
fn flag<'a>(case: &'a Case, flag: &str) -> Option<&'a str> {
    let at = case.args.iter().rposition(|word| word == flag)?;
    case.args.get(at + 1).map(String::as_str)
}

/// The password of the command line.
struct Passwords<'a> {
    case: &'a Case,
    refusals: RefusedSecrets,
}

impl Secrets for Passwords<'_> {
    fn secret(&self, wanted: SecretRequest<'_>) -> Result<Option<Secret<String>>, SecretError> {
        let password = flag(self.case, "--pkcs8-password").filter(|_| wanted.refused == 0);
        Ok(password.map(|password| Secret::new(password.to_owned())))
    }

    fn refusals(&self) -> &RefusedSecrets {
        &self.refusals
    }
}

fn identity(case: &Case) -> Result<Identity, IdentityError> {
    let locator = |name| flag(case, name).map(|path| Locator::from(vectors().join(path)));
    let no_chain = || Some(Locator::from(vectors().join("pki/empty.pem")));
    let source = IdentitySource {
        certificate: locator("--certificate").unwrap(),
        private_key: locator("--private-key"),
        intermediates: locator("--intermediates").or_else(no_chain),
        hardware: Default::default(),
    };
    source.open(&Passwords {
        case,
        refusals: RefusedSecrets::default(),
    })
}

fn sign_again(recorded: &ExpectedRequest, identity: &Identity) -> Result<(), String> {
    let request = recorded.as_received();
    let (_, query) = request.target.split_once('?').unwrap();
    let query: Vec<(String, String)> = query
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = value.replace('+', "%20");
            let value = percent_encoding::percent_decode_str(&value);
            (name.to_owned(), value.decode_utf8().unwrap().into_owned())
        })
        .collect();
    let query: Vec<(&str, &str)> = query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // Every header that the reference signed, but those which the identity and the time give.
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| {
            let name = name.to_lowercase();
            recorded.signed_headers.contains(&name)
                && !["x-amz-date", "x-amz-x509", "x-amz-x509-chain"].contains(&name.as_str())
        })
        .collect();
    let to_sign = sigv4::SignableRequest {
        method: &request.method,
        path: "/sessions",
        query: &query,
        headers: &headers,
        body: &request.body,
    };
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let time = PrimitiveDateTime::parse(request.header("x-amz-date").unwrap(), format)
        .unwrap()
        .assume_utc();
    let Some(region) = recorded.credential.split('/').nth(2) else {
        return Err("no region in the credential".to_owned());
    };
    let Ok(region) = region.parse::<Region>() else {
        // The reference also signs for an empty region, which ours refuses.
        return match region {
            "" => Ok(()),
            _ => Err(format!("region {region:?}")),
        };
    };

    let scope = CredentialScope::new(time, &region, "rolesanywhere");
    let signed = x509::sign(&to_sign, identity, &scope).unwrap();
    stage(
        "canonical request",
        &signed.canonical_request.to_string(),
        &recorded.canonical_request,
    )?;
    stage(
        "string to sign",
        signed.string_to_sign.as_str(),
        &recorded.string_to_sign,
    )?;
    let theirs = request.header("authorization").unwrap();
    let ours = signed.authorization.to_string();
    match recorded.algorithm.as_str() {
        "AWS4-X509-RSA-SHA256" | "AWS4-X509-MLDSA" => stage("authorization", &ours, theirs),
        // ECDSA signatures differ each time: all but the signature is compared, and that verified.
        _ => {
            let unsigned = |text: &str| text.split("Signature=").next().unwrap().to_owned();
            stage("authorization", &unsigned(&ours), &unsigned(theirs))?;
            let mut resigned = request.clone();
            for (name, value) in &mut resigned.headers {
                if name.eq_ignore_ascii_case("authorization") {
                    value.clone_from(&ours);
                }
            }
            SignedRequest::rebuild(&resigned)?.verify()
        }
    }
}

fn stage(name: &str, ours: &str, theirs: &str) -> Result<(), String> {
    match ours == theirs {
        true => Ok(()),
        false => Err(format!("{name}\n--- ours\n{ours}\n--- theirs\n{theirs}")),
    }
}

const SIGNED: usize = 269;
