//! One bit of a signed request is flipped, at every stage, before or after it was signed; and
//! garbage of all kinds never ends in a panic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::verify;

use crate::support::Draft;
use crate::support::Identity;
use crate::support::NOW;
use crate::support::ca_params;
use crate::support::header;
use crate::support::header_mut;
use crate::support::intermediate;
use crate::support::leaf_params;
use crate::support::root;

struct Fixture {
    anchors: Vec<Vec<u8>>,
    identity: Identity,
    request: ReceivedRequest,
}

impl Fixture {
    fn new() -> Fixture {
        let root = root(ca_params("root"));
        let middle = intermediate(ca_params("middle"), &root);
        let identity = Identity::issued_by(&middle, leaf_params("leaf")).with_chain(&[&middle]);
        let request = Draft::new(&identity, NOW).sign(&identity);
        let fixture = Fixture {
            anchors: vec![root.der().to_vec()],
            identity,
            request,
        };
        verify(&fixture.request, &fixture.anchors, NOW).unwrap();
        fixture
    }

    /// Judges the request after a change that the signature does not know.
    fn tampered(&self, change: impl FnOnce(&mut ReceivedRequest)) -> Refusal {
        let mut request = self.request.clone();
        change(&mut request);
        assert_ne!(request, self.request);
        verify(&request, &self.anchors, NOW).expect_err("a flipped bit was accepted")
    }

    fn header_flipped(&self, name: &str, index: usize) -> Refusal {
        self.tampered(|request| flip(header_mut(request, name), index))
    }
}

/// Flips one bit of one character of ASCII text; which one depends on the place, so that a whole
/// text sees all of them.
fn flip(text: &mut String, index: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes[index] ^= 1 << (index % 7);
    *text = String::from_utf8(bytes).unwrap();
}

#[test]
fn in_the_method() {
    let fixture = Fixture::new();
    for index in 0..fixture.request.method.len() {
        let refusal = fixture.tampered(|request| flip(&mut request.method, index));
        assert!(
            matches!(refusal, Refusal::MethodNotAllowed { .. }),
            "{refusal:?}"
        );
    }
}

#[test]
fn in_the_path() {
    let fixture = Fixture::new();
    for index in 0.."/sessions".len() {
        let refusal = fixture.tampered(|request| flip(&mut request.target, index));
        assert!(
            matches!(refusal, Refusal::PathUnknown { .. }),
            "{refusal:?}"
        );
    }
}

#[test]
fn in_a_signed_path_before_sessions() {
    let mut fixture = Fixture::new();
    let mut draft = Draft::new(&fixture.identity, NOW);
    draft.path = "/prefix/sessions".to_owned();
    draft.canonical_uri = "/prefix/sessions".to_owned();
    fixture.request = draft.sign(&fixture.identity);
    for index in 0.."/prefix".len() {
        let refusal = fixture.tampered(|request| flip(&mut request.target, index));
        assert_eq!(refusal, Refusal::SignatureInvalid, "{index}");
    }
}

#[test]
fn in_the_query() {
    let fixture = Fixture::new();
    let start = "/sessions?".len();
    let target = fixture.request.target.clone();
    for index in (start..target.len()).step_by(3) {
        let mut flipped = target.clone();
        flip(&mut flipped, index);
        // An escape in lower case is the same text.
        if flipped.eq_ignore_ascii_case(&target) && target.as_bytes()[index - 2..].contains(&b'%') {
            let is_escape = target[index - 2..=index].contains('%');
            if is_escape {
                continue;
            }
        }
        let refusal = fixture.tampered(|request| request.target = flipped);
        assert_eq!(refusal, Refusal::SignatureInvalid, "{index}");
    }
}

#[test]
fn in_the_body() {
    let fixture = Fixture::new();
    for index in 0..fixture.request.body.len() {
        let refusal = fixture.tampered(|request| request.body[index] ^= 1 << (index % 8));
        assert_eq!(refusal, Refusal::SignatureInvalid);
    }
    let refusal = fixture.tampered(|request| request.body.push(b' '));
    assert_eq!(refusal, Refusal::SignatureInvalid);
}

#[test]
fn in_the_value_of_a_signed_header() {
    let fixture = Fixture::new();
    for name in ["content-type", "host"] {
        for index in 0..header(&fixture.request, name).len() {
            assert_eq!(
                fixture.header_flipped(name, index),
                Refusal::SignatureInvalid,
                "{name}"
            );
        }
    }
}

#[test]
fn in_the_date() {
    let fixture = Fixture::new();
    for index in 0.."20260304T050607Z".len() {
        let refusal = fixture.header_flipped("x-amz-date", index);
        let is_expected = matches!(
            refusal,
            Refusal::DateMalformed { .. }
                | Refusal::DateSkewed { .. }
                | Refusal::ScopeDate { .. }
                | Refusal::SignatureInvalid
        );
        assert!(is_expected, "{index}: {refusal:?}");
    }
}

