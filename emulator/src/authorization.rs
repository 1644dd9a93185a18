//! The `Authorization` header of Signature Version 4, with X.509 or without, taken apart. Parsing is strict: what the service is
//! not known to accept is refused.

use crate::public_key::PublicKey;
use crate::public_key::Scheme;
use crate::refusal::Refusal;

/// `<algorithm> Credential=<key>/<scope>, SignedHeaders=<names>, Signature=<hex>`
#[derive(Debug)]
pub(crate) struct Authorization<'a> {
    pub(crate) algorithm: &'a str,
    pub(crate) credential: Credential<'a>,
    /// In lower case, in strictly ascending order.
    pub(crate) signed_headers: Vec<&'a str>,
    pub(crate) signature: Vec<u8>,
}

/// The signature algorithm of SigV4-X509, which follows the type of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rsa,
    Ecdsa,
    /// Of any parameter set.
    MlDsa,
}

/// The key and the credential scope.
#[derive(Debug)]
pub(crate) struct Credential<'a> {
    /// The certificate's serial number, or the access key id.
    pub(crate) key_id: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) terminator: &'a str,
}

impl<'a> Authorization<'a> {
    pub(crate) fn parse(value: &'a str) -> Result<Authorization<'a>, Refusal> {
        let malformed = |reason| Refusal::AuthorizationMalformed { reason };
        let (algorithm, rest) = value
            .split_once(' ')
            .ok_or_else(|| malformed("nothing after the algorithm"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part
                .trim()
                .split_once('=')
                .ok_or_else(|| malformed("a part without ="))?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed("an unknown part")),
            };
            if place.replace(value).is_some() {
                return Err(malformed("a part twice"));
            }
        }
        let credential = credential.ok_or_else(|| malformed("no Credential"))?;
        let signed_headers = signed_headers.ok_or_else(|| malformed("no SignedHeaders"))?;
        let signature = signature.ok_or_else(|| malformed("no Signature"))?;
        Ok(Authorization {
            algorithm,
            credential: Credential::parse(credential)?,
            signed_headers: parse_signed_headers(signed_headers)?,
            signature: parse_signature(signature)?,
        })
    }
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Result<Algorithm, Refusal> {
        match name {
            RSA_SHA256 => Ok(Algorithm::Rsa),
            ECDSA_SHA256 => Ok(Algorithm::Ecdsa),
            MLDSA => Ok(Algorithm::MlDsa),
            _ => Err(Refusal::AlgorithmUnknown {
                sent: name.to_owned(),
            }),
        }
    }

    pub(crate) fn for_key(key: &PublicKey<'_>) -> Algorithm {
        match key.request_scheme() {
            Scheme::Rsa(_) => Algorithm::Rsa,
            Scheme::Ecdsa(_) => Algorithm::Ecdsa,
            Scheme::MlDsa44 | Scheme::MlDsa65 | Scheme::MlDsa87 => Algorithm::MlDsa,
        }
    }

    /// As on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::Rsa => RSA_SHA256,
            Algorithm::Ecdsa => ECDSA_SHA256,
            Algorithm::MlDsa => MLDSA,
        }
    }
}

impl<'a> Credential<'a> {
    fn parse(value: &'a str) -> Result<Credential<'a>, Refusal> {
        let parts: Vec<&str> = value.split('/').collect();
        let &[key_id, date, region, service, terminator] = parts.as_slice() else {
            return Err(Refusal::CredentialMalformed {
                sent: value.to_owned(),
            });
        };
        Ok(Credential {
            key_id,
            date,
            region,
            service,
            terminator,
        })
    }

    /// `date/region/service/aws4_request`, as it is in the string to sign.
    pub(crate) fn scope(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.date, self.region, self.service, self.terminator
        )
    }
}

fn parse_signed_headers(value: &str) -> Result<Vec<&str>, Refusal> {
    let names: Vec<&str> = value.split(';').collect();
    let is_lower_case = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
    };
    if !names.iter().all(|name| is_lower_case(name)) {
        return Err(Refusal::AuthorizationMalformed {
            reason: "a signed header not in lower case",
        });
    }
    if !names.is_sorted_by(|left, right| left < right) {
        return Err(Refusal::SignedHeadersUnsorted);
    }
    Ok(names)
}

fn parse_signature(value: &str) -> Result<Vec<u8>, Refusal> {
    let malformed = Refusal::AuthorizationMalformed {
        reason: "a signature not in lower-case hex",
    };
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed);
    }
    hex::decode(value).map_err(|_| malformed)
}

const RSA_SHA256: &str = "AWS4-X509-RSA-SHA256";
const ECDSA_SHA256: &str = "AWS4-X509-ECDSA-SHA256";
const MLDSA: &str = "AWS4-X509-MLDSA";
