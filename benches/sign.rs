//! Cost of a signature: reading an identity, building the canonical request and signing it, next to the
//! bare signature by the same key, which is the minimum.
//!
//! `cargo bench --profile dist --bench sign --bench credential_process` prints the tables of `docs/performance.md`,
//! which says what the columns mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has to stop, and what it prints is what it is for"
)]

mod support {
    pub(crate) mod measure;
}

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use ring::signature::RsaKeyPair;
use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::sigv4::SignableRequest;
use rolesanywhere::sigv4::canonical_request::CanonicalRequest;
use rolesanywhere::sigv4::credential_scope::CredentialScope;
use rolesanywhere::sigv4::x509;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use time::macros::datetime;

use crate::support::measure::Run;
use crate::support::measure::Times;
use crate::support::measure::interleaved;

fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
    let cases: Vec<Case> = CASES.iter().map(|size| Case::open(&pki, size)).collect();
    let mut runs: Vec<Run<'_>> = cases.iter().flat_map(Case::runs).collect();
    let times = interleaved(ROUNDS, &mut runs);

    println!(
        "| key | parse | canonicalise | sign | bare signature | ratio (95 % interval) | target | |"
    );
    println!("|-|-|-|-|-|-|-|-|");
    for (case, times) in cases.iter().zip(times.chunks(RUNS_PER_CASE)) {
        case.print(times);
    }
}

/// A key and a chain, named by what they make of the request.
struct Size {
    name: &'static str,
    key: &'static str,
    intermediates: Option<&'static str>,
    ratio_max: Option<f64>,
}

/// A leaf alone makes a canonical request of 1 to 2 KB, five intermediates add 5 KB.
const CASES: &[Size] = &[
    Size {
        ratio_max: Some(1.05),
        ..Size::leaf("RSA-2048", "rsa2048")
    },
    Size {
        intermediates: Some("chain5.intermediates.pem"),
        ratio_max: Some(1.05),
        ..Size::leaf("RSA-2048, 5 intermediates", "rsa2048")
    },
    Size::leaf("RSA-3072", "rsa3072"),
    Size::leaf("RSA-4096", "rsa4096"),
    Size::leaf("P-256", "ec256"),
    Size {
        intermediates: Some("chain5.intermediates.pem"),
        ..Size::leaf("P-256, 5 intermediates", "ec256")
    },
    Size::leaf("P-384", "ec384"),
    Size::leaf("P-521", "ec521"),
];

impl Size {
    const fn leaf(name: &'static str, key: &'static str) -> Self {
        Self {
            name,
            key,
            intermediates: None,
            ratio_max: None,
        }
    }
}

struct Case {
    size: &'static Size,
    source: IdentitySource,
    identity: Identity,
    bare: Bare,
}

impl Case {
    fn open(pki: &Path, size: &'static Size) -> Self {
        let key = pki.join(format!("{}.key", size.key));
        let source = IdentitySource {
            certificate: pki.join(format!("{}.crt", size.key)).into(),
            private_key: Some(key.clone().into()),
            intermediates: size.intermediates.map(|name| pki.join(name).into()),
            hardware: Default::default(),
        };
        Self {
            size,
            identity: source.open(&NoSecrets::default()).unwrap(),
            source,
            bare: Bare::read(&key),
        }
    }

    /// In the order of the table's columns, `RUNS_PER_CASE` of them.
    fn runs(&self) -> [Run<'_>; RUNS_PER_CASE] {
        let region = "us-east-1".parse().unwrap();
        let time = datetime!(2026-01-01 00:00 UTC);
        let sign = move || {
            let scope = CredentialScope::new(time, &region, "rolesanywhere");
            x509::sign(&REQUEST, &self.identity, &scope).unwrap()
        };
        let signed = sign();
        let own = signed.headers.clone();
        let canonicalise = move || {
            let own = own.iter().map(|(name, value)| (*name, value.as_str()));
            CanonicalRequest::new(&REQUEST, REQUEST.headers.iter().copied().chain(own))
        };
        let message = signed.string_to_sign.to_string();
        [
            batched(|| self.source.open(&NoSecrets::default()).unwrap()),
            batched(canonicalise),
            batched(sign),
            batched(move || self.bare.sign(&self.identity, message.as_bytes())),
        ]
    }

    fn print(&self, times: &[Times]) {
        let [parse, canonicalise, sign, bare] = [0, 1, 2, 3].map(|index| &times[index]);
        let microseconds = |times: &Times| times.median().as_secs_f64() * 1e6;
        let ratio = sign.ratio_to(bare);
        let (target, verdict) = match self.size.ratio_max {
            Some(max) if ratio.of_medians <= max => (format!("at most {max}"), "met"),
            Some(max) => (format!("at most {max}"), "**missed**"),
            None => (String::new(), ""),
        };
        println!(
            "| {} | {:.1} µs | {:.1} µs | {:.1} µs | {:.1} µs | {ratio} | {target} | {verdict} |",
            self.size.name,
            microseconds(parse),
            microseconds(canonicalise),
            microseconds(sign),
            microseconds(bare),
        );
    }
}

/// A key with nothing around it: ring's, or for curves on which ring does not sign, ours.
enum Bare {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ours,
}

impl Bare {
    fn read(path: &Path) -> Self {
        let der = PrivatePkcs8KeyDer::from_pem_file(path).unwrap();
        let der = der.secret_pkcs8_der();
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            return Self::Rsa(pair);
        }
        let random = SystemRandom::new();
        match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random) {
            Ok(pair) => Self::P256(pair),
            Err(_) => Self::Ours,
        }
    }

    fn sign(&self, identity: &Identity, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ours => identity.signer().sign(message, Digest::Sha256).unwrap(),
        }
    }
}

/// Runs `work` often enough for a precise measurement; returns the time of one run.
fn batched<'a, T>(work: impl Fn() -> T + 'a) -> Run<'a> {
    let time = move |count: u32| {
        let begin = Instant::now();
        for _ in 0..count {
            black_box(work());
        }
        begin.elapsed() / count
    };
    let count = BATCH_TIME.div_duration_f64(time(10)).ceil() as u32;
    Box::new(move || time(count))
}

/// The request of `credential-process`.
const REQUEST: SignableRequest<'_> = SignableRequest {
    method: "POST",
    path: "/sessions",
    query: &[
        (
            "profileArn",
            "arn:aws:rolesanywhere:us-east-1:123456789012:profile/aaaabbbb-1111-2222-3333-444455556666",
        ),
        ("roleArn", "arn:aws:iam::123456789012:role/ci-role"),
        (
            "trustAnchorArn",
            "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b2c3d-1111-2222-3333-444455556666",
        ),
    ],
    headers: &[
        ("content-type", "application/json"),
        ("host", "rolesanywhere.us-east-1.amazonaws.com"),
    ],
    body: br#"{"durationSeconds":3600}"#,
};

const RUNS_PER_CASE: usize = 4;
const ROUNDS: usize = 200;
const BATCH_TIME: Duration = Duration::from_millis(1);