#[test]
fn in_the_name_of_a_signed_header() {
    let fixture = Fixture::new();
    for name in [
        "Host",
        "Content-Type",
        "X-Amz-Date",
        "X-Amz-X509",
        "X-Amz-X509-Chain",
    ] {
        for index in 0..name.len() {
            let mut flipped = name.to_owned();
            flip(&mut flipped, index);
            if flipped.eq_ignore_ascii_case(name) {
                continue;
            }
            let refusal = fixture.tampered(|request| {
                let found = request
                    .headers
                    .iter_mut()
                    .find(|(header, _)| header == name);
                found.unwrap().0 = flipped;
            });
            let is_expected = matches!(
                refusal,
                Refusal::HeaderMissing { .. } | Refusal::SignedHeaderAbsent { .. }
            );
            assert!(is_expected, "{name} {index}: {refusal:?}");
        }
    }
}

#[test]
fn in_the_authorization() {
    let fixture = Fixture::new();
    let value = header(&fixture.request, "authorization").to_owned();
    let (credential, signed, signature) = (
        value.find("Credential=").unwrap(),
        value.find("SignedHeaders=").unwrap(),
        value.find("Signature=").unwrap(),
    );
    for index in 0..value.len() {
        let refusal = fixture.header_flipped("authorization", index);
        let is_malformed = matches!(refusal, Refusal::AuthorizationMalformed { .. });
        let is_expected = match index {
            _ if index < credential => matches!(refusal, Refusal::AlgorithmUnknown { .. }),
            _ if index < signed => matches!(
                refusal,
                Refusal::CredentialMalformed { .. }
                    | Refusal::SerialMismatch { .. }
                    | Refusal::ScopeDate { .. }
                    | Refusal::ScopeService { .. }
                    | Refusal::ScopeTerminator { .. }
                    | Refusal::SignatureInvalid
            ),
            _ if index < signature => matches!(
                refusal,
                Refusal::SignedHeadersUnsorted
                    | Refusal::HeaderUnsigned { .. }
                    | Refusal::SignedHeaderAbsent { .. }
            ),
            _ => matches!(refusal, Refusal::SignatureInvalid),
        };
        assert!(
            is_malformed || is_expected,
            "{index} {}: {refusal:?}",
            &value[index..=index]
        );
    }
}

#[test]
fn in_the_certificate_that_was_signed() {
    let fixture = Fixture::new();
    for index in (0..fixture.identity.certificate.len()).step_by(2) {
        let mut certificate = fixture.identity.certificate.clone();
        certificate[index] ^= 1 << (index % 8);
        let refusal = fixture.tampered(|request| {
            *header_mut(request, "x-amz-x509") = STANDARD.encode(certificate);
        });
        let is_expected = matches!(
            refusal,
            Refusal::SignatureInvalid
                | Refusal::SerialMismatch { .. }
                | Refusal::CertificateMalformed { .. }
                | Refusal::PublicKeyUnsupported { .. }
        );
        assert!(is_expected, "{index}: {refusal:?}");
    }
}

/// The holder of the key signs the request, with a certificate that was changed since a
/// certificate authority signed it.
#[test]
fn in_the_certificate_before_the_request_was_signed() {
    let fixture = Fixture::new();
    for index in 0..fixture.identity.certificate.len() {
        let mut certificate = fixture.identity.certificate.clone();
        certificate[index] ^= 1 << (index % 8);
        let mut draft = Draft::new(&fixture.identity, NOW);
        draft.set("X-Amz-X509", &STANDARD.encode(certificate));
        let request = draft.sign(&fixture.identity);
        let refusal = verify(&request, &fixture.anchors, NOW).expect_err("accepted");
        assert_eq!(refusal.status(), 403, "{index}: {refusal:?}");
    }
}

#[test]
fn in_the_chain_before_the_request_was_signed() {
    let fixture = Fixture::new();
    for index in 0..fixture.identity.chain[0].len() {
        let mut intermediate = fixture.identity.chain[0].clone();
        intermediate[index] ^= 1 << (index % 8);
        let mut draft = Draft::new(&fixture.identity, NOW);
        draft.set("X-Amz-X509-Chain", &STANDARD.encode(intermediate));
        let request = draft.sign(&fixture.identity);
        let refusal = verify(&request, &fixture.anchors, NOW).expect_err("accepted");
        let is_expected = matches!(
            refusal,
            Refusal::ChainMalformed { .. } | Refusal::ChainUntrusted { .. }
        );
        assert!(is_expected, "{index}: {refusal:?}");
    }
}

#[test]
fn in_the_chain_that_was_signed() {
    let fixture = Fixture::new();
    for index in (0..header(&fixture.request, "x-amz-x509-chain").len()).step_by(7) {
        let refusal = fixture.header_flipped("x-amz-x509-chain", index);
        assert_eq!(refusal, Refusal::SignatureInvalid, "{index}");
    }
}

#[test]
fn in_a_trust_anchor() {
    let fixture = Fixture::new();
    // The self signature at the end is not part of a path, RFC 5280 section 6.1.
    let signed = fixture.anchors[0].len() - 80;
    for index in 0..signed {
        let mut anchor = fixture.anchors[0].clone();
        anchor[index] ^= 1 << (index % 8);
        // A changed trust anchor with the same name and key still counts; its bytes come from the
        // operator.
        if let Err(refusal) = verify(&fixture.request, &[anchor], NOW) {
            assert!(
                matches!(refusal, Refusal::ChainUntrusted { .. }),
                "{index}: {refusal:?}"
            );
        }
    }
}

/// Random changes, many at a time, of everything that comes from outside.
#[test]
fn random_changes_never_panic_and_are_never_accepted() {
    let fixture = Fixture::new();
    let mut random = Random(0x5eed);
    for _ in 0..3000 {
        let mut request = fixture.request.clone();
        for _ in 0..=random.below(4) {
            random.change(&mut request);
        }
        let judged = verify(&request, &fixture.anchors, NOW);
        if judged.is_ok() {
            assert!(
                is_equivalent(&request, &fixture.request),
                "accepted: {request:?}"
            );
        }
    }
}

#[test]
fn random_bytes_in_place_of_a_certificate_never_panic() {
    let fixture = Fixture::new();
    let mut random = Random(0xce27);
    for _ in 0..3000 {
        let mut der = fixture.identity.certificate.clone();
        for _ in 0..=random.below(8) {
            let index = random.below(der.len());
            match random.below(3) {
                0 => der[index] = random.byte(),
                1 => der.truncate(index + 1),
                _ => der.insert(index, random.byte()),
            }
        }
        let mut draft = Draft::new(&fixture.identity, NOW);
        draft.set("X-Amz-X509", &STANDARD.encode(&der));
        let request = draft.sign(&fixture.identity);
        if verify(&request, &fixture.anchors, NOW).is_ok() {
            assert_eq!(der, fixture.identity.certificate);
        }
    }
}

/// True if the changes only touched unsigned parts: the spelling of header names, the user agent, blanks
/// around values, and the case of escapes.
fn is_equivalent(changed: &ReceivedRequest, original: &ReceivedRequest) -> bool {
    let normalised = |request: &ReceivedRequest| {
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .filter(|(name, _)| {
                let all = [
                    "host",
                    "content-type",
                    "x-amz-date",
                    "x-amz-x509",
                    "x-amz-x509-chain",
                    "authorization",
                ];
                all.contains(&name.as_str())
            })
            .collect();
        headers.sort();
        let target = request.target.replace("&&", "&");
        let target = target.trim_end_matches('&').to_lowercase();
        (
            request.method.clone(),
            target,
            headers,
            request.body.clone(),
        )
    };
    normalised(changed) == normalised(original)
}

/// A generator of Marsaglia's (xorshift64): the same at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 256).unwrap()
    }

    fn change(&mut self, request: &mut ReceivedRequest) {
        let headers = request.headers.len();
        match self.below(8) {
            0 => self.change_text(&mut request.method),
            1 => self.change_text(&mut request.target),
            2 => request.body.push(self.byte()),
            3 => drop(request.headers.remove(self.below(headers))),
            4 => {
                let copy = request.headers[self.below(headers)].clone();
                request.headers.insert(self.below(headers), copy);
            }
            5 => {
                let index = self.below(headers);
                self.change_text(&mut request.headers[index].0);
            }
            _ => {
                let index = self.below(headers);
                self.change_text(&mut request.headers[index].1);
            }
        }
        if request.headers.is_empty() {
            request.headers.push((String::new(), String::new()));
        }
    }

    fn change_text(&mut self, text: &mut String) {
        let mut characters: Vec<char> = text.chars().collect();
        let index = self.below(characters.len());
        let odd = [
            '\0',
            '\n',
            '%',
            '/',
            ',',
            ';',
            '=',
            '+',
            ' ',
            'é',
            '\u{1F600}',
            'a',
            '0',
        ];
        let character = odd[self.below(odd.len())];
        match self.below(3) {
            0 => characters.insert(index, character),
            1 => characters.truncate(index),
            _ if characters.is_empty() => {}
            _ => characters[index] = character,
        }
        *text = characters.into_iter().collect();
    }
}
